/**
 * Modules as trees that can be generated, changed and shrunk before they become bytes. Nothing here has
 * to be valid: the mutator makes trees that no validator accepts.
 *
 * @module
 */

import { op, type Opcode, opcodeOf } from "../../compiler/opcodes.ts";
import type { FuncType, GlobalType, MemoryType, RefType, TableType, ValType } from "../../compiler/types.ts";

/** An instruction; `block`, `loop` and `if` hold what is inside them, so there is no `end` and no `else`. */
export interface Instr {
  readonly code: number;
  /** Immediates in binary order. Floats are their bits; a block type is its s33; `labels` ends with the default. */
  readonly args: readonly (number | bigint)[];
  readonly body?: readonly Instr[];
  /** The `else` branch of an `if`. */
  readonly otherwise?: readonly Instr[];
  /**
   * A local of the result's type, by way of which the result becomes the canonical NaN if it is any NaN. The
   * specification leaves open which NaN arithmetic gives, so only then can engines be compared.
   */
  readonly canonical?: number;
  /** Part of what makes the program terminate; the minimiser keeps it while there is a loop or a call. */
  readonly guard?: true;
}

export interface FuncIr {
  /** Index into `types`. */
  readonly type: number;
  readonly locals: readonly ValType[];
  readonly body: readonly Instr[];
}

export type ImportIr =
  & { readonly module: string; readonly name: string }
  & (
    | { readonly kind: "func"; readonly type: number }
    | { readonly kind: "global"; readonly type: GlobalType }
  );
export interface ExportIr {
  readonly name: string;
  readonly kind: "func" | "table" | "memory" | "global";
  readonly index: number;
}
export interface GlobalIr {
  readonly type: GlobalType;
  readonly init: readonly Instr[];
}
export type ModeIr =
  | { readonly kind: "active"; readonly index: number; readonly offset: readonly Instr[] }
  | { readonly kind: "passive" }
  | { readonly kind: "declarative" };
export interface ElementIr {
  readonly type: RefType;
  readonly init: readonly (readonly Instr[])[];
  readonly mode: ModeIr;
  /** Write expressions even where the short form with function indices would do. */
  readonly expressions: boolean;
}
export interface DataIr {
  readonly bytes: Uint8Array;
  readonly mode: ModeIr;
}

/** A module; function and global indices count the imports first, as in the binary format. */
export interface ModuleIr {
  readonly types: readonly FuncType[];
  readonly imports: readonly ImportIr[];
  readonly funcs: readonly FuncIr[];
  readonly tables: readonly TableType[];
  readonly memories: readonly MemoryType[];
  readonly globals: readonly GlobalIr[];
  readonly exports: readonly ExportIr[];
  readonly start?: number;
  readonly elements: readonly ElementIr[];
  readonly dataCount: boolean;
  readonly datas: readonly DataIr[];
}

export const emptyModule: ModuleIr = {
  types: [],
  imports: [],
  funcs: [],
  tables: [],
  memories: [],
  globals: [],
  exports: [],
  elements: [],
  dataCount: false,
  datas: [],
};

/** `instr("i32.const", 5)`. */
export function instr(name: string, ...args: (number | bigint)[]): Instr {
  return { code: op(name), args };
}

/** The table entry of an instruction. */
export function opcodeOfInstr(instr: Instr): Opcode {
  const opcode = opcodeOf(instr.code);
  if (opcode === undefined) throw new RangeError(`no opcode 0x${instr.code.toString(16)}`);
  return opcode;
}

/** The imported items of a kind, which come first in its index space. */
export function importsOf<K extends ImportIr["kind"]>(module: ModuleIr, kind: K) {
  return module.imports.filter((entry): entry is Extract<ImportIr, { kind: K }> => entry.kind === kind);
}

/** The types of all functions, imported ones first. */
export function funcTypes(module: ModuleIr): FuncType[] {
  return [...importsOf(module, "func"), ...module.funcs].map((func) => module.types[func.type]);
}

/** The types of all globals, imported ones first. */
export function globalTypes(module: ModuleIr): GlobalType[] {
  return [...importsOf(module, "global"), ...module.globals].map((global) => global.type);
}

/** Calls `visit` for every instruction of a list, outer ones before inner ones, with the number of enclosing blocks. */
export function walk(list: readonly Instr[], visit: (instr: Instr, depth: number) => void, depth = 0): void {
  for (const instr of list) {
    visit(instr, depth);
    if (instr.body) walk(instr.body, visit, depth + 1);
    if (instr.otherwise) walk(instr.otherwise, visit, depth + 1);
  }
}

/** A copy of a list in which each instruction, inner ones first, is what `change` makes of it. */
export function mapInstrs(
  list: readonly Instr[],
  change: (instr: Instr, depth: number) => Instr,
  depth = 0,
): Instr[] {
  return list.map((instr) =>
    change(
      instr.body === undefined ? instr : {
        ...instr,
        body: mapInstrs(instr.body, change, depth + 1),
        otherwise: instr.otherwise && mapInstrs(instr.otherwise, change, depth + 1),
      },
      depth,
    )
  );
}

/** Every list of instructions of a module that is not inside another one. */
export function expressionsOf(module: ModuleIr): (readonly Instr[])[] {
  const offset = (mode: ModeIr) => mode.kind === "active" ? [mode.offset] : [];
  return [
    ...module.globals.map((global) => global.init),
    ...module.elements.flatMap((element) => [...offset(element.mode), ...element.init]),
    ...module.datas.flatMap((data) => offset(data.mode)),
    ...module.funcs.map((func) => func.body),
  ];
}

/** A copy of a module in which `change` has been applied to every instruction. */
export function mapModule(module: ModuleIr, change: (instr: Instr, depth: number) => Instr): ModuleIr {
  const mode = (mode: ModeIr): ModeIr =>
    mode.kind === "active" ? { ...mode, offset: mapInstrs(mode.offset, change) } : mode;
  return {
    ...module,
    globals: module.globals.map((global) => ({ ...global, init: mapInstrs(global.init, change) })),
    elements: module.elements.map((element) => ({
      ...element,
      init: element.init.map((list) => mapInstrs(list, change)),
      mode: mode(element.mode),
    })),
    datas: module.datas.map((data) => ({ ...data, mode: mode(data.mode) })),
    funcs: module.funcs.map((func) => ({ ...func, body: mapInstrs(func.body, change) })),
  };
}
