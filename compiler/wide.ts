/**
 * The other way to keep an i64, for functions that compute with many: as an element of a typed array that
 * belongs to the function. An element is read and written whole, as a BigInt, or by halves: `W[k]` is
 * unsigned, `Y[k]` signed, `Q[2 * k]` and `Q[2 * k + 1]` are its halves. V8 computes an expression over
 * elements in machine words, as long as it ends in an element again, which wraps it to 64 bits.
 *
 * Such an expression is right modulo 2^64. It is _exact_ if it also lies in 0 to 2^64 - 1, which shifts to the
 * right need.
 *
 * @module
 */
import {
  bigint,
  bin,
  call,
  type Expression,
  id,
  ifThen,
  index,
  intValue,
  logical,
  member,
  method,
  num,
  set,
  uint,
} from "./estree.ts";
import type { Lowering } from "./lower.ts";
import { Effect, type Place, type Value } from "./operands.ts";
import { ValType } from "./types.ts";

/** The elements of one function: one for each i64 local, and one for each operand height that holds an i64. */
export class WideSlots {
  readonly #locals = new Map<number, Place>();
  readonly #operands = new Map<number, Place>();

  /** How many there are. */
  get count(): number {
    return this.#locals.size + this.#operands.size;
  }

  local(local: number): Place {
    return this.#place(this.#locals, local);
  }

  operand(height: number): Place {
    return this.#place(this.#operands, height);
  }

  #place(places: Map<number, Place>, key: number): Place {
    let place = places.get(key);
    if (place === undefined) places.set(key, place = element(this.count));
    return place;
  }
}

function element(at: number): Place {
  return {
    node: index(id("Q"), num(2 * at)),
    high: index(id("Q"), num(2 * at + 1)),
    big: index(id("W"), num(at)),
    signed: index(id("Y"), num(at)),
  };
}

const zero = num(0);
const unsigned = (half: Expression) => call(id("BigInt"), [uint(half)]);
const by = (count: number) => bigint(BigInt(count));

/** Two halves as one exact BigInt. */
export function joined(low: Expression, high: Expression): Expression {
  const [l, h] = [intValue(low), intValue(high)];
  if (l !== undefined && h !== undefined) return bigint((BigInt(h >>> 0) << 32n) | BigInt(l >>> 0));
  if (h === 0) return unsigned(low);
  return bin("|", unsigned(low), bin("<<", unsigned(high), by(32)));
}

/** An i64 as a BigInt expression that is right modulo 2^64. */
export function wide({ big, node, high }: Value): Expression {
  return big ?? joined(node, high!);
}

/** What is not an expression is an element, a literal, or joined from halves. */
const isExact = ({ exact, place, big }: Value) => exact || place !== "expr" || big === undefined;

function exactly(value: Value): Expression {
  return isExact(value) ? wide(value) : call(id("asUintN"), [num(64), wide(value)]);
}

/** Lowers an instruction; gives `false`, and does nothing, where halves do better. */
type Rule = (lowering: Lowering) => boolean;

function push({ stack }: Lowering, node: Expression, over: readonly Value[], exact = false): true {
  stack.pushExpr(ValType.i64, node, over, "int", 0, { big: node, exact });
  return true;
}

/** Sums, products and logic are right modulo 2^64 if their operands are. */
function binary(operator: string, exact: (a: Value, b: Value) => boolean = () => false): Rule {
  return (lowering) => {
    const b = lowering.stack.pop();
    const a = lowering.stack.pop();
    return push(lowering, bin(operator, wide(a), wide(b)), [a, b], exact(a, b));
  };
}

/** A shift or rotation by a constant; one by 0 has nothing to do. */
function shift(make: (lowering: Lowering, a: Value, count: number) => true, repeats = false): Rule {
  return (lowering) => {
    const { stack } = lowering;
    const top = stack.values[stack.height - 1];
    if (top.place !== "const") return false;
    stack.pop();
    const count = intValue(top.node)! & 63;
    if (count === 0) return true;
    if (repeats) stack.simplify(1);
    return make(lowering, stack.pop(), count);
  };
}

const rotateLeft = (lowering: Lowering, a: Value, count: number) =>
  push(lowering, bin("|", bin("<<", wide(a), by(count)), bin(">>", exactly(a), by(64 - count))), [a]);

/** A shift to the left by a variable is a product with a power of two. */
function shiftLeft(lowering: Lowering): boolean {
  const { stack } = lowering;
  stack.halve(1);
  const b = stack.pop();
  const a = stack.pop();
  const power = index(member(id("H"), "powers"), bin("&", b.node, num(63)));
  return push(lowering, bin("*", wide(a), power), [a, b]);
}

/** Operands that are not negative are divided by the machine, and never by zero; all others by a helper. */
function divide(operator: string, helper: string, isSigned: boolean): Rule {
  return (lowering) => {
    const { stack } = lowering;
    stack.simplify(2);
    const [a, b] = stack.values.slice(stack.height - 2);
    const divisor = b.place === "const" ? wide(b) : b.signed!;
    const isPositive = b.place === "const" && divisor.value > 0n && divisor.value < 2n ** 63n;
    if (a.place === "const" || (b.place === "const" && !isPositive)) return false;
    stack.pop();
    stack.pop();
    stack.claim(stack.height, Effect.traps);
    const slot = stack.slot(stack.height, ValType.i64);
    const whole = set(slot.big!, bin(operator, a.signed!, divisor));
    const byHalves = [
      set(slot.node, method("H", helper, [a.node, a.high!, b.node, b.high!])),
      set(slot.high!, index(id("R"), zero)),
    ];
    if (isPositive && isSigned) lowering.emit(whole);
    else if (isPositive) lowering.emit(ifThen(bin(">=", a.high!, zero), [whole], byHalves));
    else {
      const notNegative = bin(">=", bin("|", a.high!, b.high!), zero);
      const notZero = bin("!==", bin("|", b.node, b.high!), zero);
      lowering.emit(ifThen(logical("&&", notNegative, notZero), [whole], byHalves));
    }
    stack.push(slot);
    return true;
  };
}

/** What each instruction with an i64 result becomes; those that are not here are done by halves. */
export const wideRules: Readonly<Record<string, Rule>> = {
  "i64.add": binary("+"),
  "i64.sub": binary("-"),
  "i64.mul": binary("*"),
  "i64.div_s": divide("/", "divS64", true),
  "i64.div_u": divide("/", "divU64", false),
  "i64.rem_s": divide("%", "remS64", true),
  "i64.rem_u": divide("%", "remU64", false),
  "i64.and": binary("&", (a, b) => isExact(a) || isExact(b)),
  "i64.or": binary("|", (a, b) => isExact(a) && isExact(b)),
  "i64.xor": binary("^", (a, b) => isExact(a) && isExact(b)),
  "i64.shl": (lowering) =>
    shift((_, a, count) => push(lowering, bin("<<", wide(a), by(count)), [a]))(lowering) ||
    shiftLeft(lowering),
  "i64.shr_u": shift((lowering, a, count) => push(lowering, bin(">>", exactly(a), by(count)), [a], true)),
  "i64.shr_s": shift((lowering, a, count) => {
    const signed = a.signed ?? call(id("asIntN"), [num(64), wide(a)]);
    return push(lowering, bin(">>", signed, by(count)), [a]);
  }),
  "i64.rotl": shift(rotateLeft, true),
  "i64.rotr": shift((lowering, a, count) => rotateLeft(lowering, a, 64 - count), true),
  "i64.extend_i32_u": (lowering) => {
    const a = lowering.stack.popInt();
    return push(lowering, unsigned(a.node), [a], true);
  },
  "i64.extend_i32_s": (lowering) => {
    lowering.stack.simplify(1);
    const a = lowering.stack.popInt();
    const sign = call(id("BigInt"), [bin(">>>", a.node, num(31))]);
    return push(lowering, bin("-", unsigned(a.node), bin("<<", sign, by(32))), [a]);
  },
};
