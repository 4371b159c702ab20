/**
 * The frame around the body of a rewritten function: how it is entered, looks for a stop, is left at a site, and
 * returns.
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
import { entryOffset } from "../sites.ts";
import { type Code, type ValType, ValType as T } from "../types.ts";
import { mostBytes, mostLocals, NotRewritable, RewrittenBody, Use } from "./body.ts";
import { Helper, type HelperName, helperTypes } from "./extras.ts";
import { save } from "./saving.ts";
import { CodeWriter, I } from "./writer.ts";

/** Byte offsets of the control words. */
const attention = 0, depthLimit = 4, stop = 8;

/** Estimated bytes of a frame on V8's stack, beside its values. */
const frameBytes = 112;

export abstract class RewrittenFrame extends RewrittenBody {
  readonly #head = new CodeWriter();
  readonly #tail = new CodeWriter(1 << 16);
  readonly #out = new CodeWriter(1 << 16);
  /** Whether any site leaves through the block at the end. */
  #usesBlock = false;

  /**
   * Validates and rewrites a defined function.
   *
   * @returns The new body, local declarations included, until the next call.
   * @throws {MalformedError | InvalidError | UnsupportedError} as `validateFunction`.
   * @throws {NotRewritable}
   */
  rewrite(definedIndex: number): Uint8Array {
    const { module } = this;
    const { start, end } = module.codes[definedIndex];
    this.start(definedIndex);
    this.#usesBlock = false;
    this.#out.clear();
    this.#head.clear();
    this.begin(this.#head);
    const entry = this.entrySite();
    this.validate(definedIndex);
    const isSame = this.writer.length + this.#head.length + this.sites.length === 0;
    if (isSame) return module.bytes.subarray(start, end);
    this.copyTo(end - 1);
    return this.#assemble(entry);
  }

  /** Offsets in the body that was rewritten last, of branches that are seldom taken. */
  get unlikely(): readonly number[] {
    return this.#out.unlikely;
  }

  // ---- leaving ----

  /** By which number the runtime finds the form that a frame was saved by. */
  protected get formNumber(): number {
    return this.func;
  }

  /** Leaves at a site. @param inner Blocks around this place that the function does not have. */
  protected exit(site: number, inner: number, code = this.writer): void {
    if (this.sites[site].locals !== undefined) return this.#exitHere(site, code);
    this.#usesBlock = true;
    code.const(site);
    code.set(this.local(Use.site, T.i32));
    // The function's own block is the one around it all but this.
    code.br(this.frames + inner + (this.frames === 0 ? 0 : this.around[this.frames - 1]));
  }

  #exitHere(site: number, code: CodeWriter): void {
    this.#save(this.saved(this.sites[site]), () => code.const(site), code);
    for (const type of this.results) code.zero(type);
    code.u8(I.return);
  }

  /** Saves a frame: the values of some locals. @param site Gives the number of the site. */
  #save(locals: readonly number[], site: () => void, code: CodeWriter): void {
    const types = locals.map((local) => this.typeOf(local));
    const places = locals.map((local) => this.place(local));
    save(code, this.context.extras, this.formNumber, site, places, types, this.local(Use.at, T.i32));
  }

  // ---- looking ----

  /** The attention word. */
  protected attention(code = this.writer): void {
    code.word(this.context.extras.control, attention);
  }

  /** The word that says that a stop is requested. */
  protected stopWord(): void {
    this.writer.word(this.context.extras.control, stop);
  }

  /** A look for a stop request. @param inner As `exit`. */
  protected poll(site: number, inner: number, code = this.writer): void {
    const { options } = this.context;
    if (options.ticks) {
      code.const(this.formNumber);
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
    code.const(this.formNumber);
    code.const(site);
    code.get(this.local(Use.turns, T.i32));
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

  // ---- entering and returning ----

  /** Whether the function looks how deep the stack is. */
  protected get looksAtDepth(): boolean {
    return (this.context.traits[this.func] & Trait.cyclic) !== 0;
  }

  /** Whether it counts the depth in a global, and so has something to do when it returns. */
  protected get countsDepth(): boolean {
    return this.looksAtDepth;
  }

  get #pollsAtEntry(): boolean {
    const { options, traits } = this.context;
    return options.policy === "function" && (traits[this.func] & Trait.works) !== 0;
  }

  /** The site of the entry, if there is one. */
  protected entrySite(): number | undefined {
    const { module } = this;
    if (!this.#pollsAtEntry && !this.looksAtDepth) return undefined;
    const offset = entryOffset(module, this.func);
    return this.sites.push({ kind: "entry", offset, types: [], locals: undefined, operands: [] }) - 1;
  }

  /** What a function does that does not begin at its entry. */
  protected begin(_head: CodeWriter): void {}

  #assemble(entry: number | undefined): Uint8Array {
    const head = this.#head;
    const tail = this.#tail;
    tail.clear();
    if (this.sites.length > 0) {
      head.open("block");
      if (this.looksAtDepth) this.deepen(head, entry);
      if (entry !== undefined && (this.context.options.ticks || this.#pollsAtEntry)) {
        this.poll(entry, 0, head);
      }
      const turns = this.find(Use.turns);
      if (turns !== undefined && this.looksLater) {
        head.const(1);
        head.set(turns);
      }
      head.open("block", this.context.extras.types.blockType(this.results));
      this.#epilogue(tail);
    }
    tail.end();
    return this.#joined(head, tail);
  }

  /** Whether there was a look just now. Else outer loops look at their first turn. */
  protected get looksLater(): boolean {
    return this.sites[0]?.kind === "entry";
  }

  protected get results(): readonly ValType[] {
    return this.module.funcTypes[this.func].results;
  }

  #joined(head: CodeWriter, tail: CodeWriter): Uint8Array {
    if (this.localTypes.length + this.added.length > mostLocals) throw new NotRewritable("too many locals");
    const out = this.#out;
    const { declared, added } = this;
    out.u32(declared.length + added.length);
    for (const { count, type } of declared) {
      out.u32(count);
      out.u8(type);
    }
    for (let i = 0; i < added.length; i++) {
      out.u8(1);
      out.u8(added[i]);
    }
    for (const part of [head, this.writer, tail]) {
      for (const at of part.unlikely) out.unlikely.push(out.length + at);
      out.copy(part.written);
    }
    if (out.length > mostBytes) throw new NotRewritable("a function too long for V8");
    return out.written;
  }

  /** Declarations of the function's locals. */
  protected get declared(): Code["locals"] {
    return this.module.codes[this.definedIndex].locals;
  }

  /** Estimated bytes of stack that an activation takes. */
  protected get frameBytes(): number {
    return frameBytes + 8 * (this.localTypes.length + this.added.length + this.deepest);
  }

  /** Counts the depth of the stack; at an entry that is a look, too. */
  protected deepen(head: CodeWriter, entry: number | undefined): void {
    const { extras } = this.context;
    const depth = this.local(Use.at, T.i32);
    head.globalGet(extras.state("depth"));
    if (entry !== undefined) {
      head.tee(depth);
      this.lookAtDepth(depth, head, entry);
      head.get(depth);
    }
    head.const(this.frameBytes);
    head.u8(I.add);
    head.globalSet(extras.state("depth"));
  }

  /** With the depth on the stack, and in a local. What the driver begins with is never too deep: it always gets on. */
  protected lookAtDepth(depth: number, head: CodeWriter, entry: number): void {
    head.word(this.context.extras.control, depthLimit);
    head.u8(I.gtS);
    head.openUnlikely();
    head.get(depth);
    this.help("enter", head);
    head.openUnlikely();
    this.exit(entry, 2, head);
    head.end();
    head.end();
  }

  #epilogue(tail: CodeWriter): void {
    const { extras } = this.context;
    tail.end();
    if (this.countsDepth) {
      tail.globalGet(extras.state("depth"));
      tail.const(this.frameBytes);
      tail.u8(I.sub);
      tail.globalSet(extras.state("depth"));
    }
    tail.u8(I.return);
    tail.end();
    if (this.#usesBlock) {
      this.#save(this.allLocals, () => tail.get(this.local(Use.site, T.i32)), tail);
      for (const type of this.results) tail.zero(type);
    } else tail.u8(I.unreachable);
  }
}
