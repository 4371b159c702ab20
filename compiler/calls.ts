/**
 * Calls. Every function is a cell with its code in `f`; `g()` compiles a function that is called for the
 * first time. The call site must never see a stub instead of the code: V8 would take it for a site
 * with many targets for ever.
 *
 * @module
 */
import {
  bin,
  call,
  cond,
  expr,
  type Expression,
  id,
  ifThen,
  index,
  logical,
  member,
  method,
  set,
} from "./estree.ts";
import { nullLiteral } from "./assemble.ts";
import { twinName } from "./context.ts";
import type { Lowering } from "./lower.ts";
import type { Reader } from "./reader.ts";
import { emitCall, pushResults } from "./results.ts";
import { type FuncType, ValType } from "./types.ts";

/** Pops the arguments of a call, an i64 as two, and settles what stays below them. */
function popArguments(lowering: Lowering, { params }: FuncType, unwinds: boolean): Expression[] {
  const { stack } = lowering;
  stack.settle(params.length);
  stack.halve(params.length);
  const values = [];
  for (let i = 0; i < params.length; i++) values.unshift(stack.popInt());
  if (values.some(({ effects, high }) => effects !== 0 && high !== undefined)) {
    throw new Error("an i64 argument with effects must be stored");
  }
  if (unwinds) stack.flushExpressions();
  else stack.flushEffects();
  return values.flatMap(({ node, high }) => high === undefined ? [node] : [node, high]);
}

/** i64 expressions are evaluated in two parts, so those with effects are stored before a call. */
function storePairs(lowering: Lowering, count: number): void {
  const { stack } = lowering;
  for (let i = stack.height - count; i < stack.height; i++) {
    const value = stack.values[i];
    if (value.high !== undefined && value.effects !== 0) stack.store(i);
  }
}

/**
 * In a resume form, deals with the call that the frame stopped in. Gives `true` if nothing is left to
 * emit: the code that delivers the callee's results is made here.
 */
function resumeAt(lowering: Lowering, make: () => void): boolean {
  const { stack } = lowering;
  if (!lowering.seeking || lowering.offset !== lowering.targetOffset) return false;
  if (lowering.emitting) {
    make();
    stack.flushAll(false);
  }
  return true;
}

/** The results of a call that was made before the frame was captured: `w` holds the first one. */
function deliver(lowering: Lowering, results: readonly ValType[]): void {
  const { stack, resume } = lowering;
  stack.reset(0, resume!.operands);
  const saved = lowering.out;
  lowering.out = [];
  if (results.length > 0) {
    const first = stack.slot(stack.height, results[0]);
    lowering.emit(set(first.node, id("w")));
  }
  pushResults(lowering, results);
  const statements = lowering.out;
  lowering.out = saved;
  lowering.reachTarget(statements);
}

export function lowerCall(lowering: Lowering, reader: Reader): void {
  const func = reader.u32();
  const { context } = lowering;
  const type = lowering.module.funcTypes[func];
  const unwinds = context.mayUnwind(func);
  const make = () => {
    storePairs(lowering, type.params.length);
    const args = popArguments(lowering, type, unwinds);
    if (context.passesDepth(func)) args.push(lowering.depthArgument(args.length));
    emitCall(lowering, call(calleeOf(lowering, func), args), type, unwinds, context.mayGrow(func));
  };
  if (resumeAt(lowering, make)) deliver(lowering, type.results);
  else make();
}

function calleeOf(lowering: Lowering, func: number): Expression {
  if (func === lowering.func && lowering.resume === undefined && lowering.uses("twins")) {
    lowering.callsItself = true;
    return id(twinName);
  }
  const cell = id(lowering.use("func", func));
  return lowering.context.isReady(func) ? member(cell, "f") : codeOf(cell);
}

/** `(cell.f || cell.g())` */
function codeOf(cell: Expression): Expression {
  return logical("||", member(cell, "f"), call(member(cell, "g"), []));
}

export function lowerCallIndirect(lowering: Lowering, reader: Reader): void {
  const typeIndex = reader.u32();
  const type = lowering.module.types[typeIndex];
  const table = lowering.use("table", reader.u32());
  const make = () => {
    const { stack } = lowering;
    // The callee is looked up before the arguments are evaluated, so those that may trap go first.
    const count = type.params.length;
    for (let i = stack.height - 1 - count; i < stack.height - 1; i++) {
      if (stack.values[i].effects !== 0) stack.store(i);
    }
    const at = stack.popInt();
    const q = lowering.declare("q", ValType.funcref);
    stack.flushEffects();
    lowering.emit(set(q, index(member(id(table), "e"), at.node)));
    lowering.emit(ifThen(
      logical(
        "||",
        bin("==", q, nullLiteral),
        bin("!==", member(q, "t"), id(lowering.use("type", typeIndex))),
      ),
      [expr(method("H", "badIndirectCall", [q]))],
    ));
    const likely = lowering.uses("targets") ? lowering.context.tableFuncs(type) : [];
    // Arguments that are written several times must be short.
    if (likely.length > 0) stack.simplify(count);
    const args = popArguments(lowering, type, true);
    if (lowering.passesDepth) args.push(lowering.depthArgument(args.length));
    const invocation = likely.reduceRight((otherwise, func) => {
      const cell = id(lowering.use("func", func));
      return cond(bin("===", q, cell), call(codeOf(cell), args), otherwise);
    }, call(codeOf(q), args));
    emitCall(lowering, invocation, type, true, true);
  };
  if (resumeAt(lowering, make)) deliver(lowering, type.results);
  else make();
}
