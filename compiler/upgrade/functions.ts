/**
 * All functions of two builds, compared.
 *
 * @module
 */
import { type BodyDifference, firstDifference } from "./comparison.ts";
import type { Renumbering } from "./renumbering.ts";

/** Old functions by what became of them. */
export interface FunctionComparison {
  /** How many are the same up to renumbering, imported ones included. */
  readonly same: number;
  /** By old index: of the same name and type, with other code. */
  readonly changed: ReadonlyMap<number, { readonly match: number; readonly difference: BodyDifference }>;
  /** Old and new index: of the same name, with another type. */
  readonly retyped: readonly (readonly [func: number, match: number])[];
  /** Old indices of functions that were not found again. */
  readonly gone: readonly number[];
  /** New indices of defined functions that are nobody's match. */
  readonly added: readonly number[];
}

export function compareFunctions(numbers: Renumbering): FunctionComparison {
  const { old, next, funcs, retyped } = numbers;
  const changed = new Map<number, { match: number; difference: BodyDifference }>();
  const gone: number[] = [];
  let same = 0;
  old.funcTypes.forEach((_, func) => {
    const match = funcs.get(func);
    if (match === undefined) {
      if (!retyped.has(func)) gone.push(func);
      return;
    }
    const difference = firstDifference(numbers, func, match);
    if (difference === undefined) same++;
    else changed.set(func, { match, difference });
  });
  const matched = new Set([...funcs.values(), ...retyped.values()]);
  const added = next.codes.map((_, i) => next.imported.funcs + i).filter((func) => !matched.has(func));
  // An imported function has no code that could name addresses.
  const defined = [...retyped].filter(([, match]) => match >= next.imported.funcs);
  return { same, changed, retyped: defined, gone, added };
}
