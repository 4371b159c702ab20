/**
 * Writing instructions (WebAssembly 2.0, section 5.4).
 *
 * @module
 */
import { op } from "../opcodes.ts";
import type { ValType } from "../types.ts";
import { ValType as T } from "../types.ts";
import { ByteWriter } from "./bytes.ts";

/** Opcodes of the instructions that are written. */
export const I = {
  block: op("block"),
  loop: op("loop"),
  if: op("if"),
  else: op("else"),
  end: op("end"),
  br: op("br"),
  brIf: op("br_if"),
  brTable: op("br_table"),
  return: op("return"),
  unreachable: op("unreachable"),
  call: op("call"),
  callIndirect: op("call_indirect"),
  drop: op("drop"),
  select: op("select"),
  localGet: op("local.get"),
  localSet: op("local.set"),
  localTee: op("local.tee"),
  globalGet: op("global.get"),
  globalSet: op("global.set"),
  memorySize: op("memory.size"),
  memoryGrow: op("memory.grow"),
  i32Const: op("i32.const"),
  i64Const: op("i64.const"),
  f32Const: op("f32.const"),
  f64Const: op("f64.const"),
  eqz: op("i32.eqz"),
  eq: op("i32.eq"),
  ne: op("i32.ne"),
  ltS: op("i32.lt_s"),
  ltU: op("i32.lt_u"),
  geU: op("i32.ge_u"),
  gtS: op("i32.gt_s"),
  gtU: op("i32.gt_u"),
  add: op("i32.add"),
  sub: op("i32.sub"),
  mul: op("i32.mul"),
  and: op("i32.and"),
  or: op("i32.or"),
  shl: op("i32.shl"),
  shrU: op("i32.shr_u"),
  rotr: op("i32.rotr"),
  f32Ne: op("f32.ne"),
  f64Ne: op("f64.ne"),
  extendU: op("i64.extend_i32_u"),
  i32OfF32: op("i32.reinterpret_f32"),
  i64OfF64: op("i64.reinterpret_f64"),
  f32OfI32: op("f32.reinterpret_i32"),
  f64OfI64: op("f64.reinterpret_i64"),
} as const;

/** Loads and stores of whole values. */
const accesses: Readonly<Record<number, { load: number; store: number; alignment: number }>> = {
  [T.i32]: { load: op("i32.load"), store: op("i32.store"), alignment: 2 },
  [T.i64]: { load: op("i64.load"), store: op("i64.store"), alignment: 3 },
  [T.f32]: { load: op("f32.load"), store: op("f32.store"), alignment: 2 },
  [T.f64]: { load: op("f64.load"), store: op("f64.store"), alignment: 3 },
};

/** `multi-memory`: the bit of the alignment that says that a memory index follows. */
const hasMemory = 0x40;

export class CodeWriter extends ByteWriter {
  /** Where branches stand that are seldom taken: V8 then keeps their other side out of the way. */
  readonly unlikely: number[] = [];

  override clear(): void {
    super.clear();
    this.unlikely.length = 0;
  }

  /** An `if` that is seldom entered. */
  openUnlikely(): void {
    this.unlikely.push(this.length);
    this.open("if");
  }

  brIfUnlikely(label: number): void {
    this.unlikely.push(this.length);
    this.brIf(label);
  }

  const(value: number): void {
    this.u8(I.i32Const);
    this.s32(value);
  }

  get(local: number): void {
    this.u8(I.localGet);
    this.u32(local);
  }

  set(local: number): void {
    this.u8(I.localSet);
    this.u32(local);
  }

  tee(local: number): void {
    this.u8(I.localTee);
    this.u32(local);
  }

  globalGet(global: number): void {
    this.u8(I.globalGet);
    this.u32(global);
  }

  globalSet(global: number): void {
    this.u8(I.globalSet);
    this.u32(global);
  }

  call(func: number): void {
    this.u8(I.call);
    this.u32(func);
  }

  callIndirect(type: number, table: number): void {
    this.u8(I.callIndirect);
    this.u32(type);
    this.u32(table);
  }

  br(label: number): void {
    this.u8(I.br);
    this.u32(label);
  }

  brIf(label: number): void {
    this.u8(I.brIf);
    this.u32(label);
  }

  /** `block`, `loop` or `if`. @param type As `s32`. */
  open(name: "block" | "loop" | "if", type = -64): void {
    this.u8(I[name]);
    this.s32(type);
  }

  end(): void {
    this.u8(I.end);
  }

  /** `i32.load` of an aligned word at a constant address. */
  word(memory: number, address: number): void {
    this.const(0);
    this.load(T.i32, memory, address);
  }

  /** The load of a whole value. */
  load(type: ValType, memory: number, offset: number): void {
    this.#access(accesses[type].load, type, memory, offset);
  }

  /** The store of a whole value. */
  store(type: ValType, memory: number, offset: number): void {
    this.#access(accesses[type].store, type, memory, offset);
  }

  #access(opcode: number, type: ValType, memory: number, offset: number): void {
    this.u8(opcode);
    this.u8(accesses[type].alignment | hasMemory);
    this.u32(memory);
    this.u32(offset);
  }

  /** A zero of a type, to have something to return. */
  zero(type: ValType): void {
    if (type === T.i32) return this.const(0);
    if (type === T.i64) {
      this.u8(I.i64Const);
      return this.u8(0);
    }
    this.u8(type === T.f32 ? I.f32Const : I.f64Const);
    for (let i = 0; i < (type === T.f32 ? 4 : 8); i++) this.u8(0);
  }
}
