/**
 * Decoding a module from the binary format (WebAssembly 2.0, section 5.5).
 *
 * @module
 */

import { readNames } from "./decode_names.ts";
import { Draft, sections } from "./decode_sections.ts";
import { Reader } from "./reader.ts";
import type { Module } from "./types.ts";

/** The module's text is `\0asm`, version 1, both little-endian. */
const MAGIC = 0x6d736100;
const VERSION = 1;
const CUSTOM = 0;

/** Where each section id stands in the prescribed order. */
const order: ReadonlyMap<number, number> = new Map([...sections.keys()].map((id, rank) => [id, rank]));

/**
 * Decodes the binary format. Function bodies are delimited and their local declarations read; the instructions
 * are decoded by `validate`, in one pass over the bytes.
 *
 * The result keeps `bytes` and refers to it by offset: it must not change any more.
 *
 * ```ts
 * import { decode } from "./decode.ts";
 * decode(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])).types; // []
 * ```
 *
 * @throws {MalformedError} The bytes are not a module.
 * @throws {UnsupportedError} A `v128` type, or more locals, parameters or results than this engine takes.
 */
export function decode(bytes: Uint8Array): Module {
  const reader = new Reader(bytes);
  if (reader.f32Bits() !== MAGIC) reader.fail("magic header not detected", 0);
  if (reader.f32Bits() !== VERSION) reader.fail("unknown binary version", 4);
  const draft = new Draft(bytes);
  let last = -1;
  while (reader.position < bytes.length) {
    const offset = reader.position;
    const id = reader.u8();
    const section = sections.get(id);
    if (section === undefined && id !== CUSTOM) reader.fail(`malformed section id ${id}`, offset);
    const end = reader.count() + reader.position;
    reader.end = end;
    if (section === undefined) {
      reader.part = "custom section";
      readCustom(reader, draft);
    } else {
      reader.part = `${section.name} section`;
      const rank = order.get(id)!;
      if (rank <= last) reader.fail(`unexpected content after last section: ${reader.part}`, offset);
      last = rank;
      section.read(reader, draft);
      if (reader.position !== end) reader.fail("section size mismatch");
    }
    reader.part = undefined;
    reader.end = bytes.length;
  }
  if (draft.codes.length !== draft.typeIndices.length) {
    reader.fail("function and code section have inconsistent lengths");
  }
  if (draft.dataCount !== undefined && draft.dataCount !== draft.datas.length) {
    reader.fail("data count and data section have inconsistent lengths");
  }
  return draft;
}

/** A custom section (5.5.3): only its name must be well-formed. */
function readCustom(reader: Reader, draft: Draft): void {
  const name = reader.name();
  const { position: start, end } = reader;
  draft.customs.push({ name, start, end });
  if (name === "name") draft.names = readNames(draft.bytes, start, end);
  reader.position = end;
}
