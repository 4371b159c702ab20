/**
 * What the integer instructions mean (WebAssembly 2.0, section 4.3.2 "Integer Operations"), on BigInts.
 *
 * @module
 */
import { TrapKind } from "../../runtime/trap.ts";
import { Random } from "../fuzz/random.ts";

export type Width = 32 | 64;
/** Operands and results are unsigned; a string is the trap. */
export type Unary = (a: bigint, width: Width) => bigint;
export type Binary = (a: bigint, b: bigint, width: Width) => bigint | TrapKind;

const signed = (a: bigint, width: number) => BigInt.asIntN(width, a);
const wrap = (a: bigint, width: number) => BigInt.asUintN(width, a);
const count = (b: bigint, width: Width) => b % BigInt(width);
const bool = (test: boolean) => test ? 1n : 0n;

function rotateLeft(a: bigint, by: bigint, width: Width): bigint {
  return wrap(a << by | a >> BigInt(width) - by, width);
}

/** From two integers to one of the same type. */
export const binary: Readonly<Record<string, Binary>> = {
  add: (a, b, width) => wrap(a + b, width),
  sub: (a, b, width) => wrap(a - b, width),
  mul: (a, b, width) => wrap(a * b, width),
  div_s: (a, b, width) => {
    if (b === 0n) return TrapKind.divideByZero;
    const quotient = signed(a, width) / signed(b, width);
    return quotient === 1n << BigInt(width - 1) ? TrapKind.overflow : wrap(quotient, width);
  },
  div_u: (a, b) => b === 0n ? TrapKind.divideByZero : a / b,
  rem_s: (a, b, width) => b === 0n ? TrapKind.divideByZero : wrap(signed(a, width) % signed(b, width), width),
  rem_u: (a, b) => b === 0n ? TrapKind.divideByZero : a % b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, width) => wrap(a << count(b, width), width),
  shr_s: (a, b, width) => wrap(signed(a, width) >> count(b, width), width),
  shr_u: (a, b, width) => a >> count(b, width),
  rotl: (a, b, width) => rotateLeft(a, count(b, width), width),
  rotr: (a, b, width) => rotateLeft(a, BigInt(width) - count(b, width), width),
};

/** From two integers to an i32 that is 0 or 1. */
export const comparisons: Readonly<Record<string, (a: bigint, b: bigint, width: Width) => bigint>> = {
  eq: (a, b) => bool(a === b),
  ne: (a, b) => bool(a !== b),
  lt_s: (a, b, width) => bool(signed(a, width) < signed(b, width)),
  lt_u: (a, b) => bool(a < b),
  gt_s: (a, b, width) => bool(signed(a, width) > signed(b, width)),
  gt_u: (a, b) => bool(a > b),
  le_s: (a, b, width) => bool(signed(a, width) <= signed(b, width)),
  le_u: (a, b) => bool(a <= b),
  ge_s: (a, b, width) => bool(signed(a, width) >= signed(b, width)),
  ge_u: (a, b) => bool(a >= b),
};

const digits = (a: bigint, width: Width) => a.toString(2).padStart(width, "0");

/** From one integer to one of the same type. `extend32_s` is for i64 alone. */
export const unary: Readonly<Record<string, Unary>> = {
  clz: (a, width) => BigInt(/^0*/.exec(digits(a, width))![0].length),
  ctz: (a, width) => BigInt(/0*$/.exec(digits(a, width))![0].length),
  popcnt: (a, width) => BigInt(digits(a, width).replaceAll("0", "").length),
  extend8_s: (a, width) => wrap(signed(a, 8), width),
  extend16_s: (a, width) => wrap(signed(a, 16), width),
  extend32_s: (a, width) => wrap(signed(a, 32), width),
};

/** The unary instructions of a type. */
export function unaryOf(width: Width): [string, Unary][] {
  return Object.entries(unary).filter(([name]) => width === 64 || name !== "extend32_s");
}

/** Values at which something changes: around 0, and around every power of two that means something. */
export function edges(width: Width): bigint[] {
  const around = [7, 8, 15, 16, 31, 32, 33, 47, 48, 52, 53, 62, 63, 64].filter((power) => power <= width);
  const values = new Set<bigint>([
    0n,
    1n,
    2n,
    3n,
    5n,
    10n,
    63n,
    65n,
    0x0123456789abcdefn,
    0xaaaaaaaa55555555n,
  ]);
  for (const power of around) for (const by of [-1n, 0n, 1n]) values.add((1n << BigInt(power)) + by);
  for (const value of [...values]) values.add(-value);
  return [...new Set([...values].map((value) => wrap(value, width)))];
}

/** A random integer: any, of any length, near an edge, or with an edge for a half. */
export function randomInteger(random: Random, width: Width, known: readonly bigint[]): bigint {
  const any = random.u64();
  switch (random.below(5)) {
    case 0:
      return wrap(any, width);
    case 1:
      return wrap(any >> BigInt(random.below(64)), width);
    case 2:
      return wrap(-(any >> BigInt(random.below(64))), width);
    case 3:
      return wrap(random.pick(known) + BigInt(random.between(-3, 3)), width);
    default: {
      const half = BigInt(width / 2);
      return wrap(random.pick(known) << half | wrap(random.pick(known), width / 2), width);
    }
  }
}

/** `count` pairs: all pairs of edges first, then random ones; many first ones are near a multiple of the second. */
export function pairs(width: Width, count: number, seed: number): { a: bigint[]; b: bigint[] } {
  const known = edges(width);
  const random = new Random(seed);
  const a: bigint[] = [];
  const b: bigint[] = [];
  for (const x of known) for (const y of known) (a.push(x), b.push(y));
  const halves = (1n << BigInt(width / 2)) - 1n;
  while (a.length < count) {
    const x = randomInteger(random, width, known);
    const y = randomInteger(random, width, known) | (random.chance(0.2) ? halves : 0n);
    // A quotient that does not overflow, often a large one, and a small remainder: where an estimate is wrong first.
    const most = y === 0n ? 0n : ((1n << BigInt(width)) - 1n) / y;
    const quotient = random.chance(0.5) ? most - x % (most / 4n + 1n) : x % (most + 1n);
    a.push(random.chance(0.4) ? wrap(y * quotient + BigInt(random.between(-1, 200)), width) : x);
    b.push(y);
  }
  return { a, b };
}
