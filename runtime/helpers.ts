/**
 * `H`: what generated code calls where one JavaScript expression does not do. Small functions, so
 * that V8 inlines them. An i64 result is returned as its low half, the high half goes to `R[0]`.
 *
 * @module
 */
import { division } from "./division.ts";
import { R } from "./results.ts";
import type { Memory } from "./memory.ts";
import type { Func } from "./func.ts";
import { Trap, TrapKind } from "./trap.ts";

const scratch = new DataView(new ArrayBuffer(8));

/**
 * A NaN that is not the canonical one. JavaScript engines change the bits of NaNs as they please, so a
 * NaN in a number always means the canonical NaN (which also makes runs repeatable), and any other is an
 * object that moves with its bits. For arithmetic it is NaN.
 */
export class NaNBits {
  /** @param high For an f64, the high half of its bits. */
  constructor(readonly low: number, readonly high = 0) {}
  valueOf(): number {
    return NaN;
  }
}
/** A float as generated code holds it. */
export type Float = number | NaNBits;

const canonicalF32 = 0x7fc00000;
const canonicalF64High = 0x7ff80000;

export function f32OfBits(bits: number): Float {
  scratch.setInt32(0, bits, true);
  const x = scratch.getFloat32(0, true);
  return x === x || bits === canonicalF32 ? x : new NaNBits(bits);
}

export function bitsOfF32(x: Float): number {
  if (typeof x === "object") return x.low;
  if (x !== x) return canonicalF32;
  scratch.setFloat32(0, x, true);
  return scratch.getInt32(0, true);
}

export function f64OfBits(low: number, high: number): Float {
  scratch.setInt32(0, low, true);
  scratch.setInt32(4, high, true);
  const x = scratch.getFloat64(0, true);
  return x === x || (high === canonicalF64High && low === 0) ? x : new NaNBits(low, high);
}

export function bitsOfF64(x: Float): number {
  if (typeof x === "object") {
    R[0] = x.high;
    return x.low;
  }
  if (x !== x) {
    R[0] = canonicalF64High;
    return 0;
  }
  scratch.setFloat64(0, x, true);
  R[0] = scratch.getInt32(4, true);
  return scratch.getInt32(0, true);
}

function trap(kind: TrapKind): never {
  throw new Trap(kind);
}

// 64-bit values as BigInts, for what is rare.
const big = (low: number, high: number) => BigInt(high) << 32n | BigInt(low >>> 0);
const ubig = (low: number, high: number) => BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
/** Truncates a number in the range of a 64-bit integer; exact, because such numbers have few digits. */
function splitNumber(x: number): number {
  x = Math.trunc(x);
  const high = Math.floor(x / 4294967296);
  R[0] = high | 0;
  return (x - high * 4294967296) | 0;
}

/** The largest i64 as a double is 2^63, just out of range. */
const two63 = 2 ** 63;
const two64 = 2 ** 64;

/** Rounds to f32 once: adding the lost bits as a sticky bit below the double's last. */
function roundToF32(value: bigint): number {
  const negative = value < 0n;
  let magnitude = negative ? -value : value;
  // Beyond 2^53 a double would round first: keep 40 bits and whether anything was below them.
  const excess = magnitude.toString(2).length - 40;
  if (excess > 0) {
    const shift = BigInt(excess);
    const sticky = (magnitude & ((1n << shift) - 1n)) !== 0n ? 1n : 0n;
    magnitude = ((magnitude >> shift) | sticky) << shift;
  }
  const rounded = Math.fround(Number(magnitude));
  return negative ? -rounded : rounded;
}

/** Powers of two, for shifts of 64 bits. */
const powers = BigUint64Array.from({ length: 64 }, (_, i) => 1n << BigInt(i));

export const H = {
  powers,
  unreachable: (): never => trap(TrapKind.unreachable),

  /** Explains why `q`, an element of a table, cannot be called. */
  badIndirectCall(q: Func | null | undefined): never {
    if (q === undefined) trap(TrapKind.undefinedElement);
    if (q === null) trap(TrapKind.uninitializedElement);
    trap(TrapKind.signatureMismatch);
  },

  popcnt(x: number): number {
    x -= (x >>> 1) & 0x55555555;
    x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
    return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  },
  divS(a: number, b: number): number {
    if (b === 0) trap(TrapKind.divideByZero);
    if (b === -1 && a === -2147483648) trap(TrapKind.overflow);
    return (a / b) | 0;
  },
  divU(a: number, b: number): number {
    if (b === 0) trap(TrapKind.divideByZero);
    return ((a >>> 0) / (b >>> 0)) | 0;
  },
  remS(a: number, b: number): number {
    if (b === 0) trap(TrapKind.divideByZero);
    return (a % b) | 0;
  },
  remU(a: number, b: number): number {
    if (b === 0) trap(TrapKind.divideByZero);
    return ((a >>> 0) % (b >>> 0)) | 0;
  },

  truncS(a: Float): number {
    const x = +a;
    if (x > -2147483649 && x < 2147483648) return x | 0;
    trap(x !== x ? TrapKind.invalidConversion : TrapKind.overflow);
  },
  truncU(a: Float): number {
    const x = +a;
    if (x > -1 && x < 4294967296) return x | 0;
    trap(x !== x ? TrapKind.invalidConversion : TrapKind.overflow);
  },
  truncSatS(a: Float): number {
    const x = +a;
    return x > -2147483649 ? x < 2147483648 ? x | 0 : 2147483647 : x !== x ? 0 : -2147483648;
  },
  truncSatU(a: Float): number {
    const x = +a;
    return x > -1 ? x < 4294967296 ? x | 0 : -1 : 0;
  },

  /** Rounds half to even; a result of zero keeps the operand's sign. */
  nearest(a: Float): number {
    const x = +a;
    const magnitude = Math.abs(x);
    if (!(magnitude < 4503599627370496)) return x;
    const rounded = magnitude + 4503599627370496 - 4503599627370496;
    return x < 0 || Object.is(x, -0) ? -rounded : rounded;
  },
  f32OfBits,
  bitsOfF32,
  f64OfBits,
  bitsOfF64,
  absF32: (x: Float) => f32OfBits(bitsOfF32(x) & 0x7fffffff),
  negF32: (x: Float) => f32OfBits(bitsOfF32(x) ^ 0x80000000),
  copysignF32: (x: Float, y: Float) => f32OfBits((bitsOfF32(x) & 0x7fffffff) | (bitsOfF32(y) & 0x80000000)),
  absF64: (x: Float) => f64OfBits(bitsOfF64(x), R[0] & 0x7fffffff),
  negF64: (x: Float) => f64OfBits(bitsOfF64(x), R[0] ^ 0x80000000),
  copysignF64(x: Float, y: Float): Float {
    bitsOfF64(y);
    const sign = R[0] & 0x80000000;
    const low = bitsOfF64(x);
    return f64OfBits(low, (R[0] & 0x7fffffff) | sign);
  },

  // The slow halves of float accesses: only NaNs come here.
  loadF32: (memory: Memory, address: number, offset: number) =>
    f32OfBits(memory.d.getInt32((address >>> 0) + offset, true)),
  loadF64: (memory: Memory, address: number, offset: number) =>
    f64OfBits(
      memory.d.getInt32((address >>> 0) + offset, true),
      memory.d.getInt32((address >>> 0) + offset + 4, true),
    ),
  storeF32(memory: Memory, address: number, offset: number, x: Float): void {
    memory.d.setInt32((address >>> 0) + offset, bitsOfF32(x), true);
  },
  storeF64(memory: Memory, address: number, offset: number, x: Float): void {
    const low = bitsOfF64(x);
    memory.d.setInt32((address >>> 0) + offset + 4, R[0], true);
    memory.d.setInt32((address >>> 0) + offset, low, true);
  },

  ...division,
  shl64(low: number, high: number, n: number): number {
    n &= 63;
    if (n === 0) {
      R[0] = high;
      return low;
    }
    if (n < 32) {
      R[0] = (high << n) | (low >>> (32 - n));
      return low << n;
    }
    R[0] = low << (n - 32);
    return 0;
  },
  shrS64(low: number, high: number, n: number): number {
    n &= 63;
    if (n === 0) {
      R[0] = high;
      return low;
    }
    if (n < 32) {
      R[0] = high >> n;
      return (low >>> n) | (high << (32 - n));
    }
    R[0] = high >> 31;
    return high >> (n - 32);
  },
  shrU64(low: number, high: number, n: number): number {
    n &= 63;
    if (n === 0) {
      R[0] = high;
      return low;
    }
    if (n < 32) {
      R[0] = high >>> n;
      return (low >>> n) | (high << (32 - n));
    }
    R[0] = 0;
    return (high >>> (n - 32)) | 0;
  },
  rotl64(low: number, high: number, n: number): number {
    n &= 63;
    const a = n < 32 ? low : high;
    const b = n < 32 ? high : low;
    n &= 31;
    if (n === 0) {
      R[0] = b;
      return a;
    }
    R[0] = (b << n) | (a >>> (32 - n));
    return (a << n) | (b >>> (32 - n));
  },
  rotr64: (low: number, high: number, n: number): number => H.rotl64(low, high, 64 - (n & 63)),
  ctz64(low: number, high: number): number {
    return low !== 0 ? 31 - Math.clz32(low & -low) : high !== 0 ? 63 - Math.clz32(high & -high) : 64;
  },
  truncS64(a: Float): number {
    const x = +a;
    if (x >= -two63 && x < two63) return splitNumber(x);
    trap(x !== x ? TrapKind.invalidConversion : TrapKind.overflow);
  },
  truncU64(a: Float): number {
    const x = +a;
    if (x > -1 && x < two64) return splitNumber(x);
    trap(x !== x ? TrapKind.invalidConversion : TrapKind.overflow);
  },
  truncSatS64(a: Float): number {
    const x = +a;
    if (x >= -two63 && x < two63) return splitNumber(x);
    R[0] = x !== x ? 0 : x < 0 ? -2147483648 : 2147483647;
    return x > 0 ? -1 : 0;
  },
  truncSatU64(a: Float): number {
    const x = +a;
    if (x > -1 && x < two64) return splitNumber(x);
    return R[0] = x > 0 ? -1 : 0;
  },
  f32OfS64: (low: number, high: number): number => roundToF32(big(low, high)),
  f32OfU64: (low: number, high: number): number => roundToF32(ubig(low, high)),
};
