/**
 * Rewriting a function: the same instructions, with looks for a stop request at its sites, and looks for
 * unwinding behind its calls. Instructions that need nothing are copied as bytes, in one pass with validation.
 *
 * @module
 */
import { Trait } from "../callgraph.ts";
import { op } from "../opcodes.ts";
import { Scan } from "../passing.ts";
import { Reader } from "../reader.ts";
import { signatureIndex } from "../signatures.ts";
import { type FuncType, type ValType, ValType as T } from "../types.ts";
import { NotRewritable, Use } from "./body.ts";
import { bytesOfGlobal } from "./extras.ts";
import { RewrittenLoops } from "./loops.ts";
import { I } from "./writer.ts";

/** What leads on from the innermost block in every case. */
const endsTurn = new Set([I.end, I.br, I.brTable, I.return, I.unreachable]);
/** A call further on in a loop is not looked for. In bytes. */
const farthestCall = 400;

type Handler = (rewriter: FunctionRewriter, offset: number) => void;

/** What is done about the instructions that are not simply copied. */
const handlers: Handler[] = [];
/** By `signatureIndex`: 1 for those instructions, but for accesses to locals, which are where they were. */
const heard = new Uint8Array(0x200);
/** The same, and accesses to locals. */
export const heardWithLocals: Uint8Array = new Uint8Array(0x200);

function handle(names: string, handler: (rewriter: FunctionRewriter, offset: number, name: string) => void) {
  for (const name of names.trim().split(/\s+/)) {
    const index = signatureIndex(op(name));
    handlers[index] = (rewriter, offset) => handler(rewriter, offset, name);
    heard[index] = heardWithLocals[index] = 1;
  }
}

handle("call", (rewriter, offset) => rewriter.call(offset));
handle("call_indirect", (rewriter, offset) => rewriter.callIndirect(offset));
handle("block", (rewriter, offset) => rewriter.block(offset, 0));
handle("if", (rewriter, offset) => rewriter.block(offset, 1));
handle("loop", (rewriter, offset) => rewriter.loop(offset));
handle("end", (rewriter, offset) => rewriter.end(offset));
handle("br br_if", (rewriter, offset) => rewriter.branch(offset));
handle("br_table", (rewriter, offset) => rewriter.branchTable(offset));
handle("global.get", (rewriter, offset) => rewriter.globalGet(offset));
handle("global.set", (rewriter, offset) => rewriter.globalSet(offset));
handle("local.get local.set local.tee", (rewriter, offset) => rewriter.accessLocal(offset));
handle("return", (rewriter, offset) => rewriter.return(offset));
handle("memory.grow", (rewriter, offset) => rewriter.grow(offset));
handle(
  `i32.trunc_f32_s i32.trunc_f32_u i64.trunc_f32_s i64.trunc_f32_u
   i32.trunc_f64_s i32.trunc_f64_u i64.trunc_f64_s i64.trunc_f64_u`,
  (rewriter, offset, name) => rewriter.truncate(offset, name.includes("f32") ? T.f32 : T.f64),
);
heard[signatureIndex(op("local.get"))] = 0;
heard[signatureIndex(op("local.set"))] = 0;
heard[signatureIndex(op("local.tee"))] = 0;
/** What changes tables, makes references, or needs segments: the runtime's own tables would not follow. */
const left = `table.get table.set table.init table.copy table.grow table.fill elem.drop memory.init data.drop
  ref.null ref.is_null ref.func`;
handle(left, (_rewriter, _offset, name) => {
  throw new NotRewritable(name);
});

/** What is called: a function by its new index, or an element of a table. */
type Callee = { readonly func: number } | { readonly table: number };

/** Rewrites the functions of one module, one after the other. */
export class FunctionRewriter extends RewrittenLoops {
  protected override readonly heard: Uint8Array = heard;

  protected override hear(offset: number, code: number): void {
    handlers[signatureIndex(code)](this, offset);
  }

  #immediates(offset: number): Reader {
    return new Reader(this.module.bytes, offset + 1);
  }

  call(offset: number): void {
    const reader = this.#immediates(offset);
    const func = reader.u32();
    const type = this.module.funcTypes[func];
    if (type === undefined) return;
    const target = this.target(func);
    if (!this.unreachable && (this.context.traits[func] & Trait.unwinds) !== 0) {
      this.#call(offset, reader.position, type.params.length, { func: target });
    } else if (target !== func) {
      this.copyTo(offset);
      this.passDepth({ func: target });
      this.writer.call(target);
      this.skipTo(reader.position);
    }
  }

  /** The index, where this code goes, of a function that it calls. */
  protected target(func: number): number {
    return func;
  }

  /** What a call needs to know of the depth of the stack: usually it is in a global. */
  protected passDepth(_callee: Callee): void {}

  /** The index, where this code goes, of a global that does not change, or whose access is never reached. */
  protected globalIndex(global: number): number {
    return global;
  }

  callIndirect(offset: number): void {
    if (this.unreachable) return;
    const reader = this.#immediates(offset);
    const type: FuncType | undefined = this.module.types[reader.u32()];
    const table = reader.u32();
    if (type !== undefined) this.#call(offset, reader.position, type.params.length + 1, { table });
  }

  /** The operands below a call's are saved before it, and there may be unwinding behind it. */
  #call(
    offset: number,
    end: number,
    taken: number,
    callee: Callee,
  ): void {
    // Too few: the validator will say so.
    if (this.depth - this.height < taken) return;
    const { writer: code, context: { extras } } = this;
    this.copyTo(offset);
    this.settle(taken);
    this.passDepth(callee);
    if ("table" in callee) {
      if (this.module.tables.length > 1) {
        code.const(callee.table);
        code.globalSet(extras.state("table"));
      }
      const element = this.local(Use.element, T.i32);
      code.tee(element);
      code.globalSet(extras.state("element"));
      code.get(element);
      this.copyTo(end);
    } else {
      code.call(callee.func);
      this.skipTo(end);
    }
    code.globalGet(extras.state("unwinding"));
    code.openUnlikely();
    this.exit(this.site("call", offset, taken), 1);
    code.end();
  }

  /** How many parameters a block takes, if it is known what is on the stack. */
  #params(reader: Reader, more: number): number | undefined {
    const type = reader.s33();
    const params = type < 0 ? 0 : this.module.types[type]?.params.length;
    return params !== undefined && this.depth - this.height >= params + more ? params : undefined;
  }

  block(offset: number, more: number): void {
    this.opens();
    if (this.unreachable) return;
    const params = this.#params(this.#immediates(offset), more);
    if (params === undefined || this.depth - this.height === params + more) return;
    this.copyTo(offset);
    this.settle(params + more);
  }

  end(offset: number): void {
    this.closes(offset);
  }

  loop(offset: number): void {
    const { policy } = this.context.options;
    if (policy === "none" || policy === "function" || this.unreachable) return this.block(offset, 0);
    const reader = this.#immediates(offset);
    const params = this.#params(reader, 0);
    if (this.#looksByCalling(reader.position)) return this.block(offset, 0);
    if (params === undefined) return this.opens();
    this.copyTo(offset);
    this.settle(params);
    const site = this.site("loop", offset, 0);
    this.pollingLoop({ site, offset, start: reader.position }, params);
  }

  /**
   * Whether every turn of a loop calls a recursive function, which looks at its entry.
   *
   * @param start File offset of the loop's first instruction.
   */
  #looksByCalling(start: number): boolean {
    const { context: { traits, options }, module: { bytes } } = this;
    if (options.ticks) return false;
    const scan = new Scan(bytes, start, Math.min(start + farthestCall, this.reader.end));
    for (let nesting = 0; !scan.ended;) {
      const opcode = scan.opcode();
      if (nesting === 0 && endsTurn.has(opcode)) return false;
      if (opcode === I.call) {
        if (nesting === 0 && (traits[scan.u32()] & Trait.cyclic) !== 0) return true;
        if (nesting > 0) scan.u32();
      } else if (opcode === I.br || opcode === I.brIf) {
        if (scan.u32() === nesting) return false;
      } else if (opcode === I.brTable) {
        for (let left = scan.u32(); left >= 0 && !scan.ended; left--) {
          if (scan.u32() === nesting) return false;
        }
      } else {
        if (opcode === I.block || opcode === I.loop || opcode === I.if) nesting++;
        else if (opcode === I.end) nesting--;
        scan.immediates(opcode);
      }
    }
    return false;
  }

  /** A branch goes past the blocks that were added on its way. */
  #label(label: number): number {
    const target = this.frames - 1 - label;
    return target < 0 ? label : label + this.around[this.frames - 1] - this.around[target];
  }

  branch(offset: number): void {
    const reader = this.#immediates(offset);
    const label = reader.u32();
    this.#immediate(offset, label, this.#label(label), reader.position);
  }

  /** Another number may stand for the only immediate of an instruction. */
  #immediate(offset: number, given: number, now: number, end: number): void {
    if (now === given) return;
    this.copyTo(offset + 1);
    this.writer.u32(now);
    this.skipTo(end);
  }

  branchTable(offset: number): void {
    if (this.around[this.frames - 1] === 0) return;
    const reader = this.#immediates(offset);
    this.copyTo(offset + 1);
    const count = reader.count();
    this.writer.u32(count);
    for (let i = 0; i <= count; i++) this.writer.u32(this.#label(reader.u32()));
    this.skipTo(reader.position);
  }

  return(offset: number): void {
    if (!this.countsDepth || this.unreachable) return;
    this.copyTo(offset);
    this.writer.br(this.#label(this.frames - 1));
    this.skipTo(offset + 1);
  }

  /** Heard of where locals are elsewhere. */
  accessLocal(offset: number): void {
    const reader = this.#immediates(offset);
    const local = reader.u32();
    this.#immediate(offset, local, this.place(local), reader.position);
  }

  globalGet(offset: number): void {
    const reader = this.#immediates(offset);
    const global = reader.u32();
    const found = this.module.globalTypes[global];
    if (found?.mutable && !this.unreachable) {
      this.copyTo(offset);
      this.writer.const(0);
      this.writer.load(found.type, this.context.extras.globals, bytesOfGlobal * global);
      this.skipTo(reader.position);
    } else this.#immediate(offset, global, this.globalIndex(global), reader.position);
  }

  globalSet(offset: number): void {
    const reader = this.#immediates(offset);
    const global = reader.u32();
    const found = this.module.globalTypes[global];
    if (found?.mutable && !this.unreachable) {
      const value = this.local(Use.globals + found.type, found.type);
      this.copyTo(offset);
      this.writer.set(value);
      this.writer.const(0);
      this.writer.get(value);
      this.writer.store(found.type, this.context.extras.globals, bytesOfGlobal * global);
      this.skipTo(reader.position);
    } else this.#immediate(offset, global, this.globalIndex(global), reader.position);
  }

  grow(offset: number): void {
    if (this.unreachable) return;
    this.copyTo(offset);
    this.help("grow");
    this.skipTo(offset + 2);
  }

  /** Tells NaNs from numbers out of range, which both trap. */
  truncate(offset: number, type: ValType): void {
    if (this.unreachable || this.depth === this.height) return;
    const { writer: code } = this;
    const operand = this.local(type === T.f32 ? Use.f32 : Use.f64, type);
    this.copyTo(offset);
    code.tee(operand);
    code.get(operand);
    code.get(operand);
    code.u8(type === T.f32 ? I.f32Ne : I.f64Ne);
    code.globalSet(this.context.extras.state("nan"));
  }
}
