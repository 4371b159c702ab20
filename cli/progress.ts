/**
 * Progress on a terminal, for what takes longer than half a second.
 *
 * @module
 */
import { writeError } from "./messages.ts";

/** Milliseconds before the first line, and between two. */
const PATIENCE = 500;
const PERIOD = 100;

/** One task's progress: a line on standard error that is written over, and gone at the end. */
export class Progress implements Disposable {
  readonly #enabled = Deno.stderr.isTerminal();
  #next = performance.now() + PATIENCE;
  #shown = false;

  /** @param what For example `writing bc.mvvm`. */
  constructor(readonly what: string) {}

  /** Says how far it is. */
  update(done: number, total: number): void {
    if (!this.#enabled || performance.now() < this.#next) return;
    this.#next = performance.now() + PERIOD;
    this.#shown = true;
    const percent = total > 0 ? Math.floor(100 * done / total) : 0;
    writeError(`\r\x1b[Kmvvm: ${this.what}: ${percent}%`);
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#shown) writeError("\r\x1b[K");
  }
}
