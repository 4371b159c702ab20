/**
 * The static shapes of a WebAssembly module, named as the specification names them
 * (WebAssembly 2.0, section 2 "Structure"). Everything here is plain data.
 *
 * @module
 */

import type { InvalidError } from "./errors.ts";

/** Value types, by their binary encoding (spec 5.3.1 to 5.3.4). */
export const ValType = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;
export type ValType = (typeof ValType)[keyof typeof ValType];
/** A reference type: `funcref` or `externref`. */
export type RefType = typeof ValType.funcref | typeof ValType.externref;

/** The text-format name of a value type: `i32`, `funcref`, ... */
export type ValTypeName = keyof typeof ValType;

const names = new Map<number, ValTypeName>(
  Object.entries(ValType).map(([name, code]) => [code, name as ValTypeName]),
);

/** `valTypeName(0x7f)` is `"i32"`; an unknown byte is shown in hexadecimal. */
export function valTypeName(type: number): string {
  return names.get(type) ?? `0x${type.toString(16)}`;
}

/** Whether a value type is a reference type. */
export function isRefType(type: number): type is RefType {
  return type === ValType.funcref || type === ValType.externref;
}

/** A function type: a vector of parameters to a vector of results (spec 2.3.6). */
export interface FuncType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

/** Limits in units of pages (memories) or elements (tables) (spec 2.3.7). */
export interface Limits {
  readonly min: number;
  readonly max?: number;
}
export interface TableType {
  readonly element: RefType;
  readonly limits: Limits;
}
export interface MemoryType {
  readonly limits: Limits;
}
export interface GlobalType {
  readonly type: ValType;
  readonly mutable: boolean;
}

/** What an import or an export is. */
export type ExternType =
  | { readonly kind: "func"; readonly type: FuncType }
  | { readonly kind: "table"; readonly type: TableType }
  | { readonly kind: "memory"; readonly type: MemoryType }
  | { readonly kind: "global"; readonly type: GlobalType };
export type ExternKind = ExternType["kind"];

export type Import = ExternType & { readonly module: string; readonly name: string };
export interface Export {
  readonly name: string;
  readonly kind: ExternKind;
  /** Index into the index space of its kind (imports come first). */
  readonly index: number;
}

/**
 * A constant expression (spec 3.3.10), decoded. `i64` keeps its 64 bits in a BigInt, floats keep
 * their raw bits, so that no NaN is touched.
 */
export type ConstExpr =
  | { readonly op: "i32.const"; readonly value: number }
  | { readonly op: "i64.const"; readonly value: bigint }
  | { readonly op: "f32.const"; readonly bits: number }
  | { readonly op: "f64.const"; readonly bits: bigint }
  | { readonly op: "ref.null"; readonly type: RefType }
  | { readonly op: "ref.func"; readonly index: number }
  | { readonly op: "global.get"; readonly index: number };

export interface Global {
  readonly type: GlobalType;
  readonly init: ConstExpr;
}

/** Where a segment goes: applied at instantiation, on demand, or nowhere (spec 2.5.7, 2.5.8). */
export type SegmentMode =
  | { readonly kind: "active"; readonly index: number; readonly offset: ConstExpr }
  | { readonly kind: "passive" }
  | { readonly kind: "declarative" };
export interface ElementSegment {
  readonly type: RefType;
  readonly init: readonly ConstExpr[];
  readonly mode: SegmentMode;
}
export interface DataSegment {
  /** File offsets of the bytes: `module.bytes.subarray(start, end)`. */
  readonly start: number;
  readonly end: number;
  readonly mode: SegmentMode;
}

/** A function defined by the module (imports have no `Code`). */
export interface Code {
  /** Index into `module.types`. */
  readonly typeIndex: number;
  /** File offset of the first byte of the local declarations. */
  readonly start: number;
  /** File offset of the first instruction. */
  readonly bodyStart: number;
  /** File offset just past the final `end`. */
  readonly end: number;
  /** Declared locals as runs, parameters excluded. */
  readonly locals: readonly { readonly count: number; readonly type: ValType }[];
}

export interface CustomSection {
  readonly name: string;
  /** File offsets of the payload after the name. */
  readonly start: number;
  readonly end: number;
}

/** Lists of a module whose entries have a place in the file. */
export type Located =
  | "imports"
  | "tables"
  | "memories"
  | "globals"
  | "exports"
  | "elements"
  | "datas"
  | "start";

/** A decoded module. Index spaces hold imports first, then definitions (spec 2.5.1). */
export interface Module {
  readonly bytes: Uint8Array;
  readonly types: readonly FuncType[];
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Type of every function in the index space, imported ones first; the same objects as in `types`. */
  readonly funcTypes: readonly FuncType[];
  readonly tables: readonly TableType[];
  readonly memories: readonly MemoryType[];
  readonly globalTypes: readonly GlobalType[];
  /** How many of each index space are imports. */
  readonly imported: {
    readonly funcs: number;
    readonly tables: number;
    readonly memories: number;
    readonly globals: number;
  };
  /** Defined globals: `globals[i]` is global index `imported.globals + i`. */
  readonly globals: readonly Global[];
  /** Defined functions: `codes[i]` is function index `imported.funcs + i`. */
  readonly codes: readonly Code[];
  readonly start?: number;
  readonly elements: readonly ElementSegment[];
  readonly datas: readonly DataSegment[];
  readonly customs: readonly CustomSection[];
  /** File offset of the code section's contents; a site's offset counts from here (as DWARF does). */
  readonly codeSectionStart: number;
  /** Number of data segments that the data count section announces, if there is one (spec 5.5.16). */
  readonly dataCount?: number;
  /**
   * File offsets of the entries of each section, for error messages. `tables`, `memories` and `globals` are the
   * definitions only; `start` has at most one.
   */
  readonly offsets: Readonly<Record<Located, readonly number[]>>;
  /**
   * The first error of validation that these shapes cannot express: a type index out of range, or an expression
   * that is no constant one. A placeholder stands in its place and `validate` throws it.
   */
  readonly invalid?: InvalidError;
  /** Names from the `name` section (Appendix, "Name Section"); broken name sections leave it empty. */
  readonly names: {
    readonly module?: string;
    readonly funcs: ReadonlyMap<number, string>;
    readonly globals: ReadonlyMap<number, string>;
  };
}
