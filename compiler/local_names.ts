/**
 * The names of a function's locals, from the name section (WebAssembly 2.0, appendix "Local Names"). They are
 * only wanted now and then, so they are looked up and not kept.
 *
 * @module
 */
import { MalformedError } from "./errors.ts";
import { Reader } from "./reader.ts";
import type { Module } from "./types.ts";

/** The subsection that has them. */
const LOCALS = 2;

/** Names by the index of the local; empty if there are none, or the section is broken. */
export function localNames({ bytes, customs }: Module, func: number): ReadonlyMap<number, string> {
  const section = customs.find(({ name }) => name === "name");
  if (section === undefined) return new Map();
  try {
    return read(new Reader(bytes, section.start, section.end), func);
  } catch (error) {
    if (error instanceof MalformedError) return new Map();
    throw error;
  }
}

function read(reader: Reader, func: number): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  while (reader.position < reader.end) {
    const id = reader.u8();
    const size = reader.u32();
    if (id !== LOCALS) {
      reader.skip(size);
      continue;
    }
    for (let funcs = reader.count(); funcs > 0; funcs--) {
      const own = reader.u32() === func;
      for (let count = reader.count(); count > 0; count--) {
        const index = reader.u32();
        if (own) names.set(index, reader.name());
        else reader.skip(reader.count());
      }
      if (own) break;
    }
    break;
  }
  return names;
}
