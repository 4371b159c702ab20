/**
 * Results of functions: how they are returned, and how a call takes them. The first is what the JavaScript
 * function returns, with the second half of an i64 in `R[0]`; all others go through `V`.
 *
 * @module
 */
import {
  bin,
  cond,
  expr,
  type Expression,
  id,
  ifThen,
  index,
  int,
  member,
  num,
  returns,
  set,
} from "./estree.ts";
import { secondHalf } from "./i64.ts";
import type { Lowering } from "./lower.ts";
import type { Value } from "./operands.ts";
import { type FuncType, ValType } from "./types.ts";

/** Where one of the further results is left: an i64 takes two elements. */
const further = (result: number, half: 0 | 1) => index(id("V"), num(2 * result + half));

const asPlain = ({ shape, node }: Value): Expression => shape === "bool" ? cond(node, num(1), num(0)) : node;

/** Emits a return of the top operands. */
export function emitReturn(lowering: Lowering): void {
  const { stack, type: { results } } = lowering;
  if (results.length === 0) return lowering.emit(returns(null));
  stack.settle(results.length);
  stack.halve(results.length);
  if (results.length > 1) stack.flushEffects();
  const [first, ...others] = stack.values.slice(stack.height - results.length);
  others.forEach((value, i) => {
    lowering.emit(set(further(i + 1, 0), asPlain(value)));
    if (value.high) lowering.emit(set(further(i + 1, 1), value.high));
  });
  if (first.high) lowering.emit(set(secondHalf, first.high));
  lowering.emit(returns(asPlain(first)));
}

/** Emits a call and pushes its results; the callee may unwind if `unwinds`, and grow a memory if `grows`. */
export function emitCall(
  lowering: Lowering,
  invocation: Expression,
  { results }: FuncType,
  unwinds: boolean,
  grows: boolean,
): void {
  const { stack } = lowering;
  stack.claim(stack.height);
  if (results.length === 0) lowering.emit(expr(invocation));
  else {
    const first = stack.slot(stack.height, results[0]);
    const isInt = results[0] === ValType.i32 || results[0] === ValType.i64;
    lowering.emit(set(first.node, isInt ? int(invocation) : invocation));
  }
  if (unwinds) {
    const test = bin("!==", member(id("X"), "u"), num(0));
    lowering.emit(ifThen(test, lowering.capture("call").leave));
  }
  if (grows) lowering.refreshViews();
  pushResults(lowering, results);
}

/** Pushes a call's results, of which the first is in its slot already. */
export function pushResults(lowering: Lowering, results: readonly ValType[]): void {
  const { stack } = lowering;
  results.forEach((type, i) => {
    const slot = stack.slot(stack.height, type);
    if (i > 0) lowering.emit(set(slot.node, further(i, 0)));
    if (slot.high) lowering.emit(set(slot.high, i === 0 ? secondHalf : further(i, 1)));
    stack.push(slot);
  });
}
