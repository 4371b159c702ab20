/**
 * `compile`: a program's code ahead of time.
 *
 * @module
 */
import type { Program } from "../../compiler/program.ts";
import { isArtifact, writeArtifact } from "../../runtime/artifact.ts";
import type { CommandLine } from "../args.ts";
import { Refusal, say } from "../messages.ts";
import { Progress } from "../progress.ts";
import { besideTarget, loadTarget, readFile } from "../target.ts";

export async function compile(line: CommandLine): Promise<number> {
  const target = line.target!;
  const output = line.output ?? besideTarget(target, ".mvvm.js");
  if (isArtifact((await readFile(target)).bytes)) throw new Refusal(`${target} is compiled already`);
  const program = await loadTarget(target, line.policy);
  const start = performance.now();
  const bytes = await compileAll(program, output);
  replaceFile(output, bytes);
  const { policy, thresholdBits } = program.options;
  const code = `${program.module.codes.length} functions, policy ${policy}`;
  const bits = policy === "counter" ? `, threshold bits ${thresholdBits}` : "";
  say(`wrote ${output}: ${code}${bits}, ${bytes.length} bytes, ${Math.round(performance.now() - start)} ms`);
  return 0;
}

async function compileAll(program: Program, output: string): Promise<Uint8Array> {
  using progress = new Progress(`compiling ${output}`);
  return await writeArtifact(program, (done, total) => progress.update(done, total));
}

/** Writes beside the file first, so that the file is never half written. */
function replaceFile(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.part`;
  try {
    Deno.writeFileSync(temporary, bytes);
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It was never made.
    }
    throw error;
  }
}
