/**
 * How an i64 is kept in most functions: as two int32 variables, the low and the high half. Where a helper
 * makes both halves, the high one comes back in `R[0]`. `wide.ts` is the other way.
 *
 * @module
 */
import {
  bin,
  call,
  cond,
  type Expression,
  id,
  index,
  int,
  intValue,
  logical,
  method,
  num,
  set,
  uint,
} from "./estree.ts";
import type { Lowering } from "./lower.ts";
import { Effect, type Value } from "./operands.ts";
import { template } from "./template.ts";
import { ValType } from "./types.ts";
import { wideRules } from "./wide.ts";

type Rule = (lowering: Lowering) => void;

/** Where the second half of a two-part result is left. */
export const secondHalf: Expression = index(id("R"), num(0));

const zero = num(0);
const imul = (a: Expression, b: Expression) =>
  intValue(a) === 0 || intValue(b) === 0 ? zero : call(id("imul"), [a, b]);

const isSum = ({ type, operator }: Expression) => type === "BinaryExpression" && operator === "+";

/** `a + b + ...` without the zeros. */
function sum(...parts: Expression[]): Expression {
  const rest = parts.filter((part) => intValue(part) !== 0);
  return rest.length === 0 ? zero : int(rest.reduce((a, b) => bin("+", isSum(a) ? int(a) : a, b)));
}

/** The carry out of `low = a + b`, and the borrow of `low = a - b`: without branches, which would be missed. */
const carry = template("($a & $b | ($a | $b) & ~$low) >>> 31");
const borrow = template("(~$a & $b | (~$a | $b) & $low) >>> 31");

function bitwise(operator: "&" | "|" | "^", a: Expression, b: Expression): Expression {
  const [x, y] = [intValue(a), intValue(b)];
  if (x !== undefined && y !== undefined) {
    return num(operator === "&" ? x & y : operator === "|" ? x | y : x ^ y);
  }
  if (x === 0) return operator === "&" ? zero : b;
  if (y === 0) return operator === "&" ? zero : a;
  if (operator === "&" && x === -1) return b;
  if (operator === "&" && y === -1) return a;
  return bin(operator, a, b);
}

function logic(operator: "&" | "|" | "^"): Rule {
  return ({ stack }) => {
    const b = stack.pop();
    const a = stack.pop();
    stack.pushExpr(ValType.i64, bitwise(operator, a.node, b.node), [a, b], "int", 0, {
      high: bitwise(operator, a.high!, b.high!),
    });
  };
}

/** Pops the top `count` i64 operands as variables or literals, deepest first. */
function operands(lowering: Lowering, count: number): Value[] {
  lowering.stack.simplify(count);
  const values: Value[] = [];
  for (let i = 0; i < count; i++) values.unshift(lowering.stack.pop());
  return values;
}

/** Emits both halves into the slot on top and pushes it; `low` may not be changed by making `high`. */
function pushPair(
  lowering: Lowering,
  low: Expression,
  high: (low: Expression) => Expression,
  effects: number = Effect.none,
): void {
  const { stack } = lowering;
  stack.claim(stack.height, effects);
  const slot = stack.slot(stack.height, ValType.i64);
  const t = lowering.declare("t", ValType.i32);
  lowering.emit(set(t, low));
  lowering.emit(set(slot.high!, high(t)));
  lowering.emit(set(slot.node, t));
  stack.push(slot);
}

/** A helper call that returns the low half and leaves the high one in `R[0]`. */
function pushHelper(
  lowering: Lowering,
  name: string,
  args: Expression[],
  effects: number = Effect.none,
): void {
  const { stack } = lowering;
  stack.claim(stack.height, effects);
  const slot = stack.slot(stack.height, ValType.i64);
  lowering.emit(set(slot.node, method("H", name, args)));
  lowering.emit(set(slot.high!, secondHalf));
  stack.push(slot);
}

const halves = (values: readonly Value[]) => values.flatMap(({ node, high }) => [node, high!]);

function helper(name: string, count: number, effects: number = Effect.none): Rule {
  return (lowering) => pushHelper(lowering, name, halves(operands(lowering, count)), effects);
}

/** i64 to a single i32 or float. */
function narrow(type: ValType, make: (a: Value) => Expression, repeats: boolean): Rule {
  return ({ stack }) => {
    if (repeats) stack.simplify(1);
    const a = stack.pop();
    stack.pushExpr(type, make(a), [a], type === ValType.i32 ? "int" : "number");
  };
}

function compare(make: (a: Value, b: Value) => Expression): Rule {
  return (lowering) => {
    const [a, b] = operands(lowering, 2);
    lowering.stack.pushExpr(ValType.i32, make(a, b), [a, b], "bool");
  };
}

/** a < b or a <= b: by the high halves, then by the low halves, unsigned. */
function order(strict: string, last: string, signed: boolean, swap: boolean): Rule {
  const half = (node: Expression) => signed ? node : uint(node);
  return compare((x, y) => {
    const [a, b] = swap ? [y, x] : [x, y];
    return logical(
      "||",
      bin(strict, half(a.high!), half(b.high!)),
      logical("&&", bin("===", a.high!, b.high!), bin(last, uint(a.node), uint(b.node))),
    );
  });
}

function shift(name: string, constant: (a: Value, n: number) => [Expression, Expression]): Rule {
  return (lowering) => {
    const count = intValue(lowering.stack.values[lowering.stack.height - 1].node);
    const [a, b] = operands(lowering, 2);
    if (count === undefined) return pushHelper(lowering, name, [a.node, a.high!, b.node]);
    const n = count & 63;
    const [node, high] = n === 0 ? [a.node, a.high!] : constant(a, n);
    lowering.stack.pushExpr(ValType.i64, node, [a], "int", 0, { high });
  };
}

/** Bits `n` and up of the pair (upper, lower), for 0 < n < 32. */
function funnel(upper: Expression, lower: Expression, n: number): Expression {
  return bin("|", bin(">>>", lower, num(n)), bin("<<", upper, num(32 - n)));
}

function rotateRight(a: Value, n: number): [Expression, Expression] {
  const [low, high] = n < 32 ? [a.node, a.high!] : [a.high!, a.node];
  const m = n & 31;
  return m === 0 ? [low, high] : [funnel(high, low, m), funnel(low, high, m)];
}

function extendLow(bits: number): Rule {
  return (lowering) => {
    const [a] = operands(lowering, 1);
    const by = num(32 - bits);
    const low = bits === 32 ? a.node : bin(">>", bin("<<", a.node, by), by);
    lowering.stack.pushExpr(ValType.i64, low, [a], "int", 0, { high: bin(">>", low, num(31)) });
  };
}

/** What an instruction with i64 operands or results becomes. */
export function i64Rule(name: string): Rule | undefined {
  const pair = pairRules[name];
  const whole = wideRules[name];
  return pair && ((lowering) => {
    if (lowering.wide && whole?.(lowering)) return;
    lowering.stack.halve(2);
    pair(lowering);
  });
}

/** What each becomes, by halves. */
const pairRules: Readonly<Record<string, Rule>> = {
  "i64.and": logic("&"),
  "i64.or": logic("|"),
  "i64.xor": logic("^"),
  "i64.add": (lowering) => {
    const [a, b] = operands(lowering, 2);
    if (intValue(b.node) === 0) pushPair(lowering, a.node, () => sum(a.high!, b.high!));
    else {pushPair(lowering, sum(a.node, b.node), (low) =>
        sum(a.high!, b.high!, carry({ a: a.node, b: b.node, low })));}
  },
  "i64.sub": (lowering) => {
    const [a, b] = operands(lowering, 2);
    pushPair(
      lowering,
      int(bin("-", a.node, b.node)),
      (low) => int(bin("-", int(bin("-", a.high!, b.high!)), borrow({ a: a.node, b: b.node, low }))),
    );
  },
  "i64.mul": (lowering) => {
    const [a, b] = operands(lowering, 2);
    // The high half of the product of the low halves, from 16-bit parts.
    const part = (node: Expression, upper: boolean) => {
      const value = intValue(node);
      if (value !== undefined) return num(upper ? value >>> 16 : value & 0xffff);
      return upper ? bin(">>>", node, num(16)) : bin("&", node, num(0xffff));
    };
    const [a0, a1, b0, b1] = [
      part(a.node, false),
      part(a.node, true),
      part(b.node, false),
      part(b.node, true),
    ];
    const p = lowering.declare("p", ValType.i32);
    const q = lowering.declare("p2", ValType.i32);
    const above = (node: Expression) => intValue(node) === 0 ? zero : bin(">>>", node, num(16));
    lowering.emit(set(p, sum(imul(a1, b0), above(imul(a0, b0)))));
    lowering.emit(set(q, sum(imul(a0, b1), bin("&", p, num(0xffff)))));
    pushPair(
      lowering,
      imul(a.node, b.node),
      () => sum(imul(a1, b1), above(p), above(q), imul(a.node, b.high!), imul(a.high!, b.node)),
    );
  },
  "i64.div_s": helper("divS64", 2, Effect.traps),
  "i64.div_u": helper("divU64", 2, Effect.traps),
  "i64.rem_s": helper("remS64", 2, Effect.traps),
  "i64.rem_u": helper("remU64", 2, Effect.traps),
  "i64.shl": shift(
    "shl64",
    (a, n) =>
      n < 32
        ? [bin("<<", a.node, num(n)), bin("|", bin("<<", a.high!, num(n)), bin(">>>", a.node, num(32 - n)))]
        : [zero, n === 32 ? a.node : bin("<<", a.node, num(n - 32))],
  ),
  "i64.shr_s": shift(
    "shrS64",
    (a, n) =>
      n < 32
        ? [funnel(a.high!, a.node, n), bin(">>", a.high!, num(n))]
        : [n === 32 ? a.high! : bin(">>", a.high!, num(n - 32)), bin(">>", a.high!, num(31))],
  ),
  "i64.shr_u": shift(
    "shrU64",
    (a, n) =>
      n < 32
        ? [funnel(a.high!, a.node, n), int(bin(">>>", a.high!, num(n)))]
        : [n === 32 ? a.high! : int(bin(">>>", a.high!, num(n - 32))), zero],
  ),
  "i64.rotl": shift("rotl64", (a, n) => rotateRight(a, 64 - n)),
  "i64.rotr": shift("rotr64", rotateRight),
  "i64.clz": (lowering) => {
    const [a] = operands(lowering, 1);
    const low = cond(
      bin("!==", a.high!, zero),
      call(id("clz32"), [a.high!]),
      bin("+", num(32), call(id("clz32"), [a.node])),
    );
    lowering.stack.pushExpr(ValType.i64, low, [a], "int", 0, { high: zero });
  },
  "i64.ctz": (lowering) => {
    const [a] = operands(lowering, 1);
    const low = method("H", "ctz64", [a.node, a.high!]);
    lowering.stack.pushExpr(ValType.i64, low, [a], "int", 0, { high: zero });
  },
  "i64.popcnt": (lowering) => {
    const [a] = operands(lowering, 1);
    const count = (half: Expression) => method("H", "popcnt", [half]);
    lowering.stack.pushExpr(ValType.i64, bin("+", count(a.node), count(a.high!)), [a], "int", 0, {
      high: zero,
    });
  },
  "i64.eqz": narrowTo(({ node, high }) => bin("===", bitwise("|", node, high!), zero)),
  "i64.eq": compare((a, b) =>
    bin("===", bitwise("|", bitwise("^", a.node, b.node), bitwise("^", a.high!, b.high!)), zero)
  ),
  "i64.ne": compare((a, b) =>
    bin("!==", bitwise("|", bitwise("^", a.node, b.node), bitwise("^", a.high!, b.high!)), zero)
  ),
  "i64.lt_s": order("<", "<", true, false),
  "i64.lt_u": order("<", "<", false, false),
  "i64.gt_s": order("<", "<", true, true),
  "i64.gt_u": order("<", "<", false, true),
  "i64.le_s": order("<", "<=", true, false),
  "i64.le_u": order("<", "<=", false, false),
  "i64.ge_s": order("<", "<=", true, true),
  "i64.ge_u": order("<", "<=", false, true),

  "i32.wrap_i64": narrow(ValType.i32, (a) => a.node, false),
  "i64.extend_i32_s": (lowering) => {
    const { stack } = lowering;
    stack.simplify(1);
    const a = stack.popInt();
    stack.pushExpr(ValType.i64, a.node, [a], "int", 0, { high: bin(">>", a.node, num(31)) });
  },
  "i64.extend_i32_u": ({ stack }) => {
    const a = stack.popInt();
    stack.pushExpr(ValType.i64, a.node, [a], "int", 0, { high: zero });
  },
  "i64.extend8_s": extendLow(8),
  "i64.extend16_s": extendLow(16),
  "i64.extend32_s": extendLow(32),

  "f64.convert_i64_s": narrow(
    ValType.f64,
    (a) => bin("+", bin("*", a.high!, num(2 ** 32)), uint(a.node)),
    false,
  ),
  "f64.convert_i64_u": narrow(
    ValType.f64,
    (a) => bin("+", bin("*", uint(a.high!), num(2 ** 32)), uint(a.node)),
    false,
  ),
  "f32.convert_i64_s": narrow(ValType.f32, (a) => method("H", "f32OfS64", [a.node, a.high!]), false),
  "f32.convert_i64_u": narrow(ValType.f32, (a) => method("H", "f32OfU64", [a.node, a.high!]), false),
  "f64.reinterpret_i64": ({ stack }) => {
    const a = stack.pop();
    stack.pushExpr(ValType.f64, method("H", "f64OfBits", [a.node, a.high!]), [a], "raw");
  },
  "i64.reinterpret_f64": floatHelper("bitsOfF64", Effect.none),
  "i64.trunc_f32_s": floatHelper("truncS64", Effect.traps),
  "i64.trunc_f32_u": floatHelper("truncU64", Effect.traps),
  "i64.trunc_f64_s": floatHelper("truncS64", Effect.traps),
  "i64.trunc_f64_u": floatHelper("truncU64", Effect.traps),
  "i64.trunc_sat_f32_s": floatHelper("truncSatS64", Effect.none),
  "i64.trunc_sat_f32_u": floatHelper("truncSatU64", Effect.none),
  "i64.trunc_sat_f64_s": floatHelper("truncSatS64", Effect.none),
  "i64.trunc_sat_f64_u": floatHelper("truncSatU64", Effect.none),
};

function narrowTo(make: (a: Value) => Expression): Rule {
  return ({ stack }) => {
    const a = stack.pop();
    stack.pushExpr(ValType.i32, make(a), [a], "bool");
  };
}

/** A float to an i64, by a helper. */
function floatHelper(name: string, effects: number): Rule {
  return (lowering) => {
    lowering.stack.settle(1);
    const a = lowering.stack.pop();
    pushHelper(lowering, name, [a.node], effects | a.effects);
  };
}
