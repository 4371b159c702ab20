/**
 * The engines that the bench compares, one per column: how each loads a kernel, and how each runs a whole
 * program. The only file of the bench that knows the project's own API.
 *
 * @module
 */

import { asyncify, loadWasm2js } from "./binaryen.ts";

/** What a column measures. */
export interface Column {
  name: string;
  about: string;
  engine: "v8" | "ours" | "wasm2js" | "asyncify";
  /** V8's own Wasm with our WASI in place of Deno's `node:wasi`. */
  ourWasi?: boolean;
  /** Ours: which sites exist. */
  policy?: "none" | "function" | "loop" | "counter" | "dirty";
  /** Ours: with a code cache that two runs have filled; else there is none. */
  again?: boolean;
  /** Whether a kernel is called until the engine's best code runs; if not, its very first call counts. */
  warm: boolean;
  /** Flags for V8 where whole programs are run. Kernels warm up by being called, under default flags. */
  programFlags?: string;
  /** The groups that make sense in this column, where not all do. */
  groups?: readonly string[];
  /** Not measured unless asked for by name. */
  optional?: boolean;
}

const ours = (policy: NonNullable<Column["policy"]>, about: string): Column => ({
  name: policy,
  about,
  engine: "ours",
  policy,
  warm: true,
});

/** All columns, in the order in which they are printed. */
export const COLUMNS: readonly Column[] = [
  { name: "v8", about: "V8's own Wasm, default flags, first call", engine: "v8", warm: false },
  {
    name: "v8-warm",
    about: "V8's own Wasm in its optimising tier (long programs: baseline tier switched off)",
    engine: "v8",
    warm: true,
    programFlags: "--no-liftoff",
    // Compiling all of CPython in the optimising tier takes longer than running the scripts.
    groups: ["kernels", "long"],
  },
  {
    name: "wasi",
    about: "V8's own Wasm with our WASI in place of Deno's node:wasi",
    engine: "v8",
    ourWasi: true,
    warm: false,
    groups: ["files"],
  },
  ours("none", "ours without sites"),
  ours("function", "ours, sites at function entries"),
  ours("loop", "ours, sites at every back edge"),
  ours("counter", "ours, back edges, looked at every 2^threshold-bits"),
  ours("dirty", "ours, loop sites and dirty pages"),
  {
    ...ours("counter", "ours like counter, with its code kept from earlier runs"),
    name: "again",
    again: true,
    groups: ["python", "tools", "start"],
  },
  {
    name: "wasm2js",
    about: "binaryen's wasm2js, optimised",
    engine: "wasm2js",
    warm: true,
    groups: ["kernels"],
    optional: true,
  },
  {
    name: "asyncify",
    about: "V8's own Wasm after binaryen's Asyncify, with a counted poll at entries and loops",
    engine: "asyncify",
    warm: true,
    groups: ["kernels"],
    optional: true,
  },
];

/** The column of that name. */
export function columnOf(name: string): Column {
  const found = COLUMNS.find((column) => column.name === name);
  if (found) return found;
  throw new Error(`no column ${name}; there are: ${COLUMNS.map((column) => column.name).join(", ")}`);
}

/** A loaded module. `call` runs an export that takes and returns 32-bit integers. */
export interface Engine {
  call(name: string, ...args: number[]): number | Promise<number>;
}

const ROOT = new URL("../", import.meta.url);

/** Loads a module that imports nothing. */
export async function load(column: string, bytes: Uint8Array<ArrayBuffer>): Promise<Engine> {
  const { engine, policy } = columnOf(column);
  if (engine === "ours") return await loadOurs(policy!, bytes);
  const exports: Record<string, unknown> = engine === "wasm2js"
    ? await loadWasm2js(bytes)
    : await loadV8(engine === "asyncify" ? await asyncify(bytes) : bytes);
  return { call: (name, ...args) => (exports[name] as (...args: number[]) => number)(...args) };
}

async function loadV8(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Exports> {
  const module = await WebAssembly.compile(bytes);
  return (await WebAssembly.instantiate(module, { env: { pause: () => {} } })).exports;
}

/** What is used of `mod.ts`, which is loaded only where a column needs it. */
interface Mvvm {
  Program: { from(bytes: Uint8Array, options: { policy: string }): unknown };
  Guest: {
    start(program: unknown, options: { entry: string; args: number[] }): {
      call(name: string, ...args: number[]): unknown[];
    };
  };
}

async function loadOurs(policy: string, bytes: Uint8Array): Promise<Engine> {
  const { Program, Guest } = await import(new URL("mod.ts", ROOT).href) as Mvvm;
  const guest = Guest.start(Program.from(bytes, { policy }), { entry: "run", args: [0] });
  return { call: (name, ...args) => guest.call(name, ...args)[0] as number };
}

/** How a whole program is started. */
export interface Run {
  /** The module's path. */
  wasm: string;
  args: readonly string[];
  /** Directories the guest may use, as `HOST::GUEST`. */
  dirs?: readonly string[];
}

/**
 * The arguments of `deno` that run a whole program in a fresh process.
 *
 * @param codeCache A folder for code.
 */
export function programCommand(column: Column, run: Run, codeCache = "none"): string[] {
  const flags = column.programFlags === undefined ? [] : [`--v8-flags=${column.programFlags}`];
  const dirs = (run.dirs ?? []).flatMap((dir) => ["--dir", dir]);
  const path = (name: string) => decodeURIComponent(new URL(name, ROOT).pathname);
  const runner = column.engine === "v8"
    ? [path("bench/v8_program.ts"), ...column.ourWasi ? ["--our-wasi"] : [], ...dirs, run.wasm]
    : [path("cli.ts"), "run", "--code-cache", codeCache, "--policy", column.policy!, ...dirs, run.wasm];
  return ["run", "-A", ...flags, ...runner, "--", ...run.args];
}
