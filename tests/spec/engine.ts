/**
 * What an engine has to offer to be judged by the scripts. Everything an engine gives out is a number
 * or plain data: the runner never holds a module, an instance or a function of the engine, so an engine
 * may replace its whole store in the middle of an invocation (checkpoint, restore, go on).
 *
 * @module
 */
import type { Value } from "./values.ts";

/** Names a loaded module within one engine. */
export type ModuleId = number;
/** Names an instance within one engine. Stays valid when the engine replaces its store. */
export type InstanceId = number;

/**
 * How an operation ended. Expected ends are returned, never thrown; an engine that throws is broken.
 *
 * - `trap`: `reasons` holds the message in the specification's words ("integer divide by zero"), several
 *   where the engine cannot tell. After a trap during instantiation, effects on other instances stay.
 * - `refused`: the engine rejects the bytes and cannot say whether they are malformed or invalid.
 */
export type Outcome<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "trap"; readonly reasons: readonly string[] }
  | { readonly kind: "exhaustion" }
  | {
    readonly kind: "malformed" | "invalid" | "refused" | "unsupported" | "unlinkable";
    readonly message: string;
  };

/** Result or promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** One store, made for one run of one script. */
export interface Engine {
  /** Decodes and validates. Ends: ok, malformed, invalid, refused, unsupported. */
  load(bytes: Uint8Array): Awaitable<Outcome<ModuleId>>;
  /**
   * Allocates, applies active segments, runs the start function. `registered` says which instance
   * stands behind a module name of an import; the item is the export of that name.
   * Ends: ok, unlinkable, trap, exhaustion.
   */
  instantiate(module: ModuleId, registered: ReadonlyMap<string, InstanceId>): Awaitable<Outcome<InstanceId>>;
  /** Calls an exported function. Ends: ok with all results, trap, exhaustion. */
  invoke(instance: InstanceId, name: string, args: readonly Value[]): Awaitable<Outcome<Value[]>>;
  /** Reads an exported global. Ends: ok. */
  get(instance: InstanceId, name: string): Awaitable<Outcome<Value>>;
  /**
   * The `spectest` module, where the engine wants to provide its own (with real host functions); otherwise
   * {@linkcode SPECTEST} is instantiated.
   */
  spectest?(): Awaitable<InstanceId>;
  /** Round trips through image bytes so far, where round trips were asked for. */
  readonly roundTrips?: number;
}

export interface EngineOptions {
  /** One of the kind's `policies`. */
  readonly policy: string;
  /** Checkpoint at the first site of each invocation, serialise, restore into a new store, go on. */
  readonly roundTrip: boolean;
}

/** A kind of engine. `engine_NAME.ts` exports one as `engine`. */
export interface EngineKind {
  readonly name: string;
  /** Checkpoint policies; the first is the one used when none is asked for. */
  readonly policies: readonly string[];
  readonly canRoundTrip: boolean;
  create(options: EngineOptions): Awaitable<Engine>;
}

/**
 * The host module `spectest` that scripts import from, as the specification's interpreter defines it.
 * As a module its functions have exact types in every engine, which plain host functions do not have.
 */
export const SPECTEST = `(module
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref)
  (memory (export "memory") 1 2)
  (func (export "print"))
  (func (export "print_i32") (param i32))
  (func (export "print_i64") (param i64))
  (func (export "print_f32") (param f32))
  (func (export "print_f64") (param f64))
  (func (export "print_i32_f32") (param i32 f32))
  (func (export "print_f64_f64") (param f64 f64)))`;
