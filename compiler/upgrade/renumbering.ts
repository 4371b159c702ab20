/**
 * What became of the numbers of an old module in a new one. Only what is certain has an entry.
 *
 * @module
 */
import { typeKey } from "../callgraph.ts";
import { functionName } from "../function_name.ts";
import { type Module, valTypeName } from "../types.ts";
import { matchFunctions } from "./matching.ts";

/** Two builds of a program, and how the numbers of the first are those of the second. */
export class Renumbering {
  /** By the old index of a function: the new one, if it has the same type. */
  readonly funcs: ReadonlyMap<number, number>;
  /** Functions that are there under their name, with another type. */
  readonly retyped: ReadonlyMap<number, number>;
  readonly datas: ReadonlyMap<number, number>;
  readonly elements: ReadonlyMap<number, number>;
  /** Structural keys of both modules' types, by type index. */
  readonly oldTypes: readonly string[];
  readonly newTypes: readonly string[];

  /** Whether every number means what it meant, so that equal bytes are equal code. */
  readonly isIdentity: boolean;

  /** @param old Validated, and so is `next`. */
  constructor(readonly old: Module, readonly next: Module) {
    this.oldTypes = old.types.map(typeKey);
    this.newTypes = next.types.map(typeKey);
    const funcs = new Map<number, number>();
    const retyped = new Map<number, number>();
    for (const [func, match] of matchFunctions(old, next)) {
      const same = typeKey(old.funcTypes[func]) === typeKey(next.funcTypes[match]);
      (same ? funcs : retyped).set(func, match);
    }
    this.funcs = funcs;
    this.retyped = retyped;
    this.datas = sameKinds(old.datas, next.datas);
    this.elements = sameKinds(old.elements, next.elements);
    this.isIdentity = this.oldTypes.join() === this.newTypes.join() &&
      isIdentity(funcs, old.funcTypes.length) && isIdentity(this.datas, old.datas.length) &&
      isIdentity(this.elements, old.elements.length);
  }

  /** An old function's name for people. */
  name(func: number): string {
    return functionName(this.old, func);
  }

  /** Why an old function has no new one. */
  missing(func: number): string {
    const match = this.retyped.get(func);
    const name = this.name(func);
    return match === undefined
      ? `the new module has no function that is surely ${name}`
      : `${name} has another type: ${showType(this.old, func)}, and now ${showType(this.next, match)}`;
  }
}

function isIdentity(map: ReadonlyMap<number, number>, size: number): boolean {
  return map.size === size && map.entries().every(([before, after]) => before === after);
}

/** The k-th segment of a kind (active, passive, declarative) is the k-th of that kind again. */
function sameKinds(
  old: readonly { readonly mode: { readonly kind: string } }[],
  next: readonly { readonly mode: { readonly kind: string } }[],
): Map<number, number> {
  const byKind = new Map<string, number[]>();
  next.forEach(({ mode }, i) => {
    const list = byKind.get(mode.kind);
    if (list) list.push(i);
    else byKind.set(mode.kind, [i]);
  });
  const used = new Map<string, number>();
  const map = new Map<number, number>();
  old.forEach(({ mode }, i) => {
    const nth = used.get(mode.kind) ?? 0;
    used.set(mode.kind, nth + 1);
    const match = byKind.get(mode.kind)?.[nth];
    if (match !== undefined) map.set(i, match);
  });
  return map;
}

function showType(module: Module, func: number): string {
  const { params, results } = module.funcTypes[func];
  const list = (types: readonly number[]) => `(${types.map((type) => valTypeName(type)).join(", ")})`;
  return `${list(params)} -> ${list(results)}`;
}
