/**
 * Checkpoint policies: which sites look for a stop request. A site's *name* is the same under all of
 * them, so an image taken under one policy restores under any other.
 *
 * @module
 */

/**
 * - `none`: host calls, and entries of recursive functions, which look at their depth anyway.
 * - `function`: entries of functions that call or loop.
 * - `loop`: every back edge.
 * - `counter`: back edges, looked at every 2^thresholdBits times at least: loops that count to a bound run in
 *   strips of that length, others look at every back edge, which is cheaper than counting.
 * - `dirty`: the sites of `loop`; meant for images that hold only what changed since the last one.
 *
 * The sites of `none` are sites under every policy.
 */
export type PolicyName = "none" | "function" | "loop" | "counter" | "dirty";

export const policyNames: readonly PolicyName[] = ["none", "function", "loop", "counter", "dirty"];

/** MVVM's spellings for the same policies. */
export const mvvmPolicyFlags: Readonly<Record<string, PolicyName>> = {
  "enable-checkpoint": "function",
  "enable-loop-checkpoint": "loop",
  "enable-counter-loop-checkpoint": "counter",
  "enable-loop-dirty-checkpoint": "dirty",
};

/**
 * What makes code faster, changes no result, and can be left out (RATIONALE.md tells what each gains):
 * - `strips`: counted loops in strips under `counter`
 * - `captures`: sites save what is live, each by itself; in rewritten code those of loops
 * - `twins`: recursive functions twice; in rewritten code one of the two passes the depth of the stack on
 *
 * Of generated JavaScript only:
 * - `pointers`: unsigned twins of locals that are addresses
 * - `select`: choices without branches
 * - `targets`: indirect calls that name the functions that they may call
 * - `singles`: f32s as elements of a Float32Array
 *
 * Of rewritten code only:
 * - `hints`: branches that are seldom taken are said to be
 * - `moves`: activations that are stuck in V8's baseline code are left, and resumed in better code
 * - `padding`: V8 is told that as many functions are small as before
 * - `resumes`: restored frames go on as rewritten code, not as JavaScript
 * - `copies`: short bodies of loops stand several times in a row, and count once for all of them
 * - `exits`: loops inside others, and others without calls, leave when they look and find something, instead of asking first
 * - `versions`: loops inside others stand there twice, first for few turns and without looks
 *
 * The options `i64s` and `maxFunctionSize` do so for whole i64s and for the splitting of long functions.
 */
export const passNames = [
  "strips",
  "captures",
  "twins",
  "pointers",
  "select",
  "targets",
  "singles",
  "hints",
  "moves",
  "resumes",
  "padding",
  "copies",
  "exits",
  "versions",
] as const;
export type PassName = (typeof passNames)[number];

/**
 * - `js`: generated JavaScript.
 * - `wasm`: the module is rewritten to a module, which V8 compiles. Programs that share more than functions with
 *   others, or change tables, have `js`.
 * - `auto`: `wasm`, but for what has to count (`ticks`, `watch`).
 */
export type BackEnd = "auto" | "wasm" | "js";
export const backEnds: readonly BackEnd[] = ["auto", "wasm", "js"];

/** What the compiler is asked for; the same options and module always give the same code. */
export interface CompileOptions {
  readonly policy: PolicyName;
  /** `counter` looks at least every 2^thresholdBits back edges; 0 to 30. */
  readonly thresholdBits: number;
  /** Count (and report) every site passage: deterministic stops (`-c`) and debug mode (`-i`). */
  readonly ticks: boolean;
  /** Functions with blocks nested deeper than this become flat code; V8's parser overflows at some 1700. */
  readonly maxNesting: number;
  /** Functions whose code is longer than this are split; V8 never optimises very long ones. In characters. */
  readonly maxFunctionSize: number;
  /** How i64s are kept: as `halves`, `whole` where a function can, or as each function prefers. */
  readonly i64s: "auto" | "halves" | "whole";
  readonly backEnd: BackEnd;
  /** Passes that are left out. */
  readonly without: readonly PassName[];
  /** A function whose entries are counted (`-f`), by function index. */
  readonly watch?: number;
}

export const defaultCompileOptions: CompileOptions = {
  policy: "counter",
  thresholdBits: 16,
  ticks: false,
  maxNesting: 256,
  maxFunctionSize: 45_000,
  i64s: "auto",
  backEnd: "auto",
  without: [],
};

/** Whether loops of rewritten code may leave when they look and find something. Some ask all the same. */
export function mayLeave({ policy, ticks, without }: CompileOptions): boolean {
  const leaves = !without.includes("moves") && !without.includes("exits");
  return leaves && !ticks && (policy === "counter" || policy === "loop");
}

/** Whether all that they find is that the attention word is set, however short they have run. */
export function leavesAtOnce(options: CompileOptions): boolean {
  return options.policy === "loop" && mayLeave(options);
}

/** Without what is `undefined`, so that it can be laid over other options. */
export function givenOptions(options: Partial<CompileOptions>): Partial<CompileOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Equal for options that are. */
export function optionsText(options: CompileOptions): string {
  return JSON.stringify(options, Object.keys(options).sort());
}

/** Fills in defaults and checks ranges; throws `RangeError` with what is allowed. */
export function compileOptions(given: Partial<CompileOptions> = {}): CompileOptions {
  const options = { ...defaultCompileOptions, ...given };
  if (!policyNames.includes(options.policy)) {
    throw new RangeError(`unknown policy "${options.policy}": use one of ${policyNames.join(", ")}`);
  }
  const unknown = options.without.find((name) => !passNames.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`unknown pass "${unknown}": use one of ${passNames.join(", ")}`);
  }
  const bits = options.thresholdBits;
  if (!Number.isInteger(bits) || bits < 0 || bits > 30) {
    throw new RangeError(`threshold bits must be a whole number from 0 to 30, not ${bits}`);
  }
  return options;
}
