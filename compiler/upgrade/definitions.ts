/**
 * Imports, exports, memories, tables and globals of two builds: what the image holds must have a place.
 *
 * @module
 */
import { type Import, type Limits, valTypeName } from "../types.ts";
import { sameConstant, showConstant } from "./constants.ts";
import { count, type Finding } from "./finding.ts";
import type { Renumbering } from "./renumbering.ts";

/** What does not fit; functions, table elements and data are compared elsewhere. */
export function compareDefinitions(numbers: Renumbering): Finding[] {
  return [
    ...imports(numbers),
    ...memories(numbers),
    ...tables(numbers),
    ...globals(numbers),
    ...exports(numbers),
  ];
}

const refused = (subject: string, text: string): Finding => ({ subject, fits: false, text });

/** Imported functions are found by name; of other imports there must be the same ones in the same order. */
function* imports({ old, next }: Renumbering): Generator<Finding> {
  for (const kind of ["table", "memory", "global"] as const) {
    const [before, after] = [old, next].map(({ imports }) =>
      imports.filter((each) => each.kind === kind).map(importName)
    );
    if (before.join() === after.join()) continue;
    const list = (names: readonly string[]) => names.join(", ") || "none";
    yield refused(`imports of kind ${kind}`, `were ${list(before)}, and now are ${list(after)}`);
  }
}

const importName = ({ module, name }: Import) => `"${module}" "${name}"`;

function* memories({ old, next }: Renumbering): Generator<Finding> {
  if (old.memories.length !== next.memories.length) {
    yield refused("memories", `there were ${old.memories.length}, and now are ${next.memories.length}`);
  }
}

function* tables({ old, next }: Renumbering): Generator<Finding> {
  if (next.tables.length < old.tables.length) {
    yield refused("tables", `there were ${old.tables.length}, and now are ${next.tables.length}`);
  }
  for (const [i, { element }] of old.tables.entries()) {
    const type = next.tables[i]?.element ?? element;
    if (type !== element) {
      yield refused(`table ${i}`, `held ${valTypeName(element)}, and now holds ${valTypeName(type)}`);
    }
  }
}

/** New globals may only stand behind the old ones, which must begin with the same values. */
function* globals(numbers: Renumbering): Generator<Finding> {
  const { old, next } = numbers;
  if (next.globalTypes.length < old.globalTypes.length) {
    yield refused("globals", `there were ${old.globalTypes.length}, and now are ${next.globalTypes.length}`);
  }
  for (const [i, { type, mutable }] of old.globalTypes.entries()) {
    const other = next.globalTypes[i];
    if (other === undefined) return;
    const [was, is] = [old.names.globals.get(i), next.names.globals.get(i)];
    const subject = `global ${i}${was ? ` (${was})` : ""}`;
    if (type !== other.type || mutable !== other.mutable) {
      const show = (each: { type: number; mutable: boolean }) =>
        `${each.mutable ? "mutable " : ""}${valTypeName(each.type)}`;
      yield refused(subject, `was ${show({ type, mutable })}, and now is ${show(other)}`);
    } else if (was !== undefined && is !== undefined && was !== is) {
      yield refused(subject, `is now called ${is}: globals have another order`);
    }
    const [before, after] = [old, next].map((module) => module.globals[i - module.imported.globals]?.init);
    if (before && after && !sameConstant(before, after, numbers)) {
      yield refused(
        subject,
        `began with ${showConstant(before)}, and now begins with ${showConstant(after)}` +
          (was === "__stack_pointer" ? ": the stack or static data has another size or place" : ""),
      );
    }
  }
}

/** The host may ask for any export. */
function* exports(numbers: Renumbering): Generator<Finding> {
  const { old, next, funcs } = numbers;
  const after = new Map(next.exports.map((each) => [each.name, each]));
  for (const { name, kind, index } of old.exports) {
    const subject = `export "${name}"`;
    const other = after.get(name);
    if (other?.kind !== kind) {
      yield refused(subject, `was a ${kind}, and now is ${other ? `a ${other.kind}` : "gone"}`);
    } else if (kind === "func" && funcs.get(index) === undefined) {
      yield refused(subject, numbers.missing(index));
    } else if ((kind === "func" ? funcs.get(index) : index) !== other.index) {
      yield refused(subject, `was ${kind} ${index}, and now is ${kind} ${other.index}`);
    }
  }
}

/**
 * Whether something of this size can be what the new module declares.
 *
 * @returns The reason why not.
 */
export function sizeRefusal(size: number, { min, max }: Limits, unit: string): string | undefined {
  if (size < min) return `has ${count(size, unit)}, and the new module starts with ${min}`;
  if (max !== undefined && size > max) return `has ${count(size, unit)}, and the new module allows ${max}`;
  return undefined;
}
