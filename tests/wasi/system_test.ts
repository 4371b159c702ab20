/**
 * Arguments, clocks, randomness, processes, waiting, and the older ABI.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  describeCall,
  errnoName,
  inputStream,
  INTERRUPTED,
  MemoryHost,
  ProcExit,
  Wasi,
  type WasiHost,
  type WasiOptions,
} from "../../runtime/wasi/mod.ts";
import { FOLLOW, Guest, O, outcome } from "./guest.ts";

/** A guest whose time passes only when it waits. */
function virtual(options: WasiOptions = {}, wait?: WasiHost["wait"]) {
  const clock = { now: 5_000, realtime: () => 1_700_000_000_000 + clock.now, monotonic: () => clock.now };
  const waits: [ms: number, input: boolean][] = [];
  const host = new MemoryHost({
    files: { root: { file: "0123456789" } },
    clock,
    wait(ms, input) {
      waits.push([ms, input]);
      if (wait !== undefined) return wait(ms, input);
      clock.now += ms;
      return "time";
    },
  });
  const wasi = new Wasi({ preopens: [{ guest: "/", host: "root" }], ...options }, host);
  return { guest: new Guest(wasi), wasi, host, clock, waits };
}

type Subscription =
  | {
    readonly clock: number;
    readonly timeout: bigint;
    readonly absolute?: boolean;
    readonly userdata?: bigint;
  }
  | { readonly read: number; readonly userdata?: bigint }
  | { readonly write: number; readonly userdata?: bigint };
interface Event {
  readonly userdata: bigint;
  readonly error: string;
  readonly type: number;
  readonly nbytes: bigint;
}

/** Writes subscriptions as preview 1 has them; gives the arguments of `poll_oneoff`. */
function subscribe(guest: Guest, list: readonly Subscription[]): [number, number, number, number] {
  const at = guest.room(48 * list.length), out = guest.room(32 * list.length), count = guest.room(4);
  guest.bytes.fill(0, at, at + 48 * list.length);
  list.forEach((one, i) => {
    const { view } = guest;
    const base = at + 48 * i;
    view.setBigUint64(base, one.userdata ?? BigInt(i), true);
    if ("clock" in one) {
      view.setUint8(base + 8, 0);
      view.setUint32(base + 16, one.clock, true);
      view.setBigUint64(base + 24, one.timeout, true);
      view.setUint16(base + 40, one.absolute ? 1 : 0, true);
    } else {
      view.setUint8(base + 8, "read" in one ? 1 : 2);
      view.setUint32(base + 16, "read" in one ? one.read : one.write, true);
    }
  });
  return [at, out, list.length, count];
}
function events(guest: Guest, [, out, , count]: readonly number[]): Event[] {
  return Array.from({ length: guest.view.getUint32(count, true) }, (_, i) => ({
    userdata: guest.view.getBigUint64(out + 32 * i, true),
    error: errnoName(guest.view.getUint16(out + 32 * i + 8, true)),
    type: guest.view.getUint8(out + 32 * i + 10),
    nbytes: guest.view.getBigUint64(out + 32 * i + 16, true),
  }));
}
function poll(guest: Guest, list: readonly Subscription[]): Event[] {
  const args = subscribe(guest, list);
  guest.call("poll_oneoff", ...args);
  return events(guest, args);
}

Deno.test("arguments and environment are laid out one after the other", () => {
  const { guest } = virtual({ args: ["prog", "", "größe"], env: { A: "1", EMPTY: "" } });
  const sizes = guest.room(8);
  guest.call("args_sizes_get", sizes, sizes + 4);
  assertEquals([guest.view.getUint32(sizes, true), guest.view.getUint32(sizes + 4, true)], [3, 5 + 1 + 8]);
  const pointers = guest.room(12), buffer = guest.room(14);
  guest.call("args_get", pointers, buffer);
  assertEquals([0, 4, 8].map((i) => guest.view.getUint32(pointers + i, true) - buffer), [0, 5, 6]);
  assertEquals(new TextDecoder().decode(guest.bytes.slice(buffer, buffer + 14)), "prog\0\0größe\0");
  guest.call("environ_get", pointers, buffer);
  assertEquals(new TextDecoder().decode(guest.bytes.slice(buffer, buffer + 11)), "A=1\0EMPTY=\0");
});

Deno.test("clocks", () => {
  const { guest, clock } = virtual();
  const start = guest.time(1);
  assert(start > 0n);
  clock.now += 1.5;
  assertEquals(guest.time(1) - start, 1_500_000n);
  assertEquals(guest.time(2), guest.time(1));
  clock.now -= 1;
  assertEquals(guest.time(1) - start, 1_500_000n, "the monotonic clock never goes back");
  assertEquals(guest.time(0), 1_700_000_005_000_500_000n);
  assertEquals(outcome(() => guest.time(4)), "inval");
  assertEquals(outcome(() => guest.call("clock_res_get", 4, guest.room(8))), "inval");
  for (const id of [0, 1, 2, 3]) guest.call("clock_res_get", id, guest.room(8));
});

Deno.test("a seed makes randomness repeatable", () => {
  const bytes = (seed?: number) => virtual({ randomSeed: seed }).guest.random(100);
  assertEquals(bytes(7), bytes(7));
  assertNotEquals(bytes(7), bytes(8));
  assertNotEquals(bytes(7), bytes(7 + 2 ** 32));
  assertNotEquals(bytes(), bytes());
  assertNotEquals(bytes(0), new Uint8Array(100));
  const { guest } = virtual();
  const large = guest.random(200_000);
  assert(large.subarray(150_000).some((byte) => byte !== 0));
});

Deno.test("exiting and raising", () => {
  const exit = (name: string, code: number) => {
    const { guest, wasi } = virtual();
    const error = assertThrows(() => guest.call(name, code), ProcExit);
    assertEquals(wasi.exitCode, error.code);
    return error.code;
  };
  assertEquals([exit("proc_exit", 0), exit("proc_exit", 33), exit("proc_exit", -1)], [0, 33, 0xffff_ffff]);
  assertEquals([exit("proc_raise", 6), exit("proc_raise", 9)], [134, 137]);
  const { guest } = virtual();
  for (const harmless of [0, 13, 16, 17, 22, 27]) guest.call("proc_raise", harmless);
  assertEquals(outcome(() => guest.call("proc_raise", 18)), "notsup");
  assertEquals(outcome(() => guest.call("proc_raise", 31)), "inval");
  guest.call("sched_yield");
});

Deno.test("waiting for clocks", () => {
  const { guest, clock, waits } = virtual();
  const [first] = poll(guest, [{ clock: 1, timeout: 20_000_000n, userdata: 0xdead_beef_0000_0001n }]);
  assertEquals(first, { userdata: 0xdead_beef_0000_0001n, error: "success", type: 0, nbytes: 0n });
  assertEquals(waits, [[20, false]]);
  assertEquals(clock.now, 5020);
  // The shortest one ends the wait, and tells of itself alone.
  const two = poll(guest, [{ clock: 1, timeout: 50_000_000n }, { clock: 0, timeout: 30_000_000n }]);
  assertEquals(two.map(({ userdata }) => userdata), [1n]);
  assertEquals(clock.now, 5050);
  const now = guest.time(1), real = guest.time(0);
  assertEquals(poll(guest, [{ clock: 1, timeout: now + 5_000_000n, absolute: true }]).length, 1);
  assertEquals(clock.now, 5055);
  assertEquals(poll(guest, [{ clock: 0, timeout: real + 7_000_000n, absolute: true }]).length, 1);
  assertEquals(clock.now, 5057);
  // What is past is over at once.
  assertEquals(poll(guest, [{ clock: 0, timeout: 1n, absolute: true }, { clock: 1, timeout: 0n }]).length, 2);
  assertEquals(clock.now, 5057);
  assertEquals(poll(guest, [{ clock: 9, timeout: 1n }])[0].error, "inval");
  // Longer than a timer can count: waited in pieces.
  poll(guest, [{ clock: 1, timeout: 3_000_000_000_000_000n }]);
  assertEquals(clock.now, 5057 + 3_000_000_000);
});

Deno.test("waiting for descriptors", () => {
  const { guest, waits } = virtual();
  const fd = guest.open("file");
  guest.seek(fd, 4n, 0);
  const list = [{ read: fd }, { write: fd }, { write: 1 }, { read: 99 }, { read: 1 }, {
    read: 3,
  }] as Subscription[];
  const got = poll(guest, [...list, { clock: 1, timeout: 1_000_000_000n }]);
  assertEquals(got.map(({ userdata, error }) => [Number(userdata), error]), [
    [0, "success"],
    [1, "success"],
    [2, "success"],
    [3, "badf"],
    [4, "notcapable"],
    [5, "notcapable"],
  ]);
  assertEquals(got[0].nbytes, 6n);
  assertEquals(waits, []);
  assertEquals(outcome(() => poll(guest, [])), "inval");
  const args = subscribe(guest, [{ read: fd }]);
  guest.view.setUint8(args[0] + 8, 3);
  assertEquals(outcome(() => guest.call("poll_oneoff", ...args)), "inval");
});

Deno.test("waiting for input", () => {
  let ready = 0;
  const stdin = { ...inputStream("x"), available: () => ready };
  const host = new MemoryHost({
    stdin,
    wait(ms, input) {
      assertEquals([ms > 900, input], [true, true]);
      ready = 1;
      return "input";
    },
  });
  const guest = new Guest(new Wasi({}, host));
  const got = poll(guest, [{ clock: 1, timeout: 1_000_000_000n }, { read: 0 }]);
  assertEquals(got.map(({ userdata, type }) => [userdata, type]), [[1n, 1]]);
  ready = 0;
  guest.call("fd_fdstat_set_flags", 0, 4);
  assertEquals(outcome(() => guest.read(0)), "again");
});

Deno.test("an interrupted wait goes on where it was", () => {
  const script: [ms: number, result: "time" | typeof INTERRUPTED][] = [[30, INTERRUPTED], [0, INTERRUPTED]];
  const { guest, clock, waits } = virtual({}, (ms) => {
    const [pass, result] = script.shift() ?? [ms, "time"];
    clock.now += pass;
    return result;
  });
  const args = subscribe(guest, [{ clock: 1, timeout: 100_000_000n }]);
  const call = () => guest.functions.poll_oneoff(...args);
  assertEquals(call(), INTERRUPTED);
  assertEquals(call(), INTERRUPTED);
  assertEquals(call(), 0);
  assertEquals(waits.map(([ms]) => ms), [100, 70, 70]);
  // The next one starts anew.
  assertEquals(call(), 0);
  assertEquals(waits.at(-1), [100, false]);
});

Deno.test("an interrupted read has no effect", () => {
  let stopped = true;
  const input = inputStream("hello");
  const stdin = { ...input, read: (buffer: Uint8Array) => stopped ? INTERRUPTED : input.read!(buffer) };
  const guest = new Guest(new Wasi({}, new MemoryHost({ stdin })));
  const out = guest.room(4);
  guest.view.setUint32(out, 77, true);
  const args = [0, ...guest.iovecs([[2000, 10]]), out];
  assertEquals(guest.functions.fd_read(...args), INTERRUPTED);
  assertEquals(guest.view.getUint32(out, true), 77);
  stopped = false;
  assertEquals(guest.functions.fd_read(...args), 0);
  assertEquals(guest.view.getUint32(out, true), 5);
});

Deno.test("promises of the host are waited for", async () => {
  const stdin = {
    ...inputStream(),
    read: (buffer: Uint8Array) => Promise.resolve(buffer.fill(65, 0, 3) && 3),
  };
  const host = new MemoryHost({ stdin, wait: () => Promise.resolve("time" as const) });
  const guest = new Guest(new Wasi({}, host));
  const out = guest.room(4);
  assertEquals(await guest.functions.fd_read(0, ...guest.iovecs([[2000, 10]]), out), 0);
  assertEquals(guest.view.getUint32(out, true), 3);
  const args = subscribe(guest, [{ clock: 1, timeout: 1_000n }]);
  assertEquals(await guest.functions.poll_oneoff(...args), 0);
  assertEquals(events(guest, args).length, 1);
});

Deno.test("the hook is told of every call", () => {
  const told: string[] = [];
  const { guest } = virtual({
    onCall: (name, args, result) => told.push(describeCall(name, args, result)),
  });
  guest.call("sched_yield");
  assertEquals(guest.errno("fd_close", 99), 8);
  assertEquals(guest.errno("clock_res_get", 9, 0x400), 28);
  assertThrows(() => guest.call("proc_exit", 3), ProcExit);
  assertEquals(told, [
    "sched_yield() = success",
    "fd_close(fd=99) = badf",
    "clock_res_get(id=9, resolution=0x400) = inval",
    "proc_exit(rval=3) = the guest exited with code 3",
  ]);
});

Deno.test("wasi_unstable has its own numbers and layouts", () => {
  const { wasi, clock } = virtual();
  const guest = new Guest(wasi, true);
  assertEquals("sock_accept" in guest.functions, false);
  const fd = guest.open("file");
  // whence: 0 is the current position, 1 the end, 2 the start
  assertEquals(guest.seek(fd, 3n, 2), 3n);
  assertEquals(guest.seek(fd, 2n, 0), 5n);
  assertEquals(guest.seek(fd, -1n, 1), 9n);
  const stat = guest.room(64);
  guest.bytes.fill(0xaa, stat, stat + 64);
  guest.call("fd_filestat_get", fd, stat);
  assertEquals(guest.view.getUint8(stat + 16), 4);
  assertEquals(guest.view.getUint32(stat + 20, true), 1);
  assertEquals(guest.view.getBigUint64(stat + 24, true), 10n);
  assertEquals(guest.view.getBigUint64(stat + 40, true), 1_700_000_005_000_000_000n);
  assertEquals(guest.bytes[stat + 56], 0xaa, "56 bytes and no more");
  guest.call("path_filestat_get", 3, FOLLOW, ...guest.put("file"), stat);
  assertEquals(guest.view.getBigUint64(stat + 24, true), 10n);
  const at = guest.room(112), out = guest.room(64), count = guest.room(4);
  guest.bytes.fill(0, at, at + 112);
  for (const [i, timeout] of [9_000_000n, 4_000_000n].entries()) {
    guest.view.setBigUint64(at + 56 * i, BigInt(i), true);
    guest.view.setUint32(at + 56 * i + 24, 1, true);
    guest.view.setBigUint64(at + 56 * i + 32, timeout, true);
  }
  guest.call("poll_oneoff", at, out, 2, count);
  assertEquals([clock.now, guest.view.getUint32(count, true), guest.view.getBigUint64(out, true)], [
    5004,
    1,
    1n,
  ]);
});

Deno.test("a memory host bounds what the guest may store", () => {
  const host = new MemoryHost({ files: { root: {} }, maxBytes: 1000 });
  const guest = new Guest(new Wasi({ preopens: [{ guest: "/", host: "root" }] }, host));
  const fd = guest.open("a", { oflags: O.creat });
  assertEquals(outcome(() => guest.call("fd_filestat_set_size", fd, 1n << 40n)), "nospc");
  assertEquals(outcome(() => guest.pwrite(fd, "x", 1000n)), "nospc");
  guest.pwrite(fd, "x", 999n);
  const other = guest.open("b", { oflags: O.creat });
  assertEquals(outcome(() => guest.write(other, "x")), "nospc");
  // Unlinked, it still counts until it is closed, and not twice.
  guest.unlink("a");
  assertEquals(outcome(() => guest.write(other, "x")), "nospc");
  guest.call("fd_filestat_set_size", fd, 0n);
  guest.pwrite(other, "x", 999n);
  guest.close(fd);
  assertEquals(outcome(() => guest.pwrite(other, "xy", 999n)), "nospc");
});
