/**
 * The few ESTree nodes that generated code is made of, and the one place that makes literals.
 * astring prints `-0` as `0` and NaN as `null`, so negative and special numbers are spelled here.
 *
 * @module
 */

/** An ESTree node; only `type` is common to all. */
export interface Node {
  type: string;
  // deno-lint-ignore no-explicit-any
  [field: string]: any;
}
/** A node that has a value. */
export type Expression = Node;
/** A node that stands in a statement list. */
export type Statement = Node;

/** Operators whose result is an int32 by definition (ECMA-262, 13.9 and 13.12). */
const int32Operators = new Set(["|", "&", "^", "<<", ">>"]);

const identifiers = new Map<string, Expression>();

/** An identifier. Nodes are never changed once made, so equal names share one. */
export function id(name: string): Expression {
  let node = identifiers.get(name);
  if (node === undefined) identifiers.set(name, node = { type: "Identifier", name });
  return node;
}

/** Literals of small integers, which are most of all. */
const smallIntegers: Expression[] = [];

/** A number: any double but a NaN, which has bits to keep and so never becomes a literal. */
export function num(value: number): Expression {
  if (value >= 0 && value < 1024 && Number.isInteger(value) && !Object.is(value, -0)) {
    return smallIntegers[value] ??= { type: "Literal", value, raw: String(value) };
  }
  if (value < 0 || Object.is(value, -0)) {
    return { type: "UnaryExpression", operator: "-", prefix: true, argument: num(-value) };
  }
  if (value === Infinity) return id("Infinity");
  return { type: "Literal", value, raw: String(value) };
}

/** A BigInt that is not negative. */
export function bigint(value: bigint): Expression {
  return { type: "Literal", value, bigint: String(value), raw: `${value}n` };
}

/** The value of an integer literal made by {@linkcode num}, else `undefined`. */
export function intValue(node: Expression): number | undefined {
  if (node.type === "Literal") return node.value;
  if (node.type === "UnaryExpression" && node.operator === "-" && node.argument.type === "Literal") {
    return -node.argument.value;
  }
  return undefined;
}

export function bin(operator: string, left: Expression, right: Expression): Expression {
  return { type: "BinaryExpression", operator, left, right };
}

export function logical(operator: "&&" | "||" | "??", left: Expression, right: Expression): Expression {
  return { type: "LogicalExpression", operator, left, right };
}

export function not(argument: Expression): Expression {
  return { type: "UnaryExpression", operator: "!", prefix: true, argument };
}

export function plus(argument: Expression): Expression {
  return { type: "UnaryExpression", operator: "+", prefix: true, argument };
}

export function assign(left: Expression, right: Expression): Expression {
  return { type: "AssignmentExpression", operator: "=", left, right };
}

export function cond(test: Expression, consequent: Expression, alternate: Expression): Expression {
  return { type: "ConditionalExpression", test, consequent, alternate };
}

export function member(object: Expression, property: string): Expression {
  return { type: "MemberExpression", object, property: id(property), computed: false };
}

export function index(object: Expression, property: Expression): Expression {
  return { type: "MemberExpression", object, property, computed: true };
}

export function call(callee: Expression, args: readonly Expression[]): Expression {
  return { type: "CallExpression", callee, arguments: args };
}

/** `object.name(args)` */
export function method(object: string, name: string, args: readonly Expression[]): Expression {
  return call(member(id(object), name), args);
}

/** `(node) | 0`, unless the node is an int32 by its shape. */
export function int(node: Expression): Expression {
  const isInt = node.type === "BinaryExpression"
    ? int32Operators.has(node.operator)
    : intValue(node) !== undefined;
  return isInt ? node : bin("|", node, num(0));
}

/** `(node) >>> 0`, or the literal that this is. */
export function uint(node: Expression): Expression {
  const value = intValue(node);
  return value === undefined ? bin(">>>", node, num(0)) : num(value >>> 0);
}

export function expr(expression: Expression): Statement {
  return { type: "ExpressionStatement", expression };
}

/** `left = right;` */
export function set(left: Expression, right: Expression): Statement {
  return expr(assign(left, right));
}

export function block(body: Statement[]): Statement {
  return { type: "BlockStatement", body };
}

export function ifThen(test: Expression, body: Statement[], otherwise?: Statement[]): Statement {
  return {
    type: "IfStatement",
    test,
    consequent: block(body),
    alternate: otherwise === undefined || otherwise.length === 0 ? null : block(otherwise),
  };
}

export function labeled(label: string, body: Statement): Statement {
  return { type: "LabeledStatement", label: id(label), body };
}

export function breakTo(label: string): Statement {
  return { type: "BreakStatement", label: id(label) };
}

export function continueTo(label: string): Statement {
  return { type: "ContinueStatement", label: id(label) };
}

/** `for (;;) { body }` */
export function forever(body: Statement[]): Statement {
  return { type: "ForStatement", init: null, test: null, update: null, body: block(body) };
}

export function returns(argument: Expression | null): Statement {
  return { type: "ReturnStatement", argument };
}

/** `switch (on) { case a: case b: body ... default: body }`; an arm without tests is the default. */
export function switchOn(
  on: Expression,
  arms: readonly { tests: readonly number[]; isDefault: boolean; body: Statement[] }[],
): Statement {
  const cases: Node[] = [];
  for (const arm of arms) {
    const tests: (Expression | null)[] = arm.tests.map(num);
    if (arm.isDefault) tests.push(null);
    tests.forEach((test, i) => {
      cases.push({ type: "SwitchCase", test, consequent: i === tests.length - 1 ? arm.body : [] });
    });
  }
  return { type: "SwitchStatement", discriminant: on, cases };
}

/** `let a = 0, b = +v[1], ...;` */
export function letAll(variables: Iterable<readonly [string, Expression]>): Statement {
  return {
    type: "VariableDeclaration",
    kind: "let",
    declarations: [...variables].map(([name, init]) => ({ type: "VariableDeclarator", id: id(name), init })),
  };
}
