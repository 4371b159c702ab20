/**
 * Reading the instructions of a validated body one by one, with their immediates.
 *
 * @module
 */
import { readBlockType, readRefType, readValType } from "../decode_types.ts";
import { readOpcode } from "../instructions.ts";
import type { Immediate, Opcode } from "../opcodes.ts";
import { Reader } from "../reader.ts";
import type { Module } from "../types.ts";

type Values = (number | bigint)[];

const u32 = (reader: Reader, values: Values) => values.push(reader.u32());
const twice = (reader: Reader, values: Values) => values.push(reader.u32(), reader.u32());

const readers: Readonly<Record<Immediate, (reader: Reader, values: Values) => void>> = {
  none: () => {},
  block: (reader, values) => values.push(readBlockType(reader)),
  label: u32,
  labels: (reader, values) => {
    for (let count = reader.u32(); count >= 0; count--) values.push(reader.u32());
  },
  func: u32,
  call_indirect: twice,
  local: u32,
  global: u32,
  table: u32,
  memarg: twice,
  i32: (reader, values) => values.push(reader.s32()),
  i64: (reader, values) => values.push(reader.s64()),
  f32: (reader, values) => values.push(reader.f32Bits()),
  f64: (reader, values) => values.push(reader.f64Bits()),
  reftype: (reader, values) => values.push(readRefType(reader)),
  select: (reader, values) => {
    for (let count = reader.u32(); count > 0; count--) values.push(readValType(reader));
  },
  memory: u32,
  memory_memory: twice,
  data: u32,
  data_memory: twice,
  elem: u32,
  elem_table: twice,
  table_table: twice,
};

/**
 * A cursor over the instructions of a defined function; it stands before the first one.
 *
 * ```ts
 * import { BodyCursor } from "./body.ts";
 * import type { Module } from "../types.ts";
 * function names(module: Module, func: number): string[] {
 *   const all: string[] = [];
 *   for (const cursor = new BodyCursor(module, func); cursor.next();) all.push(cursor.opcode.name);
 *   return all;
 * }
 * ```
 */
export class BodyCursor {
  /** File offset of the instruction. */
  offset = 0;
  opcode!: Opcode;
  /** Its immediates in their order; floats as bits. The next instruction's take their place. */
  readonly values: Values = [];
  readonly #reader: Reader;

  /** @param func Function index; not an imported one. */
  constructor(module: Module, func: number) {
    const { bodyStart, end } = module.codes[func - module.imported.funcs];
    this.#reader = new Reader(module.bytes, bodyStart, end);
  }

  /** @returns Whether there is one more instruction; the fields then describe it. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.position >= reader.end) return false;
    this.offset = reader.position;
    this.opcode = readOpcode(reader);
    this.values.length = 0;
    readers[this.opcode.immediate](reader, this.values);
    return true;
  }

  /** The code of the instruction behind this one; 0 behind the last. */
  get following(): number {
    const { position, end, bytes } = this.#reader;
    return position < end ? bytes[position] : 0;
  }
}
