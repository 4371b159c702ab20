/**
 * `run`: a program from its start to its end.
 *
 * @module
 */
import type { CommandLine } from "../args.ts";
import { runSession } from "../session.ts";
import { loadRunnable } from "../target.ts";
import { Watcher } from "../watcher.ts";

export async function run(line: CommandLine): Promise<number> {
  const target = line.target!;
  // Nothing stops this guest; but from sites, loops that are stuck in slow code are moved on.
  const options = { ...line.policy, ticks: line.debug || undefined };
  const runnable = await loadRunnable(target, line.codeCache, options);
  return await runSession({ line, target, ...runnable, watcher: new Watcher(), loaded: [target] });
}
