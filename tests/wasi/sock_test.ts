/**
 * Inherited listeners and the connections accepted from them, over the loopback interface.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { decode, encode } from "@std/msgpack";
import { DenoListener } from "../../runtime/wasi/sock_deno.ts";
import {
  errnoName,
  type HostFunction,
  INTERRUPTED,
  MemoryHost,
  Wasi,
  WasiRestoreError,
} from "../../runtime/wasi/mod.ts";
import { F, Guest, outcome } from "./guest.ts";

interface Tools {
  readonly guest: Guest;
  readonly wasi: Wasi;
  /** Calls a function that may wait; gives the name of its error. */
  call(name: string, ...args: (number | bigint)[]): Promise<string>;
  connect(): Promise<Deno.Conn>;
  stop(): void;
}

async function listening(test: (tools: Tools) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let stop = () => {};
  const stopped = new Promise<void>((done) => stop = done);
  const inherited = new DenoListener(listener, () => stopped);
  const wasi = new Wasi({ listeners: [inherited] }, new MemoryHost());
  const guest = new Guest(wasi);
  const port = (listener.addr as Deno.NetAddr).port;
  const peers: Deno.Conn[] = [];
  try {
    await test({
      guest,
      wasi,
      stop,
      async call(name, ...args) {
        const result = await guest.functions[name](...args) as Awaited<ReturnType<HostFunction>>;
        return result === INTERRUPTED ? "interrupted" : errnoName(result);
      },
      async connect() {
        const peer = await Deno.connect({ hostname: "127.0.0.1", port });
        peers.push(peer);
        return peer;
      },
    });
  } finally {
    wasi.close();
    for (const peer of peers) peer.close();
    listener.close();
  }
}
const pause = () => new Promise((done) => setTimeout(done, 1));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("a connection is accepted, read, written and shut down", () =>
  listening(async ({ guest, call, connect }) => {
    const out = guest.room(8);
    assertEquals(guest.fdstat(3).filetype, 6);
    const peer = await connect();
    assertEquals(await call("sock_accept", 3, 0, out), "success");
    const fd = guest.view.getUint32(out, true);
    assertEquals(fd, 4);
    await peer.write(new TextEncoder().encode("question"));
    const flags = guest.room(2);
    // Looking does not take.
    assertEquals(await call("sock_recv", fd, ...guest.iovecs([[2000, 100]]), 1, out, flags), "success");
    assertEquals(text(guest.bytes.slice(2000, 2008)), "question");
    assertEquals(await call("sock_recv", fd, ...guest.iovecs([[3000, 4]]), 0, out, flags), "success");
    assertEquals([text(guest.bytes.slice(3000, 3004)), guest.view.getUint32(out, true)], ["ques", 4]);
    assertEquals(await call("fd_read", fd, ...guest.iovecs([[3000, 100]]), out), "success");
    assertEquals(text(guest.bytes.slice(3000, 3004)), "tion");
    assertEquals(
      await call("sock_send", fd, ...guest.iovecs([guest.put("an"), guest.put("swer")]), 0, out),
      "success",
    );
    assertEquals(await call("fd_write", fd, ...guest.iovecs([guest.put("!")]), out), "success");
    assertEquals(await call("sock_shutdown", fd, 2), "success");
    const answer = new Uint8Array(100);
    let got = 0;
    for (let n; (n = await peer.read(answer.subarray(got))) !== null;) got += n;
    assertEquals(text(answer.slice(0, got)), "answer!");
    peer.closeWrite();
    assertEquals(await call("fd_read", fd, ...guest.iovecs([[3000, 100]]), out), "success");
    assertEquals(guest.view.getUint32(out, true), 0);
    guest.close(fd);
  }));

Deno.test("without blocking, there is nothing yet", () =>
  listening(async ({ guest, call, connect }) => {
    const out = guest.room(8), flags = guest.room(2);
    guest.call("fd_fdstat_set_flags", 3, F.nonblock);
    assertEquals(await call("sock_accept", 3, F.nonblock, out), "again");
    await connect();
    while (await call("sock_accept", 3, F.nonblock, out) === "again") {
      await pause();
    }
    const fd = guest.view.getUint32(out, true);
    assertEquals(guest.fdstat(fd).flags, F.nonblock);
    assertEquals(await call("sock_recv", fd, ...guest.iovecs([[2000, 10]]), 0, out, flags), "again");
  }));

Deno.test("a stop interrupts accepting and receiving", () =>
  listening(async ({ guest, call, connect, stop }) => {
    const out = guest.room(8);
    const peer = await connect();
    assertEquals(await call("sock_accept", 3, 0, out), "success");
    const fd = guest.view.getUint32(out, true);
    const accepting = call("sock_accept", 3, 0, out);
    const reading = call("fd_read", fd, ...guest.iovecs([[2000, 10]]), guest.room(4));
    stop();
    assertEquals([await accepting, await reading], ["interrupted", "interrupted"]);
    // What came meanwhile is there when the call is issued again.
    await connect();
    await peer.write(new Uint8Array(3));
    while (await call("sock_accept", 3, 0, out) === "interrupted") await pause();
    while (await call("fd_read", fd, ...guest.iovecs([[2000, 10]]), out) === "interrupted") await pause();
    assertEquals(guest.view.getUint32(out, true), 3);
  }));

Deno.test("sockets can be waited for", () =>
  listening(async ({ guest, call, connect }) => {
    const subscription = guest.room(48), event = guest.room(32), count = guest.room(4);
    const wait = (fd: number) => {
      guest.bytes.fill(0, subscription, subscription + 48);
      guest.view.setUint8(subscription + 8, 1);
      guest.view.setUint32(subscription + 16, fd, true);
      return call("poll_oneoff", subscription, event, 1, count);
    };
    const waiting = wait(3);
    const peer = await connect();
    assertEquals(await waiting, "success");
    const out = guest.room(4);
    await call("sock_accept", 3, 0, out);
    const fd = guest.view.getUint32(out, true);
    const readable = wait(fd);
    await peer.write(new Uint8Array(5));
    assertEquals(await readable, "success");
    assertEquals(guest.view.getBigUint64(event + 16, true), 5n);
  }));

Deno.test("arguments of socket functions are checked", () =>
  listening(async ({ guest, call, connect }) => {
    const out = guest.room(8), flags = guest.room(2);
    await connect();
    await call("sock_accept", 3, 0, out);
    const fd = guest.view.getUint32(out, true);
    const one = guest.iovecs([[2000, 10]]);
    const size = guest.memory.buffer.byteLength;
    assertEquals(outcome(() => guest.call("sock_shutdown", fd, 0)), "inval");
    assertEquals(outcome(() => guest.call("sock_shutdown", fd, 4)), "inval");
    assertEquals(outcome(() => guest.call("sock_shutdown", 3, 1)), "notconn");
    assertEquals(outcome(() => guest.call("sock_shutdown", 1, 1)), "notsock");
    assertEquals(outcome(() => guest.call("sock_accept", fd, 0, out)), "inval");
    assertEquals(outcome(() => guest.call("sock_accept", 3, F.append, out)), "inval");
    assertEquals(outcome(() => guest.call("sock_recv", fd, ...one, 4, out, flags)), "inval");
    assertEquals(outcome(() => guest.call("sock_recv", fd, ...one, 2, out, flags)), "notsup");
    assertEquals(outcome(() => guest.call("sock_send", fd, ...one, 1, out)), "inval");
    assertEquals(outcome(() => guest.call("sock_recv", fd, size, 1, 0, out, flags)), "fault");
    assertEquals(outcome(() => guest.call("sock_send", fd, ...guest.iovecs([[size, 1]]), 0, out)), "fault");
    assertEquals(outcome(() => guest.seek(fd, 0n, 0)), "notcapable");
  }));

Deno.test("after a restore, listeners are given again and connections are closed", () =>
  listening(async ({ guest, wasi, call, connect }) => {
    const out = guest.room(4);
    await connect();
    await call("sock_accept", 3, 0, out);
    const fd = guest.view.getUint32(out, true);
    const state = decode(encode(wasi.save()));
    assertThrows(
      () => Wasi.restore(state, {}, new MemoryHost()),
      WasiRestoreError,
      "descriptor 3 listens on",
    );
    const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      const listeners = [new DenoListener(other)];
      const { wasi: later, report } = Wasi.restore(state, { listeners }, new MemoryHost());
      assertEquals(report.map(({ level }) => level).sort(), ["info", "warn"]);
      const again = new Guest(later);
      assertEquals(outcome(() => again.read(fd)), "connreset");
      assertEquals(outcome(() => again.write(fd, "x")), "connreset");
      again.close(fd);
    } finally {
      other.close();
    }
  }));
