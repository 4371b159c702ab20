/**
 * Questions about generated statements: how long they are, which variables they use, how they are left, and
 * what lists of statements are in them.
 *
 * @module
 */
import type { Node, Statement } from "./estree.ts";

/** The text that nodes take, roughly. */
export class Sizes {
  /** Of statements that hold others, which are asked for again and again. */
  readonly #known = new Map<Node, number>();

  ofList(list: readonly Node[]): number {
    let size = 0;
    for (const node of list) if (node) size += this.of(node);
    return size;
  }

  of(node: Node): number {
    if (node.type === "Identifier") return node.name.length;
    if (node.type === "Literal") return node.raw.length;
    const isOuter = outerStatements.has(node.type);
    const known = isOuter ? this.#known.get(node) : undefined;
    if (known !== undefined) return known;
    let size = 3;
    for (const key of childKeys[node.type] ?? noKeys) {
      const field = node[key];
      if (Array.isArray(field)) size += this.ofList(field);
      else if (field) size += this.of(field);
    }
    if (isOuter) this.#known.set(node, size);
    return size;
  }
}

const outerStatements = new Set(["IfStatement", "LabeledStatement", "ForStatement", "SwitchStatement"]);

/** Where nodes have others in them, in order of evaluation. */
const childKeys: Readonly<Record<string, readonly string[]>> = {
  ArrayExpression: ["elements"],
  AssignmentExpression: ["left", "right"],
  BinaryExpression: ["left", "right"],
  BlockStatement: ["body"],
  CallExpression: ["callee", "arguments"],
  ConditionalExpression: ["test", "consequent", "alternate"],
  ExpressionStatement: ["expression"],
  ForStatement: ["body"],
  IfStatement: ["test", "consequent", "alternate"],
  LabeledStatement: ["body"],
  LogicalExpression: ["left", "right"],
  MemberExpression: ["object", "property"],
  ReturnStatement: ["argument"],
  SwitchCase: ["test", "consequent"],
  SwitchStatement: ["discriminant", "cases"],
  UnaryExpression: ["argument"],
};
const noKeys: readonly string[] = [];

function eachChild(node: Node, visit: (child: Node) => void): void {
  for (const key of childKeys[node.type] ?? noKeys) {
    const field = node[key];
    if (Array.isArray(field)) { for (const child of field) visit(child); }
    else if (field) visit(field);
  }
}

/** Calls back for each variable in order of evaluation. */
export function walk(node: Node, use: (name: string, writes: boolean) => void): void {
  switch (node.type) {
    case "Identifier":
      return use(node.name, false);
    case "AssignmentExpression":
      if (node.left.type !== "Identifier") walk(node.left, use);
      walk(node.right, use);
      if (node.left.type === "Identifier") use(node.left.name, true);
      return;
    case "MemberExpression":
      walk(node.object, use);
      if (node.computed) walk(node.property, use);
      return;
  }
  eachChild(node, (child) => walk(child, use));
}

type Jumps = ReadonlyMap<string, Statement>;
const noJumps: Jumps = new Map();

/** The jumps that leave statements, by target. */
export class Exits {
  readonly #known = new Map<Node, Jumps>();

  ofList(list: readonly Statement[]): Jumps {
    const jumps = new Map<string, Statement>();
    for (const statement of list) for (const [key, jump] of this.of(statement)) jumps.set(key, jump);
    return jumps;
  }

  of(statement: Statement): Jumps {
    switch (statement.type) {
      case "ExpressionStatement":
        return noJumps;
      case "BreakStatement":
      case "ContinueStatement":
      case "ReturnStatement":
        return new Map([[exitKey(statement), statement]]);
    }
    let jumps = this.#known.get(statement);
    if (jumps === undefined) this.#known.set(statement, jumps = this.#find(statement));
    return jumps;
  }

  #find(statement: Statement): Jumps {
    const jumps = new Map<string, Statement>();
    for (const list of lists(statement)) for (const [key, jump] of this.ofList(list)) jumps.set(key, jump);
    if (statement.type === "LabeledStatement") {
      const { label } = statement;
      for (const type of ["BreakStatement", "ContinueStatement"]) jumps.delete(exitKey({ type, label }));
    }
    return jumps;
  }
}

export const exitKey = (node: Statement) =>
  node.type !== "ReturnStatement" ? node.type + node.label.name : node.argument ? "return value" : "return";

/** The expression by which a statement chooses between its lists, if there is one. */
export function decides(node: Node): Node | undefined {
  return node.type === "LabeledStatement" ? decides(node.body) : node.test ?? node.discriminant ?? undefined;
}

/** The statement lists right inside a statement. */
export function lists(node: Node): Statement[][] {
  switch (node.type) {
    case "BlockStatement":
      return [node.body];
    case "LabeledStatement":
    case "ForStatement":
      return lists(node.body);
    case "IfStatement":
      return [...lists(node.consequent), ...(node.alternate ? lists(node.alternate) : [])];
    case "SwitchStatement":
      return node.cases.map(({ consequent }: Node) => consequent);
  }
  return [];
}

/** The same statement with other lists in it. */
export function withLists(node: Node, change: (list: Statement[]) => Statement[]): Node {
  switch (node.type) {
    case "BlockStatement":
      return { ...node, body: change(node.body) };
    case "LabeledStatement":
    case "ForStatement":
      return { ...node, body: withLists(node.body, change) };
    case "IfStatement":
      return {
        ...node,
        consequent: withLists(node.consequent, change),
        alternate: node.alternate && withLists(node.alternate, change),
      };
    case "SwitchStatement":
      return {
        ...node,
        cases: node.cases.map((each: Node) => ({ ...each, consequent: change(each.consequent) })),
      };
  }
  return node;
}
