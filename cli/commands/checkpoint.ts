/**
 * `checkpoint`: a program from its start until it is stopped, and its image.
 *
 * @module
 */
import type { CommandLine } from "../args.ts";
import { refuseIfBuiltOn } from "../recorder.ts";
import { checkImagePlace, Saving } from "../saving.ts";
import { runSession, signalWatcher } from "../session.ts";
import { besideTarget, loadRunnable } from "../target.ts";
import { loadTrust } from "../trust.ts";

export async function checkpoint(line: CommandLine): Promise<number> {
  const trust = await loadTrust(line.trust, true);
  const { watcher, listening } = signalWatcher();
  const target = line.target!;
  const ticks = line.stop.ticks !== undefined || line.debug || undefined;
  const runnable = await loadRunnable(target, line.codeCache, { ...line.policy, ticks });
  const path = line.image ?? besideTarget(target, ".mvvm");
  checkImagePlace(path);
  await refuseIfBuiltOn(path, trust, "--image");
  await listening;
  const loaded = [target, ...trust.loaded];
  const saving = new Saving({ line, watcher, path, trust, redacted: line.trust.redactEnv });
  return await runSession({ line, target, ...runnable, watcher, saving, loaded });
}
