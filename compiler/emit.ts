/**
 * From lowered functions to source text. The text of a function is the body of a JavaScript function
 * with the parameters `rt` (everything it may use) and `K` (its {@linkcode Form}); it returns the code.
 *
 * @module
 */
import { generate } from "astring";
import { freeNames, type LoweredFunction, twinName } from "./context.ts";

/** Names that any generated code may use, and where they are. */
const fixed: readonly (readonly [string, string])[] = [
  ["X", "rt.X"],
  ["U", "rt.U"],
  ["R", "rt.R"],
  ["V", "rt.V"],
  ["H", "rt.H"],
  ["S", "rt.S"],
  ...["imul", "clz32", "fround", "ceil", "floor", "trunc", "sqrt", "min", "max", "abs"].map(
    (name) => [name, `Math.${name}`] as const,
  ),
  ["asIntN", "BigInt.asIntN"],
  ["asUintN", "BigInt.asUintN"],
];

/** Which collection of `rt` holds the names with each prefix. */
const collections = new Map(
  Object.entries({ memory: "memories", table: "tables", global: "globals", func: "funcs", type: "types" })
    .map(
      ([kind, collection]) => [freeNames[kind as keyof typeof freeNames] as string, collection],
    ),
);

const anyFixed = new RegExp(`\\b(?:${fixed.map(([name]) => name).join("|")})\\b`, "g");

/** Longer functions are not inlined by V8, so a second one would be of no use. */
const maxTwinLength = 6000;

const anyTwin = new RegExp(`\\b${twinName}\\b`, "g");

/** A function that calls its twin: two of them, which call each other, or a long one that is its own. */
function withTwin(code: string): string {
  if (code.length > maxTwinLength) return `const ${twinName} = (${code});\nreturn ${twinName};`;
  return `const A = (${code}), ${twinName} = (${code.replace(anyTwin, "A")});\nreturn A;`;
}

/** Prints a lowered function. */
export function emit(lowered: LoweredFunction): string {
  const { node, parts, partVariables, free, wide, callsItself } = lowered;
  const code = generate(node, { indent: "" });
  const partCode = parts.map((part) => generate(part, { indent: "" }));
  const bindings: string[] = [];
  const used = new Set([code, ...partCode].flatMap((text) => text.match(anyFixed) ?? []));
  for (const [name, source] of fixed) if (used.has(name)) bindings.push(`${name} = ${source}`);
  for (const name of free) bindings.push(`${name} = rt.${collections.get(name[0])}[${name.slice(1)}]`);
  if (wide > 0) {
    bindings.push(
      `W = rt.X.wide(${wide})`,
      "Y = new BigInt64Array(W.buffer)",
      "Q = new Int32Array(W.buffer)",
    );
  }
  if (parts.length > 0) bindings.push(`O = new Int32Array(${partVariables})`, "G = []");
  partCode.forEach((text, i) => bindings.push(`P${i} = ${text}`));
  const prelude = bindings.length === 0 ? "" : `const ${bindings.join(", ")};\n`;
  return `"use strict";\n${prelude}${callsItself ? withTwin(code) : `return (${code});`}`;
}
