/**
 * What an instruction of a valid module takes from the operand stack and puts there, so that it can be replaced.
 *
 * @module
 */

import { type FuncType, ValType, type ValTypeName } from "../../compiler/types.ts";
import { funcTypes, globalTypes, type Instr, type ModuleIr, opcodeOfInstr } from "./ir.ts";

/** Looks up a block type (5.4.1). */
export function blockType(module: ModuleIr, code: number): FuncType {
  if (code >= 0) return module.types[code];
  return { params: [], results: code === -0x40 ? [] : [(code + 0x80) as ValType] };
}

/** How many operands an instruction takes and gives, where its types depend on the context. */
const counts: Readonly<Record<string, readonly [takes: number, gives: number]>> = {
  "drop": [1, 0],
  "select": [3, 1],
  "ref.is_null": [1, 1],
  "unreachable": [0, 0],
};

/**
 * Where the instructions start that make the operands of number `end` of a list, and the operands of those, and so
 * on; `undefined` if that is not a run of instructions.
 */
export function treeStart(
  module: ModuleIr,
  locals: readonly ValType[],
  list: readonly Instr[],
  end: number,
): number | undefined {
  const count = (instr: Instr) => {
    const known = effect(module, locals, instr);
    return known ? [known.params.length, known.results.length] : counts[opcodeOfInstr(instr).name];
  };
  let start = end;
  let wanted = count(list[end])?.[0];
  if (wanted === undefined) return undefined;
  while (wanted > 0 && start > 0) {
    const before = count(list[--start]);
    if (before === undefined || before[1] > wanted) return undefined;
    wanted += before[0] - before[1];
  }
  return wanted === 0 ? start : undefined;
}

/** The effect of an instruction, as far as it is known without its context. */
export function effect(module: ModuleIr, locals: readonly ValType[], instr: Instr): FuncType | undefined {
  const opcode = opcodeOfInstr(instr);
  const a = Number(instr.args[0]);
  const { i32, funcref } = ValType;
  const gives = (type: ValType) => ({ params: [], results: [type] });
  const takes = (...params: ValType[]) => ({ params, results: [] });
  if (opcode.signature !== null) {
    const [params, results] = opcode.signature.split("->").map((side) =>
      side.split(" ").filter((name) => name !== "").map((name) => ValType[name as ValTypeName])
    );
    return { params, results };
  }
  switch (opcode.name) {
    case "block":
    case "loop":
      return blockType(module, a);
    case "if": {
      const { params, results } = blockType(module, a);
      return { params: [...params, i32], results };
    }
    case "call":
      return funcTypes(module)[a];
    case "call_indirect":
      return { params: [...module.types[a].params, i32], results: module.types[a].results };
    case "local.get":
      return gives(locals[a]);
    case "local.tee":
      return { params: [locals[a]], results: [locals[a]] };
    case "local.set":
      return takes(locals[a]);
    case "global.get":
      return gives(globalTypes(module)[a].type);
    case "global.set":
      return takes(globalTypes(module)[a].type);
    case "table.get":
      return { params: [i32], results: [module.tables[a].element] };
    case "table.set":
      return takes(i32, module.tables[a].element);
    case "table.grow":
      return { params: [module.tables[a].element, i32], results: [i32] };
    case "table.fill":
      return takes(i32, module.tables[a].element, i32);
    case "ref.null":
      return gives(a as ValType);
    case "ref.func":
      return gives(funcref);
    case "select t":
      return { params: [a as ValType, a as ValType, i32], results: [a as ValType] };
    default:
      return undefined;
  }
}
