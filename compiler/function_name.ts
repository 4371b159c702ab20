/**
 * What a function is called.
 *
 * @module
 */
import type { Module } from "./types.ts";

/** A function's name for people: from the name section, its export, its import; else `func[N]`. */
export function functionName({ names, imports, exports }: Module, func: number): string {
  const known = names.funcs.get(func) ??
    exports.find(({ kind, index }) => kind === "func" && index === func)?.name;
  if (known !== undefined) return known;
  const imported = imports.filter(({ kind }) => kind === "func")[func];
  return imported ? `${imported.module}.${imported.name}` : `func[${func}]`;
}

/**
 * The functions that a text may mean: an index, an export name or a name of the name section.
 *
 * @returns Function indices: none, one, or several of the same name.
 */
export function functionsNamed({ names, exports, funcTypes }: Module, text: string): number[] {
  if (/^\d+$/.test(text)) return Number(text) < funcTypes.length ? [Number(text)] : [];
  const exported = exports.find(({ kind, name }) => kind === "func" && name === text);
  if (exported) return [exported.index];
  return [...names.funcs].filter(([, name]) => name === text).map(([func]) => func);
}
