/**
 * Saving frames: the statements that leave a function at a site, and the description of what they save.
 *
 * With few sites, each saves what it needs itself: V8 takes code that never ran for a dead end, and keeps
 * nothing else alive for it. With many, they share one block at the end of the function.
 *
 * @module
 */
import {
  block as blockOf,
  breakTo,
  expr,
  type Expression,
  id,
  labeled,
  method,
  num,
  returns,
  set,
  type Statement,
} from "./estree.ts";
import { isLive, type Liveness } from "./liveness.ts";
import type { Place, Value } from "./operands.ts";
import type { Form, Site, SiteKind, Source } from "./sites.ts";
import { isRefType, type ValType } from "./types.ts";

/** Functions with more sites than this share one capture block. */
export const maxSitesInPlace = 24;
/** Calls with more arguments than this are split. */
export const maxArguments = 400;

/** Variables and elements to be saved, in order. */
class Saved {
  readonly list: Expression[] = [];
  readonly #positions = new Map<string, number>();

  #at(variable: Expression): number {
    const { name, property } = variable;
    const key = name ?? `Q${property.value}`;
    let position = this.#positions.get(key);
    if (position === undefined) this.#positions.set(key, position = this.list.push(variable) - 1);
    return position;
  }

  place({ node, high }: Place): Source {
    const at = this.#at(node);
    return high === undefined ? { at } : { at, highAt: this.#at(high) };
  }

  operand(value: Value): Source {
    return value.place === "const" ? constantSource(value) : this.place(value);
  }
}

export class Captures {
  readonly #sites: Site[] = [];
  /** Set where all sites share one block. */
  readonly #shared: Saved | undefined;

  /**
   * @param place Where each local is kept.
   * @param params How many of the locals are parameters.
   * @param liveness Given if each site is to save its own.
   */
  constructor(
    private readonly localTypes: readonly ValType[],
    private readonly place: (local: number) => Place,
    private readonly params: number,
    private readonly liveness: Liveness | undefined,
  ) {
    this.#shared = liveness === undefined ? new Saved() : undefined;
  }

  /**
   * A new site.
   *
   * @param at File offset of its instruction.
   * @param offset The same in the contents of the code section: its name.
   * @param values The operand stack there.
   */
  add(kind: SiteKind, at: number, offset: number, values: readonly Value[]): {
    number: number;
    leave: Statement[];
  } {
    const saved = this.#shared ?? new Saved();
    const site: Site = {
      offset,
      kind,
      types: values.map(({ type }) => type),
      locals: this.localTypes.map((type, i) =>
        this.#wanted(kind, at, i) ? saved.place(this.place(i)) : dead(type)
      ),
      operands: values.map((value) => saved.operand(value)),
    };
    const number = this.#sites.push(site) - 1;
    const leave = this.#shared
      ? [set(id("pc"), num(number)), breakTo("C")]
      : [...captureCall(num(number), saved.list), returns(null)];
    return { number, leave };
  }

  #wanted(kind: SiteKind, at: number, local: number): boolean {
    if (this.#shared) return true;
    if (kind === "entry") return local < this.params;
    const live = this.liveness!.get(at);
    return live === undefined || isLive(live, local);
  }

  /** Whether the function needs the variable `pc`. */
  get usesBlock(): boolean {
    return this.#shared !== undefined && this.#sites.length > 0;
  }

  /** A function's statements with the shared block behind them, if there is one. */
  around(code: Statement[]): Statement[] {
    if (!this.usesBlock) return code;
    return [labeled("C", blockOf(code)), ...captureCall(id("pc"), this.#shared!.list)];
  }

  form(func: number): Form {
    return { func, localTypes: this.localTypes, sites: this.#sites };
  }
}

/** `X.capture(K, site, values...)`, then, for very large frames, `X.captureMore(values...)`. */
function captureCall(site: Expression, captured: readonly Expression[]): Statement[] {
  const statements: Statement[] = [];
  for (let i = 0; i === 0 || i < captured.length; i += maxArguments) {
    const values = captured.slice(i, i + maxArguments);
    statements.push(expr(
      i === 0 ? method("X", "capture", [id("K"), site, ...values]) : method("X", "captureMore", values),
    ));
  }
  return statements;
}

/** The source of a local that nothing reads any more. */
function dead(type: ValType): Source {
  return { constant: isRefType(type) ? null : 0, high: 0 };
}

function constantSource({ node, high }: Value): Source {
  const value = (part: Expression): number | null =>
    part.type === "UnaryExpression"
      ? -value(part.argument)!
      : part.type === "Identifier"
      ? Infinity
      : part.value;
  return high === undefined
    ? { constant: value(node) }
    : { constant: value(node), high: value(high) as number };
}
