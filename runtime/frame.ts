/**
 * Frames on the heap: activations that were captured and will be resumed.
 *
 * @module
 */
import type { Form, Source } from "../compiler/sites.ts";
import { type ValType, ValType as T } from "../compiler/types.ts";
import type { Func } from "./func.ts";

/** Where the frame of a host function that has not begun stands. */
export const hostSite = -1;

/** An activation. Its values are raw: locals first, then operands. A host function's are its arguments. */
export interface Frame {
  readonly func: Func;
  /** Byte offset in the code section's contents, or {@linkcode hostSite}. */
  readonly site: number;
  readonly values: readonly unknown[];
  /** Types of the operands. */
  readonly operands: readonly ValType[];
  /** The function's own code can be called: it has not run yet, or moved here to free the stack. */
  readonly fresh: boolean;
}

/** Makes a frame of what a capture block handed over. */
export function frameOf(
  func: Func,
  form: Form,
  siteIndex: number,
  captured: readonly unknown[],
  fresh: boolean,
): Frame {
  const site = form.sites[siteIndex];
  const values: unknown[] = [];
  site.locals.forEach((source, i) => pushSource(values, source, form.localTypes[i], captured));
  site.operands.forEach((source, i) => pushSource(values, source, site.types[i], captured));
  const isFresh = fresh && site.kind === "entry";
  return { func, site: site.offset, values, operands: site.types, fresh: isFresh };
}

function pushSource(values: unknown[], source: Source, type: ValType, captured: readonly unknown[]): void {
  if ("at" in source) {
    values.push(captured[source.at]);
    if (type === T.i64) values.push(captured[source.highAt!]);
  } else {
    values.push(source.constant);
    if (type === T.i64) values.push(source.high);
  }
}
