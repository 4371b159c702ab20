/**
 * The functions that an address lies in: the one that was compiled there, and those that were inlined into it.
 *
 * @module
 */
import type { Attributes } from "./abbreviations.ts";
import { DW_AT, DW_TAG } from "./constants.ts";
import { contains, rangesOf } from "./ranges.ts";
import type { Ranges, Unit } from "./unit.ts";

/** A function, or a copy of one that was inlined. */
export interface Scope {
  readonly unit: Unit;
  readonly attributes: Attributes;
  readonly ranges: Ranges;
}

/** The scopes around an address of a unit, innermost first; the last one is a function. */
export function scopesAt(unit: Unit, address: number): Scope[] {
  const { abbreviations } = unit.header;
  const { budget } = unit.sections;
  const reader = unit.reader();
  const scopes: Scope[] = [];
  /** At which depth the function stands that was found. */
  let found = 0;
  for (let depth = 0; reader.position < reader.end;) {
    budget.spend(1);
    const code = reader.uleb();
    if (code === 0) {
      if (--depth <= found) break;
      continue;
    }
    const abbreviation = abbreviations.get(code);
    const { tag, hasChildren } = abbreviation;
    const isFunction = tag === DW_TAG.subprogram;
    if (isFunction || tag === DW_TAG.inlined_subroutine && scopes.length > 0) {
      const attributes = abbreviations.read(reader, abbreviation);
      const ranges = rangesOf(unit, attributes);
      budget.spend(ranges.length);
      if (contains(ranges, address)) {
        if (isFunction) {
          scopes.length = 0;
          found = depth;
        }
        scopes.unshift({ unit, attributes, ranges });
        budget.spend(scopes.length);
        if (isFunction && !hasChildren) break;
      }
    } else abbreviations.skip(reader, abbreviation);
    if (hasChildren) depth++;
  }
  return scopes;
}

/** How many entries are followed for a name: from a copy to its function to its declaration. */
const MAX_HOPS = 4;

/** The name of a scope's function. @param unitAt The unit with an offset of `.debug_info`. */
export function scopeName(scope: Scope, unitAt: (offset: number) => Unit | undefined): string | undefined {
  let { unit, attributes } = scope;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const name = unit.string(attributes.get(DW_AT.name) ?? attributes.get(DW_AT.linkage_name));
    if (name !== undefined) return name;
    const origin = attributes.get(DW_AT.abstract_origin) ?? attributes.get(DW_AT.specification);
    if (origin === undefined) return undefined;
    const { kind } = origin.form;
    if (kind !== "entry" && kind !== "any entry") return undefined;
    const offset = kind === "entry" ? unit.header.offset + origin.value : origin.value;
    const other = kind === "entry" ? unit : unitAt(offset);
    if (other === undefined) return undefined;
    unit = other;
    const reader = unit.at(unit.sections.reader("info", offset).position);
    const abbreviation = unit.header.abbreviations.get(reader.uleb());
    attributes = unit.header.abbreviations.read(reader, abbreviation);
  }
  return undefined;
}
