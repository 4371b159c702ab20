/**
 * Values in their three forms: as generated code holds them (*raw*; an i64 is two int32s), as bits
 * (i32 and f32 as an unsigned number, i64 and f64 as an unsigned BigInt), and as JavaScript programs
 * expect them (i64 as BigInt, floats as numbers).
 *
 * @module
 */
import { isRefType, type ValType, ValType as T } from "../compiler/types.ts";
import { bitsOfF32, bitsOfF64, f32OfBits, f64OfBits, type Float } from "./helpers.ts";
import { R } from "./results.ts";
import type { Ref } from "./table.ts";

/** A value as exact bits, or a reference. */
export type Bits = number | bigint | Ref;

/** Appends the raw form of `bits` to `raw`. */
export function pushBits(raw: unknown[], type: ValType, bits: Bits): void {
  switch (type) {
    case T.i32:
      raw.push((bits as number) | 0);
      break;
    case T.f32:
      raw.push(f32OfBits((bits as number) | 0));
      break;
    case T.i64:
      raw.push(...halves(bits as bigint));
      break;
    case T.f64:
      raw.push(f64OfBits(...halves(bits as bigint)));
      break;
    default:
      raw.push(bits);
  }
}

function halves(bits: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n))];
}

const join = (low: number, high: number) => BigInt(high >>> 0) << 32n | BigInt(low >>> 0);

/** How many raw values a type takes. */
export const rawSize = (type: ValType): number => type === T.i64 ? 2 : 1;

/** How many raw values a list of types takes. */
export function rawLength(types: readonly ValType[]): number {
  return types.reduce((sum, type) => sum + rawSize(type), 0);
}

/** The bits of the value at `raw[at]`. */
export function bitsAt(raw: readonly unknown[], at: number, type: ValType): Bits {
  switch (type) {
    case T.i32:
      return (raw[at] as number) >>> 0;
    case T.f32:
      return bitsOfF32(raw[at] as Float) >>> 0;
    case T.i64:
      return join(raw[at] as number, raw[at + 1] as number);
    case T.f64: {
      const low = bitsOfF64(raw[at] as Float);
      return join(low, R[0]);
    }
    default:
      return raw[at];
  }
}

/** Appends the raw form of a value that a JavaScript program gave; throws `TypeError` if it does not fit. */
export function pushJs(raw: unknown[], type: ValType, value: unknown): void {
  switch (type) {
    case T.i32:
      raw.push(Number(value) | 0);
      break;
    case T.i64:
      raw.push(...halves(BigInt(value as bigint)));
      break;
    case T.f32:
      raw.push(Math.fround(Number(value)));
      break;
    case T.f64:
      raw.push(Number(value));
      break;
    default:
      raw.push(value ?? null);
  }
}

/** The JavaScript form of the value at `raw[at]`. */
export function jsAt(raw: readonly unknown[], at: number, type: ValType): unknown {
  if (type === T.i64) return BigInt.asIntN(64, join(raw[at] as number, raw[at + 1] as number));
  if (type === T.i32 || isRefType(type)) return raw[at];
  return +(raw[at] as number);
}

/** Converts a whole list of raw values, one entry for each type. */
export function fromRaw<Value>(
  raw: readonly unknown[],
  types: readonly ValType[],
  convert: (raw: readonly unknown[], at: number, type: ValType) => Value,
): Value[] {
  let at = 0;
  return types.map((type) => {
    const value = convert(raw, at, type);
    at += rawSize(type);
    return value;
  });
}

/** Converts a whole list to raw values. */
export function toRaw<Value>(
  values: readonly Value[],
  types: readonly ValType[],
  push: (raw: unknown[], type: ValType, value: Value) => void,
): unknown[] {
  const raw: unknown[] = [];
  types.forEach((type, i) => push(raw, type, values[i]));
  return raw;
}
