/**
 * Values of WebAssembly for people, and for JSON.
 *
 * @module
 */
import type { Value } from "../../runtime/image/snapshot.ts";

/** Digits of a value's raw bits. */
const DIGITS = { i32: 8, f32: 8, i64: 16, f64: 16, v128: 32 } as const;
type NumberType = keyof typeof DIGITS;

/** Raw bits as they are written: all digits. */
export function bitsText(type: NumberType, bits: number | bigint): string {
  return `0x${bits.toString(16).padStart(DIGITS[type], "0")}`;
}

/** What raw bits mean: integers signed, and unsigned too where that differs. */
export function meaning(type: NumberType, bits: number | bigint): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt.asUintN(64, BigInt(bits)), true);
  const float = (value: number) => Object.is(value, -0) ? "-0" : String(value);
  const integer = (value: number | bigint) => value < 0 ? `${value} (${bits} unsigned)` : `${value}`;
  switch (type) {
    case "i32":
      return integer(view.getInt32(0, true));
    case "i64":
      return integer(view.getBigInt64(0, true));
    case "f32":
      return float(view.getFloat32(0, true));
    case "f64":
      return float(view.getFloat64(0, true));
    case "v128":
      return "";
  }
}

/** A reference for people. @param nameOf The name of an instance's function. */
export function referenceText(
  ref: Extract<Value, { ref: unknown }>["ref"],
  nameOf: (instance: number, func: number) => string,
): string {
  if (ref === null) return "null";
  if (ref.kind === "func") return `function ${ref.func} (${printable(nameOf(ref.instance, ref.func))})`;
  return ref.kind === "host"
    ? `${printable(`${ref.module}.${ref.name}`)} of the host`
    : `host value ${JSON.stringify(ref.value)}`;
}

/** Text of a stranger's choice, with nothing in it that a terminal would obey. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "?");
}
