/**
 * The body of a function that is being rewritten: what is copied, the locals that are added, the sites, and the
 * frame around it all.
 *
 * ```wat
 * (block $capture
 *   (block $exit (result ...)
 *     ... (call $f) (if (global.get $unwinding) (then (local.set $site (i32.const 3)) (br $capture))) ...)
 *   (return))
 * ... save all locals and operands, and $site ...
 * ```
 *
 * @module
 */
import { Trait } from "../callgraph.ts";
import type { CompileOptions, PassName } from "../policy.ts";
import { isLive, type Liveness, livenessOf } from "../liveness.ts";
import { entryOffset, type Form, localTypes, type Site, type SiteKind, type Source } from "../sites.ts";
import { isRefType, type Module, type ValType, ValType as T } from "../types.ts";
import { FunctionValidator } from "../validate_function.ts";
import { UNKNOWN } from "../validate_stack.ts";
import { clonesOfEach, type Extras, Helper, type HelperName, helperTypes } from "./extras.ts";
import { CodeWriter, I } from "./writer.ts";

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

/** Byte offsets of the control words. */
const attention = 0, depthLimit = 4;

/** An outer loop looks every 2^outerBits turns at least, since nothing is known of what one takes. */
export const outerBits = 8;

/** Estimated bytes of a frame on V8's stack, beside its values. */
const frameBytes = 112;

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
  /** Where a strip ends, and how many integers are left to the bound. */
  end: 4,
  left: 5,
  /** A float that is to be truncated. */
  f32: 6,
  f64: 7,
  /** Turns of other than innermost loops until the next look, and how often there was one. */
  turns: 8,
  looks: 9,
  /** The value that a global is set to, by type. */
  globals: 256,
  /** Operands, by height and type. */
  operands: 512,
} as const;

/** V8 takes no more, of what is added as well. */
const mostLocals = 50_000, mostBytes = 7_654_321;

/** Bytes of a whole value. */
const widthOf = (type: ValType) => type === T.i32 || type === T.f32 ? 4 : 8;

export abstract class RewrittenBody extends FunctionValidator {
  protected readonly writer = new CodeWriter(1 << 16);
  readonly #head = new CodeWriter();
  readonly #tail = new CodeWriter(1 << 16);
  readonly #out = new CodeWriter(1 << 16);
  #func = 0;
  /** Which clone it is; 0 is the function itself. */
  #clone = 0;
  #copied = 0;
  #localTypes: ValType[] = [];
  /** Types of the locals that are added, and their indices by what they are for. */
  #added: ValType[] = [];
  readonly #named = new Map<number, number>();
  #sites: SavedSite[] = [];
  #liveness: Liveness | undefined;
  /** Whether any site leaves through the block at the end. */
  #usesBlock = false;
  /** By open block of the original: how many blocks around it are added. */
  protected readonly around: number[] = [0];

  constructor(protected readonly context: RewriteContext) {
    super(context.module);
  }

  /**
   * Validates and rewrites a defined function.
   *
   * @param clone 0 for the function itself, or which of its clones.
   * @returns The new body, local declarations included, until the next call.
   * @throws {MalformedError | InvalidError | UnsupportedError} as `validateFunction`.
   * @throws {NotRewritable}
   */
  rewrite(definedIndex: number, clone = 0): Uint8Array {
    const { module } = this;
    this.#clone = clone;
    const { start, bodyStart, end } = module.codes[definedIndex];
    this.#func = module.imported.funcs + definedIndex;
    this.#copied = bodyStart;
    this.#localTypes = localTypes(module, this.#func);
    this.#added = [];
    this.#named.clear();
    this.#sites = [];
    this.#liveness = undefined;
    this.#usesBlock = false;
    this.writer.clear();
    if (this.#localTypes.some(isRefType)) throw new NotRewritable("references in locals");
    const entry = this.#entry();
    this.validate(definedIndex);
    this.#out.clear();
    if (this.writer.length === 0 && this.#sites.length === 0) return module.bytes.subarray(start, end);
    this.copyTo(end - 1);
    return this.#assemble(entry);
  }

  /** Offsets in the body that was rewritten last, of branches that are seldom taken. */
  get unlikely(): readonly number[] {
    return this.#out.unlikely;
  }

  /** What the runtime must know of a function: found by rewriting it again, since few are ever asked for. */
  formOf(func: number): RewrittenForm {
    this.rewrite(func - this.module.imported.funcs);
    const localTypes = this.#localTypes;
    const saved = this.#sites.map((site) => this.#saved(site));
    const sites = this.#sites.map(({ operands, ...site }, i): Site => {
      const places = new Map<number, Source>();
      let at = 0;
      for (const local of saved[i]) {
        const isWide = this.#typeOf(local) === T.i64;
        places.set(local, isWide ? { at, highAt: at + 1 } : { at });
        at += isWide ? 2 : 1;
      }
      return {
        ...site,
        locals: localTypes.map((_, local) => places.get(local) ?? { constant: 0, high: 0 }),
        operands: operands.map((local) => places.get(local)!),
      };
    });
    return {
      func,
      localTypes,
      sites,
      saved: saved.map((locals) => locals.map((local) => this.#typeOf(local))),
    };
  }

  /** The locals that are saved at a site, in order. */
  #saved({ locals, operands }: SavedSite): readonly number[] {
    return locals === undefined ? this.#allLocals : [...locals, ...operands];
  }

  /** Those of the function, and those that keep operands. */
  get #allLocals(): number[] {
    const locals = this.#localTypes.map((_, local) => local);
    for (const [use, local] of this.#named) if (use >= Use.operands) locals.push(local);
    return locals;
  }

  #typeOf(local: number): ValType {
    return this.#localTypes[local] ?? this.#added[local - this.#localTypes.length];
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
      index = this.#localTypes.length + this.#added.push(type) - 1;
      this.#named.set(use, index);
    }
    return index;
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
    const site = { kind, offset: offset - this.module.codeSectionStart, types, locals, operands };
    return this.#sites.push(site) - 1;
  }

  /**
   * The locals that are wanted at a loop. What is not saved there need not be kept in a register, or anywhere,
   * while the loop runs. (Across a call nothing is in a register anyway.)
   */
  #liveAt(offset: number): number[] | undefined {
    const { bodyStart, end } = this.module.codes[this.definedIndex];
    if (end - bodyStart > maxLivenessSize || !this.uses("captures")) return undefined;
    this.#liveness ??= livenessOf(this.module, this.definedIndex, this.#localTypes.length, false);
    const live = this.#liveness.get(offset);
    return live && this.#localTypes.flatMap((_, local) => isLive(live, local) ? [local] : []);
  }

  /** Leaves at a site. @param inner Blocks around this place that the function does not have. */
  protected exit(site: number, inner: number, code = this.writer): void {
    if (this.#sites[site].locals !== undefined) return this.#exitHere(site, code);
    this.#usesBlock = true;
    code.const(site);
    code.set(this.local(Use.site, T.i32));
    // The function's own block is the one around it all but this.
    code.br(this.frames + inner + (this.frames === 0 ? 0 : this.around[this.frames - 1]));
  }

  #exitHere(site: number, code: CodeWriter): void {
    this.#save(this.#saved(this.#sites[site]), () => code.const(site), code);
    for (const type of this.module.funcTypes[this.#func].results) code.zero(type);
    code.u8(I.return);
  }

  /** The attention word. */
  protected attention(code = this.writer): void {
    code.word(this.context.extras.control, attention);
  }

  /** A look for a stop request. @param inner As `exit`. */
  protected poll(site: number, inner: number, code = this.writer): void {
    const { options } = this.context;
    if (options.ticks) {
      code.const(this.#func);
      code.const(site);
      this.help("tick", code);
      code.openUnlikely();
      this.exit(site, inner + 1, code);
      code.end();
      return;
    }
    this.attention(code);
    code.openUnlikely();
    this.help("poll", code);
    code.openUnlikely();
    this.exit(site, inner + 2, code);
    code.end();
    code.end();
  }

  /**
   * A look where a function has run for long: for a stop request, and whether it had better go on elsewhere.
   *
   * @param inner As `exit`.
   */
  protected pause(site: number, inner: number): void {
    const { writer: code } = this;
    code.const(this.#func);
    code.get(this.local(Use.looks, T.i32));
    this.help("pause");
    code.openUnlikely();
    this.exit(site, inner + 1);
    code.end();
  }

  /** Calls the runtime. */
  protected help(name: HelperName, code = this.writer): void {
    const { extras } = this.context;
    code.const(Helper[name]);
    code.callIndirect(extras.types.indexOf(helperTypes[name]), extras.helpers);
  }

  // ---- the frame around the body ----

  /** Whether the function counts the depth of the stack. */
  protected get countsDepth(): boolean {
    return this.#clone === 0 && (this.context.traits[this.#func] & Trait.cyclic) !== 0;
  }

  /** The function that a call of another, or of itself, goes to. */
  protected target(func: number): number {
    const first = this.context.extras.clones.get(func);
    if (func !== this.#func || first === undefined || this.#clone === clonesOfEach) return func;
    return first + this.#clone;
  }

  /** The site of the entry, if there is one. */
  #entry(): number | undefined {
    const { module } = this;
    const isCyclic = (this.context.traits[this.#func] & Trait.cyclic) !== 0;
    if (!this.#pollsAtEntry && !isCyclic) return undefined;
    const offset = entryOffset(module, this.#func);
    return this.#sites.push({ kind: "entry", offset, types: [], locals: undefined, operands: [] }) - 1;
  }

  get #pollsAtEntry(): boolean {
    const { options, traits } = this.context;
    return options.policy === "function" && (traits[this.#func] & Trait.works) !== 0;
  }

  #assemble(entry: number | undefined): Uint8Array {
    const head = this.#head;
    const tail = this.#tail;
    head.clear();
    tail.clear();
    if (this.#sites.length > 0) {
      head.open("block");
      if (entry !== undefined) this.#prologue(head, entry);
      const turns = this.#named.get(Use.turns);
      if (turns !== undefined && entry !== undefined) {
        // There was a look just now; else it is at the first turn.
        head.const(2 ** outerBits - 1);
        head.set(turns);
      }
      const { results } = this.module.funcTypes[this.#func];
      head.open("block", this.context.extras.types.blockType(results));
      this.#epilogue(tail, results);
    }
    tail.end();
    if (this.#localTypes.length + this.#added.length > mostLocals) throw new NotRewritable("too many locals");
    const out = this.#out;
    const { locals } = this.module.codes[this.definedIndex];
    out.u32(locals.length + this.#added.length);
    for (const { count, type } of locals) {
      out.u32(count);
      out.u8(type);
    }
    for (const type of this.#added) {
      out.u8(1);
      out.u8(type);
    }
    for (const part of [head, this.writer, tail]) {
      for (const at of part.unlikely) out.unlikely.push(out.length + at);
      out.copy(part.written);
    }
    if (out.length > mostBytes) throw new NotRewritable("a function too long for V8");
    return out.written;
  }

  /** Estimated bytes of stack that an activation takes. */
  get #frameBytes(): number {
    const own = frameBytes + 8 * (this.#localTypes.length + this.#added.length + this.deepest);
    return this.context.extras.clones.has(this.#func) ? (1 + clonesOfEach) * own : own;
  }

  #prologue(head: CodeWriter, entry: number): void {
    const { extras, options } = this.context;
    if (this.countsDepth) {
      const depth = this.local(Use.at, T.i32);
      // What the driver begins with is never too deep, so it always gets on.
      head.globalGet(extras.state("depth"));
      head.tee(depth);
      head.word(extras.control, depthLimit);
      head.u8(I.gtS);
      head.openUnlikely();
      head.get(depth);
      this.help("enter", head);
      head.openUnlikely();
      this.exit(entry, 2, head);
      head.end();
      head.end();
      head.get(depth);
      head.const(this.#frameBytes);
      head.u8(I.add);
      head.globalSet(extras.state("depth"));
    }
    if (options.ticks || this.#pollsAtEntry) this.poll(entry, 0, head);
  }

  #epilogue(tail: CodeWriter, results: readonly ValType[]): void {
    const { extras } = this.context;
    tail.end();
    if (this.countsDepth) {
      tail.globalGet(extras.state("depth"));
      tail.const(this.#frameBytes);
      tail.u8(I.sub);
      tail.globalSet(extras.state("depth"));
    }
    tail.u8(I.return);
    tail.end();
    if (this.#usesBlock) {
      this.#save(this.#allLocals, () => tail.get(this.local(Use.site, T.i32)), tail);
      for (const type of results) tail.zero(type);
    } else tail.u8(I.unreachable);
  }

  /** Saves a frame: the values of some locals. @param site Gives the number of the site. */
  #save(locals: readonly number[], site: () => void, code: CodeWriter): void {
    const { extras } = this.context;
    const at = this.local(Use.at, T.i32);
    const types = locals.map((local) => this.#typeOf(local));
    code.const(this.#func);
    site();
    code.const(types.reduce((sum, type) => sum + widthOf(type), 0));
    code.call(extras.frame);
    code.set(at);
    let offset = 0;
    locals.forEach((local, i) => {
      code.get(at);
      code.get(local);
      code.store(types[i], extras.frames, offset);
      offset += widthOf(types[i]);
    });
  }
}
