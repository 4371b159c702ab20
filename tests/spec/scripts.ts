/**
 * Where the test scripts are. They are test data beside the project, never copied into it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Script } from "./runner.ts";
import { parseScript } from "./script.ts";
import { ScriptError } from "./sexpr.ts";

/** The folder that is run when none is named. */
export const DEFAULT_FOLDER = "wg-2.0";

/** Scripts that are not there or cannot be read. The message says which. */
export class ScriptsError extends Error {
  override readonly name = "ScriptsError";
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

const besideProject = fileURLToPath(new URL("../../../shared/spec", import.meta.url));

/** The directory of test scripts, or why there is none. */
export function findSpecDirectory(
  given = Deno.env.get("MVVM_SPEC_DIR"),
  beside = besideProject,
): { readonly path: string } | { readonly missing: string } {
  for (const path of [given, beside]) if (path && isDirectory(path)) return { path };
  const first = given ? `MVVM_SPEC_DIR is ${given}, which is no directory` : "MVVM_SPEC_DIR is not set";
  return { missing: `${first}, and there is no ../shared/spec beside the project` };
}

/**
 * The scripts of a folder, in the order of their names; folders within are not entered.
 *
 * @param filter Only scripts whose file name contains this.
 * @throws {ScriptsError} if the folder is not there (with what is), or a script is not even S-expressions.
 */
export function* readScripts(specDirectory: string, folder = DEFAULT_FOLDER, filter = ""): Generator<Script> {
  const directory = `${specDirectory}/${folder}`;
  if (!isDirectory(directory)) {
    const present = [...Deno.readDirSync(specDirectory)].filter((entry) => entry.isDirectory);
    throw new ScriptsError(
      `no folder ${folder} in ${specDirectory}; there are: ${
        present.map((entry) => entry.name).sort().join(", ")
      }`,
    );
  }
  const files = [...Deno.readDirSync(directory)].map((entry) => entry.name)
    .filter((name) => name.endsWith(".wast") && name.includes(filter)).sort();
  for (const file of files) {
    const name = `${folder}/${file}`;
    yield { name, commands: readCommands(name, Deno.readFileSync(`${directory}/${file}`)) };
  }
}

function readCommands(name: string, text: Uint8Array) {
  try {
    return parseScript(text);
  } catch (error) {
    throw error instanceof ScriptError ? new ScriptsError(`${name}: ${error.message}`) : error;
  }
}
