/**
 * Constant expressions of two builds.
 *
 * @module
 */
import type { ConstExpr } from "../types.ts";
import type { Renumbering } from "./renumbering.ts";

/** Whether an expression has the same value in the new module. */
export function sameConstant(old: ConstExpr, next: ConstExpr, { funcs }: Renumbering): boolean {
  if (old.op === "ref.func" && next.op === "ref.func") return funcs.get(old.index) === next.index;
  return old.op === next.op && payload(old) === payload(next);
}

function payload(expr: ConstExpr): number | bigint {
  switch (expr.op) {
    case "i32.const":
    case "i64.const":
      return expr.value;
    case "f32.const":
    case "f64.const":
      return expr.bits;
    case "ref.null":
      return expr.type;
    default:
      return expr.index;
  }
}

/** An expression as the text format has it. */
export function showConstant(expr: ConstExpr): string {
  return `${expr.op} ${payload(expr)}`;
}
