/**
 * How results travel: the first as the JavaScript return value, its high half (i64) in `R[0]`, the
 * `i`-th (from 1) in `V[2i]` and `V[2i + 1]`.
 *
 * @module
 */
import { type ValType, ValType as T } from "../compiler/types.ts";

/** Second halves of results. */
export const R = new Int32Array(1);

/** Results from the second on. */
export const V: unknown[] = [];

/** Leaves raw results where a caller looks for them, and gives the first. */
export function putResults(raw: readonly unknown[], types: readonly ValType[]): unknown {
  let at = 0;
  types.forEach((type, i) => {
    if (i > 0) V[2 * i] = raw[at];
    at++;
    if (type !== T.i64) return;
    if (i === 0) R[0] = raw[at] as number;
    else V[2 * i + 1] = raw[at];
    at++;
  });
  return raw[0];
}

/** Collects results after a call that returned `first`. */
export function takeResults(first: unknown, types: readonly ValType[]): unknown[] {
  const raw: unknown[] = [];
  types.forEach((type, i) => {
    raw.push(i === 0 ? first : V[2 * i]);
    if (type === T.i64) raw.push(i === 0 ? R[0] : V[2 * i + 1]);
  });
  return raw;
}
