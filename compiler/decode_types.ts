/**
 * Decoding types (WebAssembly 2.0, section 5.3).
 *
 * @module
 */

import { UnsupportedError } from "./errors.ts";
import type { Reader } from "./reader.ts";
import { type FuncType, type GlobalType, isRefType, type Limits, type RefType, ValType } from "./types.ts";

/** Most parameters or results of a function type; the limit of the JavaScript embedding. */
const MAX_ARITY = 1000;

/** Encodings of types in later versions of the specification. */
const later: Readonly<Record<number, string>> = {
  0x69: "exception handling",
  0x68: "stack switching",
  0x6a: "garbage collection",
  0x6b: "garbage collection",
  0x6c: "garbage collection",
  0x6d: "garbage collection",
  0x6e: "garbage collection",
  0x71: "garbage collection",
  0x72: "garbage collection",
  0x73: "garbage collection",
  0x74: "exception handling",
  0x63: "typed function references",
  0x64: "typed function references",
};

function hint(feature: string | undefined): string {
  return feature === undefined ? "" : ` (${feature}: not supported)`;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

/** A value type (5.3.4). */
export function readValType(reader: Reader): ValType {
  const byte = reader.u8();
  if ((byte <= ValType.i32 && byte >= ValType.f64) || isRefType(byte)) return byte as ValType;
  if (byte === ValType.v128) throw new UnsupportedError("simd", reader.position - 1, reader.where);
  reader.fail(`malformed value type ${hex(byte)}${hint(later[byte])}`, reader.position - 1);
}

/** A reference type (5.3.3). */
export function readRefType(reader: Reader): RefType {
  const byte = reader.u8();
  if (isRefType(byte)) return byte;
  const feature = later[byte] ?? (byte < 0x40 || byte >= 0x80 ? "typed function references" : undefined);
  reader.fail(`malformed reference type ${hex(byte)}${hint(feature)}`, reader.position - 1);
}

/**
 * A block type (5.4.1): a type index, or as a negative number -64 for the empty type, else the value type minus
 * 0x80.
 */
export function readBlockType(reader: Reader): number {
  const offset = reader.position;
  const byte = reader.u8();
  if (byte === 0x40) return -64;
  reader.position = offset;
  if ((byte & 0xc0) === 0x40) return readValType(reader) - 0x80;
  const index = reader.s33();
  if (index < 0) reader.fail("malformed block type", offset);
  return index;
}

/** A function type (5.3.6). */
export function readFuncType(reader: Reader): FuncType {
  const form = reader.u8();
  if (form !== 0x60) {
    const offset = reader.position - 1;
    if (form >= 0x80) reader.fail("integer representation too long", offset);
    const feature = form >= 0x4d && form <= 0x5f ? "garbage collection" : undefined;
    reader.fail(`malformed function type ${hex(form)}${hint(feature)}`, offset);
  }
  return { params: readResultType(reader, "parameters"), results: readResultType(reader, "results") };
}

function readResultType(reader: Reader, what: string): ValType[] {
  const offset = reader.position;
  const count = reader.count();
  const types: ValType[] = [];
  for (let i = 0; i < count; i++) types.push(readValType(reader));
  if (count > MAX_ARITY) {
    throw new UnsupportedError(
      `a function type with ${count} ${what} (at most ${MAX_ARITY})`,
      offset,
      reader.where,
    );
  }
  return types;
}

/** Limits (5.3.7). */
export function readLimits(reader: Reader): Limits {
  const flags = reader.u8();
  if (flags > 1) {
    const offset = reader.position - 1;
    if (flags >= 0x80) reader.fail("integer representation too long", offset);
    const feature = flags === 2 || flags === 3 ? "threads" : flags <= 7 ? "memory64" : undefined;
    reader.fail(`integer too large: limits flags ${hex(flags)}${hint(feature)}`, offset);
  }
  const min = reader.u32();
  return flags === 1 ? { min, max: reader.u32() } : { min };
}

/** A global type (5.3.10). */
export function readGlobalType(reader: Reader): GlobalType {
  const type = readValType(reader);
  const mutability = reader.u8();
  if (mutability > 1) {
    const feature = mutability <= 3 ? "threads" : undefined;
    reader.fail(`malformed mutability ${hex(mutability)}${hint(feature)}`, reader.position - 1);
  }
  return { type, mutable: mutability === 1 };
}
