/**
 * `restore`: a program from its image to its end, or until it is stopped again.
 *
 * @module
 */
import { type PolicyName, policyNames } from "../../compiler/policy.ts";
import { fillRedactions } from "../../runtime/redact.ts";
import type { CommandLine } from "../args.ts";
import { readImage } from "../image_file.ts";
import { checkImagePlace, Saving } from "../saving.ts";
import { runSession, signalWatcher } from "../session.ts";
import { defaultOutput, refuseIfBuiltOn } from "../recorder.ts";
import { besideTarget, loadRunnable, loadTarget } from "../target.ts";
import { loadTrust } from "../trust.ts";
import { explainUpgrade, upgraded } from "../upgrade.ts";

export async function restore(line: CommandLine): Promise<number> {
  const { watcher, listening } = signalWatcher();
  const target = line.target!;
  const path = line.image ?? besideTarget(target, ".mvvm");
  const trust = await loadTrust(line.trust);
  const image = await readImage(path, trust, "make one with checkpoint, or name it with --image");
  const ticks = line.stop.ticks !== undefined || line.debug || undefined;
  const policy = policyNames.find((name) => name === image.policy && name !== "none") as
    | PolicyName
    | undefined;
  const load = (file: string) =>
    loadRunnable(file, line.codeCache, { ...line.policy, ticks }, policy && { policy });
  const runnable = await load(line.upgrade?.module ?? target);
  // The old program of an upgrade does not run.
  const rebuilt = line.upgrade &&
    { ...line.upgrade, program: runnable.program, own: await loadTarget(target) };
  if (rebuilt?.explain) return await explainUpgrade(image, rebuilt.own, rebuilt);
  const filled = fillRedactions(image, line.guest.env);
  // What was kept out of this image is kept out of the next.
  const redacted = [...(image.redactions ?? []).map(({ name }) => name), ...line.trust.redactEnv];
  const from = rebuilt ? await upgraded(filled, rebuilt.own, rebuilt) : filled;
  const loaded = [target, path, ...trust.loaded, ...rebuilt ? [rebuilt.module] : []];
  // A further image of a rebuilt program goes where that looks for it; the old one stays.
  if (line.imageOut !== undefined) await refuseIfBuiltOn(line.imageOut, trust, "--image-out");
  const imageOut = line.imageOut ??
    (rebuilt ? besideTarget(rebuilt.module, ".mvvm") : await defaultOutput(path, trust));
  const parentPath = rebuilt ? undefined : path;
  if (line.every !== undefined || Object.values(line.stop).some((each) => each !== undefined)) {
    checkImagePlace(imageOut);
  }
  await listening;
  const saving = new Saving({ line, watcher, path: imageOut, from, parentPath, trust, redacted });
  return await runSession({ line, target, ...runnable, watcher, saving, from, loaded });
}
