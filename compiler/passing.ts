/**
 * How instructions are passed over, for scans of whole modules that care for a few of them.
 *
 * @module
 */
import { type Immediate, opcodes } from "./opcodes.ts";

/** What follows an opcode. Up to `integers` it is a number of LEB128 integers. */
export const Passing = {
  integers: 2,
  f32: 3,
  f64: 4,
  /** A vector of labels, and one more. */
  labels: 5,
  /** A vector of value types. */
  types: 6,
  /** The rest of the opcode. */
  prefix: 7,
} as const;

const ofImmediate: Partial<Record<Immediate, number>> = {
  none: 0,
  f32: Passing.f32,
  f64: Passing.f64,
  labels: Passing.labels,
  select: Passing.types,
  memarg: 2,
  call_indirect: 2,
  memory_memory: 2,
  data_memory: 2,
  elem_table: 2,
  table_table: 2,
};

/** By opcode; those behind the prefix have the second half. */
export const passings = new Uint8Array(0x200).fill(1);
for (const { code, immediate } of opcodes) {
  passings[code > 0xff ? 0x100 | code & 0xff : code] = ofImmediate[immediate] ?? 1;
}
passings[0xfc] = Passing.prefix;
