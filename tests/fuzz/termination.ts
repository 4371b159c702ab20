/**
 * Whether a tree that has been made smaller still ends. The generator marks as `guard` what makes loops and calls end;
 * an edit may remove a guard only where there is nothing left to be guarded.
 *
 * @module
 */

import { op } from "../../compiler/opcodes.ts";
import { importsOf, type Instr, type ModuleIr, walk } from "./ir.ts";

const loop = op("loop");
const branches = new Set([op("br"), op("br_if"), op("br_table")]);

/** Whether a loop goes back to its start. */
function goesBack(instr: Instr): boolean {
  let found = false;
  walk(instr.body!, (inner, depth) => {
    if (branches.has(inner.code) && inner.args.includes(depth)) found = true;
  });
  return found;
}

/** Whether an instruction may call a function of the module. */
function calls(module: ModuleIr, { code, args }: Instr): boolean {
  if (code === op("call")) return Number(args[0]) >= importsOf(module, "func").length;
  return code === op("call_indirect");
}

/** Whether anything in a list may need a guard. */
function needsGuard(module: ModuleIr, list: readonly Instr[], inFunction: boolean): boolean {
  let needs = false;
  walk(list, (instr) => {
    if (instr.code === loop && goesBack(instr)) needs = true;
    // Only the entry of a function guards calls, but it does so for those at any depth.
    if (inFunction && calls(module, instr)) needs = true;
  });
  return needs;
}

/**
 * Whether a list may become `after`.
 *
 * @param owner The instruction whose body the list is; without one it is a function's.
 */
export function keepsGuards(
  module: ModuleIr,
  before: readonly Instr[],
  after: readonly Instr[],
  owner?: Instr,
): boolean {
  const guards = (list: readonly Instr[]) => list.filter((instr) => instr.guard).length;
  if (guards(before) === guards(after)) return true;
  if (owner?.code === loop && goesBack({ ...owner, body: after })) return false;
  return !needsGuard(module, after, owner === undefined);
}
