/**
 * What an engine must offer to be compared with another one.
 *
 * @module
 */

import type { FuncType, GlobalType, TableType, ValType } from "../../compiler/types.ts";
import { type ExportIr, funcTypes, globalTypes, importsOf, type ModuleIr } from "./ir.ts";
import type { Random } from "./random.ts";
import { f32Bits, f64Bits, type Value } from "./values.ts";

/** A module as an engine gets it: bytes, and the types of what goes in and out, so that it need not decode them. */
export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: readonly { readonly module: string; readonly name: string; readonly type: FuncType }[];
  readonly funcs: readonly { readonly name: string; readonly type: FuncType }[];
  readonly globals: readonly { readonly name: string; readonly type: GlobalType }[];
  readonly tables: readonly { readonly name: string; readonly type: TableType }[];
  /** Names of the exported memories, of which there is at most one. */
  readonly memories: readonly string[];
}

/** How a call ended. `exhausted` is the end of the stack, which no two engines reach at the same depth. */
export type Outcome =
  | { readonly kind: "results"; readonly values: readonly Value[] }
  | { readonly kind: "trap"; readonly trap: TrapKind }
  | { readonly kind: "exhausted" };

/** All that is visible of an instance from outside, besides its functions. */
export interface State {
  readonly globals: ReadonlyMap<string, Value>;
  readonly tables: ReadonlyMap<string, readonly Value[]>;
  readonly memories: ReadonlyMap<string, Uint8Array>;
}

export interface Running {
  /** Calls an exported function of the program. */
  call(name: string, args: readonly Value[]): Outcome | Promise<Outcome>;
  state(): State | Promise<State>;
}

/**
 * The host's functions: `host(index, args)` is what import number `index` returns. Calls are logged and compared, so
 * an engine makes each exactly once, and passes floats with whatever NaN it has.
 */
export type Host = (index: number, args: readonly Value[]) => readonly Value[];

export interface Engine {
  readonly name: string;
  /**
   * Instantiates a program, which may trap (active segments, the start function).
   *
   * @param random For choices that must not make a difference: policies, stop points, tiers.
   */
  instantiate(
    program: Program,
    host: Host,
    random: Random,
  ): Promise<Running | Exclude<Outcome, { kind: "results" }>>;
}

const traps = [
  ["unreachable", /unreachable/],
  ["memory", /out of bounds memory access|memory access out of bounds|data segment.* out of bounds/],
  ["division by zero", /(divide|remainder|division) by zero/],
  ["not representable", /integer overflow|invalid conversion|unrepresentable/],
  ["indirect call", /undefined element|uninitialized element|indirect call|null function|signature mismatch/],
  [
    "table",
    /table index is out of bounds|out of bounds table|table access|element segment.* out of bounds|table initializer/,
  ],
] as const;
export type TrapKind = (typeof traps)[number][0];

/**
 * The kind of a trap by its message, in the specification's words or V8's. V8 has one message for an undefined,
 * a missing and a mismatched callee, and one for both ways in which a float is no integer, so they are one kind each.
 */
export function trapKind(message: string): TrapKind {
  const found = traps.find(([, pattern]) => pattern.test(message));
  if (found === undefined) throw new Error(`no kind of trap has the message "${message}"`);
  return found[0];
}

/** Whether two outcomes are the same. An index outside a table is one kind for calls and another for accesses. */
export function sameOutcome(a: Outcome, b: Outcome): boolean {
  if (a.kind === "results" && b.kind === "results") {
    return a.values.length === b.values.length && a.values.every((value, i) => value === b.values[i]);
  }
  if (a.kind === "trap" && b.kind === "trap") {
    const merged = (trap: TrapKind) => trap === "indirect call" ? "table" : trap;
    return merged(a.trap) === merged(b.trap);
  }
  return a.kind === b.kind;
}

/** A module's program. */
export function programOf(module: ModuleIr, bytes: Uint8Array<ArrayBuffer>): Program {
  const funcs = funcTypes(module);
  const globals = globalTypes(module);
  const exported = (kind: ExportIr["kind"]) => module.exports.filter((entry) => entry.kind === kind);
  return {
    bytes,
    imports: importsOf(module, "func").map(({ module: from, name, type }) => ({
      module: from,
      name,
      type: module.types[type],
    })),
    funcs: exported("func").map(({ name, index }) => ({ name, type: funcs[index] })),
    globals: exported("global").map(({ name, index }) => ({ name, type: globals[index] })),
    tables: exported("table").map(({ name, index }) => ({ name, type: module.tables[index] })),
    memories: exported("memory").map(({ name }) => name),
  };
}

/** One host call. */
export interface HostCall {
  readonly index: number;
  readonly args: readonly Value[];
}

/**
 * A host whose results depend on nothing but the arguments and the number of the call, and the log of its calls. A NaN
 * is any NaN to it, since it may have passed through a JavaScript number.
 */
export function makeHost(program: Pick<Program, "imports">): { host: Host; log: HostCall[] } {
  const log: HostCall[] = [];
  const host: Host = (index, args) => {
    const { params, results } = program.imports[index].type;
    const seen = args.map((value, i) => forgetNaN(value, params[i]));
    log.push({ index, args: seen });
    let mix = BigInt(index * 7919 + log.length % 5);
    for (const value of seen) mix = BigInt.asUintN(64, mix * 0x9e37_79b9_7f4a_7c15n + BigInt(value ?? 77));
    return results.map((type, i) => hostResult(type, BigInt.asUintN(64, mix >> BigInt(i))));
  };
  return { host, log };
}

const view = new DataView(new ArrayBuffer(8));
function forgetNaN(value: Value, type: ValType): Value {
  if (type === 0x7d) {
    view.setUint32(0, Number(value));
    return Number.isNaN(view.getFloat32(0)) ? f32Bits(NaN) : value;
  }
  if (type === 0x7c) {
    view.setBigUint64(0, BigInt(value!));
    return Number.isNaN(view.getFloat64(0)) ? f64Bits(NaN) : value;
  }
  return value;
}

function hostResult(type: ValType, mix: bigint): Value {
  if (type === 0x7f) return BigInt.asUintN(32, mix);
  if (type === 0x7e) return mix;
  if (type === 0x7d) return f32Bits(Number(mix % 2000n) / 8);
  if (type === 0x7c) return f64Bits(Number(mix % 1_000_003n) / 7);
  return type === 0x6f && mix % 3n !== 0n ? Number(mix % 4n) : null;
}
