/**
 * Decoding and validating function bodies in one pass over their bytes (WebAssembly 2.0, sections 3.3, 3.4.1, 5.4).
 *
 * @module
 */

import { readRefType, readValType } from "./decode_types.ts";
import { illegalOpcode, readAlignment, readOpcodeByte, readPrefixed, readZero } from "./instructions.ts";
import { signatureIndex, signatures } from "./signatures.ts";
import { type FuncType, isRefType, type Module, ValType, valTypeName } from "./types.ts";
import { declaredFunctions, FunctionBody } from "./validate_body.ts";
import { BLOCK, ELSE, IF, LOOP, UNKNOWN } from "./validate_stack.ts";

/**
 * Hears of each instruction before it is checked.
 *
 * @param offset File offset of the opcode.
 * @param opcode As in the opcode table: `0xFC00 | sub` behind the prefix.
 * @param stack The operand types, the top last; 0 is a value of any type, in unreachable code. Valid during the
 * call only.
 * @param reachable Whether the instruction can be reached.
 * @param height Length of `stack` at the start of the innermost block, below its parameters.
 */
export type Probe = (
  offset: number,
  opcode: number,
  stack: readonly (ValType | 0)[],
  reachable: boolean,
  height: number,
) => void;

/**
 * Validates one defined function: `module.codes[definedIndex]`.
 *
 * ```ts
 * import { decode } from "./decode.ts";
 * import { validateFunction } from "./validate_function.ts";
 * function stackAt(bytes: Uint8Array, definedIndex: number, offset: number) {
 *   let types: number[] | undefined;
 *   validateFunction(decode(bytes), definedIndex, (at, _opcode, stack) => {
 *     if (at === offset) types = [...stack];
 *   });
 *   return types;
 * }
 * ```
 *
 * @throws {MalformedError} The instructions are not well-formed.
 * @throws {InvalidError} They break a rule of validation.
 * @throws {UnsupportedError} They need SIMD.
 */
export function validateFunction(module: Module, definedIndex: number, probe?: Probe): void {
  new FunctionValidator(module).validate(definedIndex, probe);
}

/** Validates functions of one module, one after the other, with the same buffers. */
export class FunctionValidator extends FunctionBody {
  readonly #signatures = signatures();
  /** By `signatureIndex`: 1 for the instructions that `hear` is told of. */
  protected heard: Uint8Array | undefined;

  /** For those who do more than validate: told of an instruction before it is checked. */
  protected hear(_offset: number, _code: number): void {}

  /** As `validateFunction`. */
  validate(definedIndex: number, probe?: Probe): void {
    this.open(definedIndex);
    const { reader } = this;
    this.#instructions(probe);
    if (reader.position !== reader.end) {
      reader.fail("section size mismatch: instructions after the function's end");
    }
  }

  #instructions(probe: Probe | undefined): void {
    const reader = this.reader;
    const { plain, alignment } = this.#signatures;
    const { heard } = this;
    const probed: (ValType | 0)[] = [];
    while (this.frames > 0) {
      const offset = reader.position;
      let code = readOpcodeByte(reader);
      if (code === 0xfc) code = readPrefixed(reader, offset);
      this.offset = offset;
      this.code = code;
      if (probe !== undefined) {
        probed.length = this.depth;
        for (let i = 0; i < this.depth; i++) probed[i] = this.types[i] as ValType | 0;
        probe(offset, code, probed, !this.unreachable, this.height);
      }
      const index = signatureIndex(code);
      if (heard !== undefined && heard[index] === 1) this.hear(offset, code);
      if (plain[index] === 1) this.#apply(index);
      else if (alignment[index] !== 0) this.#access(index, alignment[index] - 1);
      else this.#contextual(code);
    }
  }

  /** Pops and pushes what the opcode table says. */
  #apply(index: number): void {
    const { types } = this.#signatures;
    const at = 4 * index;
    if (types[at] !== 0) {
      this.pop(types[at]);
      if (types[at + 1] !== 0) {
        this.pop(types[at + 1]);
        if (types[at + 2] !== 0) this.pop(types[at + 2]);
      }
    }
    if (types[at + 3] !== 0) this.push(types[at + 3]);
  }

  #access(index: number, natural: number): void {
    if (readAlignment(this.reader) > natural) this.invalid("alignment must not be larger than natural");
    this.reader.u32();
    this.checkMemory();
    this.#apply(index);
  }

  /** An instruction with immediates, or whose types depend on the context. */
  #contextual(code: number): void {
    const reader = this.reader;
    switch (code) {
      case 0x20: // local.get
        return this.push(this.localType());
      case 0x21: // local.set
        return this.pop(this.localType());
      case 0x22: { // local.tee
        const type = this.localType();
        this.pop(type);
        return this.push(type);
      }
      case 0x41: // i32.const
        reader.s32();
        return this.push(ValType.i32);
      case 0x42: // i64.const
        reader.skipS64();
        return this.push(ValType.i64);
      case 0x43: // f32.const
        reader.skip(4);
        return this.push(ValType.f32);
      case 0x44: // f64.const
        reader.skip(8);
        return this.push(ValType.f64);
      case 0x23: // global.get
        return this.push(this.globalType().type);
      case 0x24: { // global.set
        const { type, mutable } = this.globalType();
        if (!mutable) this.invalid("global is immutable");
        return this.pop(type);
      }
      case 0x00: // unreachable
        return this.setUnreachable();
      case 0x02: // block
        return this.#enterBlock(BLOCK);
      case 0x03: // loop
        return this.#enterBlock(LOOP);
      case 0x04: // if
        return this.#enterBlock(IF);
      case 0x05: // else
        return this.#else();
      case 0x0b: // end
        return this.#end();
      case 0x0c: // br
        this.popAll(this.labelTypes(reader.u32()));
        return this.setUnreachable();
      case 0x0d: { // br_if
        const types = this.labelTypes(reader.u32());
        this.pop(ValType.i32);
        this.popAll(types);
        return this.pushAll(types);
      }
      case 0x0e: // br_table
        return this.#brTable();
      case 0x0f: // return
        this.popAll(this.labelTypes(this.frames - 1));
        return this.setUnreachable();
      case 0x10: // call
        return this.#call(this.module.funcTypes[this.functionIndex()]);
      case 0x11: // call_indirect
        return this.#callIndirect();
      case 0x1a: // drop
        this.popAny();
        return;
      case 0x1b: // select
        return this.#select();
      case 0x1c: // select t
        return this.#selectTyped();
      case 0x3f: // memory.size
      case 0x40: // memory.grow
      case 0xfc0b: // memory.fill
        readZero(reader);
        this.checkMemory();
        return this.#apply(signatureIndex(code));
      case 0xfc0a: // memory.copy
        readZero(reader);
        readZero(reader);
        this.checkMemory();
        return this.#apply(signatureIndex(code));
      case 0xfc08: { // memory.init
        const index = reader.u32();
        readZero(reader);
        this.checkMemory();
        this.checkData(index);
        return this.#apply(signatureIndex(code));
      }
      case 0xfc09: // data.drop
        return this.checkData(reader.u32());
      case 0xd0: // ref.null
        return this.push(readRefType(reader));
      case 0xd1: { // ref.is_null
        const type = this.popAny();
        if (type !== UNKNOWN && !isRefType(type)) {
          this.invalid(`type mismatch: expected a reference, found ${valTypeName(type)}`);
        }
        return this.push(ValType.i32);
      }
      case 0xd2: // ref.func
        return this.#refFunc();
      default:
        return this.#tableInstruction(code);
    }
  }

  #tableInstruction(code: number): void {
    const reader = this.reader;
    switch (code) {
      case 0x25: { // table.get
        const type = this.tableType();
        this.pop(ValType.i32);
        return this.push(type);
      }
      case 0x26: // table.set
        this.pop(this.tableType());
        return this.pop(ValType.i32);
      case 0xfc0c: { // table.init
        const index = reader.u32();
        this.checkSame(this.tableType(), this.elementType(index));
        return this.#apply(signatureIndex(code));
      }
      case 0xfc0d: // elem.drop
        this.elementType(reader.u32());
        return;
      case 0xfc0e: { // table.copy
        const destination = this.tableType();
        this.checkSame(destination, this.tableType());
        return this.#apply(signatureIndex(code));
      }
      case 0xfc0f: { // table.grow
        const type = this.tableType();
        this.pop(ValType.i32);
        this.pop(type);
        return this.push(ValType.i32);
      }
      case 0xfc10: // table.size
        this.tableType();
        return this.push(ValType.i32);
      case 0xfc11: { // table.fill
        const type = this.tableType();
        this.pop(ValType.i32);
        this.pop(type);
        return this.pop(ValType.i32);
      }
      default:
        illegalOpcode(reader, code, this.offset);
    }
  }

  #enterBlock(kind: number): void {
    const type = this.blockType();
    if (kind === IF) this.pop(ValType.i32);
    this.popAll(type.params);
    this.enter(kind, type);
  }

  #else(): void {
    if (this.kind() !== IF) this.reader.fail("END opcode expected, found else", this.offset);
    this.enter(ELSE, this.leave());
  }

  #end(): void {
    const kind = this.kind();
    const type = this.leave();
    if (kind === IF && !sameTypes(type.params, type.results)) {
      this.invalid("type mismatch: an if without else must have the same parameters and results");
    }
    if (this.frames > 0) this.pushAll(type.results);
  }

  #brTable(): void {
    const reader = this.reader;
    const count = reader.count();
    this.pop(ValType.i32);
    let arity = -1;
    let checked: readonly ValType[] | undefined;
    for (let i = 0; i <= count; i++) {
      const types = this.labelTypes(reader.u32());
      if (types === checked) continue;
      if (arity !== -1 && types.length !== arity) {
        this.invalid(`type mismatch: br_table labels carry ${arity} and ${types.length} values`);
      }
      arity = types.length;
      this.checkTop(types);
      checked = types;
    }
    this.setUnreachable();
  }

  #call(type: FuncType): void {
    this.popAll(type.params);
    this.pushAll(type.results);
  }

  #callIndirect(): void {
    const type = this.typeAt(this.reader.u32());
    this.checkSame(ValType.funcref, this.tableType());
    this.pop(ValType.i32);
    this.#call(type);
  }

  #select(): void {
    this.pop(ValType.i32);
    const second = this.popAny();
    const first = this.popAny();
    const type = first === UNKNOWN ? second : first;
    if (isRefType(type) || isRefType(second)) {
      this.invalid("type mismatch: expected numbers, found a reference; select on references needs its type");
    }
    if (second !== UNKNOWN && second !== type) {
      this.invalid(`type mismatch: select between ${valTypeName(type)} and ${valTypeName(second)}`);
    }
    this.push(type);
  }

  #selectTyped(): void {
    const count = this.reader.count();
    let type: number = UNKNOWN;
    for (let i = 0; i < count; i++) type = readValType(this.reader);
    if (count !== 1) this.invalid(`invalid result arity ${count}`);
    this.pop(ValType.i32);
    this.pop(type);
    this.pop(type);
    this.push(type);
  }

  #refFunc(): void {
    const index = this.functionIndex();
    if (declaredFunctions(this.module)[index] === 0) this.invalid(`undeclared function reference ${index}`);
    this.push(ValType.funcref);
  }
}

function sameTypes(a: readonly ValType[], b: readonly ValType[]): boolean {
  return a.length === b.length && a.every((type, i) => type === b[i]);
}
