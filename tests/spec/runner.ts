/**
 * Runs the commands of one script against an engine and judges what comes back.
 *
 * @module
 */
import {
  type Engine,
  type EngineKind,
  type EngineOptions,
  type InstanceId,
  type Outcome,
  SPECTEST,
} from "./engine.ts";
import type { KnownFailure } from "./known_failures.ts";
import type { Action, Command, ModuleSource } from "./script.ts";
import { type Assembler, TextError } from "./text.ts";
import { matches, showAll, type Value } from "./values.ts";

/** A script, read once and run many times. */
export interface Script {
  /** Folder and file: `"wg-2.0/i32.wast"`. */
  readonly name: string;
  readonly commands: readonly Command[];
}

/** A command that did not do what it should. */
export interface Failure {
  readonly line: number;
  /** The command in short: `assert_return invoke "add"`. */
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
}

/** A command that says nothing about the engine. */
export interface Apart {
  readonly line: number;
  readonly reason: string;
}

export interface Report {
  readonly script: string;
  readonly policy: string;
  /** Assertions that held. Modules, actions and registrations count only where they fail. */
  passed: number;
  readonly failures: Failure[];
  readonly apart: Apart[];
  /** Round trips through image bytes that the engine made. */
  roundTrips: number;
}

type Verdict = "pass" | { readonly wanted: string; readonly got: string } | { readonly apart: string };
type Of<T extends Command["type"]> = Extract<Command, { type: T }>;

/** What the assertions about modules want, as kinds of outcomes. `refused` is as near as some engines come. */
const rejections = {
  assert_malformed: ["malformed", "refused"],
  assert_invalid: ["invalid", "refused"],
  assert_unlinkable: ["unlinkable"],
} as const;

/** Whether the reason of a trap is the one asked for; either may say more ("uninitialized element 2"). */
function sameTrap(wanted: string, reasons: readonly string[]): boolean {
  return reasons.some((reason) => reason.startsWith(wanted) || (reason !== "" && wanted.startsWith(reason)));
}

function showOutcome(outcome: Outcome<readonly Value[] | InstanceId>): string {
  switch (outcome.kind) {
    case "ok":
      return typeof outcome.value === "number" ? "no error" : showAll(outcome.value);
    case "trap":
      return `trap "${outcome.reasons.join('" or "')}"`;
    case "exhaustion":
      return "call stack exhausted";
    default:
      return `${outcome.kind}: ${outcome.message}`;
  }
}

/** The module that a command needs is not there, because it failed. The message is its name. */
class NoInstanceError extends Error {}

/** One run of one script: the store, and the names that the script gave. */
class Session {
  // A TextError stands for an instance whose module could not be assembled.
  #current: InstanceId | TextError | undefined;
  readonly #named = new Map<string, InstanceId | TextError>();
  readonly #registered = new Map<string, InstanceId>();

  private constructor(readonly engine: Engine, readonly assembler: Assembler) {}

  static async open(engine: Engine, assembler: Assembler): Promise<Session> {
    const session = new Session(engine, assembler);
    session.#registered.set("spectest", await engine.spectest?.() ?? await session.#makeSpectest());
    return session;
  }

  async #makeSpectest(): Promise<InstanceId> {
    const outcome = await this.#instantiate(spectestSource);
    if (outcome.kind === "ok") return outcome.value;
    throw new Error(`the engine does not take the spectest module: ${showOutcome(outcome)}`);
  }

  async #instantiate(source: ModuleSource): Promise<Outcome<InstanceId>> {
    const loaded = await this.engine.load(this.assembler.assemble(source));
    return loaded.kind === "ok" ? await this.engine.instantiate(loaded.value, this.#registered) : loaded;
  }

  #find(name: string | undefined): InstanceId {
    const found = name === undefined ? this.#current : this.#named.get(name);
    if (found === undefined) throw new NoInstanceError(name ?? "before this command");
    if (found instanceof TextError) throw found;
    return found;
  }

  #keep(name: string | undefined, instance: InstanceId | TextError | undefined): void {
    this.#current = instance;
    if (name === undefined) return;
    if (instance === undefined) this.#named.delete(name);
    else this.#named.set(name, instance);
  }

  async #act(action: Action): Promise<Outcome<readonly Value[]>> {
    const id = this.#find(action.module);
    if (action.type === "invoke") return await this.engine.invoke(id, action.name, action.args);
    const outcome = await this.engine.get(id, action.name);
    return outcome.kind === "ok" ? { kind: "ok", value: [outcome.value] } : outcome;
  }

  async #rejection(command: Of<keyof typeof rejections>): Promise<Verdict> {
    if (command.type === "assert_malformed" && command.source.form !== "binary") {
      return this.#malformedText(command.source);
    }
    const outcome = command.type === "assert_unlinkable"
      ? await this.#instantiate(command.source)
      : await this.engine.load(this.assembler.assemble(command.source));
    const kinds: readonly string[] = rejections[command.type];
    return verdict(kinds.includes(outcome.kind), `${kinds[0]}: ${command.message}`, outcome);
  }

  /** Malformed text has no bytes that an engine could judge: it tests the assembler only. */
  #malformedText(source: ModuleSource): Verdict {
    try {
      this.assembler.assemble(source);
    } catch (error) {
      if (error instanceof TextError) return { apart: "text format only" };
      throw error;
    }
    return { apart: "text format only, and wabt does not refuse it" };
  }

  /** What each command does, and whether that is right. */
  readonly #judges: { readonly [T in Command["type"]]: (command: Of<T>) => Verdict | Promise<Verdict> } = {
    module: async ({ name, source }) => {
      // If it fails, later commands must not reach the instance before it.
      this.#keep(name, undefined);
      try {
        const outcome = await this.#instantiate(source);
        if (outcome.kind !== "ok") return verdict(false, "an instance", outcome);
        this.#keep(name, outcome.value);
        return "pass";
      } catch (error) {
        if (error instanceof TextError) this.#keep(name, error);
        throw error;
      }
    },
    register: ({ as, module }) => {
      this.#registered.set(as, this.#find(module));
      return "pass";
    },
    action: async ({ action }) => {
      const outcome = await this.#act(action);
      return verdict(outcome.kind === "ok", "no trap", outcome);
    },
    assert_return: async ({ action, expected }) => {
      const outcome = await this.#act(action);
      const right = outcome.kind === "ok" && outcome.value.length === expected.length &&
        expected.every((pattern, i) => matches(pattern, outcome.value[i]));
      return verdict(right, showAll(expected), outcome);
    },
    assert_trap: async ({ subject, message }) => {
      const outcome = "form" in subject ? await this.#instantiate(subject) : await this.#act(subject);
      return verdict(
        outcome.kind === "trap" && sameTrap(message, outcome.reasons),
        `trap "${message}"`,
        outcome,
      );
    },
    assert_exhaustion: async ({ action }) => {
      const outcome = await this.#act(action);
      return verdict(outcome.kind === "exhaustion", "call stack exhausted", outcome);
    },
    assert_malformed: (command) => this.#rejection(command),
    assert_invalid: (command) => this.#rejection(command),
    assert_unlinkable: (command) => this.#rejection(command),
    unknown: ({ reason }) => ({ apart: reason }),
  };

  /** Never throws: an engine that throws is a failure like any other. */
  async judge(command: Command): Promise<Verdict> {
    try {
      return await (this.#judges[command.type] as (command: Command) => Verdict | Promise<Verdict>)(command);
    } catch (error) {
      if (error instanceof TextError) return { apart: `wabt cannot read the module: ${error.message}` };
      if (error instanceof NoInstanceError) return { wanted: `an instance ${error.message}`, got: "none" };
      return { wanted: "an outcome", got: `the engine threw ${error}` };
    }
  }
}

const spectestSource: ModuleSource = { form: "text", bytes: new TextEncoder().encode(SPECTEST) };

function verdict(
  right: boolean,
  wanted: string,
  outcome: Outcome<readonly Value[] | InstanceId>,
): Verdict {
  return right ? "pass" : { wanted, got: showOutcome(outcome) };
}

/** A command in short, for reports. */
function summary(command: Command): string {
  const action = command.type === "assert_trap" && !("form" in command.subject)
    ? command.subject
    : "action" in command
    ? command.action
    : undefined;
  const words: string[] = [command.type === "action" ? "" : command.type];
  if (action) {
    words.push(action.type, action.module ?? "", JSON.stringify(action.name));
    if (action.type === "invoke" && action.args.length > 0) words.push(`(${showAll(action.args)})`);
  }
  return words.filter(Boolean).join(" ");
}

/**
 * Runs a script in a new store.
 *
 * @param known Known failures; those of other scripts, engines and policies are ignored.
 */
export async function runScript(
  script: Script,
  kind: EngineKind,
  options: EngineOptions,
  assembler: Assembler,
  known: readonly KnownFailure[] = [],
): Promise<Report> {
  const { policy } = options;
  const listed = new Map(
    known.filter((entry) =>
      entry.engine === kind.name && entry.script === script.name && (entry.policy ?? policy) === policy
    ).map((entry) => [entry.line, entry.reason]),
  );
  const report: Report = { script: script.name, policy, passed: 0, failures: [], apart: [], roundTrips: 0 };
  const stale = (line: number, what: string, got: string) =>
    report.failures.push({
      line,
      what,
      wanted: "the failure that known_failures.ts lists",
      got: `stale: ${got}`,
    });

  let engine: Engine, session: Session;
  try {
    engine = await kind.create(options);
    session = await Session.open(engine, assembler);
  } catch (error) {
    report.failures.push({ line: 0, what: "begin", wanted: "a store with spectest", got: String(error) });
    return report;
  }
  for (const command of script.commands) {
    const { line } = command;
    const result = await session.judge(command);
    const reason = listed.get(line);
    listed.delete(line);
    if (result === "pass") {
      if (reason !== undefined) stale(line, summary(command), "it passes");
      else if (command.type.startsWith("assert_")) report.passed++;
    } else if ("apart" in result) {
      if (reason !== undefined) stale(line, summary(command), `it is counted apart: ${result.apart}`);
      else report.apart.push({ line, reason: result.apart });
    } else if (reason !== undefined) {
      report.apart.push({ line, reason: `known failure: ${reason}` });
    } else {
      report.failures.push({ line, what: summary(command), ...result });
    }
  }
  for (const line of listed.keys()) stale(line, "known failure", "no command starts at this line");
  report.roundTrips = engine.roundTrips ?? 0;
  return report;
}
