/**
 * `@std/cli/parse-args` over `node:util`'s `parseArgs`, for places where only the npm registry is
 * reachable. Only the options that `cli.ts` uses; `deno.jsr.json` points the same name at JSR.
 *
 * @module
 */
import { parseArgs as nodeParseArgs } from "node:util";

/** The part of `@std/cli`'s `ParseOptions` that both sides share. */
export interface ParseOptions {
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  alias?: Readonly<Record<string, string>>;
  "--"?: boolean;
  /** Called for every option that is not declared. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Parsed options by name, the positional arguments in `_`, and what followed `--`. */
export type Args = { _: string[]; "--"?: string[] } & Record<string, unknown>;

/** Parses `args` as `@std/cli/parse-args` does, for the options named in {@linkcode ParseOptions}. */
export function parseArgs(args: readonly string[], options: ParseOptions = {}): Args {
  const collect = new Set(options.collect);
  const short = new Map<string, string>();
  for (const [key, value] of Object.entries(options.alias ?? {})) {
    // Either side of an alias pair may be the short one.
    if (value.length === 1) short.set(key, value);
    else if (key.length === 1) short.set(value, key);
  }
  const declared: Record<string, { type: "boolean" | "string"; short?: string }> = {};
  for (const name of options.boolean ?? []) declared[name] = { type: "boolean" };
  for (const name of options.string ?? []) declared[name] = { type: "string" };
  for (const [name, letter] of short) if (declared[name]) declared[name].short = letter;

  const cut = args.indexOf("--");
  const own = cut < 0 ? args : args.slice(0, cut);
  const out: Args = { _: [] };
  if (options["--"]) out["--"] = cut < 0 ? [] : args.slice(cut + 1);
  const { tokens } = nodeParseArgs({
    args: [...own],
    options: declared,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token.kind === "positional") {
      if (options.unknown?.(token.value) !== false) out._.push(token.value);
    } else if (token.kind === "option") {
      let value: string | boolean = token.value ?? true;
      const known = declared[token.name];
      if (known === undefined) {
        if (options.unknown?.(token.rawName, token.name, value) === false) continue;
      } else if (known.type === "boolean") {
        value = value !== "false";
      } else if (token.value === undefined) {
        value = "";
      }
      if (collect.has(token.name)) ((out[token.name] ??= []) as unknown[]).push(value);
      else out[token.name] = value;
    }
  }
  for (const name of options.boolean ?? []) if (!collect.has(name)) out[name] ??= false;
  for (const name of collect) out[name] ??= [];
  return out;
}
