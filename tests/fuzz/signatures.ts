/**
 * The opcode table as the generator wants it: instructions grouped by what they take and give.
 *
 * @module
 */

import { type Opcode, opcodes } from "../../compiler/opcodes.ts";
import { ValType, type ValTypeName } from "../../compiler/types.ts";

/** An instruction with a fixed signature. */
export interface Signed {
  readonly opcode: Opcode;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  /** Gives some NaN, but the specification does not say which one. */
  readonly vague: boolean;
  /** Does not tell one NaN from another, so its operands may be vague. */
  readonly blind: boolean;
}

const arithmetic =
  /^f(32|64)\.(ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|demote_f64|promote_f32)$/;
const observer = /^f(32|64)\.(eq|ne|lt|gt|le|ge)$|\.trunc_(sat_)?f/;

function signed(opcode: Opcode): Signed {
  const [params, results] = opcode.signature!.split("->").map((side) =>
    side.split(" ").filter((name) => name !== "").map((name) => ValType[name as ValTypeName])
  );
  const vague = arithmetic.test(opcode.name);
  return { opcode, params, results, vague, blind: vague || observer.test(opcode.name) };
}

const all = opcodes.filter((opcode) => opcode.signature !== null).map(signed);
/** Operations: no immediates, one result. */
export const operations = all.filter((entry) =>
  entry.opcode.immediate === "none" && entry.results.length === 1
);

/** The type of some NaN that an instruction may give, if the specification does not say which one. */
export function vagueType(code: number): ValType | undefined {
  return vague.get(code);
}
const vague = new Map(
  all.filter((entry) => entry.vague).map(({ opcode, results }) => [opcode.code, results[0]]),
);

export const numericTypes = [ValType.i32, ValType.i64, ValType.f32, ValType.f64] as const;
export const refTypes = [ValType.funcref, ValType.externref] as const;

function groups(
  key: (entry: Signed) => ValType,
  entries: readonly Signed[],
): Map<ValType, readonly Signed[]> {
  return new Map(numericTypes.map((type) => [type, entries.filter((entry) => key(entry) === type)]));
}

/** Operations by result type. */
export const producing = groups((entry) => entry.results[0], operations);
/** Operations by the type of their first operand. */
export const consuming = groups((entry) => entry.params[0], operations);
const accesses = all.filter((entry) => entry.opcode.immediate === "memarg");
/** Loads by result type. */
export const loads = groups(
  (entry) => entry.results[0],
  accesses.filter((entry) => entry.results.length === 1),
);
/** Stores by the type stored. */
export const stores = groups(
  (entry) => entry.params[1],
  accesses.filter((entry) => entry.results.length === 0),
);

/** Whether a numeric type or any other: `select` without a type wants the first. */
export function isNumeric(type: ValType): boolean {
  return (numericTypes as readonly ValType[]).includes(type);
}
