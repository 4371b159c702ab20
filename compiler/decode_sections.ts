/**
 * Decoding the contents of each section (WebAssembly 2.0, sections 5.5.4 to 5.5.16).
 *
 * @module
 */

import { op } from "./opcodes.ts";
import { readConstExpr } from "./decode_const.ts";
import { readFuncType, readGlobalType, readLimits, readRefType, readValType } from "./decode_types.ts";
import { InvalidError, UnsupportedError } from "./errors.ts";
import type { Reader } from "./reader.ts";
import {
  type Code,
  type ConstExpr,
  type CustomSection,
  type DataSegment,
  type ElementSegment,
  type Export,
  type ExternKind,
  type ExternType,
  type FuncType,
  type Global,
  type GlobalType,
  type Import,
  type Located,
  type MemoryType,
  type Module,
  type RefType,
  type SegmentMode,
  type TableType,
  ValType,
} from "./types.ts";

const i32Const = op("i32.const"), endOp = op("end");

/** Most locals of a function, parameters included; the limit of the JavaScript embedding. */
const MAX_LOCALS = 50_000;

/** A module while its sections are being read. */
export class Draft implements Module {
  readonly types: FuncType[] = [];
  readonly imports: Import[] = [];
  readonly exports: Export[] = [];
  readonly funcTypes: FuncType[] = [];
  readonly tables: TableType[] = [];
  readonly memories: MemoryType[] = [];
  readonly globalTypes: GlobalType[] = [];
  readonly imported = { funcs: 0, tables: 0, memories: 0, globals: 0 };
  readonly globals: Global[] = [];
  /** The type index of each defined function; `codes` is filled from the code section. */
  readonly typeIndices: number[] = [];
  readonly codes: Code[] = [];
  start?: number;
  readonly elements: ElementSegment[] = [];
  readonly datas: DataSegment[] = [];
  readonly customs: CustomSection[] = [];
  codeSectionStart = 0;
  dataCount?: number;
  readonly offsets: Record<Located, number[]> = {
    imports: [],
    tables: [],
    memories: [],
    globals: [],
    exports: [],
    elements: [],
    datas: [],
    start: [],
  };
  invalid?: InvalidError;
  names: Module["names"] = { funcs: new Map(), globals: new Map() };

  constructor(readonly bytes: Uint8Array) {}

  /** Notes an error of validation; the first one counts. */
  noteInvalid(reader: Reader, reason: string, offset: number): void {
    this.invalid ??= new InvalidError(reason, offset, reader.where);
  }
}

interface Section {
  readonly name: string;
  /** Reads the contents; `reader.end` is the section's end. */
  readonly read: (reader: Reader, draft: Draft) => void;
}

/** The sections in the order in which they must appear, by id (5.5.2). */
export const sections: ReadonlyMap<number, Section> = new Map([
  [1, { name: "type", read: vector(readType) }],
  [2, { name: "import", read: vector(readImport) }],
  [3, { name: "function", read: vector(readFunction) }],
  [4, { name: "table", read: vector(readTable) }],
  [5, { name: "memory", read: vector(readMemory) }],
  [13, {
    name: "tag",
    read: (reader) => reader.fail("malformed section id 13 (exception handling: not supported)"),
  }],
  [6, { name: "global", read: vector(readGlobal) }],
  [7, { name: "export", read: vector(readExport) }],
  [8, { name: "start", read: readStart }],
  [9, { name: "element", read: vector(readElement) }],
  [12, { name: "data count", read: readDataCount }],
  [10, { name: "code", read: readCodes }],
  [11, { name: "data", read: vector(readData) }],
]);

function vector(read: (reader: Reader, draft: Draft) => void): Section["read"] {
  return (reader, draft) => {
    for (let count = reader.count(); count > 0; count--) read(reader, draft);
  };
}

function readType(reader: Reader, draft: Draft): void {
  draft.types.push(readFuncType(reader));
}

/** Reads a type index and adds a function of that type to the index space. */
function addFunc(reader: Reader, draft: Draft): { index: number; type: FuncType } {
  const offset = reader.position;
  const index = reader.u32();
  if (index >= draft.types.length) draft.noteInvalid(reader, `unknown type ${index}`, offset);
  const type = draft.types[index] ?? { params: [], results: [] };
  draft.funcTypes.push(type);
  return { index, type };
}

function addTable(reader: Reader, draft: Draft): TableType {
  const type = { element: readRefType(reader), limits: readLimits(reader) };
  draft.tables.push(type);
  return type;
}

function addMemory(reader: Reader, draft: Draft): MemoryType {
  const type = { limits: readLimits(reader) };
  draft.memories.push(type);
  return type;
}

function addGlobal(reader: Reader, draft: Draft): GlobalType {
  const type = readGlobalType(reader);
  draft.globalTypes.push(type);
  return type;
}

function readImport(reader: Reader, draft: Draft): void {
  draft.offsets.imports.push(reader.position);
  const module = reader.name();
  const name = reader.name();
  draft.imports.push({ module, name, ...readImportType(reader, draft) });
}

function readImportType(reader: Reader, draft: Draft): ExternType {
  const { imported } = draft;
  const kind = readExternKind(reader, "import");
  switch (kind) {
    case "func":
      imported.funcs++;
      return { kind, type: addFunc(reader, draft).type };
    case "table":
      imported.tables++;
      return { kind, type: addTable(reader, draft) };
    case "memory":
      imported.memories++;
      return { kind, type: addMemory(reader, draft) };
    case "global":
      imported.globals++;
      return { kind, type: addGlobal(reader, draft) };
  }
}

const externKinds: readonly ExternKind[] = ["func", "table", "memory", "global"];

function readExternKind(reader: Reader, what: "import" | "export"): ExternKind {
  const byte = reader.u8();
  const kind = externKinds[byte];
  if (kind === undefined) {
    const feature = byte === 4 ? " (exception handling: not supported)" : "";
    reader.fail(
      `malformed ${what} kind 0x${byte.toString(16).padStart(2, "0")}${feature}`,
      reader.position - 1,
    );
  }
  return kind;
}

function readFunction(reader: Reader, draft: Draft): void {
  draft.typeIndices.push(addFunc(reader, draft).index);
}

function readTable(reader: Reader, draft: Draft): void {
  draft.offsets.tables.push(reader.position);
  addTable(reader, draft);
}

function readMemory(reader: Reader, draft: Draft): void {
  draft.offsets.memories.push(reader.position);
  addMemory(reader, draft);
}

function readGlobal(reader: Reader, draft: Draft): void {
  draft.offsets.globals.push(reader.position);
  const type = addGlobal(reader, draft);
  draft.globals.push({ type, init: readConstExpr(reader, draft) });
}

function readExport(reader: Reader, draft: Draft): void {
  draft.offsets.exports.push(reader.position);
  const name = reader.name();
  const kind = readExternKind(reader, "export");
  draft.exports.push({ name, kind, index: reader.u32() });
}

function readStart(reader: Reader, draft: Draft): void {
  draft.offsets.start.push(reader.position);
  draft.start = reader.u32();
}

function readDataCount(reader: Reader, draft: Draft): void {
  draft.dataCount = reader.u32();
}

/** An element segment (5.5.12): bit 0 passive or declarative, bit 1 explicit index or declarative, bit 2 expressions. */
function readElement(reader: Reader, draft: Draft): void {
  const offset = reader.position;
  draft.offsets.elements.push(offset);
  const flags = reader.u32();
  if (flags > 7) reader.fail(`malformed elements segment kind ${flags}`, offset);
  const active = (flags & 1) === 0;
  const explicit = (flags & 2) !== 0;
  const expressions = (flags & 4) !== 0;
  const mode: SegmentMode = active
    ? { kind: "active", index: explicit ? reader.u32() : 0, offset: readConstExpr(reader, draft) }
    : { kind: explicit ? "declarative" : "passive" };
  let type: RefType = ValType.funcref;
  if (flags & 3) {
    if (expressions) type = readRefType(reader);
    else if (reader.u8() !== 0) reader.fail("malformed element kind", reader.position - 1);
  }
  const init: ConstExpr[] = [];
  for (let count = reader.count(); count > 0; count--) {
    init.push(expressions ? readConstExpr(reader, draft) : { op: "ref.func", index: reader.u32() });
  }
  draft.elements.push({ type, init, mode });
}

function readData(reader: Reader, draft: Draft): void {
  const offset = reader.position;
  draft.offsets.datas.push(offset);
  const flags = reader.u32();
  if (flags > 2) reader.fail(`malformed data segment kind ${flags}`, offset);
  if (flags === 1) return addData(reader, draft, passive);
  const index = flags === 2 ? reader.u32() : 0;
  const at = index === 0 ? plainOffset(reader) : undefined;
  addData(reader, draft, at ?? { kind: "active", index, offset: readConstExpr(reader, draft) });
}

function addData(reader: Reader, draft: Draft, mode: SegmentMode | number): void {
  const size = reader.count();
  const start = reader.position;
  reader.skip(size);
  const end = start + size;
  draft.datas.push(typeof mode === "number" ? new PlacedData(start, end, mode) : { start, end, mode });
}

/** The value of an expression that is one `i32.const`, as nearly all offsets are; `undefined` for any other. */
function plainOffset(reader: Reader): number | undefined {
  const { position } = reader;
  if (reader.u8() === i32Const) {
    const value = reader.s32();
    if (reader.u8() === endOp) return value;
  }
  reader.position = position;
  return undefined;
}

/** An active segment of memory 0: some programs have tens of thousands. */
class PlacedData implements DataSegment {
  constructor(readonly start: number, readonly end: number, private readonly at: number) {}

  get mode(): SegmentMode {
    return { kind: "active", index: 0, offset: { op: "i32.const", value: this.at } };
  }
}

function readCodes(reader: Reader, draft: Draft): void {
  draft.codeSectionStart = reader.position;
  const { end } = reader;
  const count = reader.count();
  for (let i = 0; i < count; i++) {
    reader.func = draft.imported.funcs + i;
    const size = reader.count();
    if (size > end - reader.position) reader.failEnd();
    reader.end = reader.position + size;
    draft.codes.push(readCode(reader, draft, i));
    reader.position = reader.end;
    reader.end = end;
  }
  reader.func = undefined;
}

const passive: SegmentMode = { kind: "passive" };

type Locals = Code["locals"][number];

/** Of the declarations of locals most are the same few. By type and count. */
const knownLocals: Locals[][] = [];
const mostKnown = 64;

function localsOf(count: number, type: ValType): Locals {
  if (count >= mostKnown) return { count, type };
  return (knownLocals[type] ??= [])[count] ??= { count, type };
}

const noLocals: Locals[] = [];

/** The local declarations of a function (5.5.13); its instructions are left to validation. */
function readCode(reader: Reader, draft: Draft, definedIndex: number): Code {
  const start = reader.position;
  const runs = reader.count();
  const locals = runs === 0 ? noLocals : [];
  let declared = 0;
  for (let left = runs; left > 0; left--) {
    const offset = reader.position;
    const count = reader.u32();
    declared += count;
    if (declared > 0xffff_ffff) reader.fail("too many locals", offset);
    locals.push(localsOf(count, readValType(reader)));
  }
  // Whether each body has a type is checked when all sections are known.
  const typeIndex = draft.typeIndices[definedIndex] ?? 0;
  const total = declared + (draft.types[typeIndex]?.params.length ?? 0);
  if (total > MAX_LOCALS) {
    throw new UnsupportedError(
      `a function with ${total} locals (at most ${MAX_LOCALS})`,
      start,
      reader.where,
    );
  }
  return {
    typeIndex: draft.typeIndices[definedIndex],
    start,
    bodyStart: reader.position,
    end: reader.end,
    locals,
  };
}
