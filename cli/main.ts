/**
 * From arguments to exit code.
 *
 * @module
 */
import { producer } from "../mod.ts";
import { type CommandLine, readCommandLine } from "./args.ts";
import { checkpoint } from "./commands/checkpoint.ts";
import { compile } from "./commands/compile.ts";
import { coredump } from "./commands/coredump.ts";
import { diff } from "./commands/diff.ts";
import { compact } from "./commands/image/compact.ts";
import { edit } from "./commands/image/edit.ts";
import { key } from "./commands/image/key.ts";
import { seal, unseal } from "./commands/image/seal.ts";
import { inspect } from "./commands/inspect.ts";
import { restore } from "./commands/restore.ts";
import { run } from "./commands/run.ts";
import { helpText } from "./help.ts";
import { ExitCode, explain, writeError, writeOutput } from "./messages.ts";
import { type CommandName, commandsOfGroup } from "./options.ts";

const commands: Readonly<Record<CommandName, (line: CommandLine) => Promise<number>>> = {
  run,
  compile,
  checkpoint,
  restore,
  inspect,
  diff,
  coredump,
  "image compact": compact,
  "image edit": edit,
  "image key": key,
  "image seal": seal,
  "image unseal": unseal,
};

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
    if (!line.help) return await commands[line.command](line);
    writeOutput(`${helpText(line.command)}\n`);
    return ExitCode.ok;
  } catch (error) {
    return explain(error);
  }
}
