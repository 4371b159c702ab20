/**
 * Decoding constant expressions (WebAssembly 2.0, sections 5.4.9 and 3.3.10).
 *
 * @module
 */

import { readRefType } from "./decode_types.ts";
import { readOpcode, skipExpression } from "./instructions.ts";
import type { Reader } from "./reader.ts";
import type { ConstExpr } from "./types.ts";

/** Takes the place of an expression that has been noted as invalid. */
const placeholder: ConstExpr = { op: "i32.const", value: 0 };

const readers: Readonly<Record<string, (reader: Reader) => ConstExpr>> = {
  "i32.const": (reader) => ({ op: "i32.const", value: reader.s32() }),
  "i64.const": (reader) => ({ op: "i64.const", value: reader.s64() }),
  "f32.const": (reader) => ({ op: "f32.const", bits: reader.f32Bits() }),
  "f64.const": (reader) => ({ op: "f64.const", bits: reader.f64Bits() }),
  "ref.null": (reader) => ({ op: "ref.null", type: readRefType(reader) }),
  "ref.func": (reader) => ({ op: "ref.func", index: reader.u32() }),
  "global.get": (reader) => ({ op: "global.get", index: reader.u32() }),
};

/** Constant in later versions of the specification. */
const extended = /^i(32|64)\.(add|sub|mul)$/;

/** Where errors of validation are noted. */
export interface InvalidNotes {
  noteInvalid(reader: Reader, reason: string, offset: number): void;
}

/**
 * Reads an expression up to and with its `end`. Only constant instructions have a place in `ConstExpr`;
 * of anything else that is well-formed `draft` takes note, and a placeholder is returned.
 */
export function readConstExpr(reader: Reader, draft: InvalidNotes): ConstExpr {
  const start = reader.position;
  let value: ConstExpr | undefined;
  let second: number | undefined;
  for (;;) {
    const offset = reader.position;
    const { name } = readOpcode(reader);
    if (name === "end") break;
    const read = readers[name];
    if (read === undefined) {
      const feature = extended.test(name) ? " (extended constant expressions: not supported)" : "";
      draft.noteInvalid(reader, `constant expression required, found ${name}${feature}`, offset);
      reader.position = offset;
      skipExpression(reader, true);
      return placeholder;
    }
    if (value !== undefined) second ??= offset;
    value = read(reader);
  }
  if (second !== undefined) {
    draft.noteInvalid(reader, "type mismatch: more than one value in a constant expression", second);
  }
  if (value === undefined) {
    draft.noteInvalid(reader, "type mismatch: no value in a constant expression", start);
  }
  return value ?? placeholder;
}
