/**
 * THE table of attribute forms (DWARF 5, section 7.5.6): how a value is stored, and what the number that is
 * read stands for.
 *
 * @module
 */
import { DwarfError, type DwarfReader } from "./reader.ts";

/** What the number of a value is. Values that are of no use here have kind `other`. */
export type FormKind =
  | "address"
  | "address index"
  | "number"
  /** A position in the file. */
  | "string"
  | "string offset"
  | "line string offset"
  | "string index"
  /** An offset in its own unit. */
  | "entry"
  /** An offset in `.debug_info`. */
  | "any entry"
  /** An offset in the section that the attribute says. */
  | "offset"
  /** Bytes, by their position in the file. */
  | "block"
  | "list index"
  | "other";

/** A number of bytes, or a way to find it. */
type Size = number | "address" | "offset" | "uleb" | "sleb" | "string" | "block";

export interface Form {
  readonly kind: FormKind;
  readonly size: Size;
  /** Bytes of a block's length; 0 is a LEB128. */
  readonly lengthSize?: number;
}

/** What the size of values in a unit depends on. */
export interface Encoding {
  readonly version: number;
  readonly addressSize: number;
  readonly offsetSize: 4 | 8;
}

/** The form whose value stands in the abbreviation, and the one that names another form. */
export const IMPLICIT_CONST = 0x21;
export const INDIRECT = 0x16;

const form = (kind: FormKind, size: Size, lengthSize?: number): Form => ({ kind, size, lengthSize });

const forms: Readonly<Record<number, Form>> = {
  0x01: form("address", "address"), // addr
  0x03: form("block", "block", 2), // block2
  0x04: form("block", "block", 4), // block4
  0x05: form("number", 2), // data2
  0x06: form("number", 4), // data4
  0x07: form("number", 8), // data8
  0x08: form("string", "string"), // string
  0x09: form("block", "block", 0), // block
  0x0a: form("block", "block", 1), // block1
  0x0b: form("number", 1), // data1
  0x0c: form("number", 1), // flag
  0x0d: form("number", "sleb"), // sdata
  0x0e: form("string offset", "offset"), // strp
  0x0f: form("number", "uleb"), // udata
  0x10: form("any entry", "offset"), // ref_addr
  0x11: form("entry", 1), // ref1
  0x12: form("entry", 2), // ref2
  0x13: form("entry", 4), // ref4
  0x14: form("entry", 8), // ref8
  0x15: form("entry", "uleb"), // ref_udata
  0x17: form("offset", "offset"), // sec_offset
  0x18: form("block", "block", 0), // exprloc
  0x19: form("other", 0), // flag_present
  0x1a: form("string index", "uleb"), // strx
  0x1b: form("address index", "uleb"), // addrx
  0x1c: form("other", 4), // ref_sup4
  0x1d: form("other", "offset"), // strp_sup
  0x1e: form("other", 16), // data16
  0x1f: form("line string offset", "offset"), // line_strp
  0x20: form("other", 8), // ref_sig8
  0x22: form("list index", "uleb"), // loclistx
  0x23: form("list index", "uleb"), // rnglistx
  0x24: form("other", 8), // ref_sup8
  0x25: form("string index", 1), // strx1
  0x26: form("string index", 2), // strx2
  0x27: form("string index", 3), // strx3
  0x28: form("string index", 4), // strx4
  0x29: form("address index", 1), // addrx1
  0x2a: form("address index", 2), // addrx2
  0x2b: form("address index", 3), // addrx3
  0x2c: form("address index", 4), // addrx4
};
const implicit = form("number", 0);
const refAddrOfVersion2 = form("any entry", "address");

/** @throws {DwarfError} No such form is known; nothing behind it can be found. */
export function formOf(code: number, { version }: Encoding): Form {
  if (code === IMPLICIT_CONST) return implicit;
  if (code === 0x10 && version === 2) return refAddrOfVersion2;
  const found = forms[code];
  if (found === undefined) throw new DwarfError(`it uses the unknown form 0x${code.toString(16)}`);
  return found;
}

/** The bytes of a value, if all values of the form have as many. */
export function fixedSize({ size }: Form, { addressSize, offsetSize }: Encoding): number | undefined {
  if (typeof size === "number") return size;
  return size === "address" ? addressSize : size === "offset" ? offsetSize : undefined;
}

/** Reads a value; of a block and a string, where it starts. */
export function readForm(reader: DwarfReader, form: Form, encoding: Encoding): number {
  const size = fixedSize(form, encoding);
  if (size !== undefined) return size > 8 ? reader.skip(size) : reader.uint(size);
  if (form.size === "uleb") return reader.uleb();
  if (form.size === "sleb") return reader.sleb();
  if (form.size === "string") return reader.skipString();
  return reader.skip(form.lengthSize ? reader.uint(form.lengthSize) : reader.uleb());
}
