/**
 * Splitting what V8 would not optimise: beyond 60 KB of bytecode it leaves a function to its slower tiers, or,
 * once a loop in it has been found hot, to the interpreter for good. Runs of statements of a large function
 * become functions of their own, called _parts_.
 *
 * A part takes the variables that it reads as parameters, and leaves those that it wrote in `O` (int32s) and `G`
 * (all others). What it returns says how it ended: 0 at its end, else by the jump out of it with that number.
 *
 * @module
 */
import {
  bin,
  block,
  breakTo,
  call,
  expr,
  type Expression,
  id,
  ifThen,
  index,
  int,
  labeled,
  letAll,
  member,
  type Node,
  num,
  returns,
  set,
  type Statement,
  switchOn,
  uint,
} from "./estree.ts";
import { exitKey, Exits, lists, Sizes, walk, withLists } from "./statements.ts";

/**
 * What a variable holds.
 * - `int`: an int32
 * - `any`: a float or a reference
 * - `twin`: the unsigned value of the local of the same number
 * - `view`: the view of memory 0
 */
export type VariableKind = "int" | "any" | "twin" | "view";

/** A function that was split. */
export interface Split {
  readonly code: Statement[];
  /** Function expressions; part `i` is called `P` and `i`. */
  readonly parts: readonly Expression[];
  /** Variables of the part that has most. */
  readonly variables: number;
}

/** No part is larger than this share of what a function may have, unless a single statement is. */
const largestPart = 0.5;
/** Smaller runs of statements stay where they are: the first of these that makes the rest small enough counts. */
const smallestParts = [0.08, 0.03, 0.012, 0.006];
/** A run with more ways out is no part: a dispatch would be done twice. */
const maxExits = 12;

/** How much longer than it should be a function may stay: V8's limit is not quite that near. */
const tolerance = 1.3;

/**
 * Splits a function's statements, if they are too large. Where that does not make it small enough, only the
 * largest parts are taken out: the others would cost calls, and win nothing.
 *
 * @param maxSize In characters: as many as there will be bytes of bytecode, more or less.
 */
export function split(
  code: Statement[],
  variables: ReadonlyMap<string, VariableKind>,
  maxSize: number,
): Split | undefined {
  const sizes = new Sizes();
  if (sizes.ofList(code) <= maxSize) return undefined;
  const exits = new Exits();
  const uses = usesIn(code, variables);
  let first: Split | undefined;
  for (const smallest of smallestParts) {
    const splitter = new Splitter(sizes, exits, variables, uses, smallest * maxSize, largestPart * maxSize);
    const rest = splitter.list(code);
    const { parts, mostVariables } = splitter;
    const made = { code: rest, parts, variables: mostVariables };
    const size = sizes.ofList(rest);
    const isLast = smallest === smallestParts[smallestParts.length - 1];
    if (size <= maxSize || (isLast && size <= maxSize * tolerance)) return made;
    first ??= made;
  }
  return first!.parts.length === 0 ? undefined : first;
}

type Uses = Map<string, number>;

function usesIn(code: readonly Node[], variables: ReadonlyMap<string, VariableKind>): Uses {
  const uses: Uses = new Map();
  for (const node of code) {
    walk(node, (name) => {
      if (variables.has(name)) uses.set(name, (uses.get(name) ?? 0) + 1);
    });
  }
  return uses;
}

class Splitter {
  readonly parts: Expression[] = [];
  mostVariables = 0;

  constructor(
    private readonly sizes: Sizes,
    private readonly exits: Exits,
    private readonly variables: ReadonlyMap<string, VariableKind>,
    private readonly uses: Uses,
    private readonly minSize: number,
    private readonly maxSize: number,
  ) {}

  /** A list with parts taken out. What is too large, or leads to too many places, is split inside. */
  list(list: Statement[]): Statement[] {
    const out: Statement[] = [];
    let run: Statement[] = [];
    let size = 0;
    const close = () => {
      out.push(...(size >= this.minSize ? this.#part(run) : run));
      run = [];
      size = 0;
    };
    for (const statement of list) {
      const own = this.sizes.of(statement);
      const isWide = own > this.maxSize || this.exits.of(statement).size > maxExits;
      if (isWide && lists(statement).length > 0) {
        close();
        out.push(withLists(statement, (inner) => this.list(inner)));
        continue;
      }
      if (size + own > this.maxSize) close();
      run.push(statement);
      size += own;
    }
    close();
    return out;
  }

  /** Makes a run of statements a part, and gives the statements that call it. */
  #part(run: Statement[]): Statement[] {
    const exits = this.exits.ofList(run);
    if (exits.size > maxExits) return run;
    const { inputs, outputs, own } = this.#flow(run);
    const number = this.parts.length;
    const codes = new Map([...exits.keys()].map((key, i) => [key, i + 1]));
    this.parts.push(partFunction(number, run, this.#head(inputs, own), this.#leave(outputs), codes));
    this.mostVariables = Math.max(this.mostVariables, inputs.length + own.length);
    const invocation = call(id("P" + number), inputs.filter((name) => this.#isPassed(name)).map(id));
    const e = id("e");
    return [
      exits.size === 0 ? expr(invocation) : set(e, invocation),
      ...this.#take(outputs),
      ...dispatch(e, [...exits.values()]),
    ];
  }

  #isPassed(name: string): boolean {
    const kind = this.variables.get(name);
    return kind === "int" || kind === "any";
  }

  /**
   * Which variables a run needs from outside, which it hands back, and which it only uses itself. What it hands
   * back but may not have written before it is left, it needs, too.
   */
  #flow(run: readonly Statement[]): { inputs: string[]; outputs: string[]; own: string[] } {
    const inputs = new Set<string>();
    const written = new Set<string>();
    const assigned = new Set<string>();
    const count: Uses = new Map();
    let mayHaveLeft = false;
    const use = (isCertain: boolean) => (name: string, writes: boolean) => {
      const kind = this.variables.get(name);
      if (kind === undefined) return;
      count.set(name, (count.get(name) ?? 0) + 1);
      if (!writes) {
        if (!assigned.has(name)) inputs.add(name);
        return;
      }
      written.add(name);
      if (isCertain) assigned.add(name);
    };
    for (const statement of run) {
      walk(statement, use(!mayHaveLeft && statement.type === "ExpressionStatement"));
      if (this.exits.of(statement).size > 0) mayHaveLeft = true;
    }
    // In a loop, a run may need what it wrote the last time.
    const isWanted = (name: string) => inputs.has(name) || count.get(name) !== this.uses.get(name);
    const outputs = [...written].filter(isWanted);
    for (const name of outputs) if (!assigned.has(name)) inputs.add(name);
    // A twin is made from its local.
    for (const name of inputs) if (this.variables.get(name) === "twin") inputs.add(localOf(name));
    const own = [...written].filter((name) => !inputs.has(name));
    return { inputs: [...inputs], outputs, own };
  }

  /** Parameters and variables of a part. */
  #head(inputs: readonly string[], own: readonly string[]): Head {
    const variables: [string, Expression][] = [["e", num(0)]];
    const statements: Statement[] = [];
    for (const name of inputs) {
      const kind = this.variables.get(name)!;
      if (kind === "int") statements.push(set(id(name), int(id(name))));
      else if (kind !== "any") variables.push([name, this.#derived(name)]);
    }
    for (const name of own) variables.push([name, num(0)]);
    return { params: inputs.filter((name) => this.#isPassed(name)), variables, statements };
  }

  #derived(name: string): Expression {
    return this.variables.get(name) === "twin" ? uint(id(localOf(name))) : member(id("M0"), "d");
  }

  /** At the end of a part: its outputs are left in `O` and `G`. `G[0]` is for a result. */
  #leave(outputs: readonly string[]): Statement[] {
    return this.#passed(outputs).map(([name, store]) => set(store, id(name)));
  }

  #take(outputs: readonly string[]): Statement[] {
    const derived = outputs.filter((name) => !this.#isPassed(name));
    return [
      ...this.#passed(outputs).map(([name, store]) => set(id(name), store)),
      ...derived.map((name) => set(id(name), this.#derived(name))),
    ];
  }

  #passed(outputs: readonly string[]): [string, Expression][] {
    let [ints, others] = [0, 1];
    return outputs.filter((name) => this.#isPassed(name)).map((name) => [
      name,
      this.variables.get(name) === "int" ? index(id("O"), num(ints++)) : index(id("G"), num(others++)),
    ]);
  }
}

/** The local whose unsigned twin this is. */
const localOf = (twin: string) => "l" + twin.slice(1);

interface Head {
  readonly params: readonly string[];
  readonly variables: readonly [string, Expression][];
  readonly statements: readonly Statement[];
}

function partFunction(
  number: number,
  run: readonly Statement[],
  head: Head,
  leave: readonly Statement[],
  codes: ReadonlyMap<string, number>,
): Expression {
  const body = run.flatMap((statement) => leaving(statement, [], codes));
  return {
    type: "FunctionExpression",
    id: id("P" + number),
    params: head.params.map(id),
    body: block([
      letAll(head.variables),
      ...head.statements,
      codes.size === 0 ? block(body) : labeled("E", block(body)),
      ...leave,
      returns(id("e")),
    ]),
    generator: false,
    async: false,
  };
}

/** A statement whose jumps out of the part leave it with their number. */
function leaving(
  statement: Statement,
  inner: readonly string[],
  codes: ReadonlyMap<string, number>,
): Statement[] {
  switch (statement.type) {
    case "BreakStatement":
    case "ContinueStatement":
      if (inner.includes(statement.label.name)) return [statement];
      return [set(id("e"), num(codes.get(exitKey(statement))!)), breakTo("E")];
    case "ReturnStatement":
      return [
        ...(statement.argument ? [set(index(id("G"), num(0)), statement.argument)] : []),
        set(id("e"), num(codes.get(exitKey(statement))!)),
        breakTo("E"),
      ];
  }
  const labels = statement.type === "LabeledStatement" ? [...inner, statement.label.name] : inner;
  return [withLists(statement, (list) => list.flatMap((each) => leaving(each, labels, codes)))];
}

/** After a call of a part: the jump that it ended with. */
function dispatch(e: Expression, exits: readonly Statement[]): Statement[] {
  const jumps = exits.map((exit) =>
    exit.type === "ReturnStatement" && exit.argument ? returns(index(id("G"), num(0))) : exit
  );
  if (jumps.length === 0) return [];
  if (jumps.length === 1) return [ifThen(bin("!==", e, num(0)), [jumps[0]])];
  return [switchOn(e, jumps.map((jump, i) => ({ tests: [i + 1], isDefault: false, body: [jump] })))];
}
