/**
 * Function instances (spec 4.2.6). A `Func` is also the value of a `funcref`.
 *
 * @module
 */
import { typeKey } from "../compiler/callgraph.ts";
import type { FuncType } from "../compiler/types.ts";
import type { Instance } from "./instance.ts";

// Generated code takes whatever raw values the function's type says.
// deno-lint-ignore no-explicit-any
export type Code = (...args: any[]) => any;

const typeIds = new Map<string, number>();
/** By identity: a module has far more functions than types. */
const known = new WeakMap<FuncType, number>();

/** The same small integer for all function types that are structurally equal. */
export function typeId(type: FuncType): number {
  let id = known.get(type);
  if (id !== undefined) return id;
  const key = typeKey(type);
  id = typeIds.get(key);
  if (id === undefined) typeIds.set(key, id = typeIds.size);
  known.set(type, id);
  return id;
}

/** One function of a store: defined by an instance, or by the host. */
export class Func {
  /** The code, once there is some. Generated code calls `(cell.f || cell.g())(...)`. */
  f: Code | null = null;
  /** Type identity, for `call_indirect`. */
  readonly t: number;

  /**
   * @param instance The instance that defines it; for a host function, the one that imported it first.
   * @param index Function index in that instance.
   * @param isHost Whether it is a host function.
   */
  constructor(
    readonly type: FuncType,
    readonly instance: Instance,
    readonly index: number,
    readonly isHost: boolean,
  ) {
    this.t = typeId(type);
  }

  /** Compiles the function if need be, and gives its code. */
  g(): Code {
    return this.f ??= this.instance.compile(this.index);
  }
}
