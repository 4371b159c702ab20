/**
 * Which activations of rewritten functions are stuck in V8's baseline code: V8 compiles a function of WebAssembly
 * anew when it has run for some time, but an activation that is running stays where it began, for hours if it
 * does all the work. (Activations of JavaScript do move.)
 *
 * @module
 */

/** An activation that runs for so long is worth moving. In milliseconds. */
const patience = 50;

/** Once a function's ended activations have paused so often, new ones begin in better code. */
const enough = 256;

interface Running {
  since: number;
  /** Pauses of the latest activation, and of those before. */
  pauses: number;
  before: number;
}

export class StuckFunctions {
  readonly #funcs = new Map<number, Running>();

  /** Told of every pause of a function: it is the `pauses`-th of its activation. */
  isStuck(func: number, pauses: number): boolean {
    const now = performance.now();
    const running = this.#funcs.get(func);
    if (running === undefined) {
      this.#funcs.set(func, { since: now, pauses, before: 0 });
      return false;
    }
    if (pauses <= running.pauses) {
      running.before += running.pauses;
      running.since = now;
    }
    running.pauses = pauses;
    return running.before < enough && now - running.since > patience;
  }
}
