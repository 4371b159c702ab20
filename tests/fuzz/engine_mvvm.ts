/**
 * Our own engine under the fuzzer: random policies, and stops at random points, each of which goes
 * through the bytes of an image into a new store under another policy.
 *
 * @module
 */
import { type BackEnd, passNames, type PolicyName, policyNames } from "../../compiler/policy.ts";
import { Program as Compiled } from "../../compiler/program.ts";
import { type FuncType, isRefType, type ValType, ValType as T } from "../../compiler/types.ts";
import { takeSnapshot } from "../../runtime/checkpoint.ts";
import { clearStop, requestStop } from "../../runtime/control.ts";
import type { Func } from "../../runtime/func.ts";
import type { Global } from "../../runtime/global.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { readImage } from "../../runtime/image/reader.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import type { Memory } from "../../runtime/memory.ts";
import { moduleHash } from "../../runtime/module_hash.ts";
import { restoreStore } from "../../runtime/restore.ts";
import { type Resolver, Store } from "../../runtime/store.ts";
import type { Table } from "../../runtime/table.ts";
import { Trap, TrapKind } from "../../runtime/trap.ts";
import { type Bits, bitsAt, fromRaw, pushBits, toRaw } from "../../runtime/value.ts";
import {
  type Engine,
  type Host,
  type Outcome,
  type Program,
  type Running,
  type State,
  trapKind,
} from "./engine.ts";
import type { Random } from "./random.ts";
import type { Value } from "./values.ts";

/** At most this many stops in one call. */
const maxStops = 6;

/** The fuzzer's host values are numbers already; 0 and up. */
function toBits(value: Value, type: ValType, store: Store): Bits {
  if (value === null) return null;
  if (type === T.funcref) return store.instances[0].funcs[value as number];
  return type === T.i32 || type === T.f32 ? Number(value) : value;
}

function fromBits(bits: Bits, type: ValType): Value {
  if (bits === null) return null;
  if (type === T.funcref) return (bits as Func).index;
  return isRefType(type) ? bits as number : BigInt(bits as bigint);
}

class Guest implements Running {
  readonly #resolve: Resolver;
  #store = new Store();
  #stops = 0;

  constructor(
    private readonly bytes: Uint8Array,
    program: Program,
    host: Host,
    private readonly random: Random,
  ) {
    this.#resolve = (module, name) => {
      const index = program.imports.findIndex((each) => each.module === module && each.name === name);
      return index < 0 ? undefined : this.#hostFunction(program.imports[index].type, index, host);
    };
  }

  /** Host functions take and give what JavaScript programs would. */
  #hostFunction({ params, results }: FuncType, index: number, host: Host) {
    return (...args: unknown[]) => {
      const js = args.map((arg, i): Bits => params[i] === T.i64 ? BigInt.asUintN(64, arg as bigint) : arg);
      const values = js.map((arg, i) =>
        isRefType(params[i]) ? fromBits(arg, params[i]) : numberBits(arg as number, params[i])
      );
      const given = host(index, values).map((value, i) => jsOf(value, results[i], this.#store));
      return results.length > 1 ? given : given[0];
    };
  }

  #compile(): Compiled {
    const policy: PolicyName = this.random.pick(policyNames);
    const backEnd: BackEnd = this.random.pick(["js", "wasm"]);
    const program = Compiled.from(this.bytes, {
      policy,
      backEnd,
      thresholdBits: this.random.pick([0, 1, 2, 3, 4, 16]),
      ticks: this.random.below(2) === 0,
      // The rest is about generated code, which restored frames have under both.
      without: passNames.filter(() => this.random.below(4) === 0),
      i64s: this.random.pick(["auto", "halves", "whole"] as const),
      maxNesting: this.random.below(4) === 0 ? -1 : 256,
      maxFunctionSize: this.random.pick([100, 1000, 45_000]),
    });
    // V8 would refuse it silently: what it does not take is left to the other back end.
    if (program.rewritten && !WebAssembly.validate(program.rewritten.bytes)) {
      throw new Error("what is rewritten is invalid");
    }
    return program;
  }

  /** Instantiates; gives how that failed, if it did. */
  async start(): Promise<Exclude<Outcome, { kind: "results" }> | undefined> {
    try {
      const instance = this.#store.instantiate(this.#compile(), this.#resolve);
      const { start } = instance.module;
      if (start === undefined) return undefined;
      const outcome = await this.#run(instance.funcs[start], []);
      return outcome.kind === "results" ? undefined : outcome;
    } catch (error) {
      return ended(error);
    }
  }

  call(name: string, args: readonly Value[]): Promise<Outcome> {
    const func = this.#store.instances[0].exports.get(name) as Func;
    return this.#run(func, args);
  }

  async #run(func: Func, args: readonly Value[]): Promise<Outcome> {
    const { params, results } = func.type;
    try {
      const raw = toRaw(args.map((value, i) => toBits(value, params[i], this.#store)), params, pushBits);
      this.#arm();
      this.#store.thread.start(func, raw);
      let completion = this.#store.thread.drive();
      while (completion.kind === "stopped") {
        await this.#roundTrip();
        completion = this.#store.thread.drive();
      }
      if (completion.kind !== "returned") throw new Error(`unexpected end: ${completion.kind}`);
      const bits = fromRaw(completion.raw, results, bitsAt);
      return { kind: "results", values: bits.map((value, i) => fromBits(value, results[i])) };
    } catch (error) {
      return ended(error);
    } finally {
      clearStop(this.#store.thread.control);
      this.#stops = 0;
    }
  }

  /** Chooses where the next stop is: at a site, at a host call, or nowhere. */
  #arm(): void {
    const { thread } = this.#store;
    thread.options = {};
    clearStop(thread.control);
    thread.ticks = thread.hostCalls = 0;
    if (++this.#stops > maxStops) return;
    const choice = this.random.below(4);
    if (choice === 0) requestStop(thread.control);
    else if (choice === 1) thread.options = { stopAtHostCall: 1 + this.random.below(4) };
    else if (choice === 2) thread.options = { stopAtTick: 1 + this.random.below(40) };
  }

  async #roundTrip(): Promise<void> {
    const [{ module }] = this.#store.instances;
    const hashes = new Map([[module, await moduleHash(module)]]);
    const snapshot = takeSnapshot(this.#store, { hashes, producer: "fuzz" });
    const image = await readImage(await encodeImage(snapshot, {}, denoCodec), denoCodec);
    this.#store = restoreStore(image, [this.#compile()], this.#resolve);
    this.#arm();
  }

  state(): State {
    const globals = new Map<string, Value>();
    const tables = new Map<string, readonly Value[]>();
    const memories = new Map<string, Uint8Array>();
    const [instance] = this.#store.instances;
    for (const { name, kind } of instance.module.exports) {
      const extern = instance.exports.get(name)!;
      if (kind === "global") {
        const { type: { type }, v, h } = extern as Global;
        globals.set(name, fromBits(bitsAt([v, h], 0, type), type));
      } else if (kind === "table") {
        const { type, e } = extern as Table;
        tables.set(name, e.map((ref) => fromBits(ref, type.element)));
      } else if (kind === "memory") memories.set(name, (extern as Memory).bytes);
    }
    return { globals, tables, memories };
  }
}

const view = new DataView(new ArrayBuffer(8));

function numberBits(value: number | bigint, type: ValType): bigint {
  if (type === T.i64) return value as bigint;
  if (type === T.i32) return BigInt.asUintN(32, BigInt(value));
  if (type === T.f32) view.setFloat32(0, value as number);
  else view.setFloat64(0, value as number);
  return type === T.f32 ? BigInt(view.getUint32(0)) : view.getBigUint64(0);
}

function jsOf(value: Value, type: ValType, store: Store): unknown {
  if (isRefType(type)) return toBits(value, type, store);
  if (type === T.i32) return Number(BigInt.asIntN(32, value as bigint));
  if (type === T.i64) return value;
  if (type === T.f32) view.setUint32(0, Number(value));
  else view.setBigUint64(0, value as bigint);
  return type === T.f32 ? view.getFloat32(0) : view.getFloat64(0);
}

function ended(error: unknown): Exclude<Outcome, { kind: "results" }> {
  if (!(error instanceof Trap)) throw error;
  if (error.kind === TrapKind.stackExhausted) return { kind: "exhausted" };
  return { kind: "trap", trap: trapKind(error.kind) };
}

export const engine: Engine = {
  name: "mvvm",
  async instantiate(program, host, random) {
    const guest = new Guest(program.bytes, program, host, random);
    return await guest.start() ?? guest;
  },
};
