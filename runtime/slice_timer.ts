/**
 * Time slices by the clock of another thread, for code that leaves when it finds the attention word set, instead of
 * asking what for.
 *
 * @module
 */
import { pauseRequest } from "./control.ts";

/** Instead of a number of beginnings and ends. */
const over = -1;

/** Ends slices. Runs in the other thread; written out as its source. */
function endSlices(
  words: Int32Array,
  count: Int32Array,
  milliseconds: number,
  request: typeof pauseRequest,
): void {
  for (;;) {
    const number = Atomics.load(count, 0);
    if (number < 0) return;
    // Between two slices.
    if (number % 2 === 0) Atomics.wait(count, 0, number);
    else if (Atomics.wait(count, 0, number, milliseconds) === "timed-out") {
      for (const [word, value] of request) Atomics.store(words, word, value);
      Atomics.wait(count, 0, number);
    }
  }
}

export class SliceTimer {
  private constructor(private readonly count: Int32Array) {}

  /** @param words The control words, shared between threads. */
  static async start(words: Int32Array, milliseconds: number): Promise<SliceTimer> {
    const source = `onmessage = ({ data }) => { postMessage(0); (${endSlices})(...data); close(); };`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module", name: "slices" });
    const count = new Int32Array(new SharedArrayBuffer(4));
    try {
      await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = ({ message }) => reject(new Error(`no thread for time slices: ${message}`));
        worker.postMessage([words, count, milliseconds, pauseRequest]);
      });
    } finally {
      URL.revokeObjectURL(url);
    }
    return new SliceTimer(count);
  }

  /** A slice begins or ends. */
  turn(): void {
    Atomics.add(this.count, 0, 1);
    Atomics.notify(this.count, 0);
  }

  /** The thread ends by itself: one that waits cannot be terminated. */
  stop(): void {
    Atomics.store(this.count, 0, over);
    Atomics.notify(this.count, 0);
  }
}
