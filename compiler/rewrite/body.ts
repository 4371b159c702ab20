/**
 * The body of a function that is being rewritten: what is copied, the locals that are added, and the sites with what
 * is saved at each.
 *
 * @module
 */
import type { CompileOptions, PassName } from "../policy.ts";
import { isLive, type Liveness, livenessOf } from "../liveness.ts";
import { type Form, localTypes, type Site, type SiteKind, type Source } from "../sites.ts";
import { isRefType, type Module, type ValType, ValType as T } from "../types.ts";
import { FunctionValidator } from "../validate_function.ts";
import { UNKNOWN } from "../validate_stack.ts";
import type { Extras } from "./extras.ts";
import { CodeWriter } from "./writer.ts";

/** The module has something that this back end leaves to the other. */
export class NotRewritable extends Error {}

/** What functions are rewritten against. */
export interface RewriteContext {
  readonly module: Module;
  readonly options: CompileOptions;
  readonly extras: Extras;
  /** By function index: bits of `Trait`. */
  readonly traits: Uint8Array;
}

/** What the runtime must know to read the frames of a rewritten function. */
export interface RewrittenForm extends Form {
  /** By site: types of the values of a captured frame, in order. */
  readonly saved: readonly (readonly ValType[])[];
}

/** A site, and the locals that are saved there: those of the function that are wanted, then operands. */
interface SavedSite extends Omit<Site, "locals" | "operands"> {
  /** All of them where the block at the function's end saves them. */
  readonly locals: readonly number[] | undefined;
  readonly operands: readonly number[];
}

/** Liveness is not worth finding in functions with more code. In bytes. */
const maxLivenessSize = 20_000;

/** What locals are added for. */
export const Use = {
  /** The number of the site that is left. */
  site: 0,
  /** An address or a depth that is needed for a moment. */
  at: 1,
  /** The index of an indirect call. */
  element: 2,
  /** Turns until the next look. */
  count: 3,
  /** Where a strip ends. */
  end: 4,
  /** A float that is to be truncated. */
  f32: 6,
  f64: 7,
  /** Turns of loops so far, of those that count them. */
  turns: 8,
  /** The value that a global is set to, by type. */
  globals: 256,
  /** Operands, by height and type. */
  operands: 512,
} as const;

/** V8 takes no more, of what is added as well. */
export const mostLocals = 50_000, mostBytes = 7_654_321;

export abstract class RewrittenBody extends FunctionValidator {
  protected readonly writer = new CodeWriter(1 << 16);
  /** Index of the function. */
  protected func = 0;
  #copied = 0;
  /** Types of the function's locals, parameters first. */
  protected localTypes: readonly ValType[] = [];
  /** Types of the locals that are added, and their indices by what they are for. */
  protected readonly added: ValType[] = [];
  readonly #named = new Map<number, number>();
  protected readonly sites: SavedSite[] = [];
  #liveness: Liveness | undefined;
  /** By open block of the original: how many blocks around it are added. */
  protected readonly around: number[] = [0];

  constructor(protected readonly context: RewriteContext) {
    super(context.module);
  }

  /** Starts on a defined function. @throws {NotRewritable} */
  protected start(definedIndex: number): void {
    const { module } = this;
    this.func = module.imported.funcs + definedIndex;
    this.#copied = module.codes[definedIndex].bodyStart;
    this.localTypes = localTypes(module, this.func);
    this.added.length = 0;
    this.#named.clear();
    this.sites.length = 0;
    this.#liveness = undefined;
    this.writer.clear();
    if (this.localTypes.some(isRefType)) throw new NotRewritable("references in locals");
  }

  /** What the runtime must know of the function that was rewritten last. */
  get form(): RewrittenForm {
    const types = this.localTypes.slice(0, this.ownLocals);
    const saved = this.sites.map((site) => this.saved(site));
    const sites = this.sites.map(({ operands, ...site }, i): Site => {
      const places = new Map<number, Source>();
      let at = 0;
      for (const local of saved[i]) {
        const isWide = this.typeOf(local) === T.i64;
        places.set(local, isWide ? { at, highAt: at + 1 } : { at });
        at += isWide ? 2 : 1;
      }
      return {
        ...site,
        locals: types.map((_, local) => places.get(local) ?? { constant: 0, high: 0 }),
        operands: operands.map((local) => places.get(local)!),
      };
    });
    return {
      func: this.ownFunc,
      localTypes: types,
      sites,
      saved: saved.map((locals) => locals.map((local) => this.typeOf(local))),
    };
  }

  /** The function that frames are of. */
  protected get ownFunc(): number {
    return this.func;
  }

  /** How many of the locals frames have. */
  protected get ownLocals(): number {
    return this.localTypes.length;
  }

  /** The name of a site at an instruction. */
  protected siteAt(offset: number): number {
    return offset - this.module.codeSectionStart;
  }

  /** The locals that are saved at a site, in order. */
  protected saved({ locals, operands }: SavedSite): readonly number[] {
    return locals === undefined ? this.allLocals : [...locals, ...operands];
  }

  /** The locals that frames have, and are wanted. */
  #own(isWanted: (local: number) => boolean): number[] {
    const locals: number[] = [];
    for (let local = 0; local < this.ownLocals; local++) if (isWanted(local)) locals.push(local);
    return locals;
  }

  /** Those of the function, and those that keep operands. */
  protected get allLocals(): number[] {
    const locals = this.#own(() => true);
    for (const [use, local] of this.#named) if (use >= Use.operands) locals.push(local);
    return locals;
  }

  protected typeOf(local: number): ValType {
    return this.localTypes[local] ?? this.added[local - this.firstAdded];
  }

  /** Index of the first local that is added. */
  protected get firstAdded(): number {
    return this.localTypes.length;
  }

  /** Where a local of the function is. */
  protected place(local: number): number {
    return local;
  }

  /** Whether a pass is not left out. */
  protected uses(pass: PassName): boolean {
    return !this.context.options.without.includes(pass);
  }

  // ---- copying ----

  /** Copies the instructions before an offset in the file that were not copied yet. */
  protected copyTo(offset: number): void {
    this.writer.copy(this.module.bytes, this.#copied, offset);
    this.#copied = offset;
  }

  /** Goes on copying behind an instruction that something else stands for. */
  protected skipTo(offset: number): void {
    this.#copied = offset;
  }

  // ---- locals ----

  /** An added local, by what it is for. */
  protected local(use: number, type: ValType): number {
    let index = this.#named.get(use);
    if (index === undefined) {
      index = this.firstAdded + this.added.push(type) - 1;
      this.#named.set(use, index);
    }
    return index;
  }

  /** The local that was added for something, if it was. */
  protected find(use: number): number | undefined {
    return this.#named.get(use);
  }

  /** Of the operand at a height of the stack. In code that is never reached it can be unknown; any will do. */
  #operandType(height: number): ValType {
    const type = this.types[height];
    return type === UNKNOWN ? T.i32 : type as ValType;
  }

  /** The local that keeps the operand at a height of the stack. */
  #temporary(height: number): number {
    const type = this.#operandType(height);
    return this.local(Use.operands + 256 * height + type, type);
  }

  /**
   * Sees to it that the operands of the innermost block, but for some on top, are in locals, too. Those of the
   * blocks around it are, since it was entered.
   */
  protected settle(top: number): void {
    if (this.depth - this.height > top) this.store(this.depth - this.height);
  }

  /** Sees to it that so many operands on top are in locals, too. */
  protected store(count: number): void {
    // Many operands below many calls would soon take all memory.
    if (this.writer.length > mostBytes) throw new NotRewritable("a function too long for V8");
    for (let i = this.depth - 1; i >= this.depth - count; i--) this.writer.set(this.#temporary(i));
    for (let i = this.depth - count; i < this.depth; i++) this.writer.get(this.#temporary(i));
  }

  // ---- sites ----

  /** A new site, at an instruction that takes so many operands from the top. */
  protected site(kind: SiteKind, offset: number, taken: number): number {
    const types: ValType[] = [];
    const operands: number[] = [];
    for (let i = 0; i < this.depth - taken; i++) {
      types.push(this.#operandType(i));
      operands.push(this.#temporary(i));
    }
    const locals = kind === "loop" ? this.#liveAt(offset) : undefined;
    return this.sites.push({ kind, offset: this.siteAt(offset), types, locals, operands }) - 1;
  }

  /**
   * The locals that are wanted at a loop. What is not saved there need not be kept in a register, or anywhere,
   * while the loop runs. (Across a call nothing is in a register anyway.)
   */
  #liveAt(offset: number): number[] | undefined {
    const { bodyStart, end } = this.module.codes[this.definedIndex];
    if (end - bodyStart > maxLivenessSize || !this.uses("captures")) return undefined;
    this.#liveness ??= livenessOf(this.module, this.definedIndex, this.localTypes.length, false);
    const live = this.#liveness.get(offset);
    return live && this.#own((local) => isLive(live, local));
  }
}
