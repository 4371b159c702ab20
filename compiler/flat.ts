/**
 * Control flow for functions that are nested too deeply for JavaScript's own: V8's parser recurses, so a
 * few thousand nested blocks overflow its stack. Here every place that can be branched to is a case of
 * one `switch` in a loop. That is slow and exact; no compiler makes such code by habit.
 *
 * @module
 */
import { blockType } from "./control.ts";
import {
  continueTo,
  type Expression,
  forever,
  id,
  ifThen,
  labeled,
  not,
  num,
  set,
  type Statement,
} from "./estree.ts";
import type { Control } from "./context.ts";
import type { Lowering } from "./lower.ts";
import type { Reader } from "./reader.ts";
import { emitReturn } from "./results.ts";
import type { Block } from "./structure.ts";
import { type FuncType, ValType } from "./types.ts";

/** The cases of a flat function. The variable `at` holds the number of the one to run. */
export class FlatCode {
  readonly #cases: Statement[][] = [[]];
  /** Where the function starts: the first case, or the one that resumes a frame. */
  #start = 0;

  constructor(private readonly lowering: Lowering) {
    lowering.declare("at", ValType.i32);
    lowering.out = this.#cases[0];
  }

  /** A new case, to be filled later. */
  reserve(): number {
    return this.#cases.push([]) - 1;
  }

  /** Goes on in a case. */
  enter(number: number): void {
    this.lowering.out = this.#cases[number];
  }

  jump(number: number): Statement[] {
    return [set(id("at"), num(number)), continueTo("D")];
  }

  /** Emits a jump unless the code here is dead. */
  leaveTo(number: number): void {
    if (!this.lowering.dead) this.lowering.out.push(...this.jump(number));
  }

  /** Makes this place the start of a resumed frame; `first` runs once. */
  startHere(first: Statement[]): void {
    const resumed = this.reserve();
    const here = this.reserve();
    this.#cases[resumed].push(...first, ...this.jump(here));
    this.leaveTo(here);
    this.enter(here);
    this.#start = resumed;
  }

  /** The whole function. */
  statements(): Statement[] {
    const cases = this.#cases.map((consequent, i) => ({ type: "SwitchCase", test: num(i), consequent }));
    const dispatch = { type: "SwitchStatement", discriminant: id("at"), cases };
    return [set(id("at"), num(this.#start)), labeled("D", forever([dispatch]))];
  }
}

function open(lowering: Lowering, block: Block, type: FuncType, end: number, more: Partial<Control>): void {
  const body = lowering.out;
  lowering.controls.push({
    block,
    type,
    base: lowering.stack.height - type.params.length,
    label: "",
    backEdge: "",
    body,
    outer: body,
    finish: () => {},
    reached: false,
    end,
    ...more,
  });
}

function begin(lowering: Lowering, reader: Reader): [Block, FuncType] {
  const block = lowering.structure.blocks.get(lowering.offset)!;
  return [block, blockType(lowering, reader)];
}

function settle(lowering: Lowering, { params }: FuncType): void {
  lowering.stack.flushAll(lowering.resume === undefined, params.length);
}

export function flatBlock(lowering: Lowering, reader: Reader): void {
  const [block, type] = begin(lowering, reader);
  settle(lowering, type);
  open(lowering, block, type, lowering.flat!.reserve(), {});
}

export function flatLoop(lowering: Lowering, reader: Reader): void {
  const [block, type] = begin(lowering, reader);
  const flat = lowering.flat!;
  settle(lowering, type);
  const header = flat.reserve();
  flat.leaveTo(header);
  let backEdge = header;
  if (block.targeted && lowering.pollsLoops) {
    backEdge = flat.reserve();
    flat.enter(backEdge);
    lowering.emit(lowering.pollStatement("loop", block.start));
    flat.leaveTo(header);
  }
  flat.enter(header);
  if (lowering.seeking && lowering.offset === lowering.targetOffset) {
    lowering.stack.reset(0, lowering.resume!.operands);
    lowering.reachTarget([]);
  }
  open(lowering, block, type, flat.reserve(), { header: backEdge });
}

export function flatIf(lowering: Lowering, reader: Reader): void {
  const [block, type] = begin(lowering, reader);
  const flat = lowering.flat!;
  const value = lowering.stack.pop();
  if (value.effects !== 0) lowering.stack.flushEffects();
  const test: Expression = value.node;
  settle(lowering, type);
  const end = flat.reserve();
  const otherwise = block.otherwise >= 0 ? flat.reserve() : end;
  lowering.emit(ifThen(not(test), flat.jump(otherwise)));
  open(lowering, block, type, end, { otherwise, reached: block.otherwise < 0 });
}

export function flatElse(lowering: Lowering): void {
  const control = lowering.controls[lowering.controls.length - 1];
  const flat = lowering.flat!;
  if (!lowering.dead) {
    lowering.moveTo(control.base, control.type.results);
    flat.leaveTo(control.end!);
    control.reached = true;
  }
  lowering.dead = false;
  control.thenBody = [];
  flat.enter(control.otherwise!);
  lowering.stack.reset(control.base, control.type.params);
}

export function flatEnd(lowering: Lowering): void {
  const control = lowering.controls[lowering.controls.length - 1];
  const flat = lowering.flat!;
  if (control.block.start < 0) {
    if (!lowering.dead) emitReturn(lowering);
    lowering.controls.pop();
    return;
  }
  lowering.controls.pop();
  if (!lowering.dead) lowering.moveTo(control.base, control.type.results);
  flat.leaveTo(control.end!);
  flat.enter(control.end!);
  lowering.dead = lowering.dead && !control.reached;
  if (!lowering.dead) lowering.stack.reset(control.base, control.type.results);
}
