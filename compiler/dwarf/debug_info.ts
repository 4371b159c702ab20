/**
 * What a module's debug information (DWARF 2 to 5) says about its code. Addresses of code are offsets from the
 * start of the code section's contents, as those of sites are.
 *
 * @module
 */
import type { Module } from "../types.ts";
import { DW_AT } from "./constants.ts";
import { LineTable } from "./line_table.ts";
import { contains } from "./ranges.ts";
import { Budget, DwarfError } from "./reader.ts";
import { type Scope, scopeName, scopesAt } from "./scopes.ts";
import { DwarfSections } from "./sections.ts";
import { readUnits, type Unit } from "./unit.ts";
import { type SourceVariable, variablesAt } from "./variables.ts";

/** A place in the source; what is not known is left out. */
export interface SourcePlace {
  /** The function's name in the source. */
  readonly function?: string;
  /** A path as the compiler knew it. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
}

/** Places that are remembered. */
const MAX_KNOWN = 1 << 16;

/**
 * A module's debug information, read as far as it is needed. Nothing in it is trusted: what is broken, or
 * takes too long, is told by `problem`, and then no place is known.
 *
 * ```ts
 * import { decode } from "../decode.ts";
 * import { DebugInfo } from "./debug_info.ts";
 * function where(bytes: Uint8Array, offset: number) {
 *   return DebugInfo.of(decode(bytes))?.at(offset).map(({ file, line }) => `${file}:${line}`);
 * }
 * ```
 */
export class DebugInfo {
  /** Why it says less than it should. */
  problem?: string;
  readonly #sections: DwarfSections;
  readonly #known = new Map<number, readonly SourcePlace[]>();
  readonly #tables = new Map<number, LineTable>();
  #units?: readonly Unit[];

  private constructor(module: Module, budget: Budget) {
    this.#sections = new DwarfSections(module, budget);
  }

  /** The debug information of a module; `undefined` if it has none. */
  static of(module: Module, budget = new Budget()): DebugInfo | undefined {
    const info = new DebugInfo(module, budget);
    return info.#sections.has("info") && info.#sections.has("abbrev") ? info : undefined;
  }

  /**
   * Where an instruction comes from: the function that was inlined last first, and last the function that is
   * compiled there. Nothing, if nothing is known.
   *
   * @param offset Bytes from the start of the code section's contents.
   */
  at(offset: number): readonly SourcePlace[] {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const places = this.#tried(() => this.#find(offset)) ?? [];
    if (this.#known.size < MAX_KNOWN) this.#known.set(offset, places);
    return places;
  }

  /** Where the function is defined that an offset lies in. */
  definition(offset: number): SourcePlace | undefined {
    return this.#tried(() => {
      const scope = this.#scopes(offset).at(-1);
      if (scope === undefined) return undefined;
      return this.#place(scope, scope.attributes.get(DW_AT.decl_file), scope.attributes.get(DW_AT.decl_line));
    });
  }

  /** The parameters and variables that the source has at an offset, those of outer scopes first. */
  variables(offset: number): readonly SourceVariable[] {
    return this.#tried(() => {
      const unit = this.#unitOf(offset);
      return unit ? variablesAt(unit, offset) : [];
    }) ?? [];
  }

  #tried<T>(read: () => T): T | undefined {
    if (this.#broken) return undefined;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DwarfError)) throw error;
      this.problem = `the module's debug information is not used: ${error.message}`;
      this.#broken = true;
      return undefined;
    }
  }
  #broken = false;

  #allUnits(): readonly Unit[] {
    if (this.#units === undefined) {
      this.#units = readUnits(this.#sections);
      if (this.#units.every(({ ranges }) => ranges.length === 0)) {
        this.problem = "the module's debug information has no addresses of code any more: " +
          "something has changed the code behind the compiler, and dropped them";
      }
    }
    return this.#units;
  }

  #unitOf(offset: number): Unit | undefined {
    return this.#allUnits().find(({ ranges }) => {
      this.#sections.budget.spend(1 + ranges.length);
      return contains(ranges, offset);
    });
  }

  #scopes(offset: number): Scope[] {
    const unit = this.#unitOf(offset);
    return unit ? scopesAt(unit, offset) : [];
  }

  #find(offset: number): SourcePlace[] {
    const scopes = this.#scopes(offset);
    if (scopes.length === 0) return [];
    const [{ unit, ranges }] = scopes;
    const row = this.#table(unit)?.rowAt(offset, (address) => contains(ranges, address));
    return scopes.map((scope, i) => {
      const name = this.#nameOf(scope);
      const inner = scopes[i - 1]?.attributes;
      // The innermost stands in the table; each one around it stands at the call of the one inside.
      const value = (attribute: number) => inner!.get(attribute)?.value;
      const at = inner === undefined
        ? row
        : { file: value(DW_AT.call_file), line: value(DW_AT.call_line), column: value(DW_AT.call_column) };
      return { ...name !== undefined && { function: name }, ...this.#source(scope.unit, at) };
    });
  }

  #nameOf(scope: Scope): string | undefined {
    return scopeName(scope, (offset) =>
      this.#allUnits().find(({ header }) => {
        this.#sections.budget.spend(1);
        return offset >= header.offset && offset < header.endOffset;
      }));
  }

  #source(
    unit: Unit,
    at: { readonly file?: number; readonly line?: number; readonly column?: number } | undefined,
  ): SourcePlace {
    const file = at?.file === undefined ? undefined : this.#table(unit)?.path(at.file, unit.directory);
    return {
      ...file !== undefined && { file },
      ...at?.line && { line: at.line },
      ...at?.column && { column: at.column },
    };
  }

  #place(scope: Scope, file?: { value: number }, line?: { value: number }): SourcePlace {
    const name = this.#nameOf(scope);
    return {
      ...name !== undefined && { function: name },
      ...this.#source(scope.unit, { file: file?.value, line: line?.value }),
    };
  }

  #table({ lineTable }: Unit): LineTable | undefined {
    if (lineTable === undefined || !this.#sections.has("line")) return undefined;
    let table = this.#tables.get(lineTable);
    if (table === undefined) this.#tables.set(lineTable, table = new LineTable(this.#sections, lineTable));
    return table;
  }
}
