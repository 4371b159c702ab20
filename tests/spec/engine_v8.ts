/**
 * V8's own WebAssembly as an engine: it proves the runner, and what it passes is known to be passable.
 * Floats cross V8's JavaScript interface as integers, by small generated modules around each function,
 * because a JavaScript number does not keep the bits of every NaN.
 *
 * @module
 */
import { decode } from "../../compiler/decode.ts";
import {
  type FuncType,
  type GlobalType,
  type Module,
  type ValType,
  valTypeName,
} from "../../compiler/types.ts";
import type { Engine, EngineKind, InstanceId, ModuleId, Outcome } from "./engine.ts";
import { type Assembler, loadAssembler } from "./text.ts";
import type { Value } from "./values.ts";

/** V8's words for traps, and the specification's: several where V8 has one message for several traps. */
const traps: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^unreachable/, ["unreachable"]],
  [/memory access out of bounds|data segment/, ["out of bounds memory access"]],
  [/table index is out of bounds/, ["undefined element", "out of bounds table access"]],
  [/table (access|element)|table initializer|element segment/, ["out of bounds table access"]],
  [/divide by zero|remainder by zero/, ["integer divide by zero"]],
  [/divide result unrepresentable/, ["integer overflow"]],
  [/float unrepresentable/, ["integer overflow", "invalid conversion to integer"]],
  [/null function/, ["uninitialized element"]],
  [/function signature mismatch/, ["indirect call type mismatch"]],
];

/** What V8 threw, as an outcome; what is no end of a Wasm computation is thrown on. */
function outcomeOf(error: unknown): Outcome<never> {
  if (error instanceof WebAssembly.CompileError) return { kind: "refused", message: error.message };
  if (error instanceof WebAssembly.LinkError) return { kind: "unlinkable", message: error.message };
  if (error instanceof WebAssembly.RuntimeError) {
    const { message } = error;
    const reasons = traps.find(([pattern]) => pattern.test(message))?.[1];
    return { kind: "trap", reasons: reasons ?? [message] };
  }
  if (error instanceof RangeError && error.message.includes("call stack")) return { kind: "exhaustion" };
  throw error;
}

/** Runs one step of V8's and says how it ended. */
function attempt<T>(step: () => T): Outcome<T> {
  try {
    return { kind: "ok", value: step() };
  } catch (error) {
    return outcomeOf(error);
  }
}

interface Carrier {
  /** The integer type that carries the bits. */
  readonly type: string;
  /** Instructions that turn a value into its bits and back. */
  readonly toBits: string;
  readonly fromBits: string;
}
function carrier(type: ValType): Carrier {
  const name = valTypeName(type);
  if (name !== "f32" && name !== "f64") return { type: name, toBits: "", fromBits: "" };
  const int = name === "f32" ? "i32" : "i64";
  return { type: int, toBits: `${int}.reinterpret_${name}`, fromBits: `${name}.reinterpret_${int}` };
}

function signature(params: readonly string[], results: readonly string[]): string {
  return `(param ${params.join(" ")}) (result ${results.join(" ")})`;
}

/** Text of a module that exports `run`, which calls the imported function with bits for floats. */
function funcAdapter({ params, results }: FuncType): string {
  const from = params.map(carrier), to = results.map(carrier);
  const result = (i: number) => params.length + i;
  return `(module
    (import "" "it" (func ${signature(params.map(valTypeName), results.map(valTypeName))}))
    (func (export "run") ${signature(from.map((c) => c.type), to.map((c) => c.type))}
      (local ${results.map(valTypeName).join(" ")})
      ${from.map((c, i) => `local.get ${i} ${c.fromBits}`).join("\n")}
      call 0
      ${results.map((_, i) => `local.set ${result(i)}`).reverse().join("\n")}
      ${to.map((c, i) => `local.get ${result(i)} ${c.toBits}`).join("\n")}))`;
}

/** Text of a module that exports `run`, which returns the imported global, with bits for a float. */
function globalAdapter({ type, mutable }: GlobalType): string {
  const { type: int, toBits } = carrier(type);
  const declared = mutable ? `(mut ${valTypeName(type)})` : valTypeName(type);
  return `(module
    (import "" "it" (global ${declared}))
    (func (export "run") (result ${int}) global.get 0 ${toBits}))`;
}

/** The script's externrefs are V8's small integers. */
function toJs(value: Value): unknown {
  switch (value.type) {
    case "ref.null":
      return null;
    case "ref.extern":
      return value.id;
    case "ref.func":
      throw new Error("a function reference cannot be passed in");
    default:
      return value.bits;
  }
}

function fromJs(type: ValType, given: unknown): Value {
  const name = valTypeName(type);
  switch (name) {
    case "i32":
    case "f32":
      return { type: name, bits: given as number };
    case "i64":
    case "f64":
      return { type: name, bits: given as bigint };
    case "funcref":
      return given === null ? { type: "ref.null", heap: "func" } : { type: "ref.func" };
    case "externref":
      return given === null
        ? { type: "ref.null", heap: "extern" }
        : { type: "ref.extern", id: given as number };
    default:
      throw new Error(`values of type ${name} cannot be carried`);
  }
}

interface Loaded {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly module: WebAssembly.Module;
}
interface Instance extends Loaded {
  readonly exports: WebAssembly.Exports;
}
/** Makes the text of the adapter for an export, and says what types its `run` returns. */
type Adapter = (module: Module, index: number) => { text: string; results: readonly ValType[] };
/** An export with its adapter around it. */
type Run = (args: readonly Value[]) => Outcome<Value[]>;

const adapters: Readonly<Record<"func" | "global", Adapter>> = {
  func: ({ funcTypes }, index) => ({
    text: funcAdapter(funcTypes[index]),
    results: funcTypes[index].results,
  }),
  global: ({ globalTypes }, index) => ({
    text: globalAdapter(globalTypes[index]),
    results: [globalTypes[index].type],
  }),
};

class V8Engine implements Engine {
  readonly #modules: Loaded[] = [];
  readonly #instances: Instance[] = [];
  readonly #adapters = new Map<string, WebAssembly.Module>();
  readonly #runs = new Map<string, Run>();

  constructor(readonly assembler: Assembler) {}

  load(given: Uint8Array): Outcome<ModuleId> {
    const bytes = given.slice();
    return attempt(() => this.#modules.push({ bytes, module: new WebAssembly.Module(bytes) }) - 1);
  }

  instantiate(id: ModuleId, registered: ReadonlyMap<string, InstanceId>): Outcome<InstanceId> {
    const loaded = this.#modules[id];
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = Object.create(null);
    for (const { module, name } of WebAssembly.Module.imports(loaded.module)) {
      const from = registered.get(module);
      // A missing item is left out: that is a LinkError, a missing module would be a TypeError.
      const items = imports[module] ??= Object.create(null);
      const item = from === undefined ? undefined : this.#instances[from].exports[name];
      if (item !== undefined) items[name] = item;
    }
    return attempt(() => {
      const { exports } = new WebAssembly.Instance(loaded.module, imports);
      return this.#instances.push({ ...loaded, exports }) - 1;
    });
  }

  invoke(id: InstanceId, name: string, args: readonly Value[]): Outcome<Value[]> {
    return this.#run(id, name, "func")(args);
  }

  get(id: InstanceId, name: string): Outcome<Value> {
    const outcome = this.#run(id, name, "global")([]);
    return outcome.kind === "ok" ? { kind: "ok", value: outcome.value[0] } : outcome;
  }

  #run(id: InstanceId, name: string, kind: "func" | "global"): Run {
    const key = `${id} ${kind} ${name}`;
    let run = this.#runs.get(key);
    if (run === undefined) this.#runs.set(key, run = this.#makeRun(this.#instances[id], name, kind));
    return run;
  }

  #makeRun({ bytes, exports }: Instance, name: string, kind: "func" | "global"): Run {
    const module = decode(bytes);
    const found = module.exports.find((item) => item.name === name && item.kind === kind);
    if (!found) throw new Error(`there is no exported ${kind} "${name}"`);
    const { text, results } = adapters[kind](module, found.index);
    const adapter = new WebAssembly.Instance(this.#adapterModule(text), { "": { it: exports[name] } });
    const call = adapter.exports.run as (...args: unknown[]) => unknown;
    return (args) =>
      attempt(() => {
        const given = call(...args.map(toJs));
        const values = results.length === 1 ? [given] : [...(given ?? []) as unknown[]];
        return results.map((type, i) => fromJs(type, values[i]));
      });
  }

  #adapterModule(text: string): WebAssembly.Module {
    let module = this.#adapters.get(text);
    if (module === undefined) {
      const bytes = this.assembler.assemble({ form: "text", bytes: new TextEncoder().encode(text) });
      this.#adapters.set(text, module = new WebAssembly.Module(bytes.slice()));
    }
    return module;
  }
}

export const engine: EngineKind = {
  name: "v8",
  policies: ["none"],
  canRoundTrip: false,
  create: async () => new V8Engine(await loadAssembler()),
};
