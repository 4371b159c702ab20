/**
 * Values of the scripts as raw bits, and the patterns that results are compared with
 * (WebAssembly 2.0, sections 4.2.1 "Values" and 4.3.3 "Floating-Point Operations", NaNs).
 * No float ever becomes a JavaScript number here, because that may change a NaN.
 *
 * @module
 */
import { ScriptError, type Sexpr } from "./sexpr.ts";

/**
 * One value. `bits` of i32 and f32 is a number, of i64 and f64 a BigInt; either sign is understood.
 * A `ref.func` is known only by not being null, a `ref.extern` by the number that the script gave it.
 */
export type Value =
  | { readonly type: "i32" | "f32"; readonly bits: number }
  | { readonly type: "i64" | "f64"; readonly bits: bigint }
  | { readonly type: "ref.null"; readonly heap: "func" | "extern" }
  | { readonly type: "ref.extern"; readonly id: number }
  | { readonly type: "ref.func" };

/** What a result may be: one value, one of the two sets of NaNs, or any reference of a kind. */
export type Pattern =
  | Value
  | { readonly type: "f32" | "f64"; readonly nan: "canonical" | "arithmetic" }
  | { readonly type: "ref.extern" | "ref.null" };

/** The parameters of an IEEE 754 binary interchange format. */
interface FloatFormat {
  readonly width: 32 | 64;
  /** Significant bits, the hidden one included. */
  readonly precision: number;
  /** Exponent of the smallest normal number. */
  readonly minExponent: number;
}
const formats: Readonly<Record<"f32" | "f64", FloatFormat>> = {
  f32: { width: 32, precision: 24, minExponent: -126 },
  f64: { width: 64, precision: 53, minExponent: -1022 },
};

/** Exponent field all ones, fraction zero. */
function infinity(format: FloatFormat): bigint {
  const fraction = BigInt(format.precision - 1);
  return ((1n << (BigInt(format.width) - 1n - fraction)) - 1n) << fraction;
}
/** The top bit of the fraction, which makes a NaN quiet. */
function quietBit(format: FloatFormat): bigint {
  return 1n << BigInt(format.precision - 2);
}

/** Parses an integer literal into its bits, unsigned. */
function parseInteger(text: string, width: 32 | 64): bigint | undefined {
  const match = /^([+-]?)((?:0x[0-9a-f]+|[0-9]+)(?:_[0-9a-f]+)*)$/i.exec(text);
  if (!match) return undefined;
  let value = BigInt(match[2].replaceAll("_", ""));
  if (match[1] === "-") value = -value;
  if (value >= 1n << BigInt(width) || value < -(1n << BigInt(width - 1))) return undefined;
  return BigInt.asUintN(width, value);
}

/** Parses a float literal into its bits, correctly rounded. */
function parseFloatBits(text: string, format: FloatFormat): bigint | undefined {
  const negative = text.startsWith("-");
  const sign = negative ? 1n << BigInt(format.width - 1) : 0n;
  const magnitude = parseMagnitude(text.replace(/^[+-]/, "").replaceAll("_", "").toLowerCase(), format);
  return magnitude === undefined ? undefined : sign | magnitude;
}

function parseMagnitude(text: string, format: FloatFormat): bigint | undefined {
  const inf = infinity(format);
  if (text === "inf") return inf;
  if (text === "nan") return inf | quietBit(format);
  const payload = /^nan:(0x[0-9a-f]+)$/.exec(text);
  if (payload) {
    const bits = BigInt(payload[1]);
    return bits > 0n && bits < quietBit(format) << 1n ? inf | bits : undefined;
  }
  const hex = text.startsWith("0x");
  const match =
    (hex
      ? /^0x([0-9a-f]+)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?$/
      : /^([0-9]+)(?:\.([0-9]*))?(?:e([+-]?[0-9]+))?$/).exec(text);
  if (!match) return undefined;
  const [, whole, fraction = "", exponentText = "0"] = match;
  const digits = BigInt((hex ? "0x" : "") + whole + fraction);
  const exponent = Number(exponentText) - fraction.length * (hex ? 4 : 1);
  // Beyond this every value is zero or out of range, whatever its digits (scripts are short).
  if (Math.abs(exponent) > 100_000) return digits === 0n || exponent < 0 ? 0n : undefined;
  const scale = (hex ? 2n : 10n) ** BigInt(Math.abs(exponent));
  const bits = exponent < 0
    ? roundQuotient(digits, scale, format)
    : roundQuotient(digits * scale, 1n, format);
  return bits < inf ? bits : undefined;
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(parseInt(hex[0], 16)) - 28);
}

/** `numerator / denominator` rounded to nearest, ties to even, as the bits of a positive float. */
function roundQuotient(numerator: bigint, denominator: bigint, format: FloatFormat): bigint {
  if (numerator === 0n) return 0n;
  // The quotient is in [2^exponent, 2^(exponent+1)).
  let exponent = bitLength(numerator) - bitLength(denominator);
  const shifted = exponent < 0 ? numerator << BigInt(-exponent) : numerator;
  if (shifted < (exponent > 0 ? denominator << BigInt(exponent) : denominator)) exponent--;
  exponent = Math.max(exponent, format.minExponent);
  const ulp = exponent - (format.precision - 1);
  const over = ulp < 0 ? numerator << BigInt(-ulp) : numerator;
  const under = ulp > 0 ? denominator << BigInt(ulp) : denominator;
  let significand = over / under;
  const rest = 2n * (over % under);
  if (rest > under || (rest === under && (significand & 1n) === 1n)) significand++;
  // The hidden bit carries into the exponent field, and so does rounding up to the next power of two.
  return (BigInt(exponent - format.minExponent) << BigInt(format.precision - 1)) + significand;
}

/** The bits of a literal of a number type, unsigned, or `undefined` if it is none. */
export function parseNumber(type: "i32" | "i64" | "f32" | "f64", text: string): bigint | undefined {
  switch (type) {
    case "i32":
      return parseInteger(text, 32);
    case "i64":
      return parseInteger(text, 64);
    default:
      return parseFloatBits(text, formats[type]);
  }
}

/** Reads an argument: `(i32.const 1)`, `(ref.null func)`, `(ref.extern 2)`. @throws {ScriptError} */
export function parseValue(expr: Sexpr): Value {
  const pattern = parsePattern(expr);
  if ("bits" in pattern || "heap" in pattern || "id" in pattern) return pattern;
  throw new ScriptError(`not a value to pass: ${show(pattern)}`, expr.line);
}

/** Reads an expected result: a value, or `(f32.const nan:canonical)`, `(ref.extern)`. @throws {ScriptError} */
export function parsePattern(expr: Sexpr): Pattern {
  const words = expr.kind === "list" ? expr.items.map((item) => item.kind === "atom" ? item.text : "?") : [];
  const [head, operand] = words;
  const fail = () => new ScriptError(`cannot understand the value (${words.join(" ")})`, expr.line);
  switch (head) {
    case "i32.const":
    case "i64.const":
    case "f32.const":
    case "f64.const": {
      const type = head.slice(0, 3) as "i32" | "i64" | "f32" | "f64";
      if (words.length !== 2) throw fail();
      if (type === "f32" || type === "f64") {
        if (operand === "nan:canonical") return { type, nan: "canonical" };
        if (operand === "nan:arithmetic") return { type, nan: "arithmetic" };
      }
      const bits = parseNumber(type, operand);
      if (bits === undefined) throw fail();
      return type === "i32" || type === "f32" ? { type, bits: Number(bits) } : { type, bits };
    }
    case "ref.null":
      if (operand === undefined) return { type: "ref.null" };
      if (operand === "func" || operand === "extern") return { type: "ref.null", heap: operand };
      throw fail();
    case "ref.extern": {
      if (operand === undefined) return { type: "ref.extern" };
      const id = parseInteger(operand, 32);
      if (id === undefined) throw fail();
      return { type: "ref.extern", id: Number(id) };
    }
    case "ref.func":
      if (operand === undefined) return { type: "ref.func" };
      throw fail();
    default:
      throw fail();
  }
}

/** The bits of a number, unsigned. */
function unsignedBits(value: { readonly type: string; readonly bits: number | bigint }): bigint {
  return BigInt.asUintN(value.type.endsWith("32") ? 32 : 64, BigInt(value.bits));
}

/**
 * Whether a result fits a pattern. Canonical NaNs have only the top fraction bit set, arithmetic NaNs
 * at least that one; the sign is free in both.
 */
export function matches(pattern: Pattern, value: Value): boolean {
  if (pattern.type !== value.type) return false;
  if ("nan" in pattern) {
    const format = formats[pattern.type];
    const magnitude = "bits" in value ? BigInt.asUintN(format.width - 1, unsignedBits(value)) : 0n;
    const canonical = infinity(format) | quietBit(format);
    return pattern.nan === "canonical" ? magnitude === canonical : (magnitude & canonical) === canonical;
  }
  if ("bits" in pattern) return "bits" in value && unsignedBits(pattern) === unsignedBits(value);
  if ("heap" in pattern) return "heap" in value && pattern.heap === value.heap;
  if ("id" in pattern) return "id" in value && pattern.id === value.id;
  return true;
}

/** A value or pattern in the scripts' words, floats as their bits: `i32 7`, `f32 bits 0x7fc00000`. */
export function show(value: Pattern): string {
  if ("nan" in value) return `${value.type} nan:${value.nan}`;
  if ("bits" in value) {
    const bits = unsignedBits(value);
    if (value.type === "i32") return `i32 ${BigInt.asIntN(32, bits)}`;
    if (value.type === "i64") return `i64 ${BigInt.asIntN(64, bits)}`;
    return `${value.type} bits 0x${bits.toString(16).padStart(value.type === "f32" ? 8 : 16, "0")}`;
  }
  if ("heap" in value) return `ref.null ${value.heap}`;
  if ("id" in value) return `ref.extern ${value.id}`;
  return value.type;
}

/** {@linkcode show} for a list of results; the empty list is `nothing`. */
export function showAll(values: readonly Pattern[]): string {
  return values.length === 0 ? "nothing" : values.map(show).join(", ");
}
