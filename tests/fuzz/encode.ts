/**
 * Modules to bytes (WebAssembly 2.0, section 5 "Binary Format").
 *
 * @module
 */

import { op } from "../../compiler/opcodes.ts";
import type { FuncType, Limits, ValType } from "../../compiler/types.ts";
import { ValType as types } from "../../compiler/types.ts";
import {
  type DataIr,
  type ElementIr,
  type FuncIr,
  type ImportIr,
  type Instr,
  instr,
  type ModuleIr,
  opcodeOfInstr,
} from "./ir.ts";
import type { Random } from "./random.ts";

/** Where something that a mutator likes to touch stands in the bytes. */
export interface Mark {
  readonly kind: "opcode" | "leb";
  readonly offset: number;
  readonly length: number;
}

/** A growing byte sequence in the vocabulary of the binary format. */
export class Writer {
  readonly bytes: number[] = [];
  readonly marks: Mark[] = [];

  /** @param padding Makes some LEB128 integers longer than needed, as far as the format allows. */
  constructor(readonly padding?: Random) {}

  u8(byte: number): void {
    this.bytes.push(byte & 0xff);
  }

  opcode(code: number): void {
    const offset = this.bytes.length;
    if (code > 0xff) {
      this.u8(code >> 8);
      this.u32(code & 0xff);
    } else this.u8(code);
    this.marks.push({ kind: "opcode", offset, length: this.bytes.length - offset });
  }

  u32(value: number): void {
    this.#leb(BigInt(value), 32, false);
  }
  s32(value: number): void {
    this.#leb(BigInt(value | 0), 32, true);
  }
  s33(value: number): void {
    // A negative s33 is a value type, which the specification wants in one byte.
    this.#leb(BigInt(value), value < 0 ? 7 : 33, true);
  }
  s64(value: bigint): void {
    this.#leb(BigInt.asIntN(64, value), 64, true);
  }

  #leb(value: bigint, bits: number, signed: boolean): void {
    const offset = this.bytes.length;
    const limit = Math.ceil(bits / 7);
    const wanted = this.padding?.chance(0.1) ? this.padding.between(1, limit) : 1;
    for (let length = 1;; length++) {
      const byte = Number(value & 0x7fn);
      value >>= 7n;
      const done = signed ? value === (byte & 0x40 ? -1n : 0n) : value === 0n;
      if (done && length >= wanted) {
        this.u8(byte);
        break;
      }
      this.u8(byte | 0x80);
    }
    this.marks.push({ kind: "leb", offset, length: this.bytes.length - offset });
  }

  /** The `width` low bytes of `bits`, little endian. */
  raw(bits: bigint, width: number): void {
    for (let i = 0; i < width; i++) this.u8(Number((bits >> BigInt(8 * i)) & 0xffn));
  }

  name(text: string): void {
    this.blob(new TextEncoder().encode(text));
  }

  /** A length and that many bytes. */
  blob(bytes: Uint8Array): void {
    this.u32(bytes.length);
    for (const byte of bytes) this.u8(byte);
  }

  vec<T>(items: readonly T[], write: (item: T) => void): void {
    this.u32(items.length);
    items.forEach(write);
  }

  /** What `write` writes to a fresh writer, after its length. */
  sized(write: (writer: Writer) => void): void {
    const inner = new Writer(this.padding);
    write(inner);
    this.u32(inner.bytes.length);
    const base = this.bytes.length;
    for (const byte of inner.bytes) this.u8(byte);
    for (const mark of inner.marks) this.marks.push({ ...mark, offset: mark.offset + base });
  }

  /** A section with a vector in it; an empty vector has none. */
  section<T>(id: number, items: readonly T[], write: (writer: Writer, item: T) => void): void {
    if (items.length === 0) return;
    this.u8(id);
    this.sized((writer) => writer.vec(items, (item) => write(writer, item)));
  }
}

export interface Encoded {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly marks: readonly Mark[];
}

/** The binary form of a module, with the places of its opcodes and LEB128 integers. */
export function encode(module: ModuleIr, padding?: Random): Encoded {
  const writer = new Writer(padding);
  writer.raw(0x0000_0001_6d73_6100n, 8);
  writer.section(1, module.types, writeFuncType);
  writer.section(2, module.imports, writeImport);
  writer.section(3, module.funcs, (writer, func) => writer.u32(func.type));
  writer.section(4, module.tables, (writer, table) => {
    writer.u8(table.element);
    writeLimits(writer, table.limits);
  });
  writer.section(5, module.memories, (writer, memory) => writeLimits(writer, memory.limits));
  writer.section(6, module.globals, (writer, global) => {
    writer.u8(global.type.type);
    writer.u8(global.type.mutable ? 1 : 0);
    writeExpression(writer, global.init);
  });
  writer.section(7, module.exports, (writer, entry) => {
    writer.name(entry.name);
    writer.u8(["func", "table", "memory", "global"].indexOf(entry.kind));
    writer.u32(entry.index);
  });
  if (module.start !== undefined) {
    writer.u8(8);
    writer.sized((writer) => writer.u32(module.start!));
  }
  writer.section(9, module.elements, writeElement);
  if (module.dataCount) {
    writer.u8(12);
    writer.sized((writer) => writer.u32(module.datas.length));
  }
  writer.section(10, module.funcs, writeCode);
  writer.section(11, module.datas, writeData);
  return { bytes: Uint8Array.from(writer.bytes), marks: writer.marks };
}

function writeFuncType(writer: Writer, type: FuncType): void {
  writer.u8(0x60);
  writer.vec(type.params, (param) => writer.u8(param));
  writer.vec(type.results, (result) => writer.u8(result));
}

function writeImport(writer: Writer, entry: ImportIr): void {
  writer.name(entry.module);
  writer.name(entry.name);
  if (entry.kind === "func") {
    writer.u8(0);
    writer.u32(entry.type);
  } else {
    writer.u8(3);
    writer.u8(entry.type.type);
    writer.u8(entry.type.mutable ? 1 : 0);
  }
}

function writeLimits(writer: Writer, limits: Limits): void {
  writer.u8(limits.max === undefined ? 0 : 1);
  writer.u32(limits.min);
  if (limits.max !== undefined) writer.u32(limits.max);
}

/** The function index if an element expression is a plain `ref.func`. */
function plainFunc(init: readonly Instr[]): number | undefined {
  return init.length === 1 && init[0].code === op("ref.func") ? Number(init[0].args[0]) : undefined;
}

/** The eight forms of an element segment (5.5.12); the flag bits say which. */
function writeElement(writer: Writer, element: ElementIr): void {
  const { mode } = element;
  const indices = element.init.map(plainFunc);
  const expressions = element.expressions || element.type !== types.funcref || indices.includes(undefined);
  const explicit = mode.kind === "active" && (mode.index !== 0 || element.type !== types.funcref);
  const active = mode.kind === "active";
  const form = (active ? 0 : 1) | (mode.kind === "declarative" || explicit ? 2 : 0) | (expressions ? 4 : 0);
  writer.u32(form);
  if (active) {
    if (explicit) writer.u32(mode.index);
    writeExpression(writer, mode.offset);
  }
  if (form & 3) writer.u8(expressions ? element.type : 0x00);
  if (expressions) writer.vec(element.init, (init) => writeExpression(writer, init));
  else writer.vec(indices as number[], (index) => writer.u32(index));
}

function writeData(writer: Writer, { bytes, mode }: DataIr): void {
  if (mode.kind === "active") {
    writer.u32(mode.index === 0 ? 0 : 2);
    if (mode.index !== 0) writer.u32(mode.index);
    writeExpression(writer, mode.offset);
  } else writer.u32(1);
  writer.blob(bytes);
}

function writeCode(writer: Writer, func: FuncIr): void {
  const runs: { count: number; type: ValType }[] = [];
  for (const type of func.locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ count: 1, type });
  }
  writer.sized((writer) => {
    writer.vec(runs, (run) => {
      writer.u32(run.count);
      writer.u8(run.type);
    });
    writeExpression(writer, func.body);
  });
}

function writeExpression(writer: Writer, list: readonly Instr[]): void {
  for (const instr of list) writeInstr(writer, instr);
  writer.opcode(op("end"));
}

function writeInstr(writer: Writer, instr: Instr): void {
  writer.opcode(instr.code);
  writeImmediates(writer, instr);
  if (instr.canonical !== undefined) {
    for (const inner of canonicalise(instr, instr.canonical)) writeInstr(writer, inner);
  }
  if (instr.body === undefined) return;
  for (const inner of instr.body) writeInstr(writer, inner);
  if (instr.otherwise !== undefined) {
    writer.opcode(op("else"));
    for (const inner of instr.otherwise) writeInstr(writer, inner);
  }
  writer.opcode(op("end"));
}

/** `x == x ? x : nan`, for the `x` that an instruction leaves in a local and on the stack. */
function canonicalise(after: Instr, local: number): Instr[] {
  const type = opcodeOfInstr(after).name.slice(0, 3);
  return [
    instr("local.tee", local),
    instr(`${type}.const`, type === "f32" ? 0x7fc0_0000n : 0x7ff8_0000_0000_0000n),
    instr("local.get", local),
    instr("local.get", local),
    instr(`${type}.eq`),
    instr("select"),
  ];
}

function writeImmediates(writer: Writer, instr: Instr): void {
  const args = instr.args.map(Number);
  switch (opcodeOfInstr(instr).immediate) {
    case "none":
      return;
    case "block":
      return writer.s33(args[0]);
    case "labels":
      writer.vec(args.slice(0, -1), (label) => writer.u32(label));
      return writer.u32(args[args.length - 1]);
    case "i32":
      return writer.s32(args[0]);
    case "i64":
      return writer.s64(BigInt(instr.args[0]));
    case "f32":
      return writer.raw(BigInt(instr.args[0]), 4);
    case "f64":
      return writer.raw(BigInt(instr.args[0]), 8);
    case "reftype":
      return writer.u8(args[0]);
    case "select":
      return writer.vec(args, (type) => writer.u8(type));
    case "memory":
      return writer.u8(0);
    case "memory_memory":
      return writer.raw(0n, 2);
    case "data_memory":
      writer.u32(args[0]);
      return writer.u8(0);
    default: // One or two indices, or a memarg: all plain u32 in binary order.
      for (const arg of args) writer.u32(arg);
  }
}
