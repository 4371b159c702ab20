/**
 * The commands of a test script (`.wast`), as the specification's interpreter defines them
 * (WebAssembly/spec, interpreter/README.md, "Scripts").
 *
 * @module
 */
import { concatenate } from "../../runtime/concatenate.ts";
import { type List, read, ScriptError, type Sexpr } from "./sexpr.ts";
import { parsePattern, parseValue, type Pattern, type Value } from "./values.ts";

/** A module as it stands in a script. `bytes` holds text for `text` and `quote`. */
export interface ModuleSource {
  readonly form: "text" | "binary" | "quote";
  readonly bytes: Uint8Array;
}

/** `module` is the `$name` of an instance; without it the last one is meant. */
export type Action =
  | {
    readonly type: "invoke";
    readonly module?: string;
    readonly name: string;
    readonly args: readonly Value[];
  }
  | { readonly type: "get"; readonly module?: string; readonly name: string };

/** What a command does; `line` is added by {@linkcode Command}. */
type Form =
  | { readonly type: "module"; readonly name?: string; readonly source: ModuleSource }
  | { readonly type: "register"; readonly as: string; readonly module?: string }
  | { readonly type: "action"; readonly action: Action }
  | {
    readonly type: "assert_return";
    readonly action: Action;
    readonly expected: readonly Pattern[];
  }
  | { readonly type: "assert_trap"; readonly subject: Action | ModuleSource; readonly message: string }
  | { readonly type: "assert_exhaustion"; readonly action: Action }
  | {
    readonly type: "assert_malformed" | "assert_invalid" | "assert_unlinkable";
    readonly source: ModuleSource;
    readonly message: string;
  }
  /** A command of another version of the format, or one with values unknown here. */
  | { readonly type: "unknown"; readonly reason: string };

export type Command = Form & { readonly line: number };

/** Fields of a script that holds nothing but the fields of one module. */
const moduleFields = new Set(
  "type rec import func table memory global export start elem data tag".split(" "),
);

function head(expr: Sexpr): string | undefined {
  const first = expr.kind === "list" ? expr.items[0] : undefined;
  return first?.kind === "atom" ? first.text : undefined;
}

/** Walks over the operands of a command. */
class Operands {
  #next = 1;
  constructor(readonly list: List, readonly text: Uint8Array) {}

  fail(wanted: string): ScriptError {
    return new ScriptError(`${head(this.list)}: ${wanted}`, this.list.line);
  }
  /** A `$name`, if one comes next. */
  name(): string | undefined {
    const expr = this.list.items[this.#next];
    if (expr?.kind !== "atom" || !expr.text.startsWith("$")) return undefined;
    this.#next++;
    return expr.text;
  }
  /** The given keyword, if it comes next. */
  keyword(word: string): boolean {
    const expr = this.list.items[this.#next];
    if (expr?.kind !== "atom" || expr.text !== word) return false;
    this.#next++;
    return true;
  }
  /** A string that is a name in the sense of 5.2.4, that is, UTF-8. */
  string(): string {
    const expr = this.list.items[this.#next++];
    if (expr?.kind !== "string") throw this.fail("a string is missing");
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(expr.bytes);
  }
  nested(): List {
    const expr = this.list.items[this.#next++];
    if (expr?.kind !== "list") throw this.fail("an operand in parentheses is missing");
    return expr;
  }
  rest(): Sexpr[] {
    const rest = this.list.items.slice(this.#next);
    this.#next = this.list.items.length;
    return rest;
  }
  end(): void {
    if (this.#next < this.list.items.length) throw this.fail("more operands than expected");
  }
  action(): Action {
    return parseAction(new Operands(this.nested(), this.text));
  }
  source(): ModuleSource {
    const list = this.nested();
    if (head(list) !== "module") throw this.fail("a module is missing");
    return parseModule(new Operands(list, this.text)).source;
  }
}

function parseAction(operands: Operands): Action {
  const type = head(operands.list);
  const module = operands.name();
  if (type === "invoke") {
    return { type, module, name: operands.string(), args: operands.rest().map(parseValue) };
  }
  if (type !== "get") throw operands.fail("is no action; (invoke ...) or (get ...) is needed");
  return { type, module, name: operands.string() };
}

/** The bytes of all strings, joined. */
function joinStrings(operands: Operands): Uint8Array {
  const parts = operands.rest().map((expr) => {
    if (expr.kind !== "string") throw operands.fail("strings are needed");
    return expr.bytes;
  });
  return concatenate(parts);
}

function parseModule(operands: Operands): { name?: string; source: ModuleSource } {
  for (const word of ["definition", "instance"]) {
    if (operands.keyword(word)) throw operands.fail(`(module ${word} ...) is not of WebAssembly 2.0`);
  }
  const name = operands.name();
  if (operands.keyword("binary")) return { name, source: { form: "binary", bytes: joinStrings(operands) } };
  if (operands.keyword("quote")) return { name, source: { form: "quote", bytes: joinStrings(operands) } };
  const { start, end } = operands.list;
  return { name, source: { form: "text", bytes: operands.text.subarray(start, end) } };
}

/** How each command's operands are read. */
const forms: Readonly<Record<string, (operands: Operands) => Form>> = {
  module: (o) => ({ type: "module", ...parseModule(o) }),
  register: (o) => ({ type: "register", as: o.string(), module: o.name() }),
  invoke: (o) => ({ type: "action", action: parseAction(o) }),
  get: (o) => ({ type: "action", action: parseAction(o) }),
  assert_return: (o) => ({
    type: "assert_return",
    action: o.action(),
    expected: o.rest().map(parsePattern),
  }),
  assert_trap: (o) => ({ type: "assert_trap", subject: parseTrapSubject(o), message: o.string() }),
  assert_exhaustion: (o) => {
    const action = o.action();
    o.string();
    return { type: "assert_exhaustion", action };
  },
  assert_malformed: (o) => ({ type: "assert_malformed", source: o.source(), message: o.string() }),
  assert_invalid: (o) => ({ type: "assert_invalid", source: o.source(), message: o.string() }),
  assert_unlinkable: (o) => ({ type: "assert_unlinkable", source: o.source(), message: o.string() }),
};

/** A module here means that its instantiation traps. */
function parseTrapSubject(operands: Operands): Action | ModuleSource {
  const nested = new Operands(operands.nested(), operands.text);
  return head(nested.list) === "module" ? parseModule(nested).source : parseAction(nested);
}

function parseCommand(expr: Sexpr, text: Uint8Array): Form {
  const word = head(expr);
  const form = word !== undefined && Object.hasOwn(forms, word) ? forms[word] : undefined;
  if (form === undefined || expr.kind !== "list") {
    return { type: "unknown", reason: `unknown command ${word ?? "here"}` };
  }
  try {
    const operands = new Operands(expr, text);
    const command = form(operands);
    if (word !== "module") operands.end();
    return command;
  } catch (error) {
    if (error instanceof ScriptError) return { type: "unknown", reason: error.reason };
    throw error;
  }
}

/**
 * Reads a script. A script that holds only the fields of a module is that module.
 *
 * @throws {ScriptError} where it is not even a sequence of S-expressions.
 */
export function parseScript(text: Uint8Array): Command[] {
  const exprs = read(text);
  if (exprs.length > 0 && moduleFields.has(head(exprs[0]) ?? "")) {
    return [{ type: "module", source: { form: "text", bytes: text }, line: exprs[0].line }];
  }
  return exprs.map((expr) => ({ ...parseCommand(expr, text), line: expr.line }));
}
