/**
 * Loops that look for a stop request. V8 makes the most of loops that have no calls in them, so under `counter`
 * an innermost loop gets another around it, with the look in that one: it comes there every 2^thresholdBits turns.
 * For the same reason most loops leave when there is anything to look at, and do not come back. Small ones inside
 * others have a version without looks, or without the loop around them, that goes first.
 *
 * ```wat
 * (block $done                     ;; a loop that counts to a bound instead runs in strips:
 *   (loop $again                   ;; (loop $again
 *     (local.set $count ...)       ;;   (local.set $end ...)
 *     (block $pause                ;;   (loop $loop
 *       (loop $turns               ;;     ... (br_if $loop (i32.ne (local.get $i) (local.get $end))))
 *         (br_if $pause ...)       ;;   (if (i32.ne (local.get $i) ... bound ...)
 *         (block $loop             ;;     (then ... look ... (br $again))))
 *           ... (br $done))        ;;
 *         ... the same again ...   ;;
 *         (br $turns)))            ;;
 *     ... look ...
 *     (br $again)))
 * ```
 *
 * @module
 */
import { ValType as T } from "../types.ts";
import { Use } from "./body.ts";
import { type Counted, hasCalls, innermostLoop, isLargeLoop } from "./innermost_loop.ts";
import { type Loop, RewrittenLooks } from "./looks.ts";
import { I } from "./writer.ts";

/** Innermost loops inside others stand there twice, up to so many bytes. */
const mostTwice = 200;

export abstract class RewrittenLoops extends RewrittenLooks {
  /** What closes a block that was opened, by its place among the open ones. */
  readonly #closings: ((end: number) => void)[] = [];

  /** By open block of the original: how many loops there are that look, it included. */
  readonly #loops: number[] = [0];

  /**
   * A block of the original opens.
   *
   * @param added How many added blocks are around it, beside those that are around the innermost one.
   * @param close Called at its end.
   */
  protected opens(added = 0, close: (end: number) => void = nothing): void {
    this.around[this.frames] = this.around[this.frames - 1] + added;
    this.#loops[this.frames] = this.#loops[this.frames - 1];
    this.#closings[this.frames] = close;
  }

  /** So does a loop that looks. */
  protected opensLoop(added = 0, close?: (end: number) => void): void {
    this.opens(added, close);
    this.#loops[this.frames]++;
  }

  /** The innermost block ends. @param end File offset of its `end`. */
  protected closes(end: number): void {
    if (this.frames > 1) this.#closings[this.frames - 1](end);
  }

  /** A loop with a site. What is before it was copied. @param params How many parameters it takes. */
  protected pollingLoop(found: Pick<Loop, "site" | "offset" | "start">, params: number): void {
    const { bytes, codes } = this.module;
    const { policy, ticks } = this.context.options;
    const innermost = ticks || policy !== "counter" || bytes[found.offset + 1] !== 0x40
      ? undefined
      : innermostLoop(bytes, found.start, codes[this.definedIndex].end);
    const isInside = this.#loops[this.frames - 1] > 0;
    const leaves = this.canLeave &&
      (policy === "loop" || isInside || innermost === undefined && !hasCalls(bytes, found.start));
    const loop: Loop = { ...found, isInside, leaves };
    if (innermost === undefined) {
      this.opensLoop();
      this.copyTo(loop.start);
      this.store(params);
      return this.#lookingLoop(loop);
    }
    const { counted, length } = innermost;
    if (counted === undefined || !this.uses("strips")) this.#countingLoop(loop, length);
    else this.#stripLoop(loop, counted, length);
  }

  /**
   * A loop that looks in itself. What has no loop inside looks at every turn, since counting turns takes longer than
   * many of them do; others count them.
   */
  #lookingLoop(loop: Loop): void {
    const { policy, ticks } = this.context.options;
    if (policy === "loop" && loop.leaves) return this.leavingLook(loop);
    const polls = ticks || policy !== "counter" || !this.uses("moves");
    if (polls || !isLargeLoop(this.module.bytes, loop.start)) this.poll(loop.site, 1);
    else this.countingLook(loop);
  }

  /** Whether a loop has a version for few turns that does not look, behind which the one that does is never entered. */
  #isTwice({ isInside, leaves }: Loop, length: number): boolean {
    return isInside && leaves && length <= mostTwice && this.uses("versions");
  }

  /** Counts for several turns at once, if they are short: as many copies of the loop's body stand in a row. */
  #countingLoop(loop: Loop, length: number): void {
    const { writer: code } = this;
    const mostTurns = 2 ** this.context.options.thresholdBits;
    const copies = this.uses("copies") ? Math.min(copiesOf(length), mostTurns) : 1;
    const isTwice = this.#isTwice(loop, length);
    code.open("block");
    code.open(isTwice ? "block" : "loop");
    this.#startCount(mostTurns / copies);
    code.open("block");
    this.opensLoop(4, (end) => {
      this.copyTo(end);
      const body = code.written.slice(bodyStart);
      this.#endRow(body, copies);
      if (isTwice) {
        code.end();
        code.open("loop");
      }
      // Outside of the loop and of two of the added blocks.
      this.pauseInnermost(loop, -3);
      if (isTwice) {
        this.#startCount(mostTurns);
        code.open("block");
        code.open("loop");
        this.#beginRow();
        code.copy(body);
        this.#endRow(body, 1);
      }
      code.br(0);
      code.end();
      code.end();
      this.skipTo(end + 1);
    });
    this.copyTo(loop.start);
    this.#beginRow();
    const bodyStart = code.length;
  }

  /** For so many rows of bodies. */
  #startCount(rows: number): void {
    const { writer: code } = this;
    // One more, since it is counted before each.
    code.const(rows + 1);
    code.set(this.local(Use.count, T.i32));
  }

  /** Counts, and opens the block of the first body. */
  #beginRow(): void {
    const { writer: code } = this;
    const count = this.local(Use.count, T.i32);
    code.get(count);
    code.const(-1);
    code.u8(I.add);
    code.tee(count);
    code.u8(I.eqz);
    code.brIfUnlikely(1);
    code.open("block");
  }

  /** Behind the first body: the others, and the ends of the loop and of the block that is left for a look. */
  #endRow(body: Uint8Array, copies: number): void {
    const { writer: code } = this;
    for (let copy = 1; copy <= copies; copy++) {
      if (copy > 1) {
        code.open("block");
        code.copy(body);
      }
      code.br(4);
      code.end();
    }
    code.br(0);
    code.end();
    code.end();
  }

  #stripLoop(loop: Loop, counted: Counted, length: number): void {
    const { writer: code } = this;
    const isTwice = this.#isTwice(loop, length);
    if (isTwice) {
      code.open("block");
      code.open("block");
      this.#isLong(counted);
      code.brIfUnlikely(0);
    } else {
      code.open("loop");
      this.#setEnd(counted);
    }
    this.opensLoop(isTwice ? 2 : 1, (at) => {
      this.copyTo(counted.boundStart);
      const before = code.written.slice(bodyStart);
      if (isTwice) this.copyTo(counted.boundEnd);
      else this.#endOfStrip(counted);
      this.skipTo(counted.boundEnd);
      const afterStart = code.length;
      this.copyTo(at + 1);
      if (isTwice) {
        const after = code.written.slice(afterStart);
        code.br(1);
        code.end();
        code.open("loop");
        this.#setEnd(counted);
        code.open("loop");
        code.copy(before);
        this.#endOfStrip(counted);
        code.copy(after);
      }
      code.get(this.place(counted.local));
      this.#bound(counted);
      code.u8(I.ne);
      code.openUnlikely();
      // Outside of the loop, in this.
      this.pauseInnermost(loop, 0);
      code.br(1);
      code.end();
      code.end();
      if (isTwice) code.end();
    });
    this.copyTo(loop.start);
    const bodyStart = code.length;
  }

  /** Where a strip ends: at the bound, or sooner. */
  #setEnd(counted: Counted): void {
    const { writer: code } = this;
    const end = this.local(Use.end, T.i32);
    this.#bound(counted);
    code.set(end);
    this.#isLong(counted);
    code.openUnlikely();
    code.get(this.place(counted.local));
    code.const(Math.imul(counted.step, this.#most));
    code.u8(I.add);
    code.set(end);
    code.end();
  }

  /** The end of a strip, in place of the bound. */
  #endOfStrip({ boundStart, boundEnd }: Counted): void {
    const { writer: code } = this;
    code.get(this.local(Use.end, T.i32));
    if (boundStart === boundEnd) code.u8(I.ne);
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
  #isLong(counted: Counted): void {
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
    code.u8(I.geU);
  }
}

/** How many copies of a loop's body of so many bytes are worth their place. */
function copiesOf(length: number): number {
  return length <= 40 ? 4 : length <= 80 ? 2 : 1;
}

/** What an odd number is to be multiplied by for 1, modulo 2^32. */
function inverse(odd: number): number {
  let found = odd;
  // Each step doubles the bits that are right; three are to begin with.
  for (let bits = 3; bits < 32; bits *= 2) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}

function nothing(): void {}
