/**
 * Comparing the code of a function in two builds, instruction by instruction.
 *
 * @module
 */
import { functionName } from "../function_name.ts";
import type { Immediate } from "../opcodes.ts";
import { entryOffset, localTypes } from "../sites.ts";
import { type Module, valTypeName } from "../types.ts";
import { BodyCursor } from "./body.ts";
import type { Renumbering } from "./renumbering.ts";

/** Where two bodies first differ. */
export interface BodyDifference {
  /** Counted from 0; -1 if the locals differ. */
  readonly instruction: number;
  /** Byte offset in the contents of the old module's code section. */
  readonly offset: number;
  /** The old and the new instruction, as text. */
  readonly old: string;
  readonly next: string;
}

type Values = readonly (number | bigint)[];

/** What may be renumbered; every other immediate must be the same value. */
const renumbered: Partial<Record<Immediate, (a: Values, b: Values, numbers: Renumbering) => boolean>> = {
  func: ([a], [b], { funcs }) => funcs.get(Number(a)) === b,
  call_indirect: ([a, table], [b, other], { oldTypes, newTypes }) =>
    table === other && oldTypes[Number(a)] === newTypes[Number(b)],
  block: ([a], [b], { oldTypes, newTypes }) =>
    a < 0 || b < 0 ? a === b : oldTypes[Number(a)] === newTypes[Number(b)],
  data: ([a], [b], { datas }) => datas.get(Number(a)) === b,
  data_memory: ([a], [b], { datas }) => datas.get(Number(a)) === b,
  elem: ([a], [b], { elements }) => elements.get(Number(a)) === b,
  elem_table: ([a, table], [b, other], { elements }) => table === other && elements.get(Number(a)) === b,
};

/** Whether two cursors stand at the same instruction. */
export function sameInstruction(old: BodyCursor, next: BodyCursor, numbers: Renumbering): boolean {
  if (old.opcode !== next.opcode) return false;
  const special = renumbered[old.opcode.immediate];
  if (special) return special(old.values, next.values, numbers);
  const { length } = old.values;
  if (length !== next.values.length) return false;
  for (let i = 0; i < length; i++) if (old.values[i] !== next.values[i]) return false;
  return true;
}

/**
 * The first difference between an old function and the one that is to take its place, up to renumbering.
 *
 * @returns `undefined` if they are the same.
 */
export function firstDifference(
  numbers: Renumbering,
  func: number,
  match: number,
): BodyDifference | undefined {
  const { old, next } = numbers;
  if (func < old.imported.funcs || (numbers.isIdentity && sameBytes(numbers, func, match))) return undefined;
  const [locals, others] = [localTypes(old, func), localTypes(next, match)].map((types) =>
    types.map(valTypeName).join(" ")
  );
  if (locals !== others) {
    const at = { instruction: -1, offset: entryOffset(old, func) };
    return { ...at, old: `locals ${locals || "none"}`, next: `locals ${others || "none"}` };
  }
  const before = new BodyCursor(old, func);
  const after = new BodyCursor(next, match);
  for (let instruction = 0; before.next(); instruction++) {
    const more = after.next();
    if (more && sameInstruction(before, after, numbers)) continue;
    return {
      instruction,
      offset: before.offset - old.codeSectionStart,
      old: showInstruction(old, before),
      next: more ? showInstruction(next, after) : "the end",
    };
  }
  // A body ends where its last block does, so that the other one cannot go on.
  return undefined;
}

function sameBytes({ old, next }: Renumbering, func: number, match: number): boolean {
  const [before, after] = [old.codes[func - old.imported.funcs], next.codes[match - next.imported.funcs]];
  const length = before.end - before.start;
  if (after.end - after.start !== length) return false;
  for (let i = 0; i < length; i++) {
    if (old.bytes[before.start + i] !== next.bytes[after.start + i]) return false;
  }
  return true;
}

/**
 * The offset of a site in the new module.
 *
 * @param site Byte offset in the contents of the old module's code section.
 * @returns `undefined` if no instruction of the function stands there.
 */
export function translateSite(
  { old, next }: Renumbering,
  func: number,
  match: number,
  site: number,
): number | undefined {
  if (site === entryOffset(old, func)) return entryOffset(next, match);
  const before = new BodyCursor(old, func);
  const after = new BodyCursor(next, match);
  while (before.next() && after.next()) {
    if (before.offset - old.codeSectionStart === site) return after.offset - next.codeSectionStart;
  }
  return undefined;
}

/** An instruction as the text format has it, functions by name. */
function showInstruction(module: Module, { opcode, values }: BodyCursor): string {
  if (opcode.immediate === "func") return `${opcode.name} ${functionName(module, Number(values[0]))}`;
  if (opcode.immediate === "memarg") return `${opcode.name} offset=${values[1]}`;
  if (opcode.immediate === "block") return opcode.name;
  const shown = values.slice(0, 8).join(" ");
  return `${opcode.name}${shown && " "}${shown}${values.length > 8 ? " ..." : ""}`;
}
