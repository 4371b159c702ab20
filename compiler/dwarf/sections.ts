/**
 * The sections of a module's debug information: custom sections with names such as `.debug_info`.
 *
 * @module
 */
import type { Module } from "../types.ts";
import { type Budget, DwarfError, DwarfReader } from "./reader.ts";

export type SectionName =
  | "info"
  | "abbrev"
  | "line"
  | "str"
  | "line_str"
  | "str_offsets"
  | "addr"
  | "loc"
  | "loclists"
  | "ranges"
  | "rnglists";

export class DwarfSections {
  readonly #places = new Map<string, { readonly start: number; readonly end: number }>();

  constructor(private readonly module: Module, readonly budget: Budget) {
    for (const { name, start, end } of module.customs) {
      if (name.startsWith(".debug_") && !this.#places.has(name)) this.#places.set(name, { start, end });
    }
  }

  has(name: SectionName): boolean {
    return this.#places.has(`.debug_${name}`);
  }

  /** A cursor in a section, `offset` bytes behind its start. @throws {DwarfError} There is no such place. */
  reader(name: SectionName, offset = 0): DwarfReader {
    const place = this.#places.get(`.debug_${name}`);
    if (place === undefined) throw new DwarfError(`there is no section .debug_${name}`);
    if (!(offset >= 0 && offset <= place.end - place.start)) {
      throw new DwarfError(`.debug_${name} has no byte ${offset}`);
    }
    return new DwarfReader(this.module.bytes, place.start + offset, place.end);
  }

  /** The offset in a section at which a cursor of it stands. */
  offsetIn(name: SectionName, reader: DwarfReader): number {
    return reader.position - this.#places.get(`.debug_${name}`)!.start;
  }
}
