/**
 * A guest made of a template, for one use.
 *
 * @module
 */
import type { Guest, GuestOptions, Outcome, RunOptions } from "./guest.ts";

/** What a clone has of its own. */
export type CloneOptions = Pick<GuestOptions, "wasi" | "imports" | "extensions" | "embedFiles">;

/**
 * One guest of a {@linkcode Template}. When it is released, the instance under it goes back to the template and
 * becomes another clone's; this object can do nothing then. `using` releases it at the end of a block.
 */
export class Clone {
  #guest: Guest | undefined;
  readonly #options: CloneOptions;
  readonly #giveBack: (isReusable: boolean) => void;
  /** Whether nothing of it is running or waiting: it has not begun, or came to its regular end. */
  #isReusable = true;

  /** @param giveBack Called once, at the release. */
  constructor(guest: Guest, options: CloneOptions, giveBack: (isReusable: boolean) => void) {
    this.#guest = guest;
    this.#options = options;
    this.#giveBack = giveBack;
  }

  /**
   * Runs until the guest finishes, traps, or is stopped: see `Guest.run`. A clone that was stopped has an image of
   * its own, and can run on.
   *
   * @throws What a host function threw.
   */
  async run(options: RunOptions = {}): Promise<Outcome> {
    this.#isReusable = false;
    const outcome = await this.#live.run(options);
    // After a trap, an error or a stop something unforeseen may be left; an instance is soon made.
    this.#isReusable = outcome.kind === "finished";
    return outcome;
  }

  /** Calls an exported function from a host function, while the clone waits. */
  call(name: string, ...args: unknown[]): unknown[] {
    return this.#live.call(name, ...args);
  }

  /** The guest's first memory, for host functions. Valid until it grows, or the clone is released. */
  get memory(): Uint8Array<ArrayBuffer> {
    const [memory] = this.#live.instance.memories;
    if (memory === undefined) throw new RangeError("the module has no memory");
    return memory.bytes;
  }

  get #live(): Guest {
    if (this.#guest === undefined) {
      throw new Error("the clone was released: its instance may be another's now");
    }
    return this.#guest;
  }

  /** Gives the instance back and closes the files that the clone has open. A second call does nothing. */
  release(): void {
    if (this.#guest === undefined) return;
    this.#guest = undefined;
    const { wasi } = this.#options;
    if (wasi !== undefined) {
      wasi.close();
      wasi.memory = undefined;
    }
    this.#giveBack(this.#isReusable);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
