/**
 * The ways to write a statement, each with its weight.
 *
 * @module
 */

import { ValType } from "../../compiler/types.ts";
import type { Body, StatementRule } from "./body.ts";
import { countedLoop } from "./counted_loop.ts";
import { address, bulk, masked, operands, remains, slot, type Space } from "./operands.ts";
import type { Segment } from "./scope.ts";
import { consuming, isNumeric, numericTypes, operations, refTypes, stores } from "./signatures.ts";
import { call, callees, callIndirect, indirections, nest, operate } from "./value_rules.ts";

const { i32 } = ValType;

function anyType(body: Body): ValType {
  return body.scope.plain || body.random.chance(0.9)
    ? body.random.pick(numericTypes)
    : body.random.pick(refTypes);
}

/** Writes what a branch to a label carries, and now and then something below that it does not. */
function carry(body: Body, depth: number): void {
  if (body.random.chance(0.2)) body.value(anyType(body));
  body.values(body.label(depth).types);
}

/** After a jump the operand stack has any type: writes a few instructions that nobody will run. */
function deadCode(body: Body): void {
  body.stack = [];
  body.closed = true;
  const count = body.random.chance(0.4) ? body.random.between(1, 4) : 0;
  for (let i = 0; i < count; i++) {
    if (body.stack.length > 0 && !isNumeric(body.stack[body.stack.length - 1])) body.drop();
    const empty = body.stack.length === 0;
    const top = empty ? body.random.pick(numericTypes) : body.stack[body.stack.length - 1];
    if (!empty && !isNumeric(top)) continue;
    const targets = body.targets([]);
    const kind = body.random.below(6);
    if (kind === 0 && empty) body.op(body.random.pick(["drop", "nop", "unreachable"]), [], 0);
    else if (kind === 1 && top === i32 && targets.length > 0) {
      body.op("br_if", [body.random.pick(targets)], 1);
    } else if (kind === 2) body.value(anyType(body));
    else if (kind === 3 && empty) body.op("select t", [top], 0, [top]);
    else if (kind === 4 && empty) {
      body.op("select", [], 0); // of an unknown type, which fits anything
      body.op("drop", [], 0);
    } else {
      const entry = body.random.pick(consuming.get(top)!);
      operands(body, entry, empty ? body.random.below(entry.params.length + 1) : 1);
      operate(body, entry, true);
    }
  }
  body.finishDead();
}

/** Jumps away; the frame is closed. */
function jump(body: Body): void {
  const { random } = body;
  const kind = body.risky() ? 0 : random.pick([1, 2, 3, 3]);
  if (kind === 0) body.op("unreachable", [], 0);
  else if (kind === 1) {
    body.values(body.type.results);
    body.op("return", [], body.type.results.length);
  } else {
    const depth = random.pick(body.targets());
    carry(body, depth);
    if (kind === 2) body.op("br", [depth], 0);
    else {
      const depths = body.targets(body.label(depth).types);
      const count = random.chance(0.02) ? 300 : random.below(6);
      if (random.chance(0.8)) masked(body, 2 ** random.below(5) - 1);
      else body.value(i32);
      body.op("br_table", Array.from({ length: count + 1 }, () => random.pick(depths)), 1);
    }
  }
  deadCode(body);
}

/** Operands on top of the stack that a block can take as parameters. */
function takable(body: Body): number {
  return body.stack.length === 0 ? 0 : body.random.below(Math.min(body.stack.length, 3) + 1);
}

const tableIndex = (body: Body) => body.random.below(body.scope.tables.length);
const tableSpace = (body: Body, index: number): Space => ({
  from: body.scope.tables[index].free,
  size: body.scope.tables[index].size,
});
const memorySpace = (body: Body): Space => ({ from: 0, size: body.scope.memory!.size });
const hasTable = (body: Body) => body.scope.tables.length > 0;

export const statementRules: readonly StatementRule[] = [
  {
    weight: 6,
    fits: () => true,
    write(body) {
      const type = anyType(body);
      body.value(type);
      const locals = body.localsOf(type, true);
      const local = locals.length > 0 ? body.random.pick(locals) : body.newLocal(type);
      body.op("local.set", [local], 1);
    },
  },
  {
    weight: 2,
    fits: (body) => body.scope.globals.length > 1,
    write(body) {
      const type = body.random.pick(body.scope.globals).type;
      const globals = body.scope.globalsOf(type, true);
      if (globals.length === 0) return;
      body.value(type);
      body.op("global.set", [body.random.pick(globals)], 1);
    },
  },
  {
    weight: 0.4,
    fits: () => true,
    write(body) {
      body.value(anyType(body));
      body.op("drop", [], 1);
    },
  },
  { weight: 0.2, fits: () => true, write: (body) => body.op("nop", [], 0) },
  { // an operand that stays live under the statements that follow
    weight: 2,
    fits: (body) => body.stack.length < 6,
    write: (body) => body.value(anyType(body)),
  },
  { // ... and is used later
    weight: 3,
    fits: (body) => body.stack.length > 0 && isNumeric(body.stack[body.stack.length - 1]),
    write(body) {
      const entry = body.random.pick(consuming.get(body.stack[body.stack.length - 1])!);
      if (/\.(trunc_f|div|rem)/.test(entry.opcode.name) && !body.risky()) return;
      operands(body, entry, 1);
      operate(body, entry, true);
    },
  },
  { // operations, any as often as any other, whose results are certain to be seen
    weight: 6,
    fits: () => true,
    write(body) {
      for (let i = body.random.between(1, 5); i > 0; i--) {
        const entry = body.random.pick(operations);
        operands(body, entry);
        operate(body, entry, true);
        body.digest();
      }
    },
  },
  { // a parallel move between two locals
    weight: 0.5,
    fits: () => true,
    write(body) {
      const type = anyType(body);
      const locals = body.localsOf(type, true);
      if (locals.length < 2) return;
      const [a, b] = [body.random.pick(locals), body.random.pick(locals)];
      body.op("local.get", [a], 0, [type]);
      body.op("local.get", [b], 0, [type]);
      body.op("local.set", [a], 1);
      body.op("local.set", [b], 1);
    },
  },
  { // stores
    weight: 6,
    fits: (body) => body.scope.usesMemory(),
    write(body) {
      const type = body.random.pick(numericTypes);
      const { opcode } = body.random.pick(stores.get(type)!);
      const memarg = address(body, opcode.width!);
      body.value(type);
      body.op(opcode.name, memarg, 2);
    },
  },
  { // blocks with parameters from the stack, and results that stay there
    weight: 4,
    fits: (body) => body.nestable,
    write(body) {
      const params = body.stack.slice(body.stack.length - takable(body));
      const results = Array.from({ length: body.random.pick([0, 0, 0, 1, 2, 3]) }, () => anyType(body));
      nest(body, params, results);
    },
  },
  { weight: 1.5, fits: (body) => body.nestable, write: countedLoop },
  {
    weight: 2,
    fits: (body) => callees(body, () => true).length > 0,
    write: (body) => call(body, body.random.pick(callees(body, () => true))),
  },
  {
    weight: 1,
    fits: (body) => indirections(body, () => true).length > 0,
    write: (body) => callIndirect(body, body.random.pick(indirections(body, () => true))),
  },
  {
    weight: 1,
    fits: (body) => body.targets([]).length > 0,
    write(body) {
      body.value(i32);
      body.op("br_if", [body.random.pick(body.targets([]))], 1);
    },
  },
  { weight: 0.5, fits: (body) => body.labels.length > 1, write: jump },
  {
    weight: 0.6,
    fits: (body) => body.scope.usesMemory(),
    write(body) {
      if (body.random.chance(0.5)) {
        bulk(body, [memorySpace(body), memorySpace(body)]);
        body.op("memory.copy", [], 3);
      } else {
        bulk(body, [memorySpace(body)], i32);
        body.op("memory.fill", [], 3);
      }
    },
  },
  {
    weight: 0.4,
    fancy: true,
    fits: (body) => body.scope.memory !== undefined && body.scope.datas.length > 0,
    write(body) {
      const index = body.random.below(body.scope.datas.length);
      bulk(body, [memorySpace(body), remains(body, body.scope.datas[index])]);
      body.op("memory.init", [index], 3);
    },
  },
  dropRule("data.drop", (body) => body.scope.datas),
  {
    weight: 1,
    fancy: true,
    fits: hasTable,
    write(body) {
      const index = tableIndex(body);
      const table = body.scope.tables[index];
      if (table.free === table.size && !body.risky()) return;
      slot(body, table, table.free);
      body.value(table.element);
      body.op("table.set", [index], 2);
    },
  },
  {
    weight: 0.4,
    fancy: true,
    fits: hasTable,
    write(body) {
      const index = tableIndex(body);
      bulk(body, [tableSpace(body, index)], body.scope.tables[index].element);
      body.op("table.fill", [index], 3);
    },
  },
  {
    weight: 0.4,
    fancy: true,
    fits: hasTable,
    write(body) {
      const target = tableIndex(body);
      const source = body.random.pick(body.scope.tablesOf(body.scope.tables[target].element));
      bulk(body, [tableSpace(body, target), { from: 0, size: body.scope.tables[source].size }]);
      body.op("table.copy", [target, source], 3);
    },
  },
  {
    weight: 0.4,
    fancy: true,
    fits: (body) => hasTable(body) && body.scope.elements.length > 0,
    write(body) {
      const table = tableIndex(body);
      const fitting = body.scope.elements.filter((entry) => entry.type === body.scope.tables[table].element);
      if (fitting.length === 0) return;
      const segment = body.random.pick(fitting);
      bulk(body, [tableSpace(body, table), remains(body, segment)]);
      body.op("table.init", [body.scope.elements.indexOf(segment), table], 3);
    },
  },
  dropRule("elem.drop", (body) => body.scope.elements),
];

/** Mixes the numbers in the locals into the digest, most of them. */
export function digestLocals(body: Body): void {
  for (const local of numericTypes.flatMap((type) => body.localsOf(type, true))) {
    if (body.random.chance(0.3)) continue;
    body.op("local.get", [local], 0, [body.locals[local]]);
    body.digest();
  }
}

/** Drops a segment that nobody relies on; where risks are taken, any. */
function dropRule(name: string, segmentsOf: (body: Body) => readonly Segment[]): StatementRule {
  return {
    weight: 0.2,
    fancy: true,
    fits: (body) => segmentsOf(body).length > 0,
    write(body) {
      const segments = segmentsOf(body);
      const index = body.random.below(segments.length);
      if (!segments[index].lasting || body.risky()) body.op(name, [index], 0);
    },
  };
}
