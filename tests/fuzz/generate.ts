/**
 * Valid modules and calls of their exports, made from a seed.
 *
 * @module
 */

import { type FuncType, type GlobalType, type RefType, ValType } from "../../compiler/types.ts";
import { Body } from "./body.ts";
import {
  type DataIr,
  type ElementIr,
  type ExportIr,
  type FuncIr,
  type GlobalIr,
  type ImportIr,
  type Instr,
  instr,
  type ModuleIr,
} from "./ir.ts";
import { Random } from "./random.ts";
import { fuelGlobal, Scope, type Targets } from "./scope.ts";
import { numericTypes, refTypes } from "./signatures.ts";
import { digestLocals, statementRules } from "./statement_rules.ts";
import { valueRules } from "./value_rules.ts";
import { randomNumber, randomValue, type Value } from "./values.ts";

/** A call of an exported function. */
export interface Call {
  readonly name: string;
  readonly args: readonly Value[];
}
/** A module and what to do with it. */
export interface Scenario {
  readonly module: ModuleIr;
  readonly calls: readonly Call[];
}

const { i32, i64, f32, f64, funcref, externref } = ValType;
const pageSize = 65536;
/** The export that sets the fuel. */
const refuel = "refuel";

/** The scenario of a seed. */
export function generate(seed: number): Scenario {
  const random = new Random(seed);
  const scope = new Scope(random, random.pick([0, 0, 0.002, 0.01, 0.05]), seed % 2 === 1);
  const draft = new Draft(scope);
  return { module: draft.module(), calls: draft.calls() };
}

function randomType({ random, plain }: Scope): ValType {
  return plain || random.chance(0.93) ? random.pick(numericTypes) : random.pick(refTypes);
}

function randomTypes(scope: Scope, most: number): ValType[] {
  return Array.from({ length: scope.random.below(most + 1) }, () => randomType(scope));
}

/** A constant expression of a type. */
function constant(random: Random, type: ValType, func: number): Instr {
  if (type === i32) return instr("i32.const", Number(BigInt.asIntN(32, randomNumber(random, type))));
  if (type === i64) return instr("i64.const", randomNumber(random, type));
  if (type === f32) return instr("f32.const", randomNumber(random, type));
  if (type === f64) return instr("f64.const", randomNumber(random, type));
  return type === funcref && random.chance(0.7) ? instr("ref.func", func) : instr("ref.null", type);
}

class Draft {
  readonly #random: Random;
  readonly #imports: ImportIr[] = [];
  readonly #globals: GlobalIr[] = [];
  readonly #elements: ElementIr[] = [];
  readonly #datas: DataIr[] = [];
  #exports: ExportIr[] = [];

  constructor(readonly scope: Scope) {
    this.#random = scope.random;
  }

  module(): ModuleIr {
    const random = this.#random;
    const { scope } = this;
    this.#declareFunctions();
    this.#declareGlobals();
    const memories = this.#declareMemory();
    this.#declareTables();
    const first = scope.imported;
    const funcs: FuncIr[] = scope.funcs.slice(first).map((type) => this.#function(type));
    const start = random.chance(0.1) ? scope.funcs.length : undefined;
    if (start !== undefined) {
      scope.funcs.push(scope.typeIndex([], []));
      funcs.push(this.#function(scope.funcs[start]));
    }
    this.#exportFunctions();
    this.#finishFunctions(funcs);
    return {
      types: scope.types,
      imports: this.#imports,
      funcs,
      tables: scope.tables.map((table) => ({
        element: table.element,
        limits: { min: table.size, max: table.bounded ? table.size + 5 : undefined },
      })),
      memories,
      globals: this.#globals,
      exports: this.#exports,
      start,
      elements: this.#elements,
      dataCount: this.#datas.length > 0,
      datas: this.#datas,
    };
  }

  /** Calls of random exports, each with some fuel. */
  calls(): Call[] {
    const random = this.#random;
    const funcs = this.#exports.filter((entry) => entry.kind === "func" && entry.name !== refuel);
    const calls: Call[] = [];
    for (let i = random.between(4, 16); i > 0; i--) {
      const { name, index } = random.pick(funcs.filter((entry) => entry.name.startsWith("f")));
      calls.push({ name: refuel, args: [BigInt(random.pick([20, 200, 500, 500, 1000]))] });
      calls.push({ name, args: this.scope.funcType(index).params.map((type) => randomValue(random, type)) });
    }
    // What is not exported is looked at through a function.
    const getters = funcs.filter((entry) => entry.name.startsWith("get global"));
    return [...calls, ...getters.map(({ name }) => ({ name, args: [] }))];
  }

  #declareFunctions(): void {
    const random = this.#random;
    const { scope } = this;
    const pool: FuncType[] = Array.from({ length: random.between(2, 5) }, () => ({
      params: randomTypes(this.scope, random.chance(0.1) ? 20 : 4),
      results: randomTypes(this.scope, random.pick([1, 1, 1, 3])),
    }));
    const type = () => {
      const { params, results } = random.pick(pool);
      return scope.typeIndex(params, results);
    };
    for (let i = random.below(4); i > 0; i--) {
      const index = scope.typeIndex(
        random.chance(0.3) ? [i32, i64, f32, f64] : scope.types[type()].params,
        randomTypes(this.scope, random.pick([1, 1, 3])),
      );
      this.#imports.push({ module: "host", name: `h${i}`, kind: "func", type: index });
      scope.funcs.push(index);
    }
    scope.imported = scope.funcs.length;
    for (let i = random.between(1, 8); i > 0; i--) scope.funcs.push(type());
  }

  #declareGlobals(): void {
    const random = this.#random;
    const add = (type: GlobalType, init: Instr) => {
      this.scope.globals.push(type);
      this.#globals.push({ type, init: [init] });
    };
    add({ type: i32, mutable: true }, instr("i32.const", random.pick([0, 500])));
    add({ type: i64, mutable: true }, instr("i64.const", 0n));
    for (let i = random.below(7); i > 0; i--) {
      const type = { type: randomType(this.scope), mutable: random.chance(0.85) };
      add(type, constant(random, type.type, random.below(this.scope.funcs.length)));
    }
    for (const index of this.#globals.keys()) {
      if (!this.scope.plain && random.chance(0.6)) {
        this.#exports.push({ name: `global${index}`, kind: "global", index });
      }
    }
  }

  #declareMemory(): ModuleIr["memories"] {
    const random = this.#random;
    if (random.chance(0.1)) return [];
    const min = random.pick([1, 1, 1, 1, 2, 3, 0]);
    const max = random.chance(0.6) ? min + random.below(4) : undefined;
    const size = min * pageSize;
    this.scope.memory = { size, bounded: max !== undefined };
    this.#exports.push({ name: "memory", kind: "memory", index: 0 });
    for (let i = size === 0 ? 0 : random.below(5); i > 0; i--) {
      const bytes = Uint8Array.from({ length: random.below(40) }, () => random.u32());
      const at = random.pick([0, 8, random.below(256), size - bytes.length]);
      const passive = random.chance(0.5);
      this.#datas.push({
        bytes,
        mode: passive
          ? { kind: "passive" }
          : { kind: "active", index: 0, offset: [instr("i32.const", random.chance(0.005) ? -1 : at)] },
      });
      this.scope.datas.push({ length: bytes.length, lasting: passive && random.chance(0.7) });
    }
    return [{ limits: { min, max } }];
  }

  #declareTables(): void {
    const random = this.#random;
    for (let i = random.pick([0, 1, 1, 1, 2, 3]); i > 0; i--) {
      const index = this.scope.tables.length;
      const element = this.scope.plain || random.chance(0.75) ? funcref : externref;
      const targets = element === funcref ? this.#targets(index) : [];
      const free = targets.reduce((end, target) => Math.max(end, target.start + target.count), 0);
      const size = free + random.below(8);
      this.scope.tables.push({ element, size, bounded: random.chance(0.5), targets, free });
      if (!this.scope.plain && random.chance(0.8)) {
        this.#exports.push({ name: `table${index}`, kind: "table", index });
      }
    }
    for (let i = random.below(4); i > 0; i--) this.#element();
  }

  /** Runs of functions of one type, and the segments that put them into the table. */
  #targets(table: number): Targets[] {
    const random = this.#random;
    const targets: Targets[] = [];
    let start = random.below(3);
    for (let i = random.below(4); i > 0; i--) {
      const type = random.pick(this.scope.funcs);
      const funcs = [...this.scope.funcs.keys()].filter((func) => this.scope.funcs[func] === type);
      const count = random.pick([1, 2, 4, 8]);
      const init = Array.from({ length: count }, () => [instr("ref.func", random.pick(funcs))]);
      const offset = [instr("i32.const", start)];
      this.#elements.push({
        type: funcref,
        init,
        mode: { kind: "active", index: table, offset },
        expressions: random.chance(0.2),
      });
      this.scope.elements.push({ type: funcref, length: count, lasting: false });
      targets.push({ start, count, type });
      start += count + random.below(2);
    }
    return targets;
  }

  /** A passive segment, or now and then a declarative one. */
  #element(): void {
    const random = this.#random;
    const type: RefType = random.chance(0.8) ? funcref : externref;
    const declarative = random.chance(0.2);
    const init = Array.from(
      { length: random.below(6) },
      () => [constant(random, type, random.below(this.scope.funcs.length))],
    );
    this.#elements.push({
      type,
      init,
      mode: { kind: declarative ? "declarative" : "passive" },
      expressions: random.chance(0.3),
    });
    this.scope.elements.push({ type, length: init.length, lasting: !declarative && random.chance(0.7) });
  }

  #function(typeIndex: number): FuncIr {
    const random = this.#random;
    const type = this.scope.types[typeIndex];
    const leaf = random.chance(0.3);
    const budget = random.pick([20, 60, 150, 300, random.chance(0.1) ? 2000 : 150]);
    const body = new Body(
      this.scope,
      type,
      { values: valueRules, statements: statementRules },
      budget,
      leaf,
    );
    for (const local of randomTypes(this.scope, random.chance(0.1) ? 40 : 6)) body.newLocal(local);
    const list = body.frame([], type.results, { types: type.results, open: true }, () => {
      if (!leaf) body.charge(1);
      body.statements(random.pick([5, 10, 30]));
      if (!body.closed && random.chance(0.8)) digestLocals(body);
    });
    return { type: typeIndex, locals: body.locals.slice(type.params.length), body: list };
  }

  #exportFunctions(): void {
    const { imported, funcs } = this.scope;
    for (let index = imported; index < funcs.length; index++) {
      const wanted = index === imported || this.#random.chance(0.6);
      const name = this.#random.chance(0.02) ? `f${index} "é\u{1f600}\\` : `f${index}`;
      if (wanted) this.#exports.push({ name, kind: "func", index });
    }
  }

  /** The functions that the harness needs, and the segment that declares what `ref.func` names. */
  #finishFunctions(funcs: FuncIr[]): void {
    const add = (name: string, type: FuncType, body: Instr[]) => {
      const index = this.scope.typeIndex(type.params, type.results);
      this.#exports.push({ name, kind: "func", index: this.scope.funcs.push(index) - 1 });
      funcs.push({ type: index, locals: [], body });
    };
    add(refuel, { params: [i32], results: [] }, [instr("local.get", 0), instr("global.set", fuelGlobal)]);
    const exported = new Set(this.#exports.filter(({ kind }) => kind === "global").map(({ index }) => index));
    for (const [index, { type }] of this.scope.globals.entries()) {
      if (exported.has(index)) continue;
      add(`get global${index}`, { params: [], results: [type] }, [instr("global.get", index)]);
    }
    if (this.scope.declared.size === 0) return;
    this.#elements.push({
      type: funcref,
      init: [...this.scope.declared].map((index) => [instr("ref.func", index)]),
      mode: { kind: "declarative" },
      expressions: false,
    });
  }
}
