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
import { controlWords, requestStop, stopRequest } from "../runtime/control.ts";
import {
  channelBuffer,
  type ChannelMemory,
  ChannelWord,
  GuestChannel,
  serveInput,
} from "../runtime/wasi/channel.ts";
import type { Waited } from "../runtime/wasi/host.ts";
import type { Interrupted } from "../runtime/wasi/interrupt.ts";

/** What the watcher is told first. */
interface Setup extends ChannelMemory {
  readonly control: Int32Array;
  readonly signals: readonly Deno.Signal[];
}
/** What it is told later. */
type Order =
  | { readonly order: "stopAfter"; readonly milliseconds: number }
  /** The first SIGINT was heard before the watcher was there. */
  | { readonly order: "interrupted" };

/** The watcher's thread. Its source is sent as text: it may use nothing but its parameters. */
function watch(Word: typeof ChannelWord, request: typeof stopRequest, serve: typeof serveInput): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent) => void) | null;
    postMessage(message: unknown): void;
  };
  let setup: Setup;
  const wake = () => {
    Atomics.add(setup.words, Word.wake, 1);
    Atomics.notify(setup.words, Word.wake);
  };
  const stop = () => {
    for (const [word, value] of request) Atomics.store(setup.control, word, value);
    Atomics.store(setup.words, Word.stop, 1);
    wake();
  };
  /** The second SIGINT finds nobody listening, and ends the process as if it had never been heard. */
  const interrupted = () => {
    Deno.removeSignalListener("SIGINT", interrupted);
    stop();
  };
  const stopAt = (time: number) => {
    const left = time - Date.now();
    // Timers count in 31 bits.
    if (left > 0) setTimeout(() => stopAt(time), Math.min(left, 0x7fffffff));
    else stop();
  };
  const obey = ({ data }: MessageEvent<Order>) => {
    if (data.order === "stopAfter") stopAt(Date.now() + data.milliseconds);
    else Deno.removeSignalListener("SIGINT", interrupted);
  };
  scope.onmessage = ({ data }: MessageEvent<Setup>) => {
    setup = data;
    for (const signal of setup.signals) {
      Deno.addSignalListener(signal, signal === "SIGINT" ? interrupted : stop);
    }
    scope.onmessage = obey;
    scope.postMessage("ready");
    // A closed input is one that has ended.
    serve(setup, Word, (buffer) => Deno.stdin.read(buffer), () => 0);
  };
}

const source = () =>
  `(${watch})(${JSON.stringify(ChannelWord)}, ${JSON.stringify(stopRequest)}, ${serveInput});`;

export interface WatcherOptions {
  /** Signals that stop the guest; a second SIGINT ends the process. */
  readonly signals?: readonly Deno.Signal[];
}

/** The guest's side of a watcher. */
export class Watcher extends GuestChannel {
  /** For the guest: a stop is requested through them. */
  readonly control = controlWords();
  readonly #signals: readonly Deno.Signal[];
  #worker: Worker | undefined;

  constructor({ signals = [] }: WatcherOptions = {}) {
    super(channelBuffer());
    this.#signals = signals;
  }

  /** Starts the thread, if it does not run yet; it goes on by itself. */
  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(source())}`, {
      type: "module",
      name: "watcher",
    });
    const setup: Setup = {
      control: this.control,
      words: this.words,
      bytes: this.bytes,
      signals: this.#signals,
    };
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

  /** For whoever else stops the guest. */
  get stopWords(): { control: Int32Array<SharedArrayBuffer>; channel: Int32Array<SharedArrayBuffer> } {
    return { control: this.control, channel: this.words };
  }

  stopAfter(milliseconds: number): void {
    this.#order({ order: "stopAfter", milliseconds });
  }

  // Without signals there is no thread until the guest wants input.

  override read(buffer: Uint8Array): number | Interrupted {
    this.#start();
    return super.read(buffer);
  }

  override available(): number {
    this.#start();
    return super.available();
  }

  override wait(ms: number, input: boolean): Waited {
    if (input) this.#start();
    return super.wait(ms, input);
  }
}
