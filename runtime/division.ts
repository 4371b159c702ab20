/**
 * 64-bit division on 32-bit halves. BigInts would be exact too, but each costs an allocation.
 *
 * @module
 */
import { R } from "./results.ts";
import { Trap, TrapKind } from "./trap.ts";

const two32 = 4294967296;

// Quotient and remainder of the last division, as halves.
const out = new Int32Array(4);

/**
 * Unsigned division; `out` gets the quotient's and the remainder's halves, low ones first. The divisor
 * is not 0.
 */
function divide(low: number, high: number, low2: number, high2: number): void {
  const a1 = high >>> 0;
  const a0 = low >>> 0;
  const d1 = high2 >>> 0;
  const d0 = low2 >>> 0;
  if (d1 === 0) {
    if (a1 < 0x200000) {
      // Both fit in 53 bits: one exact division, and the floor of it is right.
      const a = a1 * two32 + a0;
      const q = Math.floor(a / d0);
      out[0] = q | 0;
      out[1] = Math.floor(q / two32) | 0;
      out[2] = (a - q * d0) | 0;
      out[3] = 0;
      return;
    }
    // Long division by digits of 16 bits: no step sees more than 48 bits.
    const q1 = Math.floor(a1 / d0);
    const x = (a1 - q1 * d0) * 65536 + (a0 >>> 16);
    const qm = Math.floor(x / d0);
    const y = (x - qm * d0) * 65536 + (a0 & 0xffff);
    const q0 = Math.floor(y / d0);
    out[0] = (qm * 65536 + q0) | 0;
    out[1] = q1 | 0;
    out[2] = (y - q0 * d0) | 0;
    out[3] = 0;
    return;
  }
  // The quotient is below 2^32, so its estimate in doubles is off by one at most.
  let q = Math.floor((a1 * two32 + a0) / (d1 * two32 + d0));
  if (q > 4294967295) q = 4294967295;
  // remainder = a - q * d, in 64 bits
  const product = multiply(q, d0);
  let rest0 = (low - (product | 0)) | 0;
  const borrow = a0 < product ? 1 : 0;
  let rest1 = (high - productHigh - Math.imul(q, high2) - borrow) | 0;
  // Too large an estimate shows as a negative remainder; the true one is below the divisor.
  if (q * d1 + productHigh + borrow > a1) {
    q -= 1;
    const sum = (rest0 >>> 0) + d0;
    rest0 = sum | 0;
    rest1 = (rest1 + high2 + (sum >= two32 ? 1 : 0)) | 0;
  } else if (rest1 >>> 0 > d1 || (rest1 >>> 0 === d1 && rest0 >>> 0 >= d0)) {
    q += 1;
    const less = rest0 >>> 0 < d0 ? 1 : 0;
    rest0 = (rest0 - low2) | 0;
    rest1 = (rest1 - high2 - less) | 0;
  }
  out[0] = q | 0;
  out[1] = 0;
  out[2] = rest0;
  out[3] = rest1;
}

/** The high half of the last product. */
let productHigh = 0;

/** The low 32 bits of `a * b`, both unsigned 32-bit; the high ones go to `productHigh`. */
function multiply(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const t = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) >>> 0;
  const w = (Math.imul(a0, b1) + (t & 0xffff)) >>> 0;
  productHigh = (Math.imul(a1, b1) + (t >>> 16) + (w >>> 16)) >>> 0;
  return Math.imul(a, b) >>> 0;
}

function check(low2: number, high2: number): void {
  if ((low2 | high2) === 0) throw new Trap(TrapKind.divideByZero);
}

/** Signed division by way of the magnitudes. */
function divideSigned(low: number, high: number, low2: number, high2: number): void {
  const negative = high < 0;
  const negative2 = high2 < 0;
  if (negative) {
    high = low === 0 ? -high | 0 : ~high;
    low = -low | 0;
  }
  if (negative2) {
    high2 = low2 === 0 ? -high2 | 0 : ~high2;
    low2 = -low2 | 0;
  }
  divide(low, high, low2, high2);
  if (negative !== negative2) negate(0);
  if (negative) negate(2);
}

function negate(at: number): void {
  const low = out[at];
  out[at] = -low;
  out[at + 1] = low === 0 ? -out[at + 1] : ~out[at + 1];
}

function take(at: number): number {
  R[0] = out[at + 1];
  return out[at];
}

/** The four divisions: the low half is returned, the high one goes to `R[0]`. */
export const division = {
  divS64(low: number, high: number, low2: number, high2: number): number {
    check(low2, high2);
    if ((high | high2) === 0 && (low | low2) >= 0) {
      R[0] = 0;
      return (low / low2) | 0;
    }
    if ((low2 & high2) === -1 && low === 0 && high === -2147483648) throw new Trap(TrapKind.overflow);
    divideSigned(low, high, low2, high2);
    return take(0);
  },
  divU64(low: number, high: number, low2: number, high2: number): number {
    check(low2, high2);
    if ((high | high2) === 0) {
      R[0] = 0;
      return ((low >>> 0) / (low2 >>> 0)) | 0;
    }
    divide(low, high, low2, high2);
    return take(0);
  },
  remS64(low: number, high: number, low2: number, high2: number): number {
    check(low2, high2);
    divideSigned(low, high, low2, high2);
    return take(2);
  },
  remU64(low: number, high: number, low2: number, high2: number): number {
    check(low2, high2);
    if ((high | high2) === 0) {
      R[0] = 0;
      return ((low >>> 0) % (low2 >>> 0)) | 0;
    }
    divide(low, high, low2, high2);
    return take(2);
  },
};
