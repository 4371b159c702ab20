/**
 * Control instructions. Wasm's structured control is JavaScript's: blocks and loops become labelled
 * statements, branches become `break` and `continue`.
 *
 * @module
 */
import {
  bin,
  block as blockOf,
  breakTo,
  cond,
  expr,
  type Expression,
  forever,
  id,
  ifThen,
  int,
  labeled,
  logical,
  method,
  num,
  set,
  type Statement,
  switchOn,
} from "./estree.ts";
import type { Control } from "./context.ts";
import type { Lowering } from "./lower.ts";
import { evaluate } from "./operands.ts";
import type { Reader } from "./reader.ts";
import { emitReturn } from "./results.ts";
import type { Block, CountedLoop } from "./structure.ts";
import { type FuncType, ValType } from "./types.ts";

/** A block type (5.4.1): empty, one value type, or a type index. */
export function blockType(lowering: Lowering, reader: Reader): FuncType {
  const type = reader.s33();
  if (type >= 0) return lowering.module.types[type];
  return { params: [], results: type === -64 ? [] : [(type & 0x7f) as ValType] };
}

/**
 * Common to all blocks: settles the operand stack so that every path leaves it alike. Returns `false`
 * if the block is passed over, because a resume form starts behind it.
 */
function enter(lowering: Lowering, block: Block, type: FuncType): boolean {
  const { stack } = lowering;
  if (lowering.seeking && !lowering.emitting) {
    if (!lowering.holdsTarget(block)) {
      lowering.reader.position = block.end + 1;
      return false;
    }
    const operands = lowering.resume!.operands;
    if (lowering.offset === lowering.targetOffset) stack.reset(0, operands);
    else {
      stack.reset(0, operands.slice(0, lowering.resume!.bases.get(block.start)!));
      stack.reset(stack.height, type.params);
    }
    return true;
  }
  stack.flushAll(lowering.resume === undefined, type.params.length);
  return true;
}

interface Opening {
  readonly label?: string;
  readonly backEdge?: string;
  readonly stripEnd?: Expression;
  readonly finish: (body: Statement[]) => void;
}

function open(
  lowering: Lowering,
  block: Block,
  type: FuncType,
  { label = "", backEdge = "", stripEnd, finish }: Opening,
): Control {
  const inline = label === "" && backEdge === "" && block.opcode === 0x02;
  const control: Control = {
    block,
    type,
    base: lowering.stack.height - type.params.length,
    label,
    backEdge,
    stripEnd,
    body: inline ? lowering.out : [],
    outer: lowering.out,
    finish,
    reached: false,
  };
  lowering.controls.push(control);
  lowering.out = control.body;
  return control;
}

export function lowerBlock(lowering: Lowering, reader: Reader): void {
  const block = lowering.structure.blocks.get(lowering.offset)!;
  const type = blockType(lowering, reader);
  if (!enter(lowering, block, type)) return;
  if (!block.targeted) return void open(lowering, block, type, { finish: () => {} });
  if (lowering.seeking && lowering.emitting && lowering.holdsTarget(block)) lowering.guard([]);
  const label = "L" + lowering.controls.length;
  open(lowering, block, type, {
    label,
    finish: (body) => lowering.emit(labeled(label, blockOf(body))),
  });
}

export function lowerLoop(lowering: Lowering, reader: Reader): void {
  const { options } = lowering;
  const block = lowering.structure.blocks.get(lowering.offset)!;
  const type = blockType(lowering, reader);
  const atTarget = lowering.seeking && lowering.offset === lowering.targetOffset;
  if (!enter(lowering, block, type)) return;
  const holds = lowering.seeking && !atTarget && lowering.holdsTarget(block);
  if (atTarget) lowering.reachTarget([]);
  else if (holds && lowering.loopsAround > 0) lowering.guard([]);
  if (holds) lowering.loopsAround++;
  const depth = lowering.controls.length;
  const label = "L" + depth;
  const leave = () => {
    if (holds) lowering.loopsAround--;
  };
  if (!block.targeted) {
    return void open(lowering, block, type, { finish: (body) => (leave(), lowering.out.push(...body)) });
  }

  if (!lowering.pollsLoops) {
    open(lowering, block, type, {
      label,
      backEdge: label,
      finish: (
        body,
      ) => (leave(), lowering.emit(labeled(label, forever([...body, ...leaveLoop(lowering, label)])))),
    });
    return;
  }
  // The poll stands behind the back edge. Its operands are the loop's parameters, in their slots.
  const poll = lowering.pollStatement("loop", block.start);
  const inStrips = options.policy === "counter" && !block.calls && lowering.uses("strips");
  const counted = inStrips ? block.counted : undefined;
  if (counted !== undefined) {
    // Strips: the inner loop runs to the end of a strip as it would to the bound, at no cost.
    const end = lowering.declare("m" + depth, ValType.i32);
    const back = "C" + depth;
    const [start, bound] = [lowering.local(counted.local), boundOf(lowering, counted)];
    open(lowering, block, type, {
      label,
      backEdge: back,
      stripEnd: end,
      finish: (body) => {
        leave();
        lowering.emit(labeled(
          label,
          forever([
            set(end, endOfStrip(start, bound, counted.step, 2 ** options.thresholdBits)),
            labeled(back, forever([...body, breakTo(back)])),
            ifThen(bin("===", start, bound), [breakTo(label)]),
            poll,
          ]),
        ));
      },
    });
  } else {
    const back = "B" + depth;
    open(lowering, block, type, {
      label,
      backEdge: back,
      finish: (body) => {
        leave();
        const once = labeled(back, blockOf([...body, ...leaveLoop(lowering, label)]));
        lowering.emit(labeled(label, forever([once, poll])));
      },
    });
  }
}

function boundOf(lowering: Lowering, { bound }: CountedLoop): Expression {
  return "local" in bound ? lowering.local(bound.local) : num(bound.constant);
}

/**
 * Where the induction variable is after `iterations` more, or the bound if that comes before. A variable
 * that steps over its bound, or starts on it, goes round: it must meet the end of the strip all the same.
 */
function endOfStrip(start: Expression, bound: Expression, step: number, iterations: number): Expression {
  const size = Math.abs(step);
  const length = Math.min(iterations, Math.floor(2 ** 30 / size)) * size;
  const distance = step > 0 ? bin("-", bound, start) : bin("-", start, bound);
  const next = int(bin(step > 0 ? "+" : "-", start, num(length)));
  const far = bin(">=", bin(">>>", bin("-", distance, num(1)), num(0)), num(length));
  const misses = bin("!==", bin("%", bin(">>>", distance, num(0)), num(size)), num(0));
  return cond(size === 1 ? far : logical("||", far, misses), next, bound);
}

/** A loop whose end is reached is left. */
function leaveLoop(lowering: Lowering, label: string): Statement[] {
  return lowering.dead ? [] : [breakTo(label)];
}

export function lowerIf(lowering: Lowering, reader: Reader): void {
  const { stack } = lowering;
  const block = lowering.structure.blocks.get(lowering.offset)!;
  const type = blockType(lowering, reader);
  const label = "L" + lowering.controls.length;
  const holds = lowering.seeking && lowering.holdsTarget(block);
  const inElse = holds && block.otherwise >= 0 && lowering.targetOffset > block.otherwise;
  const wrap = (statement: Statement) => block.targeted ? labeled(label, statement) : statement;

  if (holds && !lowering.emitting) {
    enter(lowering, block, type);
    // Only the arm with the target is left of this `if`.
    const control = open(lowering, block, type, {
      label,
      finish: (body) => lowering.emit(wrap(blockOf(body))),
    });
    if (inElse) {
      control.thenBody = [];
      reader.position = block.otherwise + 1;
    }
    control.oneArmed = true;
    return;
  }
  let test: Expression;
  if (lowering.emitting) {
    if (holds) stack.simplify(1);
    const value = stack.pop();
    if (value.effects !== 0) stack.flushEffects();
    test = value.node;
  } else test = num(0);
  if (!enter(lowering, block, type)) return;
  if (holds) {
    lowering.guard([]);
    test = inElse
      ? logical("&&", bin("===", id("r"), num(0)), test)
      : logical("||", bin("!==", id("r"), num(0)), test);
  }
  const control = open(lowering, block, type, {
    label,
    finish: (body) =>
      lowering.emit(wrap(
        control.thenBody === undefined ? ifThen(test, body) : ifThen(test, control.thenBody, body),
      )),
  });
}

export function lowerElse(lowering: Lowering): void {
  const control = lowering.controls[lowering.controls.length - 1];
  const { stack } = lowering;
  if (control.oneArmed) {
    // The resumed arm is done; the other one is never entered.
    lowering.reader.position = control.block.end;
    return;
  }
  if (!lowering.dead) {
    lowering.moveTo(control.base, control.type.results);
    control.reached = true;
  }
  lowering.dead = false;
  control.thenBody = control.body;
  const body: Statement[] = [];
  control.body = body;
  lowering.out = body;
  stack.reset(control.base, control.type.params);
}

export function lowerEnd(lowering: Lowering): void {
  const { stack } = lowering;
  const control = lowering.controls.pop()!;
  const { block, type, base } = control;
  if (block.start < 0) {
    if (!lowering.dead) {
      lowering.controls.push(control);
      emitReturn(lowering);
      lowering.controls.pop();
    }
    return;
  }
  // An `if` without `else` goes on when its condition is false: its parameters are its results.
  const skipsOver = block.opcode === 0x04 && control.thenBody === undefined && block.otherwise < 0 &&
    !control.oneArmed;
  const merges = control.reached || skipsOver || block.opcode === 0x04;
  if (!lowering.dead && (merges || block.opcode !== 0x02)) lowering.moveTo(base, type.results);
  const inline = control.body === control.outer;
  if (!inline) {
    lowering.out = control.outer;
    control.finish(control.body);
  }
  const live = !lowering.dead || control.reached || skipsOver;
  lowering.dead = !live;
  if (live && (merges || block.opcode !== 0x02)) stack.reset(base, type.results);
}

export function lowerBr(lowering: Lowering, reader: Reader): void {
  const label = reader.u32();
  lowering.stack.flushEffects();
  lowering.out.push(...lowering.branch(label));
  lowering.dead = true;
}

export function lowerReturn(lowering: Lowering): void {
  const count = lowering.type.results.length;
  lowering.stack.settle(count);
  lowering.stack.flushEffects();
  emitReturn(lowering);
  lowering.dead = true;
}

export function lowerUnreachable(lowering: Lowering): void {
  lowering.stack.flushEffects();
  lowering.emit(expr(method("H", "unreachable", [])));
  lowering.dead = true;
}

export function lowerBrIf(lowering: Lowering, reader: Reader): void {
  const { stack } = lowering;
  const label = reader.u32();
  const control = lowering.controls[lowering.controls.length - 1 - label];
  const test = stack.pop();
  const arity = lowering.labelTypes(control).length;
  stack.flushEffects();
  stack.simplify(arity);
  // The only back edge of a strip-mined loop is taken up to the end of the strip.
  const { stripEnd, block: { counted } } = control;
  const taken = stripEnd ? bin("!==", lowering.local(counted!.local), stripEnd) : test.node;
  lowering.emit(ifThen(taken, lowering.branch(label)));
}

export function lowerBrTable(lowering: Lowering, reader: Reader): void {
  const { stack } = lowering;
  const labels: number[] = [];
  for (let count = reader.u32(); count >= 0; count--) labels.push(reader.u32());
  const fallback = labels.pop()!;
  const on = stack.popInt();
  const arity = lowering.labelTypes(lowering.controls[lowering.controls.length - 1 - fallback]).length;
  stack.flushEffects();
  stack.simplify(arity);
  const arms = new Map<number, number[]>();
  labels.forEach((label, i) => {
    if (label === fallback) return;
    const tests = arms.get(label);
    if (tests === undefined) arms.set(label, [i]);
    else tests.push(i);
  });
  if (arms.size === 0) {
    evaluate(on).forEach((statement) => lowering.emit(statement));
    lowering.out.push(...lowering.branch(fallback));
  } else {
    lowering.emit(switchOn(on.node, [
      ...[...arms].map(([label, tests]) => ({ tests, isDefault: false, body: lowering.branch(label) })),
      { tests: [], isDefault: true, body: lowering.branch(fallback) },
    ]));
  }
  lowering.dead = true;
}
