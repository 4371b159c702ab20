/**
 * Calls between rewritten functions, which take WebAssembly's values as V8 converts them, and everything else,
 * which takes raw ones.
 *
 * @module
 */
import { typeKey } from "../compiler/callgraph.ts";
import { bitsThunk, floatThunk, isFloat, thunkNames } from "../compiler/rewrite/float_thunk.ts";
import { type FuncType, type ValType, ValType as T } from "../compiler/types.ts";
import type { Code, Func } from "./func.ts";
import { bitsOfF32, type Float } from "./helpers.ts";
import { R, takeResults, V } from "./results.ts";
import type { Thread } from "./thread.ts";
import { type Bits, bitsAt, fromRaw, pushBits, toRaw } from "./value.ts";

/** A function of WebAssembly as JavaScript sees it. */
// deno-lint-ignore no-explicit-any
export type NativeFunction = (...args: any[]) => any;

/** What an adapter calls. */
interface Callee {
  readonly f: NativeFunction;
  /** The same, with integers for the floats that it takes. */
  readonly bits?: NativeFunction;
  /** The result at an index, which is a NaN. */
  readonly nan?: (index: number) => Float;
}

const helpers = {
  R,
  V,
  f32: bitsOfF32,
  f64: (x: Float) => bitsAt([x], 0, T.f64),
};

type Adapter = (callee: Callee, helpers: object) => Code;
const adapters = new Map<string, { readonly make: Adapter; readonly thunk?: WebAssembly.Module }>();

const isInt32 = (type: ValType) => type === T.i32;

/** Whether raw values are what WebAssembly takes and gives. */
function isPlain({ params, results }: FuncType): boolean {
  return params.every(isInt32) && results.length <= 1 && results.every(isInt32);
}

/** The code of a rewritten function: raw values in, raw values out. */
export function codeOf(native: NativeFunction, type: FuncType): Code {
  if (isPlain(type)) return native;
  const key = typeKey(type);
  let adapter = adapters.get(key);
  if (adapter === undefined) {
    const floats = [...type.params, ...type.results].some(isFloat);
    const thunk = floats ? new WebAssembly.Module(floatThunk(type)) : undefined;
    adapters.set(key, adapter = { make: adapterOf(type), thunk });
  }
  const { make, thunk } = adapter;
  return make(thunk === undefined ? { f: native } : exact(thunk, native, type.results), helpers);
}

/** A function whose floats keep their bits. */
function exact(thunk: WebAssembly.Module, native: NativeFunction, results: readonly ValType[]): Callee {
  const { exports } = new WebAssembly.Instance(thunk, { "": { [thunkNames.func]: native } });
  return {
    f: exports[thunkNames.numbers] as NativeFunction,
    bits: exports[thunkNames.bits] as NativeFunction,
    nan(index) {
      const bits = (exports[thunkNames.result + index] as WebAssembly.Global).value as bigint;
      const type = results[index];
      return toRaw([type === T.f32 ? Number(BigInt.asIntN(32, bits)) : bits], [type], pushBits)[0] as Float;
    },
  };
}

/** Text, so that V8 sees the calls of each signature apart. */
function adapterOf({ params, results }: FuncType): Adapter {
  const names = params.map((type, i) => type === T.i64 ? `l${i}, h${i}` : `p${i}`);
  const given = (convert: (i: number) => string) =>
    params.map((type, i) =>
      type === T.i64 ? `BigInt(h${i}) << 32n | BigInt(l${i} >>> 0)` : type === T.i32 ? `p${i}` : convert(i)
    ).join(", ");
  const numbers = params.flatMap((type, i) => isFloat(type) ? [`+p${i} === +p${i}`] : []);
  const plain = `callee.f(${given((i) => `+p${i}`)})`;
  const bits = `callee.bits(${given((i) => `helpers.${params[i] === T.f32 ? "f32" : "f64"}(p${i})`)})`;
  const low = (value: string) => `Number(BigInt.asIntN(32, ${value}))`;
  const raw = (value: string, i: number) =>
    results[i] === T.i64
      ? low(value)
      : results[i] === T.i32
      ? value
      : `${value} === ${value} ? ${value} : callee.nan(${i})`;
  const lines = [`const r = ${numbers.length > 0 ? `${numbers.join(" && ")} ? ${plain} : ${bits}` : plain};`];
  if (results.length === 1) {
    if (results[0] === T.i64) lines.push(`R[0] = ${low("r >> 32n")};`);
    lines.push(`return ${raw("r", 0)};`);
  } else if (results.length > 1) {
    results.forEach((type, i) => {
      const [value, high] = i === 0 ? ["const first", "R[0]"] : [`V[${2 * i}]`, `V[${2 * i + 1}]`];
      if (type === T.i64) lines.push(`${high} = ${low(`r[${i}] >> 32n`)};`);
      lines.push(`${value} = ${raw(`r[${i}]`, i)};`);
    });
    lines.push("return first;");
  }
  const text = `const { R, V } = helpers;\nreturn (function native(${names.join(", ")}) {\n${
    lines.join("\n")
  }\n});`;
  return new Function("callee", "helpers", text) as Adapter;
}

const thunks = new Map<string, WebAssembly.Module>();

/** A function whose floats keep their bits: `bits` takes and gives them. */
function exactImport(type: FuncType, bits: NativeFunction): NativeFunction {
  const key = typeKey(type);
  let thunk = thunks.get(key);
  if (thunk === undefined) thunks.set(key, thunk = new WebAssembly.Module(bitsThunk(type)));
  const { exports } = new WebAssembly.Instance(thunk, { "": { [thunkNames.func]: bits } });
  return exports[thunkNames.numbers] as NativeFunction;
}

/** A function of any kind as a rewritten module imports it. */
export function importOf(func: Func, thread: Thread): NativeFunction {
  const { type, type: { params, results }, isHost } = func;
  const call = (raw: unknown[]) => {
    if (isHost) return func.g()(...raw);
    const first = func.g()(...raw, thread.base);
    // What was captured below comes before what the caller is going to capture.
    if (thread.u !== 0) thread.takeNative();
    return first;
  };
  if (isPlain(type)) return (...args) => call(args);
  const nothing = results.map((type) => type === T.i64 || type === T.f64 ? 0n : 0);
  const exact = (...args: Bits[]) => {
    const first = call(toRaw(args, params, pushBits));
    const values = thread.u !== 0 ? nothing : fromRaw(takeResults(first, results), results, bitsAt);
    return results.length > 1 ? values : values[0];
  };
  return [...params, ...results].some(isFloat) ? exactImport(type, exact) : exact;
}
