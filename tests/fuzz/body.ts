/**
 * A function body while it is being written: it knows the operand types, the labels and the locals, and asks a
 * grammar what to write next.
 *
 * @module
 */

import type { FuncType, ValType } from "../../compiler/types.ts";
import { type Instr, instr } from "./ir.ts";
import type { Random } from "./random.ts";
import { digestGlobal, fuelGlobal, type Scope } from "./scope.ts";
import { ValType as types } from "../../compiler/types.ts";

/** A way to write a value: afterwards one more operand, of type `type`, is on the stack. */
export interface ValueRule {
  readonly weight: number;
  /** Not for a `plain` module. */
  readonly fancy?: true;
  /** Writes a bounded number of instructions, so it is right when the budget is used up. */
  readonly leaf?: true;
  fits(body: Body, type: ValType): boolean;
  /** `exact` is false where nobody can tell one NaN from another. */
  write(body: Body, type: ValType, exact: boolean): void;
}
/** A way to write a statement: it may leave operands, and it may close the frame by jumping away. */
export interface StatementRule {
  readonly weight: number;
  /** Not for a `plain` module. */
  readonly fancy?: true;
  fits(body: Body): boolean;
  write(body: Body): void;
}
export interface Grammar {
  readonly values: readonly ValueRule[];
  readonly statements: readonly StatementRule[];
}

export interface Label {
  /** What a branch to it carries. */
  readonly types: readonly ValType[];
  /** Whether random code may branch to it. */
  readonly open: boolean;
}

const maxDepth = 7;
const maxNesting = 6;

export class Body {
  /** Types of parameters and locals. */
  readonly locals: ValType[];
  /** Operand types of the innermost frame. */
  stack: ValType[] = [];
  /** The rest of the innermost frame cannot be reached. */
  closed = false;
  /** Enclosing labels, the outermost first. */
  readonly labels: Label[] = [];
  readonly random: Random;
  readonly #readOnly = new Set<number>();
  #out: Instr[] = [];
  #results: readonly ValType[] = [];
  #depth = 0;
  #guarding = false;

  /**
   * @param budget About how many instructions to write.
   * @param leaf Call no other function of the module.
   */
  constructor(
    readonly scope: Scope,
    readonly type: FuncType,
    readonly grammar: Grammar,
    public budget: number,
    readonly leaf: boolean,
  ) {
    this.random = scope.random;
    this.locals = [...type.params];
  }

  /** Writes an instruction that takes `pops` operands and gives `pushes`. */
  emit(instr: Instr, pops: number, pushes: readonly ValType[] = []): void {
    this.budget--;
    this.#out.push(this.#guarding ? { ...instr, guard: true } : instr);
    this.stack.length = Math.max(0, this.stack.length - pops);
    this.stack.push(...pushes);
  }

  /** Emits an instruction by name. */
  op(name: string, args: readonly (number | bigint)[], pops: number, pushes: readonly ValType[] = []): void {
    this.emit(instr(name, ...args), pops, pushes);
  }

  i32(value: number): void {
    this.op("i32.const", [value], 0, [types.i32]);
  }

  /** What `write` writes is part of what makes the program terminate. */
  guarding(write: () => void): void {
    const before = this.#guarding;
    this.#guarding = true;
    write();
    this.#guarding = before;
  }

  /** True now and then, if the module is one that takes risks. */
  risky(): boolean {
    return this.random.chance(this.scope.risk);
  }

  /** Writes a value of a type; see `ValueRule` about `exact`. */
  value(type: ValType, exact = true): void {
    const deep = ++this.#depth > maxDepth || this.budget <= 0;
    this.#choose(this.grammar.values, (rule) => (!deep || rule.leaf === true) && rule.fits(this, type))
      .write(this, type, exact);
    this.#depth--;
  }

  /** One of the rules that fit, in proportion to its weight; at least one must. */
  #choose<T extends { readonly weight: number; readonly fancy?: true }>(
    rules: readonly T[],
    fits: (rule: T) => boolean,
  ): T {
    for (;;) {
      const rule = this.random.weighted(rules);
      if (!(rule.fancy && this.scope.plain) && fits(rule)) return rule;
    }
  }

  values(types: readonly ValType[]): void {
    for (const type of types) this.value(type);
  }

  /** Writes up to `count` statements, while the frame is open. */
  statements(count: number): void {
    const depth = this.#depth;
    this.#depth = 2;
    for (let i = 0; i < count && this.budget > 0 && !this.closed; i++) {
      this.#choose(this.grammar.statements, (rule) => rule.fits(this)).write(this);
    }
    this.#depth = depth;
  }

  get nestable(): boolean {
    return this.labels.length < maxNesting && this.budget > 0;
  }

  /** The instructions of a frame: it starts with `params` on the stack and is made to end with `results`. */
  frame(params: readonly ValType[], results: readonly ValType[], label: Label, write: () => void): Instr[] {
    const outer = { out: this.#out, stack: this.stack, closed: this.closed, results: this.#results };
    this.#out = [];
    this.stack = [...params];
    this.closed = false;
    this.#results = results;
    this.labels.push(label);
    write();
    if (!this.closed) this.#settle(results);
    this.labels.pop();
    const list = this.#out;
    this.#out = outer.out;
    this.stack = outer.stack;
    this.closed = outer.closed;
    this.#results = outer.results;
    return list;
  }

  /** Drops and adds operands until the frame's stack is `results`. */
  #settle(results: readonly ValType[]): void {
    const fits = () =>
      this.stack.length <= results.length && this.stack.every((type, i) => type === results[i]);
    while (!fits()) this.drop();
    for (const type of results.slice(this.stack.length)) this.value(type);
  }

  /** After a jump: makes the known operands, if any, ones that the end of the frame accepts. */
  finishDead(): void {
    const tail = () => this.#results.slice(this.#results.length - this.stack.length);
    const fits = () =>
      this.stack.length <= this.#results.length && tail().every((type, i) => type === this.stack[i]);
    while (!fits() || (this.stack.length > 0 && this.random.chance(0.5))) this.drop();
  }

  /** Removes the top operand, into a local where there is one for it. */
  drop(): void {
    const locals = this.localsOf(this.stack[this.stack.length - 1], true);
    if (locals.length > 0 && this.random.chance(0.6)) this.op("local.set", [this.random.pick(locals)], 1);
    else this.op("drop", [], 1);
  }

  /** Locals of a type; writable ones do not control a loop. */
  localsOf(type: ValType, writable: boolean): number[] {
    return [...this.locals.keys()].filter((i) =>
      this.locals[i] === type && !(writable && this.#readOnly.has(i)) && this.#scratch.get(type) !== i
    );
  }

  /** A new local, which random code does not write to if it is `readOnly`. */
  newLocal(type: ValType, readOnly = false): number {
    const index = this.locals.push(type) - 1;
    if (readOnly) this.#readOnly.add(index);
    return index;
  }

  /** The block type of a frame: the short forms where they fit, mostly. */
  blockType(params: readonly ValType[], results: readonly ValType[]): number {
    const short = params.length === 0 && results.length <= 1 && this.random.chance(0.9);
    if (!short) return this.scope.typeIndex(params, results);
    return results.length === 0 ? -0x40 : results[0] - 0x80;
  }

  /** Depths of the open labels that carry these types (any, if `undefined`). */
  targets(carried?: readonly ValType[]): number[] {
    const last = this.labels.length - 1;
    const fits = (label: Label) =>
      label.open && (carried === undefined ||
        (label.types.length === carried.length && label.types.every((type, i) => type === carried[i])));
    return [...this.labels.keys()].filter((i) => fits(this.labels[i])).map((i) => last - i);
  }
  label(depth: number): Label {
    return this.labels[this.labels.length - 1 - depth];
  }

  /** Pays `cost` of the fuel, and leaves the function if there is not enough. */
  charge(cost: number): void {
    this.guarding(() => {
      this.op("global.get", [fuelGlobal], 0, [types.i32]);
      this.i32(cost);
      this.op("i32.sub", [], 2, [types.i32]);
      this.op("global.set", [fuelGlobal], 1);
      this.op("global.get", [fuelGlobal], 0, [types.i32]);
      this.i32(0);
      this.op("i32.lt_s", [], 2, [types.i32]);
      const body = this.frame([], [], { types: [], open: false }, () => {
        if (this.random.chance(0.1)) this.op("unreachable", [], 0);
        else {
          for (const type of this.type.results) this.zero(type);
          this.op("return", [], 0);
        }
        this.closed = true;
      });
      this.emit({ ...instr("if", -0x40), body }, 1);
    });
  }

  /** The default value of a type. */
  zero(type: ValType): void {
    if (type === types.i64) this.op("i64.const", [0n], 0, [type]);
    else if (type === types.f32) this.op("f32.const", [0n], 0, [type]);
    else if (type === types.f64) this.op("f64.const", [0n], 0, [type]);
    else if (type === types.i32) this.i32(0);
    else this.op("ref.null", [type], 0, [type]);
  }

  /** The local by way of which NaNs of a type become canonical; nobody reads it, since it holds any NaN. */
  scratch(type: ValType): number {
    const local = this.#scratch.get(type) ?? this.newLocal(type, true);
    this.#scratch.set(type, local);
    return local;
  }
  readonly #scratch = new Map<ValType, number>();

  /** Mixes the number on the stack into the digest. */
  digest(): void {
    for (const name of toI64.get(this.stack[this.stack.length - 1])!) this.op(name, [], 1, [types.i64]);
    this.op("global.get", [digestGlobal], 0, [types.i64]);
    this.op("i64.const", [BigInt(this.random.below(64))], 0, [types.i64]);
    this.op("i64.rotl", [], 2, [types.i64]);
    this.op("i64.add", [], 2, [types.i64]);
    this.op("global.set", [digestGlobal], 1);
  }
}

const toI64 = new Map<ValType, readonly string[]>([
  [types.i32, ["i64.extend_i32_u"]],
  [types.i64, []],
  [types.f32, ["i32.reinterpret_f32", "i64.extend_i32_u"]],
  [types.f64, ["i64.reinterpret_f64"]],
]);
