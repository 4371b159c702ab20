/**
 * V8's own WebAssembly, the reference. JavaScript numbers do not carry every NaN, so floats go in and out as integers
 * through a small adapter module that reinterprets them.
 *
 * @module
 */

import { type FuncType, type GlobalType, ValType } from "../../compiler/types.ts";
import { encode } from "./encode.ts";
import {
  type Engine,
  type Host,
  type Outcome,
  type Program,
  type Running,
  type State,
  trapKind,
} from "./engine.ts";
import { emptyModule, type FuncIr, type Instr, instr } from "./ir.ts";
import { f32Bits, f64Bits, type Value } from "./values.ts";

const { i32, i64, f32, f64, funcref, externref } = ValType;

/** The objects behind `externref` values. */
const objects: { readonly extern: number }[] = [];
function object(index: number) {
  for (let i = objects.length; i <= index; i++) objects.push({ extern: i });
  return objects[index];
}

/** The integer type of a type's bits. */
const bitsType = (type: ValType): ValType => type === f32 ? i32 : type === f64 ? i64 : type;

function toJs(value: Value, type: ValType): unknown {
  if (type === i32) return Number(BigInt.asIntN(32, value as bigint));
  if (type === externref) return value === null ? null : object(Number(value));
  return value;
}

function fromJs(value: unknown, type: ValType): Value {
  if (type === i32) return BigInt.asUintN(32, BigInt(value as number));
  if (type === i64) return BigInt.asUintN(64, value as bigint);
  if (value === null) return null;
  if (type === externref) return (value as { extern: number }).extern;
  // The name of an exported function is its index (JavaScript interface, section 5.6).
  if (type === funcref) return Number((value as { name: string }).name);
  throw new TypeError(`a value of type ${type.toString(16)} does not pass as itself`);
}

const toBits = new Map([[f32, "i32.reinterpret_f32"], [f64, "i64.reinterpret_f64"]]);
const fromBits = new Map([[f32, "f32.reinterpret_i32"], [f64, "f64.reinterpret_i64"]]);
function convert(type: ValType, names: Map<ValType, string>): Instr[] {
  const name = names.get(type);
  return name === undefined ? [] : [instr(name)];
}

/** A function that calls import number `index` with bits and gives bits. */
function adapterFunc({ params, results }: FuncType, index: number, ownType: number): FuncIr {
  const locals = results.map((_, i) => params.length + i);
  return {
    type: ownType,
    locals: results,
    body: [
      ...params.flatMap((type, i) => [instr("local.get", i), ...convert(type, fromBits)]),
      instr("call", index),
      ...locals.map((local) => instr("local.set", local)).reverse(),
      ...results.flatMap((type, i) => [instr("local.get", locals[i]), ...convert(type, toBits)]),
    ],
  };
}

/** Passes a program's functions and globals on as bits; the exports are `f0`, `f1`, ..., `g0`, `g1`, ... */
function adapter(program: Program): Uint8Array<ArrayBuffer> {
  const types: FuncType[] = [];
  const add = (type: FuncType) => types.push(type) - 1;
  const bits = (type: FuncType) =>
    add({ params: type.params.map(bitsType), results: type.results.map(bitsType) });
  const { funcs, globals } = program;
  const getter = ({ type: { type } }: { type: GlobalType }, index: number): FuncIr => ({
    type: bits({ params: [], results: [type] }),
    locals: [],
    body: [instr("global.get", index), ...convert(type, toBits)],
  });
  return encode({
    ...emptyModule,
    imports: [
      ...funcs.map(({ name, type }) => ({ module: "", name, kind: "func", type: add(type) }) as const),
      ...globals.map(({ name, type }) => ({ module: "", name, kind: "global", type }) as const),
    ],
    funcs: [...funcs.map(({ type }, i) => adapterFunc(type, i, bits(type))), ...globals.map(getter)],
    exports: [
      ...funcs.map((_, i) => ({ name: `f${i}`, kind: "func", index: funcs.length + i }) as const),
      ...globals.map((_, i) => ({ name: `g${i}`, kind: "func", index: 2 * funcs.length + i }) as const),
    ],
    types,
  }).bytes;
}

function hostImports(program: Program, host: Host): WebAssembly.Imports {
  const imports: WebAssembly.Imports = {};
  for (const [index, { module, name, type }] of program.imports.entries()) {
    const toHost = (arg: unknown, i: number) =>
      type.params[i] === f32
        ? f32Bits(arg as number)
        : type.params[i] === f64
        ? f64Bits(arg as number)
        : fromJs(arg, type.params[i]);
    const fromHost = (value: Value, i: number) =>
      type.results[i] === f32 || type.results[i] === f64 ? floatOf(value as bigint, type.results[i]) : toJs(
        value,
        type.results[i],
      );
    (imports[module] ??= {})[name] = (...args: unknown[]) => {
      const results = host(index, args.map(toHost)).map(fromHost);
      return results.length > 1 ? results : results[0];
    };
  }
  return imports;
}

const view = new DataView(new ArrayBuffer(8));
function floatOf(bits: bigint, type: ValType): number {
  if (type === f32) view.setUint32(4, Number(bits));
  else view.setBigUint64(0, bits);
  return type === f32 ? view.getFloat32(4) : view.getFloat64(0);
}

/** What an exception of a call means. */
function failure(error: unknown): Exclude<Outcome, { kind: "results" }> {
  if (error instanceof WebAssembly.RuntimeError) return { kind: "trap", trap: trapKind(error.message) };
  if (error instanceof RangeError && /call stack/.test(error.message)) return { kind: "exhausted" };
  throw error;
}

type Exports = Record<string, (...args: unknown[]) => unknown>;

class RunningV8 implements Running {
  constructor(
    readonly program: Program,
    readonly exports: WebAssembly.Exports,
    readonly bits: Exports,
  ) {}

  call(name: string, args: readonly Value[]): Outcome {
    const index = this.program.funcs.findIndex((func) => func.name === name);
    const { params, results } = this.program.funcs[index].type;
    try {
      const returned = this.bits[`f${index}`](...args.map((value, i) => toJs(value, bitsType(params[i]))));
      const list = results.length === 0 ? [] : results.length === 1 ? [returned] : returned as unknown[];
      return { kind: "results", values: list.map((value, i) => fromJs(value, bitsType(results[i]))) };
    } catch (error) {
      return failure(error);
    }
  }

  state(): State {
    const { globals, tables, memories } = this.program;
    const elements = (name: string, type: ValType) => {
      const table = this.exports[name] as WebAssembly.Table;
      return Array.from({ length: table.length }, (_, i) => fromJs(table.get(i), type));
    };
    const bytes = (name: string) => new Uint8Array((this.exports[name] as WebAssembly.Memory).buffer).slice();
    return {
      globals: new Map(
        globals.map(({ name, type }, i) => [name, fromJs(this.bits[`g${i}`](), bitsType(type.type))]),
      ),
      tables: new Map(tables.map(({ name, type }) => [name, elements(name, type.element)])),
      memories: new Map(memories.map((name) => [name, bytes(name)])),
    };
  }
}

export const engine: Engine = {
  name: "v8",
  async instantiate(program, host) {
    const module = new WebAssembly.Module(program.bytes);
    try {
      const { exports } = await WebAssembly.instantiate(module, hostImports(program, host));
      const bits = await WebAssembly.instantiate(new WebAssembly.Module(adapter(program)), { "": exports });
      return new RunningV8(program, exports, bits.exports as Exports);
    } catch (error) {
      return failure(error);
    }
  },
};
