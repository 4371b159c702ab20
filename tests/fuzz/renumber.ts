/**
 * Dropping a declaration that nobody refers to, with the indices above it moved down.
 *
 * @module
 */

import type { Immediate } from "../../compiler/opcodes.ts";
import { importsOf, type Instr, mapModule, type ModuleIr, opcodeOfInstr } from "./ir.ts";

/** The index spaces of a module that can be renumbered. */
export type Space = "type" | "func" | "table" | "global" | "elem" | "data";
export const spaces: readonly Space[] = ["func", "global", "elem", "data", "table", "type"];

/** Which spaces the arguments of an instruction are indices of. */
const indices: Partial<Record<Immediate, readonly Space[]>> = {
  block: ["type"],
  func: ["func"],
  call_indirect: ["type", "table"],
  global: ["global"],
  table: ["table"],
  data: ["data"],
  data_memory: ["data"],
  elem: ["elem"],
  elem_table: ["elem", "table"],
  table_table: ["table", "table"],
};

/** How many of a space there are, imports included. */
export function sizeOf(module: ModuleIr, space: Space): number {
  return {
    type: module.types.length,
    func: importsOf(module, "func").length + module.funcs.length,
    table: module.tables.length,
    global: importsOf(module, "global").length + module.globals.length,
    elem: module.elements.length,
    data: module.datas.length,
  }[space];
}

/** The module without number `index` of a space, or `undefined` if something refers to it. */
export function dropIndex(module: ModuleIr, space: Space, index: number): ModuleIr | undefined {
  let used = false;
  const move = (i: number) => {
    if (i === index) used = true;
    return i > index ? i - 1 : i;
  };
  const moveIn = (own: Space, i: number) => own === space ? move(i) : i;
  const inInstr = (instr: Instr): Instr => {
    const own = indices[opcodeOfInstr(instr).immediate] ?? [];
    if (!own.includes(space)) return instr;
    return { ...instr, args: instr.args.map((arg, i) => own[i] === space ? move(Number(arg)) : arg) };
  };
  const without = <T>(own: Space, list: readonly T[], imported = 0) =>
    own === space ? list.filter((_, i) => i + imported !== index) : list;
  const counts = { func: 0, global: 0 };
  const imports = module.imports.filter(({ kind }) => !(kind === space && counts[kind]++ === index));
  const renumbered = mapModule(module, inInstr);
  const result: ModuleIr = {
    ...renumbered,
    types: without("type", module.types),
    imports: imports.map((entry) =>
      entry.kind === "func" ? { ...entry, type: moveIn("type", entry.type) } : entry
    ),
    funcs: without("func", renumbered.funcs, importsOf(module, "func").length)
      .map((func) => ({ ...func, type: moveIn("type", func.type) })),
    tables: without("table", module.tables),
    globals: without("global", renumbered.globals, importsOf(module, "global").length),
    exports: module.exports.map((entry) =>
      entry.kind === space ? { ...entry, index: move(entry.index) } : entry
    ),
    start: module.start === undefined ? undefined : moveIn("func", module.start),
    elements: without("elem", renumbered.elements).map((element) =>
      element.mode.kind === "active"
        ? { ...element, mode: { ...element.mode, index: moveIn("table", element.mode.index) } }
        : element
    ),
    datas: without("data", renumbered.datas),
  };
  return used ? undefined : result;
}
