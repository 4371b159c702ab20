/**
 * Stopping and feeding a guest that blocks its thread.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { channelBuffer, ControlChannel, type InputReader } from "../../runtime/wasi/mod.ts";

/** Input that comes when it is told to. */
class Slow implements InputReader {
  reads = 0;
  #waiting: ((text: string | null | Error) => void) | undefined;
  #ready: (string | null | Error)[] = [];

  give(text: string | null | Error): void {
    if (this.#waiting === undefined) this.#ready.push(text);
    else this.#waiting(text);
    this.#waiting = undefined;
  }
  async read(buffer: Uint8Array): Promise<number | null> {
    this.reads++;
    const text = this.#ready.length > 0
      ? this.#ready.shift()!
      : await new Promise<string | null | Error>((give) => this.#waiting = give);
    if (text instanceof Error) throw text;
    return text === null ? null : new TextEncoder().encodeInto(text, buffer).written;
  }
}

/** A guest in a worker, and what is on this side. */
async function withGuest(
  test: (tools: {
    call: (command: string, argument?: number) => Promise<unknown>;
    channel: ControlChannel;
    input: Slow;
  }) => Promise<void>,
): Promise<void> {
  const channel = new ControlChannel(channelBuffer());
  const input = new Slow();
  const serving = channel.serve(input);
  const worker = new Worker(new URL("./channel_worker.ts", import.meta.url), { type: "module" });
  const post = (message: unknown) =>
    new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(message);
    });
  try {
    await post(channel.buffer);
    await test({ call: (command, argument = 0) => post({ command, argument }), channel, input });
  } finally {
    worker.terminate();
    channel.close();
    await serving;
  }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

Deno.test("input is read on demand, handed over, and ends", () =>
  withGuest(async ({ call, input }) => {
    await pause(20);
    assertEquals(input.reads, 0, "nothing is read before the guest asks");
    input.give("hello world");
    assertEquals(await call("read", 5), "hello");
    assertEquals(await call("read", 100), " world");
    assertEquals(input.reads, 1);
    const waiting = call("read", 100);
    await pause(20);
    input.give("late");
    assertEquals(await waiting, "late");
    input.give(null);
    assertEquals(await call("read", 100), "");
    assertEquals(await call("read", 100), "");
    assertEquals(input.reads, 3);
  }));

Deno.test("a stop interrupts a read; what comes late is not lost", () =>
  withGuest(async ({ call, channel, input }) => {
    const waiting = call("read", 100);
    await pause(20);
    channel.requestStop();
    assertEquals(await waiting, "interrupted");
    assertEquals(await call("read", 100), "interrupted");
    assertEquals(await call("save"), new Uint8Array(0));
    input.give("late input");
    await pause(20);
    // It is there without blocking, so the stop does not matter, and the image would carry it.
    assertEquals(await call("save"), new TextEncoder().encode("late input"));
    assertEquals(await call("read", 4), "late");
    assertEquals(await call("save"), new TextEncoder().encode(" input"));
    assertEquals(input.reads, 1);
    channel.clearStop();
    assertEquals(await call("read", 100), " input");
  }));

Deno.test("a stop interrupts a sleep at once", () =>
  withGuest(async ({ call, channel }) => {
    assertEquals(await call("sleep", 5), 0);
    const start = performance.now();
    const sleeping = call("sleep", 60_000);
    await pause(20);
    channel.requestStop();
    assertEquals(await sleeping, "interrupted");
    assert(performance.now() - start < 30_000);
  }));

Deno.test("a failing input is an error once", () =>
  withGuest(async ({ call, input }) => {
    input.give(Object.assign(new Error("broken"), { code: "EIO" }));
    assertEquals(await call("read", 10), 29);
    input.give("ok");
    assertEquals(await call("read", 10), "ok");
  }));

Deno.test("a guest that asks after the end of service finds the end of the input", () =>
  withGuest(async ({ call, channel }) => {
    channel.close();
    assertEquals(await call("read", 10), "");
  }));
