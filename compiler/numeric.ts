/**
 * What each numeric instruction becomes in JavaScript, except those on i64 operands (`i64.ts`).
 *
 * - i32: a signed int32. Comparisons give a JavaScript boolean, which costs nothing as a condition and
 *   becomes 0 or 1 where it is used as a number.
 * - f64 and f32: a JavaScript number (an f32 is always a value that `Math.fround` keeps). A NaN in a number
 *   is the canonical NaN. Any other NaN is an object whose `valueOf` is NaN: arithmetic on it gives NaN, as
 *   it must, and moving it keeps its bits, which no JavaScript engine does for a number. `===` compares
 *   objects by identity and so is written with `+` on both sides, which costs nothing on a number.
 *
 * @module
 */
import { type Expression, intValue } from "./estree.ts";
import { type Template, template } from "./template.ts";

/** What kind of JavaScript value a template gives. */
export type Shape = "int" | "bool" | "number" | "raw";

export interface NumericRule {
  readonly make: Template;
  /** `int` is an int32; `number` is a number and never an object; `raw` is a float of any kind. */
  readonly shape: Shape;
  readonly traps: boolean;
  /** Whether an operand appears more than once and must be a variable or a literal. */
  readonly repeats: boolean;
}

const rules = new Map<string, NumericRule>();

function rule(shape: Shape, texts: Record<string, string>, traps = false) {
  for (const [name, text] of Object.entries(texts)) {
    const count = (hole: string) => text.split(hole).length - 1;
    rules.set(name, { make: template(text), shape, traps, repeats: count("$a") > 1 || count("$b") > 1 });
  }
}

rule("bool", {
  "i32.eqz": "$a === 0",
  "i32.eq": "$a === $b",
  "i32.ne": "$a !== $b",
  "i32.lt_s": "$a < $b",
  "i32.gt_s": "$a > $b",
  "i32.le_s": "$a <= $b",
  "i32.ge_s": "$a >= $b",
  "i32.lt_u": "$a >>> 0 < $b >>> 0",
  "i32.gt_u": "$a >>> 0 > $b >>> 0",
  "i32.le_u": "$a >>> 0 <= $b >>> 0",
  "i32.ge_u": "$a >>> 0 >= $b >>> 0",
});
for (const type of ["f32", "f64"]) {
  rule("bool", {
    [`${type}.eq`]: "+$a === +$b",
    [`${type}.ne`]: "+$a !== +$b",
    [`${type}.lt`]: "$a < $b",
    [`${type}.gt`]: "$a > $b",
    [`${type}.le`]: "$a <= $b",
    [`${type}.ge`]: "$a >= $b",
  });
}

rule("int", {
  "i32.clz": "clz32($a)",
  "i32.ctz": "32 - clz32(~$a & $a - 1)",
  "i32.popcnt": "H.popcnt($a)",
  "i32.add": "$a + $b | 0",
  "i32.sub": "$a - $b | 0",
  "i32.mul": "imul($a, $b)",
  "i32.and": "$a & $b",
  "i32.or": "$a | $b",
  "i32.xor": "$a ^ $b",
  "i32.shl": "$a << $b",
  "i32.shr_s": "$a >> $b",
  "i32.shr_u": "$a >>> $b | 0",
  "i32.rotl": "$a << $b | $a >>> 32 - $b",
  "i32.rotr": "$a >>> $b | $a << 32 - $b",
  "i32.extend8_s": "$a << 24 >> 24",
  "i32.extend16_s": "$a << 16 >> 16",
  "i32.reinterpret_f32": "H.bitsOfF32($a)",
  "i32.trunc_sat_f32_s": "H.truncSatS($a)",
  "i32.trunc_sat_f32_u": "H.truncSatU($a)",
  "i32.trunc_sat_f64_s": "H.truncSatS($a)",
  "i32.trunc_sat_f64_u": "H.truncSatU($a)",
});
rule("int", {
  "i32.div_s": "H.divS($a, $b)",
  "i32.div_u": "H.divU($a, $b)",
  "i32.rem_s": "H.remS($a, $b)",
  "i32.rem_u": "H.remU($a, $b)",
  "i32.trunc_f32_s": "H.truncS($a)",
  "i32.trunc_f32_u": "H.truncU($a)",
  "i32.trunc_f64_s": "H.truncS($a)",
  "i32.trunc_f64_u": "H.truncU($a)",
}, true);

rule("number", {
  "f64.ceil": "ceil($a)",
  "f64.floor": "floor($a)",
  "f64.trunc": "trunc($a)",
  "f64.nearest": "H.nearest($a)",
  "f64.sqrt": "sqrt($a)",
  "f64.add": "$a + $b",
  "f64.sub": "$a - $b",
  "f64.mul": "$a * $b",
  "f64.div": "$a / $b",
  "f64.min": "min($a, $b)",
  "f64.max": "max($a, $b)",
  "f64.convert_i32_s": "$a",
  "f64.convert_i32_u": "$a >>> 0",
  "f64.promote_f32": "+$a",
  "f32.ceil": "ceil($a)",
  "f32.floor": "floor($a)",
  "f32.trunc": "trunc($a)",
  "f32.nearest": "H.nearest($a)",
  "f32.sqrt": "fround(sqrt($a))",
  "f32.add": "fround($a + $b)",
  "f32.sub": "fround($a - $b)",
  "f32.mul": "fround($a * $b)",
  "f32.div": "fround($a / $b)",
  "f32.min": "min($a, $b)",
  "f32.max": "max($a, $b)",
  "f32.convert_i32_s": "fround($a)",
  "f32.convert_i32_u": "fround($a >>> 0)",
  "f32.demote_f64": "fround($a)",
});

// Sign operations work on bits, so they keep the payload of a NaN.
rule("raw", {
  "f64.abs": 'typeof $a === "number" ? abs($a) : H.absF64($a)',
  "f64.neg": 'typeof $a === "number" && $a === $a ? -$a : H.negF64($a)',
  "f64.copysign": "H.copysignF64($a, $b)",
  "f32.abs": 'typeof $a === "number" ? abs($a) : H.absF32($a)',
  "f32.neg": 'typeof $a === "number" && $a === $a ? -$a : H.negF32($a)',
  "f32.copysign": "H.copysignF32($a, $b)",
  "f32.reinterpret_i32": "H.f32OfBits($a)",
});

/** The rule of an instruction without i64 operands or results, else `undefined`. */
export function numericRule(name: string): NumericRule | undefined {
  return rules.get(name);
}

const constantDivisor: Record<string, Template> = {
  "i32.div_s": template("$a / $b | 0"),
  "i32.div_u": template("($a >>> 0) / $b | 0"),
  "i32.rem_s": template("$a % $b | 0"),
  "i32.rem_u": template("($a >>> 0) % $b | 0"),
};

/** The shorter, trap-free form of a division by a literal that is neither 0 nor -1. */
export function byConstant(name: string, a: Expression, b: Expression): Expression | undefined {
  const divisor = intValue(b);
  if (divisor === undefined || divisor === 0 || divisor === -1) return undefined;
  const make = constantDivisor[name];
  if (make === undefined) return undefined;
  return make({
    a,
    b: name.endsWith("_u") ? { type: "Literal", value: divisor >>> 0, raw: `${divisor >>> 0}` } : b,
  });
}
