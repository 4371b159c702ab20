/**
 * Which activations of rewritten functions are stuck in V8's baseline code: V8 compiles a function of WebAssembly
 * anew when it has run for some time, but an activation that is running stays where it began, for hours if it
 * does all the work. (Activations of JavaScript do move.)
 *
 * @module
 */

/** An activation that runs for so long is worth moving. In milliseconds. */
const patience = 50;

/** And for this many longer for each byte of its function: V8's best compiler takes long for large ones. */
const patienceOfByte = 0.01;

/** Once a function's ended activations have taken so long, new ones begin in better code. In milliseconds. */
const enough = 200;

interface Running {
  since: number;
  /** When the latest activation was heard of last, and the turns that it had made. */
  last: number;
  turns: number;
  /** What activations before took, in milliseconds. */
  before: number;
}

export class StuckFunctions {
  readonly #funcs = new Map<number, Running>();

  /** Told of every pause of a function with so many bytes, and of the turns that its activation has made. */
  isStuck(func: number, bytes: number, turns: number): boolean {
    const now = performance.now();
    const running = this.#funcs.get(func);
    if (running === undefined) {
      this.#funcs.set(func, { since: now, last: now, turns, before: 0 });
      return false;
    }
    if (turns <= running.turns) {
      running.before += running.last - running.since;
      running.since = now;
    }
    running.turns = turns;
    running.last = now;
    return running.before < enough && now - running.since > patience + patienceOfByte * bytes;
  }
}
