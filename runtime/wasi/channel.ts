/**
 * How a guest that runs in a worker is stopped and fed while it waits: a piece of shared memory that
 * the guest's thread blocks on, and that the other thread, which is free to listen, writes to.
 *
 * Input is asked for only when the guest wants it, and no more than it may take at once, so that
 * nothing is swallowed from a pipe that the next process should read.
 *
 * @module
 */
import { Errno, errnoOf, fail } from "./errno.ts";
import type { Waited } from "./host.ts";
import { INTERRUPTED, type Interrupted } from "./interrupt.ts";

/** Words of the header. */
export const ChannelWord = {
  /** Counts everything that may wake the guest; this is what it waits on. */
  wake: 0,
  /** 1 while a stop is requested; 2 if the guest is to go on after it. */
  stop: 1,
  /** 1 from the guest's wish for input until it is granted: the other thread owns the bytes meanwhile. */
  want: 2,
  /** Bytes of input there are, and how many of them the guest has taken. */
  length: 3,
  taken: 4,
  /** 1 after the end of the input. */
  end: 5,
  /** The error number of a read that failed, until it is told. */
  error: 6,
  /** 1 when nobody serves any more. */
  closed: 7,
} as const;
const HEADER_BYTES = 32;
/** The most input handed over at once. */
const CAPACITY = 65536;

/** Shared memory for a channel; post it to the worker. */
export function channelBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + CAPACITY);
}

class Channel {
  protected readonly words: Int32Array<SharedArrayBuffer>;
  protected readonly bytes: Uint8Array<SharedArrayBuffer>;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES, CAPACITY);
  }

  protected load(word: number): number {
    return Atomics.load(this.words, word);
  }
  protected store(word: number, value: number): void {
    Atomics.store(this.words, word, value);
  }

  /** Whether a stop is requested. */
  get stopping(): boolean {
    return this.load(ChannelWord.stop) !== 0;
  }
}

/** The guest's end: blocks its thread. Give it to `DenoHost` as the `waiter`. */
export class GuestChannel extends Channel {
  /** Bytes there are and are ours. */
  #ready(): number {
    return this.load(ChannelWord.want) !== 0
      ? 0
      : this.load(ChannelWord.length) - this.load(ChannelWord.taken);
  }
  #ask(): void {
    if (this.load(ChannelWord.closed) !== 0) this.store(ChannelWord.end, 1);
    if (this.load(ChannelWord.want) !== 0 || this.load(ChannelWord.end) !== 0) return;
    this.store(ChannelWord.want, 1);
    Atomics.notify(this.words, ChannelWord.want);
  }

  /** Bytes read, 0 at the end. Blocks until there are some, or until a stop. */
  read(buffer: Uint8Array): number | Interrupted {
    return this.#settle(this.#wait(Infinity, true), buffer);
  }
  #settle(waited: Waited, buffer: Uint8Array): number | Interrupted {
    if (waited === INTERRUPTED) return INTERRUPTED;
    const error = Atomics.exchange(this.words, ChannelWord.error, 0);
    if (error !== 0) fail(error as Errno);
    const count = Math.min(this.#ready(), buffer.length);
    const taken = this.load(ChannelWord.taken);
    buffer.set(this.bytes.subarray(taken, taken + count));
    this.store(ChannelWord.taken, taken + count);
    return count;
  }

  /** Bytes that {@link read} would give at once; 0 if it would block, 1 at the end. Asks for input. */
  available(): number {
    const ready = this.#ready();
    if (ready > 0) return ready;
    this.#ask();
    return this.load(ChannelWord.end) !== 0 || this.load(ChannelWord.error) !== 0 ? 1 : 0;
  }

  wait(ms: number, input: boolean): Waited {
    return this.#wait(ms, input);
  }
  #wait(ms: number, input: boolean): Waited {
    const deadline = performance.now() + ms;
    for (;;) {
      const seen = this.load(ChannelWord.wake);
      if (input && this.available() > 0) return "input";
      const left = deadline - performance.now();
      if (left <= 0) return "time";
      if (this.stopping) return INTERRUPTED;
      Atomics.wait(this.words, ChannelWord.wake, seen, left);
    }
  }

  /** Input that was handed over and not yet read. */
  pending(): Uint8Array {
    const taken = this.load(ChannelWord.taken);
    return this.bytes.slice(taken, taken + this.#ready());
  }

  /** Settles when a stop is requested. For waits on promises, which must not block the thread. */
  async stopRequested(): Promise<void> {
    while (!this.stopping) {
      const wait = Atomics.waitAsync(this.words, ChannelWord.wake, this.load(ChannelWord.wake));
      if (this.stopping) return;
      if (wait.async) await wait.value;
    }
  }
}

/** Where input comes from, such as `Deno.stdin`: bytes read, `null` at the end. */
export interface InputReader {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** A channel's header and its room for input; can be posted to a thread. */
export interface ChannelMemory {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
}

/**
 * Reads input whenever the guest wants some, until the channel is closed. It uses nothing but its
 * parameters, so that its text can be sent to a thread that has no files to import from.
 *
 * @param word {@link ChannelWord}
 * @param errorNumber What the guest is told of a failure to read; 0 for the end of the input.
 */
export async function serveInput(
  { words, bytes }: ChannelMemory,
  word: typeof ChannelWord,
  read: InputReader["read"],
  errorNumber: (error: unknown) => number,
): Promise<void> {
  const buffer = new Uint8Array(bytes.length);
  while (Atomics.load(words, word.closed) === 0) {
    if (Atomics.load(words, word.want) === 0) {
      const wait = Atomics.waitAsync(words, word.want, 0);
      if (wait.async) await wait.value;
      continue;
    }
    let count: number | null = 0;
    try {
      count = await read(buffer);
    } catch (error) {
      const errno = errorNumber(error);
      if (errno === 0) count = null;
      else Atomics.store(words, word.error, errno);
    }
    if (count === null) Atomics.store(words, word.end, 1);
    bytes.set(buffer.subarray(0, count ?? 0));
    Atomics.store(words, word.taken, 0);
    Atomics.store(words, word.length, count ?? 0);
    Atomics.store(words, word.want, 0);
    Atomics.add(words, word.wake, 1);
    Atomics.notify(words, word.wake);
  }
}

/** The other end, in a thread that is free to listen. */
export class ControlChannel extends Channel {
  #wake(): void {
    Atomics.add(this.words, ChannelWord.wake, 1);
    Atomics.notify(this.words, ChannelWord.wake);
  }

  /** Makes a blocked guest come back with `INTERRUPTED`, and a running one the next time it would block. */
  requestStop(): void {
    this.store(ChannelWord.stop, 1);
    this.#wake();
  }
  /** The stop was called off, or has been served: waits block again. */
  clearStop(): void {
    this.store(ChannelWord.stop, 0);
  }

  /** Reads from `input` whenever the guest wants some, until {@link close}. */
  serve(input: InputReader): Promise<void> {
    const { words, bytes } = this;
    const errorNumber = (error: unknown) => errnoOf(error) ?? Errno.io;
    return serveInput({ words, bytes }, ChannelWord, (buffer) => input.read(buffer), errorNumber);
  }

  /** Ends {@link serve}; a guest that asks from now on finds the end of the input. */
  close(): void {
    this.store(ChannelWord.closed, 1);
    Atomics.notify(this.words, ChannelWord.want);
    this.#wake();
  }
}
