/**
 * Finding the functions of a module again in a newer build of it: by import, by name, by equal code. A guess is
 * worse than no match, because what has no match is refused where it is needed.
 *
 * @module
 */
import { typeKey } from "../callgraph.ts";
import type { Module } from "../types.ts";
import { BodyCursor } from "./body.ts";

/**
 * The new index of each old function that was found again. Types may differ.
 *
 * Functions are the same if they are imported under the same names, exported under the same name, or have the
 * same name in the name section. Those of one name (C's `static` functions) are told apart by their code, and
 * so are those that have another name now, or none. Of two modules without any names whose functions agree in
 * number and types, the function of the same index is meant.
 */
export function matchFunctions(old: Module, next: Module): Map<number, number> {
  const matching = new Matching(old, next);
  matching.pair(importKeys(old), importKeys(next));
  matching.pair(exportKeys(old), exportKeys(next));
  matching.pair(old.names.funcs, next.names.funcs);
  if (isNameless(old) && isNameless(next) && sameTypes(old, next)) matching.pairByIndex();
  matching.pairByCode();
  return matching.map;
}

/** Functions and what they are known by. */
type Keys = ReadonlyMap<number, string>;

class Matching {
  readonly map = new Map<number, number>();
  readonly #taken = new Set<number>();

  constructor(private readonly old: Module, private readonly next: Module) {}

  /** Pairs functions of the same key. Of several with one key those with unique code, and then a single rest. */
  pair(oldKeys: Keys, newKeys: Keys): void {
    const before = this.#groups(this.old, oldKeys, (func) => !this.map.has(func));
    const after = this.#groups(this.next, newKeys, (func) => !this.#taken.has(func));
    for (const [key, group] of before) {
      const others = after.get(key);
      if (others === undefined) continue;
      if (group.length > 1 || others.length > 1) this.#pairUnique(group, others);
      const left = group.filter((func) => !this.map.has(func));
      const right = others.filter((func) => !this.#taken.has(func));
      if (left.length === 1 && right.length === 1) this.#set(left[0], right[0]);
    }
  }

  pairByIndex(): void {
    for (let func = this.old.imported.funcs; func < this.old.funcTypes.length; func++) {
      if (!this.map.has(func) && !this.#taken.has(func)) this.#set(func, func);
    }
  }

  /** Pairs what is left and has the same code as one other, as far as calls confirm it. */
  pairByCode(): void {
    const left = [...defined(this.old)].filter((func) => !this.map.has(func));
    const right = [...defined(this.next)].filter((func) => !this.#taken.has(func));
    const paired = this.#pairUnique(left, right);
    // Equal code calls equal functions: what does not is not the same, nor is then what it confirmed.
    for (let again = true; again;) {
      again = false;
      for (const func of paired) {
        if (sameCalls(this.old, this.next, func, this.map)) continue;
        this.#taken.delete(this.map.get(func)!);
        this.map.delete(func);
        paired.delete(func);
        again = true;
      }
    }
  }

  #pairUnique(left: readonly number[], right: readonly number[]): Set<number> {
    const before = groupBy(left, (func) => shapeOf(this.old, func));
    const after = groupBy(right, (func) => shapeOf(this.next, func));
    const paired = new Set<number>();
    for (const [shape, [func, ...more]] of before) {
      const others = after.get(shape);
      if (more.length > 0 || others?.length !== 1) continue;
      this.#set(func, others[0]);
      paired.add(func);
    }
    return paired;
  }

  #groups(module: Module, keys: Keys, isFree: (func: number) => boolean): Map<string, number[]> {
    const known = [...keys.keys()].filter((func) => func < module.funcTypes.length && isFree(func));
    // What is imported and what is defined are different things, whatever they are called.
    return groupBy(known, (func) => `${func < module.imported.funcs ? "i" : "d"}${keys.get(func)}`);
  }

  #set(func: number, match: number): void {
    this.map.set(func, match);
    this.#taken.add(match);
  }
}

function groupBy(funcs: readonly number[], key: (func: number) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const func of funcs) {
    const name = key(func);
    const group = groups.get(name);
    if (group) group.push(func);
    else groups.set(name, [func]);
  }
  return groups;
}

function* defined({ imported, funcTypes }: Module): Generator<number> {
  for (let func = imported.funcs; func < funcTypes.length; func++) yield func;
}

/** An import can stand in a module several times, also with other types: the first is the first again. */
function importKeys({ imports }: Module): Map<number, string> {
  const keys = new Map<number, string>();
  const seen = new Map<string, number>();
  for (const each of imports) {
    if (each.kind !== "func") continue;
    const key = JSON.stringify([each.module, each.name, typeKey(each.type)]);
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    keys.set(keys.size, `${key} ${nth}`);
  }
  return keys;
}

function exportKeys({ exports }: Module): Map<number, string> {
  const keys = new Map<number, string>();
  for (const { kind, index, name } of exports) {
    if (kind === "func" && !keys.has(index)) keys.set(index, name);
  }
  return keys;
}

/** Whether no function that is defined has a name. */
function isNameless({ names, imported }: Module): boolean {
  return [...names.funcs.keys()].every((func) => func < imported.funcs);
}

function sameTypes(old: Module, next: Module): boolean {
  return old.imported.funcs === next.imported.funcs && old.funcTypes.length === next.funcTypes.length &&
    old.funcTypes.every((type, i) => typeKey(type) === typeKey(next.funcTypes[i]));
}

/** A function's type, locals and code; in place of what may be renumbered, what it is. */
function shapeOf(module: Module, func: number): string {
  const code = module.codes[func - module.imported.funcs];
  if (code === undefined) return "";
  const parts: string[] = [typeKey(module.funcTypes[func])];
  for (const { count, type } of code.locals) parts.push(`${count}x${type}`);
  for (const cursor = new BodyCursor(module, func); cursor.next();) {
    const { opcode, values } = cursor;
    const first = Number(values[0]);
    if (opcode.immediate === "func") parts.push(`${opcode.code}:${typeKey(module.funcTypes[first])}`);
    else if (opcode.immediate === "call_indirect") {
      parts.push(`${opcode.code}:${typeKey(module.types[first])}:${values[1]}`);
    } else if (opcode.immediate === "block" && first >= 0) {
      parts.push(`${opcode.code}:${typeKey(module.types[first])}`);
    } else parts.push(`${opcode.code}:${values.join()}`);
  }
  return parts.join(" ");
}

/** Whether two functions of the same shape name the same functions. */
function sameCalls(old: Module, next: Module, func: number, map: ReadonlyMap<number, number>): boolean {
  const match = map.get(func)!;
  if (func < old.imported.funcs) return true;
  const after = new BodyCursor(next, match);
  for (const before = new BodyCursor(old, func); before.next() && after.next();) {
    if (before.opcode.immediate !== "func") continue;
    if (map.get(Number(before.values[0])) !== after.values[0]) return false;
  }
  return true;
}
