/**
 * Decoding instructions without their types (WebAssembly 2.0, section 5.4): opcodes, immediates, nesting.
 *
 * @module
 */

import { UnsupportedError } from "./errors.ts";
import { type Immediate, type Opcode, opcodeOf } from "./opcodes.ts";
import type { Module } from "./types.ts";
import type { Reader } from "./reader.ts";
import { readBlockType, readRefType, readValType } from "./decode_types.ts";

/** Opcodes of later versions of the specification: first, last, feature. */
const later: readonly (readonly [number, number, string])[] = [
  [0x06, 0x0a, "exception handling"],
  [0x12, 0x13, "tail calls"],
  [0x14, 0x15, "typed function references"],
  [0x18, 0x19, "exception handling"],
  [0x1f, 0x1f, "exception handling"],
  [0xd3, 0xd3, "garbage collection"],
  [0xd4, 0xd6, "typed function references"],
  [0xe0, 0xe6, "stack switching"],
  [0xfb, 0xfb, "garbage collection"],
  [0xfc13, 0xfc16, "wide arithmetic"],
  [0xfe, 0xfe, "threads"],
];

/** Throws for an opcode that is not in the table; names the feature if a later version has it. */
export function illegalOpcode(reader: Reader, code: number, offset: number): never {
  if (code === 0xfd) throw new UnsupportedError("simd", offset, reader.where);
  const feature = later.find(([first, last]) => first <= code && code <= last)?.[2];
  const shown = code > 0xff
    ? `0xfc 0x${(code & 0xff).toString(16)}`
    : `0x${code.toString(16).padStart(2, "0")}`;
  reader.fail(`illegal opcode ${shown}${feature ? ` (${feature}: not supported)` : ""}`, offset);
}

/** Reads the first byte of an opcode; there must be one, since only `end` ends an expression. */
export function readOpcodeByte(reader: Reader): number {
  if (reader.position === reader.end) {
    reader.fail("unexpected end of section or function: END opcode expected");
  }
  return reader.u8();
}

/** Reads the rest of an opcode whose first byte was 0xFC. */
export function readPrefixed(reader: Reader, offset: number): number {
  const sub = reader.u32();
  if (sub > 0xff) reader.fail(`illegal opcode 0xfc 0x${sub.toString(16)}`, offset);
  return 0xfc00 | sub;
}

/** Reads an opcode, with its prefix; fails on one that is not in the table. */
export function readOpcode(reader: Reader): Opcode {
  const offset = reader.position;
  const byte = readOpcodeByte(reader);
  const code = byte === 0xfc ? readPrefixed(reader, offset) : byte;
  return opcodeOf(code) ?? illegalOpcode(reader, code, offset);
}

/** Reads the alignment of a memory access as an exponent of two; its offset follows. */
export function readAlignment(reader: Reader): number {
  const offset = reader.position;
  const align = reader.u32();
  if (align >= 32) {
    const feature = align >= 64 && align < 96 ? " (multiple memories: not supported)" : "";
    reader.fail(`malformed memop flags: alignment 2**${align}${feature}`, offset);
  }
  return align;
}

/** A byte that later versions may use and that must be zero in this one. */
export function readZero(reader: Reader): void {
  if (reader.u8() !== 0) {
    reader.fail("zero byte expected (multiple memories: not supported)", reader.position - 1);
  }
}

const skippers: Record<Immediate, (reader: Reader) => void> = {
  none: () => {},
  block: (reader) => readBlockType(reader),
  label: (reader) => reader.u32(),
  labels: (reader) => {
    for (let count = reader.count(); count >= 0; count--) reader.u32();
  },
  func: (reader) => reader.u32(),
  call_indirect: skipTwo,
  local: (reader) => reader.u32(),
  global: (reader) => reader.u32(),
  table: (reader) => reader.u32(),
  memarg: (reader) => {
    readAlignment(reader);
    reader.u32();
  },
  i32: (reader) => reader.s32(),
  i64: (reader) => reader.skipS64(),
  f32: (reader) => reader.skip(4),
  f64: (reader) => reader.skip(8),
  reftype: (reader) => readRefType(reader),
  select: (reader) => {
    for (let count = reader.count(); count > 0; count--) readValType(reader);
  },
  memory: readZero,
  memory_memory: (reader) => {
    readZero(reader);
    readZero(reader);
  },
  data: (reader) => reader.u32(),
  data_memory: (reader) => {
    reader.u32();
    readZero(reader);
  },
  elem: (reader) => reader.u32(),
  elem_table: skipTwo,
  table_table: skipTwo,
};

function skipTwo(reader: Reader): void {
  reader.u32();
  reader.u32();
}

/** Skips what follows an opcode; fails if it is malformed. */
export function skipImmediates(reader: Reader, opcode: Opcode): void {
  skippers[opcode.immediate](reader);
}

/**
 * Whether `memory.init` and `data.drop` are malformed for want of a data count section (5.5.16). Without any
 * data segment, 0 is as good as announced, and their index is unknown.
 */
export function needsDataCount({ dataCount, datas }: Pick<Module, "dataCount" | "datas">): boolean {
  return dataCount === undefined && datas.length > 0;
}

/**
 * Skips instructions up to and with the `end` that closes the sequence; fails if they are malformed.
 *
 * @param dataIndices Whether `memory.init` and `data.drop` are allowed; see `needsDataCount`.
 */
export function skipExpression(reader: Reader, dataIndices: boolean): void {
  const elseAllowed = [false];
  while (elseAllowed.length > 0) {
    const offset = reader.position;
    const opcode = readOpcode(reader);
    skipImmediates(reader, opcode);
    switch (opcode.name) {
      case "block":
      case "loop":
        elseAllowed.push(false);
        break;
      case "if":
        elseAllowed.push(true);
        break;
      case "else":
        if (!elseAllowed.pop()) reader.fail("END opcode expected, found else", offset);
        elseAllowed.push(false);
        break;
      case "end":
        elseAllowed.pop();
        break;
      case "memory.init":
      case "data.drop":
        if (!dataIndices) reader.fail("data count section required", offset);
    }
  }
}
