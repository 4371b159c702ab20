/**
 * The program that a command is about, from whatever kind of file.
 *
 * @module
 */
import { functionName, functionsNamed } from "../compiler/function_name.ts";
import { type CompileOptions, compileOptions, givenOptions } from "../compiler/policy.ts";
import { Program } from "../compiler/program.ts";
import { isArtifact, readArtifact } from "../runtime/artifact.ts";
import type { CodeFile } from "../runtime/code_folder_deno.ts";
import { openCodeFile } from "./code_cache.ts";
import { Refusal } from "./messages.ts";
import { type Contents, readWhole } from "./read_ahead.ts";

/** The name of a file that goes with the program: its path with another extension. */
export function besideTarget(target: string, extension: string): string {
  return target.replace(/(?:\.mvvm\.js|\.[^./\\]*)?$/, extension);
}

/**
 * Reads and validates a program that is looked at or compiled: `.wasm`, `.wat`, or an ahead-of-time file.
 *
 * @param options What is `undefined` is left to the file.
 */
export async function loadTarget(path: string, options: Partial<CompileOptions> = {}): Promise<Program> {
  const { bytes } = await readFile(path);
  if (isArtifact(bytes)) return await readArtifact(bytes, options);
  // Not to be run: nothing needs rewriting.
  const chosen: Partial<CompileOptions> = { backEnd: "js", ...givenOptions(options) };
  return Program.from(isText(path, bytes) ? await assemble(path, bytes) : bytes, chosen);
}

/** A program that is to run, and the file that keeps its code. */
export interface Runnable {
  readonly program: Program;
  readonly codeFile?: CodeFile;
}

/**
 * Reads a program that is to run. One whose code is kept was validated before.
 *
 * @param place What `--code-cache` says.
 */
export async function loadRunnable(
  path: string,
  place: string | undefined,
  options: Partial<CompileOptions> = {},
  defaults: Partial<CompileOptions> = {},
): Promise<Runnable> {
  const { bytes, stamp } = await readFile(path);
  if (isArtifact(bytes)) return { program: await readArtifact(bytes, options) };
  const binary = isText(path, bytes) ? await assemble(path, bytes) : bytes;
  const chosen = compileOptions({ ...defaults, ...givenOptions(options) });
  const codeFile = await openCodeFile(binary, chosen, stamp, place);
  const program = Program.decoded(binary, chosen);
  const code = codeFile?.code;
  if (code?.rewritten !== undefined) program.takeRewritten(code.rewritten);
  else if (!code?.funcs.length) {
    program.validate();
    if (program.rewritten !== undefined) code?.keep(program.rewritten);
  }
  return { program, codeFile };
}

/** The same program, stopping when a function is called. */
export function watching(program: Program, func: string): Program {
  const { module } = program;
  const found = functionsNamed(module, func);
  if (found.length === 0) throw new Refusal(`-f ${func}: the module has no such function`);
  if (found.length > 1) {
    throw new Refusal(
      `-f ${func}: ${found.length} functions have this name; take an index: ${found.join(", ")}`,
    );
  }
  if (found[0] < module.imported.funcs) {
    const name = functionName(module, found[0]);
    throw new Refusal(`-f ${func}: ${name} is imported; only the module's own functions can be counted`);
  }
  return program.withOptions({ ...program.options, watch: found[0] });
}

export async function readFile(path: string): Promise<Contents> {
  try {
    return await readWhole(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Refusal(`there is no file ${path}`);
    throw error;
  }
}

function isText(path: string, bytes: Uint8Array): boolean {
  return bytes[0] !== 0 &&
    (/\.wat$/.test(path) || /^(\s|;;[^\n]*\n)*\(/.test(new TextDecoder().decode(bytes.subarray(0, 4096))));
}

/** wabt, which a bundle made with `--minify` has in it but cannot start. */
async function assembler(path: string) {
  try {
    const { default: wabt } = await import("wabt");
    return await wabt();
  } catch {
    throw new Refusal(`${path} is text, which this copy cannot assemble: make a .wasm of it with wat2wasm`);
  }
}

/** The binary of a module in the text format. */
async function assemble(path: string, text: Uint8Array): Promise<Uint8Array> {
  const tool = await assembler(path);
  try {
    const module = tool.parseWat(path, text, {
      bulk_memory: true,
      multi_value: true,
      mutable_globals: true,
      reference_types: true,
      sat_float_to_int: true,
      sign_extension: true,
    });
    return module.toBinary({ write_debug_names: true }).buffer;
  } catch (error) {
    throw new Refusal(`the text cannot be assembled: ${(error as Error).message.trim()}`);
  }
}
