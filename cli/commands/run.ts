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
  // Nothing stops this guest, so it needs no sites; unless they are asked for.
  const runnable = await loadRunnable(
    target,
    line.codeCache,
    { ...line.policy, ticks: line.debug || undefined },
    { policy: line.debug ? "counter" : "none" },
  );
  return await runSession({ line, target, ...runnable, watcher: new Watcher(), loaded: [target] });
}
