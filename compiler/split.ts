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
import { type View, views } from "./context.ts";
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
  num,
  returns,
  set,
  type Statement,
  switchOn,
  uint,
} from "./estree.ts";
import { decides, exitKey, Exits, lists, Sizes, walk, withLists } from "./statements.ts";

/**
 * What a variable holds.
 * - `int`: an int32
 * - `any`: a float or a reference
 * - `twin`: the unsigned value of the local of the same number
 * - `view`: a view of memory 0
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
  const runs = new Runs(sizes, exits, largestPart * maxSize);
  const last = smallestParts.length - 1;
  const smallest = smallestParts.find((share, i) =>
    runs.rest(code, share * maxSize) <= (i < last ? 1 : tolerance) * maxSize
  );
  const splitter = new Splitter(runs, exits, variables, (smallest ?? smallestParts[0]) * maxSize);
  splitter.survey(code);
  const rest = splitter.list(code);
  const { parts, mostVariables } = splitter;
  return parts.length === 0 ? undefined : { code: rest, parts, variables: mostVariables };
}

/** What a call of a part takes, and the dispatch behind it. */
const callSize = 100;

/** What a statement takes besides the lists in it. */
const statementSize = 15;

/** A statement that is looked into, or a run of statements that may become a part. */
type Piece = { readonly inside: Statement } | { readonly run: readonly Statement[]; readonly size: number };

/** How lists of statements fall apart into runs: what is too large, or leads to too many places, is looked into. */
class Runs {
  readonly #known = new Map<readonly Statement[], Piece[]>();

  constructor(
    private readonly sizes: Sizes,
    private readonly exits: Exits,
    private readonly maxSize: number,
  ) {}

  of(list: readonly Statement[]): readonly Piece[] {
    let pieces = this.#known.get(list);
    if (pieces === undefined) this.#known.set(list, pieces = this.#find(list));
    return pieces;
  }

  #find(list: readonly Statement[]): Piece[] {
    const pieces: Piece[] = [];
    let run: Statement[] = [];
    let size = 0;
    const close = () => {
      if (run.length > 0) pieces.push({ run, size: this.exits.ofList(run).size > maxExits ? 0 : size });
      run = [];
      size = 0;
    };
    for (const statement of list) {
      const own = this.sizes.of(statement);
      const isWide = own > this.maxSize || this.exits.of(statement).size > maxExits;
      if (isWide && lists(statement).length > 0) {
        close();
        pieces.push({ inside: statement });
        continue;
      }
      if (size + own > this.maxSize) close();
      run.push(statement);
      size += own;
    }
    close();
    return pieces;
  }

  /** What is left of a list if runs of at least `minSize` become parts. */
  rest(list: readonly Statement[], minSize: number): number {
    let size = 0;
    for (const piece of this.of(list)) {
      if ("inside" in piece) {
        size += statementSize;
        for (const inner of lists(piece.inside)) size += this.rest(inner, minSize);
      } else size += piece.size >= minSize ? callSize : this.sizes.ofList(piece.run);
    }
    return size;
  }
}

/** How often variables occur. */
type Uses = Map<string, number>;

/** What a run of statements does with variables. */
interface Flow {
  /** Read before they are surely written. */
  readonly inputs: Set<string>;
  readonly written: Set<string>;
  /** Surely written before the run is left. */
  readonly assigned: Set<string>;
  readonly uses: Uses;
}

class Splitter {
  readonly parts: Expression[] = [];
  mostVariables = 0;

  constructor(
    private readonly runs: Runs,
    private readonly exits: Exits,
    private readonly variables: ReadonlyMap<string, VariableKind>,
    private readonly minSize: number,
  ) {}

  /** Of the whole function. */
  readonly #uses: Uses = new Map();
  readonly #flows = new Map<readonly Statement[], Flow>();

  /** Finds what a list does with variables; first of all, so that it is known what is used elsewhere. */
  survey(list: readonly Statement[]): void {
    for (const piece of this.runs.of(list)) {
      if ("run" in piece) {
        const flow = this.#flow(piece.run);
        if (piece.size >= this.minSize) this.#flows.set(piece.run, flow);
        for (const [name, count] of flow.uses) this.#uses.set(name, (this.#uses.get(name) ?? 0) + count);
        continue;
      }
      const deciding = decides(piece.inside);
      if (deciding) walk(deciding, (name) => this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1));
      for (const inner of lists(piece.inside)) this.survey(inner);
    }
  }

  /** A list with parts taken out. */
  list(list: Statement[]): Statement[] {
    return this.runs.of(list).flatMap((piece) => {
      if ("inside" in piece) return [withLists(piece.inside, (inner) => this.list(inner))];
      return piece.size >= this.minSize ? this.#part(piece.run) : piece.run;
    });
  }

  /** Makes a run of statements a part, and gives the statements that call it. */
  #part(run: readonly Statement[]): Statement[] {
    const exits = this.exits.ofList(run);
    const { inputs, outputs, own } = this.#interface(this.#flows.get(run)!);
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

  #flow(run: readonly Statement[]): Flow {
    const inputs = new Set<string>();
    const written = new Set<string>();
    const assigned = new Set<string>();
    const uses: Uses = new Map();
    let mayHaveLeft = false;
    let isCertain = false;
    const use = (name: string, writes: boolean) => {
      if (!this.variables.has(name)) return;
      uses.set(name, (uses.get(name) ?? 0) + 1);
      if (!writes) {
        if (!assigned.has(name)) inputs.add(name);
        return;
      }
      written.add(name);
      if (isCertain) assigned.add(name);
    };
    for (const statement of run) {
      isCertain = !mayHaveLeft && statement.type === "ExpressionStatement";
      walk(statement, use);
      mayHaveLeft ||= this.exits.of(statement).size > 0;
    }
    return { inputs, written, assigned, uses };
  }

  /**
   * Which variables a part takes, which it hands back, and which it only uses itself. What it hands back but may
   * not have written before it is left, it takes, too. In a loop, it may need what it wrote the last time.
   */
  #interface({ inputs, written, assigned, uses }: Flow): Interface {
    const isWanted = (name: string) => inputs.has(name) || uses.get(name) !== this.#uses.get(name);
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
    if (this.variables.get(name) === "twin") return uint(id(localOf(name)));
    return member(id("M0"), views[name as View]);
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

/** The variables that a part takes, hands back, and has of its own. */
interface Interface {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly own: readonly string[];
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
