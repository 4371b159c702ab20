/**
 * `run`: a program from its start to its end.
 *
 * @module
 */
import type { CommandLine } from "../args.ts";
import { runSession } from "../session.ts";
import { loadTarget } from "../target.ts";
import { Watcher } from "../watcher.ts";

export async function run(line: CommandLine): Promise<number> {
  const target = line.target!;
  // Nothing stops this guest, so it needs no sites; unless they are asked for.
  const program = await loadTarget(
    target,
    { ...line.policy, ticks: line.debug || undefined },
    { policy: line.debug ? "counter" : "none" },
  );
  return await runSession({ line, target, program, watcher: new Watcher(), loaded: [target] });
}
