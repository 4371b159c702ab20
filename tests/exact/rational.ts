/**
 * Floats as exact fractions of BigInts, and the one rounding of WebAssembly: to nearest, ties to even
 * (section 4.3.3 "Floating-Point Operations").
 *
 * @module
 */

/** An IEEE 754 binary interchange format. */
export interface Format {
  readonly width: 32 | 64;
  /** Bits of the fraction field. */
  readonly fraction: bigint;
  /** Exponent of the unit in the last place of subnormal numbers. */
  readonly smallest: bigint;
}
export const binary32: Format = { width: 32, fraction: 23n, smallest: -149n };
export const binary64: Format = { width: 64, fraction: 52n, smallest: -1074n };

/** `numerator / denominator`; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const signBit = ({ width }: Format) => 1n << BigInt(width - 1);
export const infinity = ({ width, fraction }: Format) =>
  ((1n << BigInt(width - 1) - fraction) - 1n) << fraction;

/** The value of the bits of a finite float. */
export function rationalOf(bits: bigint, format: Format): Rational {
  const { fraction, smallest } = format;
  const magnitude = bits & (signBit(format) - 1n);
  const field = magnitude >> fraction;
  const low = magnitude & ((1n << fraction) - 1n);
  const significand = field === 0n ? low : low | 1n << fraction;
  const exponent = smallest + (field === 0n ? 0n : field - 1n);
  const numerator = (bits & signBit(format)) === 0n ? significand : -significand;
  return exponent < 0n
    ? { numerator, denominator: 1n << -exponent }
    : { numerator: numerator << exponent, denominator: 1n };
}

const lengthOf = (value: bigint) => BigInt(value.toString(2).length);

/** The bits of the nearest float; a zero is positive. */
export function round({ numerator, denominator }: Rational, format: Format): bigint {
  if (numerator === 0n) return 0n;
  const negative = numerator < 0n;
  const n = negative ? -numerator : numerator;
  // The exponent of the unit in the last place: so that the quotient has fraction + 1 bits, or one more.
  let unit = lengthOf(n) - lengthOf(denominator) - 1n - format.fraction;
  if (unit < format.smallest) unit = format.smallest;
  const over = unit < 0n ? n << -unit : n;
  const under = unit > 0n ? denominator << unit : denominator;
  if (over / under >= 1n << format.fraction + 1n) {
    return round2(over, under * 2n, unit + 1n, negative, format);
  }
  return round2(over, under, unit, negative, format);
}

function round2(over: bigint, under: bigint, unit: bigint, negative: boolean, format: Format): bigint {
  let significand = over / under;
  const rest = 2n * (over % under);
  if (rest > under || (rest === under && (significand & 1n) === 1n)) significand++;
  // The hidden bit adds 1 to the exponent field, and so does a carry out of the fraction.
  const bits = (unit - format.smallest << format.fraction) + significand;
  const limited = bits > infinity(format) ? infinity(format) : bits;
  return negative ? limited | signBit(format) : limited;
}

export const operations: Readonly<Record<string, (a: Rational, b: Rational) => Rational>> = {
  add: (a, b) => ({
    numerator: a.numerator * b.denominator + b.numerator * a.denominator,
    denominator: a.denominator * b.denominator,
  }),
  sub: (a, b) => operations.add(a, { ...b, numerator: -b.numerator }),
  mul: (a, b) => ({ numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator }),
  div: (a, b) =>
    b.numerator < 0n
      ? { numerator: -a.numerator * b.denominator, denominator: a.denominator * -b.numerator }
      : { numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator },
};

/** The square root of a positive number, to more bits than any rounding looks at. */
export function squareRoot({ numerator, denominator }: Rational): Rational {
  // sqrt(n / d) = sqrt(n * d * 4^k) / (d * 2^k); what is cut off is marked by one more bit.
  const k = 160n;
  const square = numerator * denominator << 2n * k;
  let root = 1n << (lengthOf(square) + 1n) / 2n;
  for (let next = (root + square / root) / 2n; next < root; next = (root + square / root) / 2n) root = next;
  const sticky = root * root === square ? 0n : 1n;
  return { numerator: 2n * root + sticky, denominator: 2n * denominator << k };
}

/** Towards zero. */
export function truncate({ numerator, denominator }: Rational): bigint {
  return numerator / denominator;
}
