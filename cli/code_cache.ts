/**
 * Where the code of programs is kept, so that they start faster the next time.
 *
 * @module
 */
import type { CompileOptions } from "../compiler/policy.ts";
import { isLarge } from "../runtime/code_store.ts";
import { say } from "./messages.ts";
import type { CodeFile } from "../runtime/code_folder_deno.ts";

/** What `--code-cache` and the environment variable say for: nowhere. */
const NONE = "none";
const VARIABLE = "MVVM_CODE_CACHE";

/**
 * The file that keeps a program's code.
 *
 * @param stamp Of the program's file.
 * @param place A folder, or `none`; else the environment decides, else it is in the user's cache folder.
 * @returns `undefined` if there is none, or none that may be used.
 */
export async function openCodeFile(
  binary: Uint8Array,
  options: CompileOptions,
  stamp: string | undefined,
  place?: string,
): Promise<CodeFile | undefined> {
  const folder = place ?? variable(VARIABLE) ?? userFolder();
  if (folder === undefined || folder === NONE || !isLarge(binary)) return undefined;
  const { CodeFile } = await import("../runtime/code_folder_deno.ts");
  const file = await CodeFile.open(folder, binary, options, stamp);
  if (file === undefined && place !== undefined) {
    say(`warning: no code is kept in ${place}: it must be a folder that only its owner can write to`);
  }
  return file;
}

/** Where the system has its users' caches. */
function userFolder(): string | undefined {
  const below = (folder: string | undefined, path: string) => folder && `${folder}/${path}`;
  switch (Deno.build.os) {
    case "windows":
      return below(variable("LOCALAPPDATA"), "mvvm");
    case "darwin":
      return below(variable("HOME"), "Library/Caches/mvvm");
    default:
      return below(variable("XDG_CACHE_HOME"), "mvvm") ?? below(variable("HOME"), ".cache/mvvm");
  }
}

/** An environment variable, if it may be read without asking. */
function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}
