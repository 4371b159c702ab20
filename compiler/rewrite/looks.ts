/**
 * What loops do to notice a stop request, and to find out that they had better go on elsewhere.
 *
 * @module
 */
import { mayLeave } from "../policy.ts";
import { ValType as T } from "../types.ts";
import { Use } from "./body.ts";
import { RewrittenFrame } from "./frame.ts";
import { I } from "./writer.ts";

/**
 * Functions with more code stay where they are: V8's best compiler takes seconds and hundreds of megabytes for them,
 * and JavaScript would be in parts. In bytes.
 */
export const mostMoved = 20_000;

/** An outer loop looks every 2^outerBits turns at least. */
const outerBits = 8;

/** What is known of a loop that has a site. */
export interface Loop {
  readonly site: number;
  /** File offsets of the opcode and of the first instruction in the loop. */
  readonly offset: number;
  readonly start: number;
  /** Whether it is in another that looks. */
  readonly isInside: boolean;
  /** Whether what looks in it leaves. */
  readonly leaves: boolean;
}

export abstract class RewrittenLooks extends RewrittenFrame {
  /** So many looks are a pause. A power of two. */
  protected get looksOfPause(): number {
    return 32;
  }

  /** Looks at every so many turns, which it counts. */
  protected countingLook({ site, leaves }: Loop): void {
    const { writer: code } = this;
    code.get(this.local(Use.turns, T.i32));
    this.#count(1);
    code.const(this.#turnsOfLook - 1);
    code.u8(I.and);
    code.u8(I.eqz);
    code.openUnlikely();
    if (leaves) this.#leave(site, 2);
    else this.#lookOrPause(site);
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
  protected pauseInnermost({ site, leaves }: Loop, inner: number): void {
    if (!this.uses("moves")) return this.poll(site, inner);
    this.#count(this.#turnsOfPause);
    if (leaves) this.#leave(site, inner);
    else this.pause(site, inner);
  }

  /**
   * Whether loops inside others may leave at every look that finds something, instead of asking first: the memory's
   * address and size are then the same in all of them for V8, since nothing that could grow it comes back.
   */
  protected get canLeave(): boolean {
    const { bodyStart, end } = this.module.codes[this.definedIndex];
    return mayLeave(this.context.options) && end - bodyStart <= mostMoved;
  }

  /** Leaves if a stop is requested, or the activation had better go on elsewhere. @param inner As `exit`. */
  #leave(site: number, inner: number): void {
    const { writer: code, context: { extras } } = this;
    this.stopWord();
    code.get(this.local(Use.turns, T.i32));
    code.globalGet(extras.state("patience"));
    code.u8(I.gtU);
    code.u8(I.or);
    this.#leaveIf(site, inner);
  }

  /** Looks at every turn, and leaves if there is anything to look at. */
  protected leavingLook({ site }: Loop): void {
    this.attention();
    this.#leaveIf(site, 1);
  }

  #leaveIf(site: number, inner: number): void {
    const { writer: code } = this;
    code.openUnlikely();
    this.help("leave");
    this.exit(site, inner + 1);
    code.end();
  }
}
