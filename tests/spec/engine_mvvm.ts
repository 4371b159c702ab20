/**
 * Our own engine under the scripts. With round trips, every invocation is stopped at its first site,
 * written to image bytes, read back, restored into a new store, and goes on there.
 *
 * @module
 */
import { InvalidError, LinkError, MalformedError, UnsupportedError } from "../../compiler/errors.ts";
import { type CompileOptions, type PolicyName, policyNames } from "../../compiler/policy.ts";
import { Program } from "../../compiler/program.ts";
import { isRefType, type ValType, valTypeName } from "../../compiler/types.ts";
import { takeSnapshot } from "../../runtime/checkpoint.ts";
import { clearStop, requestStop } from "../../runtime/control.ts";
import { Func } from "../../runtime/func.ts";
import type { Global } from "../../runtime/global.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { readImage } from "../../runtime/image/reader.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { moduleHash } from "../../runtime/module_hash.ts";
import { restoreStore } from "../../runtime/restore.ts";
import { type Resolver, Store } from "../../runtime/store.ts";
import { Trap, TrapKind } from "../../runtime/trap.ts";
import { type Bits, bitsAt, fromRaw, pushBits, toRaw } from "../../runtime/value.ts";
import type { Engine, EngineKind, EngineOptions, InstanceId, ModuleId, Outcome } from "./engine.ts";
import type { Value } from "./values.ts";

/** The policies under both back ends, and ways to compile that otherwise only a few functions take. */
const modes: Readonly<Record<string, Partial<CompileOptions>>> = {
  ...Object.fromEntries(policyNames.map((policy) => [`${policy} js`, { policy, backEnd: "js" }])),
  flat: { maxNesting: -1, backEnd: "js" },
  whole: { i64s: "whole", backEnd: "js" },
  halves: { i64s: "halves", backEnd: "js" },
  split: { maxFunctionSize: 100, backEnd: "js" },
};

class Mvvm implements Engine {
  roundTrips = 0;
  #store = new Store();
  readonly #programs: Program[] = [];

  constructor(private readonly options: EngineOptions) {}

  load(bytes: Uint8Array): Outcome<ModuleId> {
    try {
      const { policy } = this.options;
      const program = Program.from(bytes, modes[policy] ?? { policy: policy as PolicyName });
      // What V8 refuses goes the other way without a word.
      if (program.rewritten && !WebAssembly.validate(program.rewritten.bytes)) {
        throw new Error("what is rewritten is invalid");
      }
      return { kind: "ok", value: this.#programs.push(program) - 1 };
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof MalformedError) return { kind: "malformed", message };
      if (error instanceof InvalidError) return { kind: "invalid", message };
      if (error instanceof UnsupportedError) return { kind: "unsupported", message };
      throw error;
    }
  }

  async instantiate(id: ModuleId, registered: ReadonlyMap<string, InstanceId>): Promise<Outcome<InstanceId>> {
    const program = this.#programs[id];
    const resolve: Resolver = (module, name) => {
      const instance = registered.get(module);
      return instance === undefined ? undefined : this.#store.instances[instance].exports.get(name);
    };
    try {
      const instance = this.#store.instantiate(program, resolve);
      const { start } = program.module;
      if (start !== undefined) {
        const ran = await this.#run(instance.funcs[start], []);
        if (ran.kind !== "ok") return ran;
      }
      return { kind: "ok", value: instance.index };
    } catch (error) {
      if (error instanceof LinkError) return { kind: "unlinkable", message: error.message };
      return ended(error);
    }
  }

  async invoke(instance: InstanceId, name: string, args: readonly Value[]): Promise<Outcome<Value[]>> {
    const func = this.#store.instances[instance].exports.get(name) as Func;
    const { params, results } = func.type;
    const raw = toRaw(args.map(toBits), params, pushBits);
    const ran = await this.#run(func, raw);
    if (ran.kind !== "ok") return ran;
    const bits = fromRaw(ran.value, results, bitsAt);
    return { kind: "ok", value: bits.map((value, i) => fromBits(value, results[i])) };
  }

  get(instance: InstanceId, name: string): Outcome<Value> {
    const { type, v, h } = this.#store.instances[instance].exports.get(name) as Global;
    return { kind: "ok", value: fromBits(bitsAt([v, h], 0, type.type), type.type) };
  }

  async #run(func: Func, raw: unknown[]): Promise<Outcome<unknown[]>> {
    try {
      this.#store.thread.start(func, raw);
      if (this.options.roundTrip) requestStop(this.#store.thread.control);
      let completion = this.#store.thread.drive();
      if (completion.kind === "stopped") {
        await this.#roundTrip();
        completion = this.#store.thread.drive();
      }
      clearStop(this.#store.thread.control);
      if (completion.kind !== "returned") throw new Error(`unexpected end: ${completion.kind}`);
      return { kind: "ok", value: completion.raw };
    } catch (error) {
      clearStop(this.#store.thread.control);
      return ended(error);
    }
  }

  async #roundTrip(): Promise<void> {
    this.roundTrips++;
    const programs = this.#store.instances.map(({ program }) => program);
    const hashes = new Map<Program["module"], Uint8Array>();
    for (const { module } of programs) hashes.set(module, await moduleHash(module));
    const bytes = await encodeImage(takeSnapshot(this.#store, { hashes, producer: "test" }), {}, denoCodec);
    const image = await readImage(bytes, denoCodec);
    this.#store = restoreStore(image, programs, () => undefined);
  }
}

function ended(error: unknown): Outcome<never> {
  if (!(error instanceof Trap)) throw error;
  return error.kind === TrapKind.stackExhausted
    ? { kind: "exhaustion" }
    : { kind: "trap", reasons: [error.kind] };
}

function toBits(value: Value): Bits {
  if (value.type === "ref.null") return null;
  if (value.type === "ref.extern") return value.id;
  if (value.type === "ref.func") throw new Error("a script gives no function references");
  return value.bits;
}

function fromBits(bits: Bits, type: ValType): Value {
  if (!isRefType(type)) return { type: valTypeName(type), bits } as Value;
  if (bits === null) return { type: "ref.null", heap: valTypeName(type) === "funcref" ? "func" : "extern" };
  return bits instanceof Func ? { type: "ref.func" } : { type: "ref.extern", id: bits as number };
}

export const engine: EngineKind = {
  name: "mvvm",
  policies: ["counter", ...policyNames.filter((name) => name !== "counter"), ...Object.keys(modes)],
  canRoundTrip: true,
  create: (options) => new Mvvm(options),
};
