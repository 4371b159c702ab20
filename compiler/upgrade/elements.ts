/**
 * Table elements of two builds. A function pointer in the guest's memory is the number of a table element, so
 * each element must be the function that it was.
 *
 * @module
 */
import type { ConstExpr, Module } from "../types.ts";
import { sameConstant, showConstant } from "./constants.ts";
import { few, type Finding } from "./finding.ts";
import { functionName } from "../function_name.ts";
import type { Renumbering } from "./renumbering.ts";

/** What element segments of a new build put where the old build's put nothing, by table. */
export type NewElements = ReadonlyMap<number, ReadonlyMap<number, ConstExpr>>;

/** Compares element segments: active ones by what they put where, passive ones one by one. */
export function compareElements(numbers: Renumbering): { findings: Finding[]; added: NewElements } {
  const { old, next, elements } = numbers;
  const findings: Finding[] = [];
  const added = new Map<number, Map<number, ConstExpr>>();
  old.elements.forEach(({ mode, init }, i) => {
    if (mode.kind !== "passive") return;
    const other = next.elements[elements.get(i) ?? -1]?.init ?? [];
    if (init.length === other.length && init.every((expr, k) => sameConstant(expr, other[k], numbers))) {
      return;
    }
    findings.push({ subject: "elements", fits: false, text: `the passive segment ${i} has other elements` });
  });
  for (let table = 0; table < next.tables.length; table++) {
    const subject = `table ${table}`;
    const [before, after] = [initialElements(old, table), initialElements(next, table)];
    if (before === undefined || after === undefined) {
      if (sameSegments(numbers)) continue;
      const text = "segments begin at an imported global, and are not the same ones";
      findings.push({ subject, fits: false, text });
      continue;
    }
    const wrong: string[] = [];
    for (const [at, expr] of before) {
      const other = after.get(at);
      if (other !== undefined && sameConstant(expr, other, numbers)) continue;
      const retyped = expr.op === "ref.func" && numbers.retyped.get(expr.index);
      wrong.push(
        retyped !== false && retyped !== undefined
          ? `element ${at}: ${numbers.missing((expr as { index: number }).index)}`
          : `element ${at} was ${show(old, expr)}, and now is ${other ? show(next, other) : "empty"}`,
      );
    }
    if (wrong.length > 0) {
      const text = `${few(wrong)}: function pointers that the guest keeps would mean other functions`;
      findings.push({ subject, fits: false, text });
    }
    const more = new Map([...after].filter(([at]) => !before.has(at)));
    if (more.size > 0) added.set(table, more);
  }
  return { findings, added };
}

/** What active segments put into a table; `undefined` if where depends on the host. */
function initialElements({ elements }: Module, table: number): Map<number, ConstExpr> | undefined {
  const all = new Map<number, ConstExpr>();
  for (const { mode, init } of elements) {
    if (mode.kind !== "active" || mode.index !== table) continue;
    if (mode.offset.op !== "i32.const") return undefined;
    const start = mode.offset.value >>> 0;
    init.forEach((expr, i) => all.set(start + i, expr));
  }
  return all;
}

function sameSegments(numbers: Renumbering): boolean {
  const { old, next } = numbers;
  return old.elements.length === next.elements.length && old.elements.every(({ mode, init }, i) => {
    const { mode: other, init: others } = next.elements[i];
    const samePlace = mode.kind === "active" && other.kind === "active"
      ? mode.index === other.index && sameConstant(mode.offset, other.offset, numbers)
      : mode.kind === other.kind;
    return samePlace && init.length === others.length &&
      init.every((expr, k) => sameConstant(expr, others[k], numbers));
  });
}

function show(module: Module, expr: ConstExpr): string {
  return expr.op === "ref.func" ? functionName(module, expr.index) : showConstant(expr);
}
