/**
 * `restore`: a program from its image to its end, or until it is stopped again.
 *
 * @module
 */
import { type Image, type PolicyName, policyNames } from "../../mod.ts";
import { readImageFile } from "../../runtime/image/file_deno.ts";
import type { CommandLine } from "../args.ts";
import { Refusal } from "../messages.ts";
import { Progress } from "../progress.ts";
import { checkImagePlace, runSession, signalWatcher } from "../session.ts";
import { besideTarget, loadTarget } from "../target.ts";

export async function restore(line: CommandLine): Promise<number> {
  const { watcher, listening } = signalWatcher();
  const target = line.target!;
  const path = line.image ?? besideTarget(target, ".mvvm");
  const from = await readImage(path);
  const ticks = line.stop.ticks !== undefined || line.debug || undefined;
  const policy = policyNames.find((name) => name === from.policy && name !== "none") as
    | PolicyName
    | undefined;
  const program = await loadTarget(target, { ...line.policy, ticks }, policy && { policy });
  const imageOut = line.imageOut ?? path;
  if (Object.values(line.stop).some((each) => each !== undefined)) checkImagePlace(imageOut);
  await listening;
  return await runSession({ line, target, program, watcher, imageOut, from, loaded: [target, path] });
}

async function readImage(path: string): Promise<Image> {
  using progress = new Progress(`reading ${path}`);
  try {
    return await readImageFile(path, { onProgress: ({ done, total }) => progress.update(done, total) });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Refusal(`there is no image ${path}; make one with checkpoint, or name it with --image`);
    }
    throw error;
  }
}
