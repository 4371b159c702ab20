/**
 * From arguments to exit code.
 *
 * @module
 */
import { producer } from "../runtime/producer.ts";
import { type CommandLine, readCommandLine } from "./args.ts";
import { helpText } from "./help.ts";
import { ExitCode, explain, writeError, writeOutput } from "./messages.ts";
import { type CommandName, commandsOfGroup } from "./options.ts";
import { readAhead } from "./read_ahead.ts";

type Command = (line: CommandLine) => Promise<number>;

/** Each is loaded when it is asked for. */
const commands: Readonly<Record<CommandName, () => Promise<Command>>> = {
  run: async () => (await import("./commands/run.ts")).run,
  compile: async () => (await import("./commands/compile.ts")).compile,
  checkpoint: async () => (await import("./commands/checkpoint.ts")).checkpoint,
  restore: async () => (await import("./commands/restore.ts")).restore,
  inspect: async () => (await import("./commands/inspect.ts")).inspect,
  diff: async () => (await import("./commands/diff.ts")).diff,
  coredump: async () => (await import("./commands/coredump.ts")).coredump,
  "image compact": async () => (await import("./commands/image/compact.ts")).compact,
  "image edit": async () => (await import("./commands/image/edit.ts")).edit,
  "image key": async () => (await import("./commands/image/key.ts")).key,
  "image seal": async () => (await import("./commands/image/seal.ts")).seal,
  "image unseal": async () => (await import("./commands/image/seal.ts")).unseal,
};

/** Those for which all of the program is needed. */
const runs: ReadonlySet<CommandName> = new Set(["run", "checkpoint", "restore"]);

/**
 * Does what a command line says.
 *
 * ```ts
 * import { main } from "./main.ts";
 * const code = await main(["inspect", "bc.mvvm", "--json"]);
 * ```
 *
 * @returns The exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    if (args.length === 0) {
      writeError(`${helpText()}\n`);
      return ExitCode.usage;
    }
    const group = args.length === 2 && commandsOfGroup(args[0]).length > 0 ? args[0] : undefined;
    if (["--help", "-h", "help"].includes(args[group ? 1 : 0])) {
      writeOutput(`${helpText(group)}\n`);
      return ExitCode.ok;
    }
    if (args[0] === "--version") {
      writeOutput(`${producer}\n`);
      return ExitCode.ok;
    }
    const line = readCommandLine(args);
    if (!line.help) {
      const loading = commands[line.command]();
      if (line.target !== undefined && runs.has(line.command)) readAhead(line.target);
      const command = await loading;
      return await command(line);
    }
    writeOutput(`${helpText(line.command)}\n`);
    return ExitCode.ok;
  } catch (error) {
    return explain(error);
  }
}
