/**
 * What all written modules have in their sections (WebAssembly 2.0, section 5.5).
 *
 * @module
 */
import { type ConstExpr, type FuncType, type Global, type Limits, ValType } from "../types.ts";
import type { ByteWriter } from "./bytes.ts";

/** Numbers of sections. */
export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  element: 9,
  code: 10,
} as const;

/** Numbers of what is imported and exported. */
export const ExternCode = { func: 0, table: 1, memory: 2, global: 3 } as const;

/** The first bytes of every module. */
export function preamble(out: ByteWriter): void {
  out.bytes(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
}

/** The section of function types. */
export function typeSection(out: ByteWriter, types: readonly FuncType[]): void {
  out.section(SectionId.type, (to) =>
    to.vector(types, ({ params, results }) => {
      to.u8(0x60);
      to.vector(params, (type) => to.u8(type));
      to.vector(results, (type) => to.u8(type));
    }));
}

/** An import from the module `""`. What it is follows. */
export function importOf(to: ByteWriter, name: string, kind: keyof typeof ExternCode): void {
  to.name("");
  to.name(name);
  to.u8(ExternCode[kind]);
}

export function exportOf(to: ByteWriter, name: string, kind: keyof typeof ExternCode, index: number): void {
  to.name(name);
  to.u8(ExternCode[kind]);
  to.u32(index);
}

export function limits(to: ByteWriter, { min, max }: Limits): void {
  to.u8(max === undefined ? 0 : 1);
  to.u32(min);
  if (max !== undefined) to.u32(max);
}

/** A type of tables of functions. */
export function funcTable(to: ByteWriter, given: Limits): void {
  to.u8(ValType.funcref);
  limits(to, given);
}

/** A global: its type, and its value to begin with. */
export function global(to: ByteWriter, { type, init }: Global): void {
  to.u8(type.type);
  to.u8(type.mutable ? 1 : 0);
  constant(to, init);
}

/** A constant expression, and its end. */
export function constant(to: ByteWriter, expr: ConstExpr): void {
  switch (expr.op) {
    case "i32.const":
      to.u8(0x41);
      to.s32(expr.value);
      break;
    case "i64.const":
      to.u8(0x42);
      to.s64(expr.value);
      break;
    case "f32.const":
      to.u8(0x43);
      to.bits(BigInt(expr.bits), 4);
      break;
    case "f64.const":
      to.u8(0x44);
      to.bits(expr.bits, 8);
      break;
    case "ref.null":
      to.bytes(0xd0, expr.type);
      break;
    case "ref.func":
      to.u8(0xd2);
      to.u32(expr.index);
      break;
    case "global.get":
      to.u8(0x23);
      to.u32(expr.index);
      break;
  }
  to.u8(0x0b);
}

/** Branches of a function that are seldom taken: offsets in its body, local declarations included. */
export interface BranchHints {
  readonly func: number;
  readonly offsets: readonly number[];
}

/** The custom section of the branch hinting proposal. */
export function hintSection(out: ByteWriter, hints: readonly BranchHints[]): void {
  out.section(SectionId.custom, (to) => {
    to.name("metadata.code.branch_hint");
    to.vector(hints, ({ func, offsets }) => {
      to.u32(func);
      to.vector(offsets, (offset) => {
        to.u32(offset);
        to.bytes(1, 0);
      });
    });
  });
}

/** The name section, with the module's name: its last bytes are the module's last. */
export function nameSection(out: ByteWriter, name: string): void {
  out.section(SectionId.custom, (to) => {
    to.name("name");
    to.section(0, (part) => part.name(name));
  });
}

/** The section of code, of bodies with their local declarations. */
export function codeSection(out: ByteWriter, bodies: readonly Uint8Array[]): void {
  out.section(SectionId.code, (to) =>
    to.vector(bodies, (body) => {
      to.u32(body.length);
      to.copy(body);
    }));
}
