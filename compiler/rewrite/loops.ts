/**
 * Loops that look for a stop request. V8 makes the most of loops that have no calls in them, so under `counter`
 * an innermost loop gets another around it, with the look in that one: it comes there every 2^thresholdBits turns.
 *
 * ```wat
 * (block $done                     ;; a loop that counts to a bound instead runs in strips:
 *   (loop $again                   ;; (loop $again
 *     (local.set $count ...)       ;;   (local.set $end ...)
 *     (block $pause                ;;   (loop $loop
 *       (loop $loop                ;;     ... (br_if $loop (i32.ne (local.get $i) (local.get $end))))
 *         (br_if $pause ...)       ;;   (if (i32.ne (local.get $i) ... bound ...)
 *         ...)                     ;;     (then ... look ... (br $again))))
 *       (br $done))                ;;
 *     ... look ...
 *     (br $again)))
 * ```
 *
 * @module
 */
import { ValType as T } from "../types.ts";
import { Use } from "./body.ts";
import { RewrittenFrame } from "./frame.ts";
import { type Counted, innermostLoop, isLargeLoop } from "./innermost_loop.ts";
import { I } from "./writer.ts";

/** An outer loop looks every 2^outerBits turns at least. */
const outerBits = 8;

/** What is known of a loop that has a site. */
interface Loop {
  readonly site: number;
  /** File offsets of the opcode and of the first instruction in the loop. */
  readonly offset: number;
  readonly start: number;
}

export abstract class RewrittenLoops extends RewrittenFrame {
  /** What closes a block that was opened, by its place among the open ones. */
  readonly #closings: ((end: number) => void)[] = [];

  /** So many looks are a pause. A power of two. */
  protected get looksOfPause(): number {
    return 32;
  }

  /**
   * A block of the original opens.
   *
   * @param added How many added blocks are around it, beside those that are around the innermost one.
   * @param close Called at its end.
   */
  protected opens(added = 0, close: (end: number) => void = nothing): void {
    this.around[this.frames] = this.around[this.frames - 1] + added;
    this.#closings[this.frames] = close;
  }

  /** The innermost block ends. @param end File offset of its `end`. */
  protected closes(end: number): void {
    if (this.frames > 1) this.#closings[this.frames - 1](end);
  }

  /** A loop with a site. What is before it was copied. @param params How many parameters it takes. */
  protected pollingLoop(loop: Loop, params: number): void {
    const { bytes, codes } = this.module;
    const { policy, ticks } = this.context.options;
    const found = ticks || policy !== "counter" || bytes[loop.offset + 1] !== 0x40
      ? undefined
      : innermostLoop(bytes, loop.start, codes[this.definedIndex].end);
    if (found === undefined) {
      this.opens();
      this.copyTo(loop.start);
      this.store(params);
      return this.#lookingLoop(loop);
    }
    if (found.counted === undefined || !this.uses("strips")) this.#countingLoop(loop);
    else this.#stripLoop(loop, found.counted);
  }

  /**
   * A loop that looks in itself. What has no loop inside looks at every turn, since counting turns takes longer than
   * many of them do; others count them.
   */
  #lookingLoop({ site, start }: Loop): void {
    const { writer: code, context: { options: { policy, ticks } } } = this;
    const polls = ticks || policy !== "counter" || !this.uses("moves");
    if (polls || !isLargeLoop(this.module.bytes, start)) return this.poll(site, 1);
    code.get(this.local(Use.turns, T.i32));
    this.#count(1);
    code.const(this.#turnsOfLook - 1);
    code.u8(I.and);
    code.u8(I.eqz);
    code.openUnlikely();
    this.#lookOrPause(site);
    code.end();
  }

  /** A loop that counts looks after so many turns, and at its first: nothing is known of what one takes. */
  get #turnsOfLook(): number {
    return 2 ** Math.min(this.context.options.thresholdBits, outerBits);
  }

  /** And pauses after so many. */
  get #turnsOfPause(): number {
    return this.looksOfPause * this.#turnsOfLook;
  }

  /** A look, which is a pause now and then. */
  #lookOrPause(site: number): void {
    const { writer: code } = this;
    this.attention();
    code.get(this.local(Use.turns, T.i32));
    code.const(this.#turnsOfPause - 1);
    code.u8(I.and);
    // The turn was counted. There is no pause at the first.
    code.const(this.#turnsOfPause / 2 + 1);
    code.u8(I.eq);
    code.u8(I.or);
    code.openUnlikely();
    this.pause(site, 3);
    code.end();
  }

  /** Counts turns. One local counts all loops, since every local costs a register. */
  #count(count: number): void {
    const { writer: code } = this;
    const turns = this.local(Use.turns, T.i32);
    code.get(turns);
    code.const(count);
    code.u8(I.add);
    code.set(turns);
  }

  /** Pauses an innermost loop, which has come as far as many turns of others. */
  #pauseInnermost(site: number, inner: number): void {
    if (!this.uses("moves")) return this.poll(site, inner);
    this.#count(this.#turnsOfPause);
    this.pause(site, inner);
  }

  /** @param condition Whether to pause. @param look What is done then, so many blocks in. */
  #pausingLoop({ start }: Loop, condition: () => void, look: (inner: number) => void): void {
    const { writer: code } = this;
    code.open("block");
    this.opens(3, (end) => {
      this.copyTo(end + 1);
      code.br(2);
      code.end();
      // Outside of the loop and of one of the added blocks.
      look(-2);
      code.br(0);
      code.end();
      code.end();
    });
    this.copyTo(start);
    condition();
    code.brIfUnlikely(1);
  }

  #countingLoop(loop: Loop): void {
    const { writer: code } = this;
    const count = this.local(Use.count, T.i32);
    code.open("block");
    code.open("loop");
    // One more than the turns, since it is counted before each.
    code.const(2 ** this.context.options.thresholdBits + 1);
    code.set(count);
    this.#pausingLoop(loop, () => {
      code.get(count);
      code.const(-1);
      code.u8(I.add);
      code.tee(count);
      code.u8(I.eqz);
    }, (inner) => this.#pauseInnermost(loop.site, inner));
  }

  #stripLoop({ site, start }: Loop, counted: Counted): void {
    const { writer: code } = this;
    const end = this.local(Use.end, T.i32);
    code.open("loop");
    this.#bound(counted);
    code.get(this.place(counted.local));
    code.const(Math.imul(counted.step, this.#most));
    code.u8(I.add);
    this.#fits(counted);
    code.u8(I.select);
    code.set(end);
    this.opens(1, (at) => {
      this.copyTo(counted.boundStart);
      code.get(end);
      if (counted.boundStart === counted.boundEnd) code.u8(I.ne);
      this.skipTo(counted.boundEnd);
      this.copyTo(at + 1);
      code.get(this.place(counted.local));
      this.#bound(counted);
      code.u8(I.ne);
      code.openUnlikely();
      // Outside of the loop, in this.
      this.#pauseInnermost(site, 0);
      code.br(1);
      code.end();
      code.end();
    });
    this.copyTo(start);
  }

  /** Most turns of a strip. */
  get #most(): number {
    return 2 ** Math.min(this.context.options.thresholdBits, 16);
  }

  #bound({ bound }: Counted): void {
    if ("local" in bound) this.writer.get(this.place(bound.local));
    else this.writer.const(bound.constant);
  }

  /**
   * Whether the bound is reached within one strip: exactly so many steps lead there, and not too many. (If not,
   * a strip's steps do not pass the bound, even around the integers.)
   */
  #fits(counted: Counted): void {
    const { writer: code } = this;
    const { local, step } = counted;
    const size = Math.abs(step);
    if (step > 0) this.#bound(counted);
    code.get(this.place(local));
    if (step < 0) this.#bound(counted);
    code.u8(I.sub);
    // Divided exactly: if there is a remainder, the quotient comes out larger than any strip.
    const twos = 31 - Math.clz32(size & -size);
    const odd = size >>> twos;
    if (odd !== 1) {
      code.const(inverse(odd));
      code.u8(I.mul);
    }
    if (twos !== 0) {
      code.const(twos);
      code.u8(I.rotr);
    }
    code.const(-1);
    code.u8(I.add);
    code.const(this.#most);
    code.u8(I.ltU);
  }
}

/** What an odd number is to be multiplied by for 1, modulo 2^32. */
function inverse(odd: number): number {
  let found = odd;
  // Each step doubles the bits that are right; three are to begin with.
  for (let bits = 3; bits < 32; bits *= 2) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}

function nothing(): void {}
