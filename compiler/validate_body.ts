/**
 * A function body being read: the index spaces its immediates refer to, its locals, and where errors are.
 *
 * @module
 */

import { readBlockType } from "./decode_types.ts";
import { InvalidError, UnsupportedError } from "./errors.ts";
import { needsDataCount } from "./instructions.ts";
import { opcodeOf } from "./opcodes.ts";
import { Reader } from "./reader.ts";
import { type FuncType, type GlobalType, type Module, type RefType, ValType, valTypeName } from "./types.ts";
import { FUNC, TypeStacks } from "./validate_stack.ts";

/** Reads indices from the body and looks up what they mean; an unknown one is an `InvalidError`. */
export abstract class FunctionBody extends TypeStacks {
  protected readonly module: Module;
  protected readonly reader: Reader;
  protected definedIndex = 0;
  #locals = new Uint8Array(64);
  #localCount = 0;
  /** The current instruction, for messages: file offset and opcode. */
  protected offset = 0;
  protected code = 0;

  constructor(module: Module) {
    super();
    this.module = module;
    this.reader = new Reader(module.bytes);
    this.reader.part = "code section";
  }

  /** Starts on a defined function. */
  protected open(definedIndex: number): void {
    const { module, reader } = this;
    const code = module.codes[definedIndex];
    const { params, results } = module.types[code.typeIndex];
    this.definedIndex = definedIndex;
    reader.func = module.imported.funcs + definedIndex;
    reader.position = code.bodyStart;
    reader.end = code.end;
    this.#localCount = code.locals.reduce((count, run) => count + run.count, params.length);
    if (this.#localCount > this.#locals.length) this.#locals = new Uint8Array(2 * this.#localCount);
    this.#locals.set(params);
    let index = params.length;
    for (const run of code.locals) this.#locals.fill(run.type, index, index += run.count);
    this.reset();
    this.enter(FUNC, { params: [], results });
  }

  protected blockType(): FuncType {
    const value = readBlockType(this.reader);
    if (value >= 0) return this.typeAt(value);
    return value === -64 ? emptyType : singleTypes[value + 0x80];
  }

  protected typeAt(index: number): FuncType {
    return this.module.types[index] ?? this.invalid(`unknown type ${index}`);
  }

  protected localType(): number {
    const index = this.reader.u32();
    if (index >= this.#localCount) this.invalid(`unknown local ${index}`);
    return this.#locals[index];
  }

  protected globalType(): GlobalType {
    const index = this.reader.u32();
    return this.module.globalTypes[index] ?? this.invalid(`unknown global ${index}`);
  }

  protected functionIndex(): number {
    const index = this.reader.u32();
    if (index >= this.module.funcTypes.length) this.invalid(`unknown function ${index}`);
    return index;
  }

  /** Reads a table index and returns the table's element type. */
  protected tableType(): RefType {
    const index = this.reader.u32();
    const table = this.module.tables[index] ?? this.invalid(`unknown table ${index}`);
    return table.element;
  }

  protected checkMemory(): void {
    if (this.module.memories.length === 0) this.invalid("unknown memory 0");
  }

  protected elementType(index: number): RefType {
    const segment = this.module.elements[index] ?? this.invalid(`unknown elem segment ${index}`);
    return segment.type;
  }

  protected checkData(index: number): void {
    if (needsDataCount(this.module)) this.reader.fail("data count section required", this.offset);
    if (index >= this.module.datas.length) this.invalid(`unknown data segment ${index}`);
  }

  protected checkSame(expected: RefType, found: RefType): void {
    if (expected !== found) {
      this.invalid(`type mismatch: expected ${valTypeName(expected)}, found ${valTypeName(found)}`);
    }
  }

  /** For example `code section, function 7 "main", i32.add`. */
  #where(): string {
    const index = this.module.imported.funcs + this.definedIndex;
    const name = this.module.names.funcs.get(index);
    return `code section, function ${index}${name === undefined ? "" : ` "${name}"`}, ${
      opcodeOf(this.code)?.name
    }`;
  }

  protected override invalid(reason: string): never {
    throw new InvalidError(reason, this.offset, this.#where());
  }

  protected override unsupported(feature: string): never {
    throw new UnsupportedError(feature, this.offset, this.#where());
  }
}

const emptyType: FuncType = { params: [], results: [] };
/** The block types that are one result, by value type. */
const singleTypes: Readonly<Record<number, FuncType>> = Object.fromEntries(
  Object.values(ValType).map((type) => [type, { params: [], results: [type] }]),
);

const declared = new WeakMap<Module, Uint8Array>();

/**
 * For each function index, 1 if the module mentions it outside of function bodies and the start function: only
 * those may be the target of `ref.func` (3.4.10).
 */
export function declaredFunctions(module: Module): Uint8Array {
  let set = declared.get(module);
  if (set === undefined) {
    set = new Uint8Array(module.funcTypes.length);
    for (const { kind, index } of module.exports) if (kind === "func") set[index] = 1;
    for (const { init } of module.globals) if (init.op === "ref.func") set[init.index] = 1;
    for (const { init } of module.elements) {
      for (const expr of init) if (expr.op === "ref.func") set[expr.index] = 1;
    }
    declared.set(module, set);
  }
  return set;
}
