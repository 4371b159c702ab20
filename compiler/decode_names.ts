/**
 * Decoding the name section (WebAssembly 2.0, appendix "Custom Sections").
 *
 * @module
 */

import { MalformedError } from "./errors.ts";
import { Reader } from "./reader.ts";
import type { Module } from "./types.ts";

/** Subsections (their ids) that are read; the others are skipped. */
const MODULE = 0;
const FUNCTIONS = 1;
const GLOBALS = 7;

/**
 * Reads the contents of a name section. Nothing in a custom section makes a module malformed: of a broken one,
 * no name is kept.
 */
export function readNames(bytes: Uint8Array, start: number, end: number): Module["names"] {
  const reader = new Reader(bytes, start, end);
  const funcs = new Map<number, string>();
  const globals = new Map<number, string>();
  let module: string | undefined;
  try {
    while (reader.position < end) {
      const id = reader.u8();
      const size = reader.u32();
      const next = reader.position + size;
      if (next > end) reader.failEnd();
      reader.end = next;
      if (id === MODULE) {
        module = reader.name();
      } else if (id === FUNCTIONS || id === GLOBALS) {
        const names = id === FUNCTIONS ? funcs : globals;
        for (let count = reader.count(); count > 0; count--) {
          const index = reader.u32();
          names.set(index, reader.name());
        }
      }
      reader.position = next;
      reader.end = end;
    }
  } catch (error) {
    if (error instanceof MalformedError) return { funcs: new Map(), globals: new Map() };
    throw error;
  }
  return module === undefined ? { funcs, globals } : { module, funcs, globals };
}
