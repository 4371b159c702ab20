/**
 * Functions of the host as the guest sees them.
 *
 * @module
 */
import type { FuncType } from "../compiler/types.ts";
import type { Func } from "./func.ts";
import { putResults } from "./results.ts";
import type { Thread } from "./thread.ts";
import { HostError, isStackOverflow, Trap } from "./trap.ts";
import { INTERRUPTED, ProcExit } from "./wasi/interrupt.ts";
import { fromRaw, jsAt, pushJs, rawLength, toRaw } from "./value.ts";

/**
 * A host function. i32 and floats are numbers, i64 BigInts, references opaque. A function with several
 * results returns an array. A promise suspends the guest on its frames until it is fulfilled.
 */
// deno-lint-ignore no-explicit-any
export type HostFunction = (...args: any[]) => unknown;

/** Makes the code of a host function's cell. */
export function hostCode(func: Func, host: HostFunction, thread: Thread): (...raw: unknown[]) => unknown {
  const { params, results } = func.type;
  const size = rawLength(params);
  const finish = (value: unknown): unknown[] => toRaw(asList(value, func.type), results, pushJs);
  return (...raw) => {
    // Generated code may pass its stack depth behind the arguments.
    if (raw.length > size) raw.length = size;
    if (thread.stopsBefore(func, raw)) return 0;
    let value: unknown;
    try {
      value = host(...fromRaw(raw, params, jsAt));
    } catch (error) {
      if (error instanceof Trap || error instanceof ProcExit || error instanceof HostError) throw error;
      if (isStackOverflow(error)) throw error;
      throw new HostError(error);
    }
    if (value === INTERRUPTED) {
      thread.interrupt(func, raw);
      return 0;
    }
    if (value instanceof Promise) {
      thread.suspend(func, raw, value.then((settled) => settled === INTERRUPTED ? settled : finish(settled)));
      return 0;
    }
    return results.length === 1 && results[0] === 0x7f
      ? (value as number) | 0
      : putResults(finish(value), results);
  };
}

function asList(value: unknown, { results }: FuncType): unknown[] {
  if (results.length === 0) return [];
  return results.length === 1 ? [value] : [...value as Iterable<unknown>];
}
