/**
 * JavaScript templates: written as text where a person reads them, parsed once by acorn, filled with
 * nodes many times.
 *
 * @module
 */
import { parseExpressionAt } from "acorn";
import type { Expression, Node } from "./estree.ts";

/** Makes an expression from the nodes that its placeholders stand for. */
export type Template = (holes: Readonly<Record<string, Expression>>) => Expression;

type Maker = (holes: Readonly<Record<string, Expression>>) => unknown;

/** Compiles one parsed value into a function that rebuilds it around the holes. */
function maker(value: unknown): Maker {
  if (Array.isArray(value)) {
    const makers = value.map(maker);
    return (holes) => makers.map((make) => make(holes));
  }
  if (value === null || typeof value !== "object") return () => value;
  const node = value as Node;
  if (node.type === "ParenthesizedExpression") return maker(node.expression);
  if (node.type === "Identifier") {
    const plain = { type: "Identifier", name: node.name };
    if (!node.name.startsWith("$")) return () => plain;
    const hole = node.name.slice(1);
    return (holes) => holes[hole];
  }
  const fields = Object.keys(node).filter((key) => key !== "start" && key !== "end");
  if (!mentionsHole(node)) {
    const plain = maker0(node, fields);
    return () => plain;
  }
  const makers = fields.map((key) => [key, maker(node[key])] as const);
  return (holes) => {
    const out: Record<string, unknown> = {};
    for (const [key, make] of makers) out[key] = make(holes);
    return out;
  };
}

function maker0(node: Node, fields: string[]): Node {
  const out: Node = { type: node.type };
  for (const key of fields) out[key] = maker(node[key])({});
  return out;
}

function mentionsHole(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(mentionsHole);
  if (value === null || typeof value !== "object") return false;
  const node = value as Node;
  if (node.type === "Identifier") return node.name.startsWith("$");
  return Object.values(node).some(mentionsHole);
}

/**
 * A template from one JavaScript expression. Identifiers that start with `$` are its placeholders.
 *
 * ```ts
 * const add = template("$a + $b | 0");
 * add({ a: id("x"), b: num(1) }); // the ESTree of: x + 1 | 0
 * ```
 */
export function template(text: string): Template {
  let make: Maker | undefined;
  return (holes) => {
    make ??= maker(parseExpressionAt(text, 0, { ecmaVersion: 2022 }));
    return make(holes) as Expression;
  };
}
