/**
 * A second thread that hears what the guest's thread cannot hear while it computes: signals, a timer,
 * standard input.
 *
 * The guest runs on the main thread and the watcher is the worker, not the other way round: the watcher
 * is one function that imports nothing, so it can be sent as text. A worker from a file would need a
 * read permission for our own sources.
 *
 * @module
 */
import { ControlWord, controlWords, INTERRUPTED, type Interrupted, requestStop } from "../mod.ts";
import type { Waiter } from "../runtime/wasi/host_deno.ts";

/** Words that both threads use for standard input. */
const Channel = {
  /** Counts what happens, so that the guest's thread can wait for more to happen. */
  events: 0,
  /** Bytes in the buffer that the guest has not taken. */
  filled: 1,
  /** Where they begin. */
  start: 2,
  /** Not 0: the input has ended. */
  ended: 3,
  /** Not 0: the watcher reads, or is about to. */
  reading: 4,
} as const;
const channelWords = 8;
const bufferBytes = 65536;

/** What the watcher is told first. */
interface Setup {
  readonly control: Int32Array;
  readonly words: Int32Array;
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly signals: readonly Deno.Signal[];
}
/** What it is told later. */
type Order =
  | { readonly order: "read" }
  | { readonly order: "stopAfter"; readonly milliseconds: number }
  /** The first SIGINT was heard before the watcher was there. */
  | { readonly order: "interrupted" };

/** The watcher's thread. Its source is sent as text: it may use nothing but what `source` puts before it. */
function watch(): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent) => void) | null;
    postMessage(message: unknown): void;
  };
  let setup: Setup;
  const happened = () => {
    Atomics.add(setup.words, Channel.events, 1);
    Atomics.notify(setup.words, Channel.events);
  };
  const stop = () => {
    requestStop(setup.control);
    happened();
  };
  /** The second SIGINT finds nobody listening, and ends the process as if it had never been heard. */
  const interrupted = () => {
    Deno.removeSignalListener("SIGINT", interrupted);
    stop();
  };
  const read = async () => {
    let count: number | null = null;
    try {
      count = await Deno.stdin.read(setup.buffer);
    } catch {
      // A closed input is one that has ended.
    }
    Atomics.store(setup.words, Channel.start, 0);
    Atomics.store(setup.words, count === null ? Channel.ended : Channel.filled, count ?? 1);
    Atomics.store(setup.words, Channel.reading, 0);
    happened();
  };
  const stopAt = (time: number) => {
    const left = time - Date.now();
    // Timers count in 31 bits.
    if (left > 0) setTimeout(() => stopAt(time), Math.min(left, 0x7fffffff));
    else stop();
  };
  const obey = ({ data }: MessageEvent<Order>) => {
    if (data.order === "read") read();
    else if (data.order === "stopAfter") stopAt(Date.now() + data.milliseconds);
    else Deno.removeSignalListener("SIGINT", interrupted);
  };
  scope.onmessage = ({ data }: MessageEvent<Setup>) => {
    setup = data;
    for (const signal of setup.signals) {
      Deno.addSignalListener(signal, signal === "SIGINT" ? interrupted : stop);
    }
    scope.onmessage = obey;
    scope.postMessage("ready");
  };
}

const source = () =>
  `const Channel = ${JSON.stringify(Channel)}, ControlWord = ${JSON.stringify(ControlWord)};\n` +
  `${requestStop}\n(${watch})();`;

export interface WatcherOptions {
  /** Signals that stop the guest; a second SIGINT ends the process. */
  readonly signals?: readonly Deno.Signal[];
}

/** The guest's side of a watcher. */
export class Watcher implements Waiter {
  /** For the guest: a stop is requested through them. */
  readonly control = controlWords();
  readonly #words = new Int32Array(new SharedArrayBuffer(4 * channelWords));
  readonly #buffer = new Uint8Array(new SharedArrayBuffer(bufferBytes));
  readonly #signals: readonly Deno.Signal[];
  #worker: Worker | undefined;
  #unread: Uint8Array = new Uint8Array(0);

  constructor({ signals = [] }: WatcherOptions = {}) {
    this.#signals = signals;
  }

  /** Starts the thread, if it does not run yet; it goes on by itself. */
  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source())}`, {
      type: "module",
      name: "watcher",
    });
    const buffer = this.#buffer as unknown as Uint8Array<ArrayBuffer>;
    const setup: Setup = { control: this.control, words: this.#words, buffer, signals: this.#signals };
    worker.postMessage(setup);
    return this.#worker = worker;
  }

  #order(order: Order): void {
    this.#start().postMessage(order);
  }

  /**
   * Listens for the signals. Resolves when the watcher does; until then this thread listens, as far as it
   * is not busy.
   */
  async listen(): Promise<void> {
    let heard = 0;
    const early = (signal: Deno.Signal) => () => {
      requestStop(this.control);
      if (signal === "SIGINT" && ++heard > 1) Deno.exit(130);
    };
    const listeners = this.#signals.map((signal) => [signal, early(signal)] as const);
    for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
    const worker = this.#start();
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the watching thread failed: ${event.message}`));
      };
    });
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    if (heard > 0) this.#order({ order: "interrupted" });
  }

  stopAfter(milliseconds: number): void {
    this.#order({ order: "stopAfter", milliseconds });
  }

  get #stopped(): boolean {
    return Atomics.load(this.control, ControlWord.stop) !== 0;
  }

  #word(word: number): number {
    return Atomics.load(this.#words, word);
  }

  /** Asks for input, unless there is some or it is asked for already. */
  #demand(): void {
    const idle = this.#word(Channel.filled) === 0 && this.#word(Channel.ended) === 0;
    if (idle && Atomics.compareExchange(this.#words, Channel.reading, 0, 1) === 0) {
      this.#order({ order: "read" });
    }
  }

  /** Waits for something to happen after `seen` was read; at most so many milliseconds. */
  #sleep(seen: number, milliseconds?: number): void {
    Atomics.wait(this.#words, Channel.events, seen, milliseconds);
  }

  read(buffer: Uint8Array): number | Interrupted {
    if (buffer.length === 0) return 0;
    if (this.#unread.length > 0) {
      const part = this.#unread.subarray(0, buffer.length);
      buffer.set(part);
      this.#unread = this.#unread.subarray(part.length);
      return part.length;
    }
    for (;;) {
      const seen = this.#word(Channel.events);
      const filled = this.#word(Channel.filled);
      if (filled > 0) {
        const start = this.#word(Channel.start);
        const part = this.#buffer.subarray(start, start + Math.min(filled, buffer.length));
        buffer.set(part);
        Atomics.store(this.#words, Channel.start, start + part.length);
        Atomics.sub(this.#words, Channel.filled, part.length);
        return part.length;
      }
      // A terminal may have more to say after an end.
      if (Atomics.exchange(this.#words, Channel.ended, 0) !== 0) return 0;
      if (this.#stopped) return INTERRUPTED;
      this.#demand();
      this.#sleep(seen);
    }
  }

  available(): number {
    const here = this.#unread.length + this.#word(Channel.filled);
    if (here > 0 || this.#word(Channel.ended) !== 0) return Math.max(1, here);
    this.#demand();
    return 0;
  }

  wait(milliseconds: number, input: boolean): "time" | "input" | Interrupted {
    const end = performance.now() + milliseconds;
    for (;;) {
      const seen = this.#word(Channel.events);
      if (this.#stopped) return INTERRUPTED;
      if (input && this.available() > 0) return "input";
      const left = end - performance.now();
      if (left <= 0) return "time";
      this.#sleep(seen, left);
    }
  }

  pending(): Uint8Array {
    const start = this.#word(Channel.start);
    return Uint8Array.from([
      ...this.#unread,
      ...this.#buffer.subarray(start, start + this.#word(Channel.filled)),
    ]);
  }

  unread(bytes: Uint8Array): void {
    this.#unread = Uint8Array.from([...bytes, ...this.#unread]);
  }

  async stopRequested(): Promise<void> {
    for (;;) {
      const seen = this.#word(Channel.events);
      if (this.#stopped) return;
      const { async, value } = Atomics.waitAsync(this.#words, Channel.events, seen);
      if (async) await value;
    }
  }
}
