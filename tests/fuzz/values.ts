/**
 * Values as raw bits, and a supply of the bits where engines go wrong.
 *
 * @module
 */

import { ValType } from "../../compiler/types.ts";
import type { Random } from "./random.ts";

/**
 * A value without its type. Numbers are their bits as an unsigned BigInt (`i32` and `f32` in 32 bits), a
 * function reference is its function index, an `externref` the host's number for the object, and
 * `null` the null reference. Two values of one type are the same if and only if `===` says so.
 */
export type Value = bigint | number | null;

const i32s = [
  ...[0n, 1n, 2n, 3n, 7n, 31n, 32n, 33n, 63n, 64n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0x8000n, 0xffffn],
  ...[0x10000n, 0x7ffffffen, 0x7fffffffn, 0x80000000n, 0x80000001n, 0xffff8000n, 0xffffff80n, 0xfffffffen],
  0xffffffffn,
];
const i64s = [
  ...i32s,
  ...[0x1_0000_0000n, 0x1_ffff_ffffn, 0x1f_ffff_ffff_ffffn, 0x20_0000_0000_0000n, 0x20_0000_0000_0001n],
  ...[0x7fff_ffff_ffff_fc00n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x8000_0000_0000_0001n],
  ...[0xffff_ffff_0000_0000n, 0xffff_ffff_7fff_ffffn, 0xffff_ffff_8000_0000n, 0xffff_ffff_ffff_ffffn],
];
/** Zeros, ones, halves (for rounding), the integer boundaries, subnormals, infinities, NaNs quiet and signalling. */
const f32s = [
  ...[0x0000_0000n, 0x3f80_0000n, 0x3f00_0000n, 0x3fc0_0000n, 0x4020_0000n, 0x3eff_ffffn, 0x3f7f_ffffn],
  ...[0x4b00_0000n, 0x4b00_0001n, 0x4b80_0000n, 0x4b7f_ffffn, 0x4eff_ffffn, 0x4f00_0000n, 0x4f7f_ffffn],
  ...[0x4f80_0000n, 0x5eff_ffffn, 0x5f00_0000n, 0x5f7f_ffffn, 0x5f80_0000n, 0x0000_0001n, 0x007f_ffffn],
  ...[0x0080_0000n, 0x7f7f_ffffn, 0x7f80_0000n, 0x7fc0_0000n, 0x7fff_ffffn, 0x7f80_0001n, 0x7fa0_0000n],
].flatMap((bits) => [bits, bits | 0x8000_0000n]);
const f64s = [
  ...[0x0000_0000_0000_0000n, 0x3ff0_0000_0000_0000n, 0x3fe0_0000_0000_0000n, 0x3ff8_0000_0000_0000n],
  ...[0x4004_0000_0000_0000n, 0x3fdf_ffff_ffff_ffffn, 0x3fef_ffff_ffff_ffffn, 0x4330_0000_0000_0000n],
  ...[0x4330_0000_0000_0001n, 0x4340_0000_0000_0000n, 0x41df_ffff_ffc0_0000n, 0x41df_ffff_ffff_ffffn],
  ...[0x41e0_0000_0000_0000n, 0x41e0_0000_0020_0000n, 0x41ef_ffff_ffe0_0000n, 0x41ef_ffff_ffff_ffffn],
  ...[0x41f0_0000_0000_0000n, 0x43df_ffff_ffff_ffffn, 0x43e0_0000_0000_0000n, 0x43ef_ffff_ffff_ffffn],
  ...[0x43f0_0000_0000_0000n, 0x0000_0000_0000_0001n, 0x000f_ffff_ffff_ffffn, 0x0010_0000_0000_0000n],
  ...[0x7fef_ffff_ffff_ffffn, 0x36a0_0000_0000_0000n, 0x47ef_ffff_f000_0000n, 0x7ff0_0000_0000_0000n],
  ...[0x7ff8_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, 0x7ff0_0000_0000_0001n, 0x7ff4_0000_0000_0000n],
  0x7ff0_0000_2000_0000n,
].flatMap((bits) => [bits, bits | 0x8000_0000_0000_0000n]);

const edges = new Map<ValType, readonly bigint[]>([
  [ValType.i32, i32s],
  [ValType.i64, i64s],
  [ValType.f32, f32s],
  [ValType.f64, f64s],
]);

const float = new DataView(new ArrayBuffer(8));
/** The bits of a number as an `f32`; every NaN becomes the canonical one. */
export function f32Bits(value: number): bigint {
  if (Number.isNaN(value)) return 0x7fc0_0000n;
  float.setFloat32(0, value);
  return BigInt(float.getUint32(0));
}
/** The bits of a number as an `f64`; every NaN becomes the canonical one. */
export function f64Bits(value: number): bigint {
  if (Number.isNaN(value)) return 0x7ff8_0000_0000_0000n;
  float.setFloat64(0, value);
  return float.getBigUint64(0);
}

/** A small whole or broken number, the kind that programs mostly compute with. */
function ordinary(random: Random, type: ValType): bigint {
  const value = random.between(-100, 1000);
  if (type === ValType.i32) return BigInt.asUintN(32, BigInt(value));
  if (type === ValType.i64) return BigInt.asUintN(64, BigInt(value) * (random.chance(0.3) ? 0x1_2345n : 1n));
  const broken = value / random.pick([1, 1, 2, 8, 10]);
  return type === ValType.f32 ? f32Bits(broken) : f64Bits(broken);
}

/** The bits of a random number: edges, ordinary numbers and noise. */
export function randomNumber(random: Random, type: ValType): bigint {
  const kind = random.below(10);
  if (kind < 4) return random.pick(edges.get(type)!);
  if (kind < 8) return ordinary(random, type);
  return type === ValType.i32 || type === ValType.f32 ? BigInt(random.u32()) : random.u64();
}

/** A random argument; references are null or one of four host objects. */
export function randomValue(random: Random, type: ValType): Value {
  if (type === ValType.funcref) return null;
  if (type === ValType.externref) return random.chance(0.3) ? null : random.below(4);
  return randomNumber(random, type);
}

/** For people: `i32:0xff`, `funcref:null`, `externref:3`. */
export function showValue(value: Value): string {
  return typeof value === "bigint" ? `0x${value.toString(16)}` : String(value);
}
