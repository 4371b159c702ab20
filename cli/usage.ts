/**
 * The command line as it stands, by the options' table: nothing is interpreted yet.
 *
 * @module
 */
import {
  type CommandName,
  commandNames,
  commandsOfGroup,
  options,
  optionsOf,
  type OptionSpec,
} from "./options.ts";

/** The command line is wrong; nothing was done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Options by name, each with its values in the order given; a switch has the value `""`. */
export interface RawArgs {
  readonly positional: readonly string[];
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** What stands behind `--`, if there is one. */
  readonly behind?: readonly string[];
}

/**
 * Splits up the arguments of a command.
 *
 * ```ts
 * import { splitArgs } from "./usage.ts";
 * splitArgs("checkpoint", ["-t", "bc.wasm", "-a", "-g20,-n1000"]).options.get("args"); // ["-g20,-n1000"]
 * ```
 *
 * @throws {UsageError}
 */
export function splitArgs(command: CommandName, args: readonly string[]): RawArgs {
  const specs = optionsOf(command);
  const cut = args.indexOf("--");
  const positional: string[] = [];
  const out = new Map<string, string[]>();
  const add = (name: string, value: string) => out.set(name, [...out.get(name) ?? [], value]);
  for (const { spec, value } of given(command, specs, cut < 0 ? args : args.slice(0, cut))) {
    if (spec === undefined) positional.push(value);
    else if (spec.means) add(...spec.means);
    else add(spec.name, value);
  }
  for (const { name, repeatable } of specs) {
    const values = out.get(name) ?? [];
    if (!repeatable && new Set(values).size > 1) {
      throw new UsageError(`--${name} is given ${values.length} times: ${values.join(", ")}`);
    }
  }
  return {
    positional,
    options: out,
    ...(cut < 0 ? {} : { behind: args.slice(cut + 1) }),
  };
}

/**
 * Each option with its value, which is `""` for a switch, and each argument that is none. A value is whatever stands
 * behind its option, also if it begins with a dash, as in `-a -g20,-n1000`.
 */
function* given(
  command: CommandName,
  specs: readonly OptionSpec[],
  args: readonly string[],
): Generator<{ spec?: OptionSpec; value: string }> {
  for (let i = 0; i < args.length; i++) {
    const { spec, text, value } = parseOption(command, specs, args[i]);
    if (spec === undefined) yield { value: text };
    else if (spec.value === undefined) {
      if (value !== undefined) throw new UsageError(`${text} takes no value`);
      yield { spec, value: "" };
    } else if (value !== undefined) yield { spec, value };
    else if (spec.fallback !== undefined) yield { spec, value: spec.fallback };
    else if (++i < args.length) yield { spec, value: args[i] };
    else throw new UsageError(`${text} needs a value: ${spec.value}`);
  }
}

function parseOption(
  command: CommandName,
  specs: readonly OptionSpec[],
  text: string,
): { spec?: OptionSpec; text: string; value?: string } {
  if (!text.startsWith("-") || text === "-") return { text };
  const [, long, short, rest] = /^(?:--([^=]+)|-([^-]))(.*)$/s.exec(text) ?? [];
  const spec = specs.find((each) => long === undefined ? each.short === short : each.name === long);
  if (spec === undefined) {
    const name = long ?? short;
    const elsewhere = options.filter((each) => long === undefined ? each.short === name : each.name === name);
    throw new UsageError(
      elsewhere.length > 0
        ? `${command} has no option ${text}; it belongs to ${
          elsewhere.flatMap(({ commands }) => commands).join(", ")
        }`
        : `${command} has no option ${text}${long === undefined ? "" : suggestion(long, specs)}`,
    );
  }
  return { spec, text, ...(rest === "" ? {} : { value: rest.replace(/^=/, "") }) };
}

/** The option that was probably meant. */
function suggestion(wrong: string, specs: readonly OptionSpec[]): string {
  const best = specs.map(({ name }) => ({ name, distance: distance(wrong, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best.distance <= 2 ? `; did you mean --${best.name}?` : "";
}

/** Edits of one letter that make `b` of `a`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

/** The command that the first one or two arguments name, and what stands behind them. */
export function commandOf(args: readonly string[]): { command: CommandName; rest: readonly string[] } {
  for (const words of [1, 2]) {
    const command = commandNames.find((each) => each === args.slice(0, words).join(" "));
    if (command) return { command, rest: args.slice(words) };
  }
  const [name, action] = args;
  if (name.startsWith("-")) throw new UsageError(`the command stands first: ${commandNames.join(", ")}`);
  const group = commandsOfGroup(name);
  if (group.length === 0) {
    throw new UsageError(`there is no command "${name}": use one of ${commandNames.join(", ")}`);
  }
  const said = action === undefined
    ? `${name} alone says nothing`
    : `there is no command "${name} ${action}"`;
  throw new UsageError(`${said}: use one of ${group.join(", ")}`);
}
