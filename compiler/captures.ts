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
import type { Value } from "./operands.ts";
import type { Form, Site, SiteKind, Source } from "./sites.ts";
import { isRefType, ValType } from "./types.ts";

/** Functions with more sites than this share one capture block. */
export const maxSitesInPlace = 24;
/** Calls with more arguments than this are split. */
export const maxArguments = 400;

/** Variables to be saved, in order. */
class Names {
  readonly list: string[] = [];
  readonly #positions = new Map<string, number>();

  at(name: string): number {
    let position = this.#positions.get(name);
    if (position === undefined) this.#positions.set(name, position = this.list.push(name) - 1);
    return position;
  }

  local(local: number, type: ValType): Source {
    const at = this.at("l" + local);
    return type === ValType.i64 ? { at, highAt: this.at("h" + local) } : { at };
  }

  operand(value: Value): Source {
    if (value.place === "const") return constantSource(value);
    const at = this.at(value.node.name);
    return value.high === undefined ? { at } : { at, highAt: this.at(value.high.name) };
  }
}

export class Captures {
  readonly #sites: Site[] = [];
  /** Set where all sites share one block. */
  readonly #shared: Names | undefined;

  /**
   * @param params How many of the locals are parameters.
   * @param liveness Given if each site is to save its own.
   */
  constructor(
    private readonly localTypes: readonly ValType[],
    private readonly params: number,
    private readonly liveness: Liveness | undefined,
  ) {
    this.#shared = liveness === undefined ? new Names() : undefined;
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
    const names = this.#shared ?? new Names();
    const site: Site = {
      offset,
      kind,
      types: values.map(({ type }) => type),
      locals: this.localTypes.map((type, i) => this.#wanted(kind, at, i) ? names.local(i, type) : dead(type)),
      operands: values.map((value) => names.operand(value)),
    };
    const number = this.#sites.push(site) - 1;
    const leave = this.#shared
      ? [set(id("pc"), num(number)), breakTo("C")]
      : [...captureCall(num(number), names.list), returns(null)];
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
function captureCall(site: Expression, captured: readonly string[]): Statement[] {
  const statements: Statement[] = [];
  for (let i = 0; i === 0 || i < captured.length; i += maxArguments) {
    const values = captured.slice(i, i + maxArguments).map(id);
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
