/**
 * The ways to write a value, each with its weight.
 *
 * @module
 */

import { type FuncType, ValType } from "../../compiler/types.ts";
import type { Body, ValueRule } from "./body.ts";
import { instr } from "./ir.ts";
import { address, growth, masked, operands, slot } from "./operands.ts";
import { fuelGlobal } from "./scope.ts";
import { isNumeric, loads, producing, type Signed } from "./signatures.ts";
import { randomNumber } from "./values.ts";

const { i32, i64, f32, f64, funcref } = ValType;

/** Emits an operation whose operands are on the stack, and makes its NaN a certain one if need be. */
export function operate(body: Body, entry: Signed, exact: boolean): void {
  const canonical = entry.vague && exact ? body.scratch(entry.results[0]) : undefined;
  body.emit({ ...instr(entry.opcode.name), canonical }, entry.params.length, entry.results);
}

/** Functions that this body may call. */
export function callees(body: Body, fits: (type: FuncType) => boolean): number[] {
  const { funcs, imported } = body.scope;
  return [...funcs.keys()].filter((i) => (!body.leaf || i < imported) && fits(body.scope.funcType(i)));
}

/** Calls a function with arguments made for it; its results stay on the stack. */
export function call(body: Body, index: number): void {
  const type = body.scope.funcType(index);
  body.values(type.params);
  body.op("call", [index], type.params.length, type.results);
}

/** Places of tables through which a function can be called. */
export function indirections(body: Body, fits: (type: FuncType) => boolean) {
  if (body.leaf) return [];
  return [...body.scope.tables.entries()].flatMap(([table, entry]) =>
    entry.targets.filter((target) => fits(body.scope.types[target.type])).map((target) => ({ table, target }))
  );
}

/** Calls through a table, mostly a function of the right type. */
export function callIndirect(body: Body, { table, target }: ReturnType<typeof indirections>[number]): void {
  const { scope } = body;
  const type = scope.types[target.type];
  body.values(type.params);
  if (body.risky()) slot(body, scope.tables[table]);
  else {
    masked(body, target.count - 1);
    body.i32(target.start);
    body.op("i32.add", [], 2, [i32]);
  }
  body.op("call_indirect", [target.type, table], type.params.length + 1, type.results);
}

/** Of the operands above height `base`, keeps one of type `type` and drops the others. */
function keep(body: Body, base: number, type: ValType): void {
  while (body.stack.length > base && body.stack[body.stack.length - 1] !== type) body.drop();
  if (body.stack.length === base + 1) return;
  const local = body.newLocal(type);
  body.op("local.set", [local], 1);
  while (body.stack.length > base) body.drop();
  body.op("local.get", [local], 0, [type]);
}

/** `block`, `loop` or `if` with results `results`. */
export function nest(body: Body, params: readonly ValType[], results: readonly ValType[]): void {
  const kind = body.random.pick(["block", "if", "loop"]);
  if (kind === "if") body.value(i32);
  const label = { types: kind === "loop" ? params : results, open: true };
  const frame = () =>
    body.frame(params, results, label, () => {
      if (kind === "loop") body.charge(1);
      body.statements(body.random.between(0, 4));
    });
  const type = body.blockType(params, results);
  const inner = frame();
  const same = params.length === results.length && params.every((type, i) => type === results[i]);
  const otherwise = kind === "if" && !(same && body.random.chance(0.5)) ? frame() : undefined;
  const pops = params.length + (kind === "if" ? 1 : 0);
  body.emit({ ...instr(kind, type), body: inner, otherwise }, pops, results);
}

const constNames = new Map<ValType, string>([[i32, "i32"], [i64, "i64"], [f32, "f32"], [f64, "f64"]]);

export const valueRules: readonly ValueRule[] = [
  { // constants
    weight: 3,
    leaf: true,
    fits: () => true,
    write(body, type) {
      const name = constNames.get(type);
      if (name !== undefined) {
        const bits = randomNumber(body.random, type);
        body.op(`${name}.const`, [type === i32 ? Number(BigInt.asIntN(32, bits)) : bits], 0, [type]);
      } else if (type === funcref && body.random.chance(0.7)) {
        const index = body.random.below(body.scope.funcs.length);
        body.scope.declared.add(index);
        body.op("ref.func", [index], 0, [type]);
      } else body.op("ref.null", [type], 0, [type]);
    },
  },
  {
    weight: 7,
    leaf: true,
    fits: (body, type) => body.localsOf(type, false).length > 0,
    write: (body, type) => body.op("local.get", [body.random.pick(body.localsOf(type, false))], 0, [type]),
  },
  {
    weight: 1.5,
    leaf: true,
    fits: (body, type) => body.scope.globalsOf(type, false).length > 0,
    write: (body, type) =>
      body.op("global.get", [body.random.pick(body.scope.globalsOf(type, false))], 0, [type]),
  },
  {
    weight: 0.1,
    leaf: true,
    fits: (_, type) => type === i32,
    write: (body) => body.op("global.get", [fuelGlobal], 0, [i32]),
  },
  { // operations
    weight: 12,
    fits: (_, type) => isNumeric(type),
    write(body, type, exact) {
      const entry = body.random.pick(producing.get(type)!);
      operands(body, entry);
      operate(body, entry, exact);
    },
  },
  { // loads
    weight: 4,
    fits: (body, type) => isNumeric(type) && body.scope.usesMemory(),
    write(body, type) {
      const { opcode } = body.random.pick(loads.get(type)!);
      body.op(opcode.name, address(body, opcode.width!), 1, [type]);
    },
  },
  {
    weight: 1.5,
    fits: (body, type) => body.localsOf(type, true).length > 0,
    write(body, type) {
      body.value(type);
      body.op("local.tee", [body.random.pick(body.localsOf(type, true))], 1, [type]);
    },
  },
  { // select, with its type or without
    weight: 1,
    fits: () => true,
    write(body, type) {
      body.values([type, type, i32]);
      if (isNumeric(type) && body.random.chance(0.6)) body.op("select", [], 3, [type]);
      else body.op("select t", [type], 3, [type]);
    },
  },
  { // blocks with a result
    weight: 0.7,
    fits: (body) => body.nestable,
    write: (body, type) => nest(body, [], [type]),
  },
  { // a branch that carries the value
    weight: 0.4,
    fits: (body, type) => body.targets([type]).length > 0,
    write(body, type) {
      body.values([type, i32]);
      body.op("br_if", [body.random.pick(body.targets([type]))], 2, [type]);
    },
  },
  {
    weight: 1.2,
    fits: (body, type) => callees(body, (callee) => callee.results.includes(type)).length > 0,
    write(body, type) {
      const base = body.stack.length;
      call(body, body.random.pick(callees(body, (callee) => callee.results.includes(type))));
      keep(body, base, type);
    },
  },
  {
    weight: 1,
    fits: (body, type) => indirections(body, (callee) => callee.results.includes(type)).length > 0,
    write(body, type) {
      const base = body.stack.length;
      callIndirect(body, body.random.pick(indirections(body, (callee) => callee.results.includes(type))));
      keep(body, base, type);
    },
  },
  {
    weight: 0.3,
    fits: (body, type) => type === i32 && body.scope.memory !== undefined,
    write: (body) => body.op("memory.size", [], 0, [i32]),
  },
  {
    weight: 0.3,
    fits: (body, type) => type === i32 && body.scope.memory !== undefined,
    write(body) {
      growth(body, body.scope.memory!.bounded, 8, () => body.op("memory.size", [], 0, [i32]));
      body.op("memory.grow", [], 1, [i32]);
    },
  },
  {
    weight: 0.3,
    fits: (body, type) => type === i32 && body.scope.tables.length > 0,
    write: (body) => body.op("table.size", [body.random.below(body.scope.tables.length)], 0, [i32]),
  },
  {
    weight: 0.2,
    fancy: true,
    fits: (body, type) => type === i32 && body.scope.tables.length > 0,
    write(body) {
      const index = body.random.below(body.scope.tables.length);
      const table = body.scope.tables[index];
      body.value(table.element);
      growth(body, table.bounded, 60, () => body.op("table.size", [index], 0, [i32]));
      body.op("table.grow", [index], 2, [i32]);
    },
  },
  {
    weight: 2,
    fits: (body, type) => !isNumeric(type) && body.scope.tablesOf(type as typeof funcref).length > 0,
    write(body, type) {
      const index = body.random.pick(body.scope.tablesOf(type as typeof funcref));
      slot(body, body.scope.tables[index]);
      body.op("table.get", [index], 1, [type]);
    },
  },
  {
    weight: 0.3,
    fancy: true,
    fits: (_, type) => type === i32,
    write(body) {
      body.value(body.random.pick([funcref, ValType.externref]));
      body.op("ref.is_null", [], 1, [i32]);
    },
  },
];
