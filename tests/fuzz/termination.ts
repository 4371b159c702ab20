/**
 * Whether a tree that has been made smaller still ends. The generator marks as `guard` what makes loops and calls end;
 * an edit may remove a guard only where there is nothing left to be guarded.
 *
 * @module
 */

import { op } from "../../compiler/opcodes.ts";
import { type Instr, walk } from "./ir.ts";

const loop = op("loop");
const calls = new Set([op("call"), op("call_indirect")]);
const branches = new Set([op("br"), op("br_if"), op("br_table")]);

/** Whether a loop goes back to its start. */
function goesBack(instr: Instr): boolean {
  let found = false;
  walk(instr.body!, (inner, depth) => {
    if (branches.has(inner.code) && inner.args.includes(depth)) found = true;
  });
  return found;
}

/** Whether anything in a list may need a guard. */
function needsGuard(list: readonly Instr[], inFunction: boolean): boolean {
  let needs = false;
  walk(list, (instr) => {
    if (instr.code === loop && goesBack(instr)) needs = true;
    // Only the entry of a function guards calls, but it does so for those at any depth.
    if (inFunction && calls.has(instr.code)) needs = true;
  });
  return needs;
}

/**
 * Whether a list may become `after`.
 *
 * @param owner The instruction whose body the list is; without one it is a function's.
 */
export function keepsGuards(before: readonly Instr[], after: readonly Instr[], owner?: Instr): boolean {
  const guards = (list: readonly Instr[]) => list.filter((instr) => instr.guard).length;
  if (guards(before) === guards(after)) return true;
  if (owner?.code === loop && goesBack({ ...owner, body: after })) return false;
  return !needsGuard(after, owner === undefined);
}
