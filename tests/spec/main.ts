/**
 * `deno task spec [FOLDER]`: runs the WebAssembly test scripts against an engine.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import type { EngineKind } from "./engine.ts";
import { findEngine } from "./engines.ts";
import { knownFailures } from "./known_failures.ts";
import { failureLine, summaryLines } from "./report.ts";
import { type Report, runScript, type Script } from "./runner.ts";
import { DEFAULT_FOLDER, findSpecDirectory, readScripts, ScriptsError } from "./scripts.ts";
import { loadAssembler } from "./text.ts";

const usage = `usage: deno task spec [FOLDER] [options]
  FOLDER            of the directory of test scripts (MVVM_SPEC_DIR, or ../shared/spec); ${DEFAULT_FOLDER} by default
  --engine NAME     mvvm (the default) or v8
  --policy NAME     one checkpoint policy instead of the engine's default
  --all-policies    every checkpoint policy, one after the other
  --round-trip      checkpoint and restore in the middle of each invocation that passes a site
  --filter TEXT     only scripts whose file name contains TEXT`;

/** Something wrong with the command line: reported without a stack trace, exit code 2. */
class UsageError extends Error {}

interface Options {
  readonly folder?: string;
  readonly engine: EngineKind;
  readonly policies: readonly string[];
  readonly roundTrip: boolean;
  readonly filter: string;
}

async function parseOptions(args: readonly string[]): Promise<Options> {
  const given = parseArgs(args, {
    boolean: ["all-policies", "round-trip", "help"],
    string: ["engine", "policy", "filter"],
    unknown: (arg, key) => {
      if (key !== undefined) throw new UsageError(`unknown option ${arg}`);
    },
  });
  if (given.help) throw new UsageError("help");
  if (given._.length > 1) throw new UsageError(`one FOLDER at a time, not ${given._.join(" ")}`);
  const name = String(given.engine ?? "mvvm");
  const engine = await findEngine(name);
  if (!engine) throw new UsageError(`there is no engine "${name}" (no file tests/spec/engine_${name}.ts)`);
  const policies = given["all-policies"] ? engine.policies : [String(given.policy ?? engine.policies[0])];
  for (const policy of policies) {
    if (!engine.policies.includes(policy)) {
      throw new UsageError(
        `engine ${engine.name} has no policy "${policy}", only ${engine.policies.join(", ")}`,
      );
    }
  }
  const roundTrip = given["round-trip"] === true;
  if (roundTrip && !engine.canRoundTrip) {
    throw new UsageError(`engine ${engine.name} cannot make round trips`);
  }
  return { folder: given._[0], engine, policies, roundTrip, filter: String(given.filter ?? "") };
}

/** Runs everything that was asked for, printing failures as they come. */
async function runAll(specDirectory: string, options: Options): Promise<Report[]> {
  const { engine, policies, roundTrip } = options;
  const assembler = await loadAssembler();
  const reports: Report[] = [];
  const run = async (script: Script) => {
    for (const policy of policies) {
      const report = await runScript(script, engine, { policy, roundTrip }, assembler, knownFailures);
      for (const failure of report.failures) console.log(failureLine(report, failure));
      reports.push(report);
    }
  };
  for (const script of readScripts(specDirectory, options.folder, options.filter)) await run(script);
  if (reports.length === 0) throw new UsageError(`no script matches "${options.filter}"`);
  return reports;
}

/** @returns The exit code: 0 if all passed or the scripts are not there, 1 after a failure, 2 for wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const options = await parseOptions(args);
    const directory = findSpecDirectory();
    if ("missing" in directory) {
      console.log(`skipped: ${directory.missing}`);
      return 0;
    }
    const reports = await runAll(directory.path, options);
    for (const line of summaryLines(reports, options.roundTrip)) console.log(line);
    return reports.some((report) => report.failures.length > 0) ? 1 : 0;
  } catch (error) {
    if (error instanceof UsageError && error.message === "help") return console.log(usage), 0;
    if (error instanceof UsageError) return console.error(`${error.message}\n${usage}`), 2;
    if (error instanceof ScriptsError) return console.error(error.message), 2;
    throw error;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
