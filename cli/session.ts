/**
 * One run of a guest in this process: from its parts to its end, and to the exit code that tells of it.
 *
 * @module
 */
import type { Program } from "../compiler/program.ts";
import { Guest, type GuestOptions } from "../runtime/guest.ts";
import type { Image } from "../runtime/image/reader.ts";
import { guestEnvironment } from "../runtime/redact.ts";
import { type StackFrame, Trap } from "../runtime/trap.ts";
import type { CommandLine } from "./args.ts";
import { DebugLog } from "./debug.ts";
import { freshWorld, restoredWorld } from "./world.ts";
import { ExitCode, Refusal, say } from "./messages.ts";
import { dropPermissions } from "./permissions.ts";
import type { Saving } from "./saving.ts";
import { type Runnable, watching } from "./target.ts";
import { Watcher } from "./watcher.ts";

/** What a session is made of. */
export interface SessionParts extends Runnable {
  readonly line: CommandLine;
  readonly target: string;
  readonly watcher: Watcher;
  /** What becomes of images; `undefined` if nothing stops the guest. */
  readonly saving?: Saving;
  /** What to go on with. */
  readonly from?: Image;
  /** Files that were read and are not needed any more. */
  readonly loaded: readonly string[];
}

/** A watcher for the signals that stop a guest, and the promise that it listens. */
export function signalWatcher(): { watcher: Watcher; listening: Promise<void> } {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGUSR1"];
  const watcher = new Watcher({ signals });
  const listening = watcher.listen();
  // Whoever waits for it hears of a failure; until then it is nobody's unhandled rejection.
  listening.catch(() => {});
  return { watcher, listening };
}

/** Runs a guest until it ends or is stopped. @returns The exit code. */
export async function runSession(parts: SessionParts): Promise<number> {
  using codeFile = parts.codeFile;
  const code = await runGuest(parts);
  await codeFile?.save();
  return code;
}

async function runGuest(parts: SessionParts): Promise<number> {
  const { line, target, watcher, saving, from } = parts;
  const { call, ticks, after } = line.stop;
  const env = { ...from && guestEnvironment(from), ...line.guest.env };
  saving?.check(env);
  const program = call ? watching(parts.program, call.func) : parts.program;
  const debug = line.debug ? new DebugLog(program.module) : undefined;
  const world = from
    ? restoredWorld(from, target, line.guest, watcher, debug?.call)
    : freshWorld(target, line.guest, watcher, debug?.call);
  const options: GuestOptions = {
    wasi: world.wasi,
    embedFiles: line.embedFiles,
    control: watcher.control,
    stopAtTick: ticks,
    stopAtCall: call?.count,
    observer: debug,
    // A function that is watched is other code.
    codeCache: call ? undefined : parts.codeFile?.code,
  };
  let guest: Guest;
  try {
    guest = from ? await Guest.restore(from, program, options) : start(program, options);
  } catch (error) {
    if (!(error instanceof Trap)) throw error;
    return await trapped(parts, undefined, error.kind, error.wasmStack);
  }
  const outputs = [saving?.path, line.coredump].filter((path) => path !== undefined);
  await dropPermissions({ folders: world.folders, outputs, loaded: parts.loaded });
  await using recorder = await saving?.recorder(program.options.policy);
  if (after !== undefined) watcher.stopAfter(after);
  const outcome = await (recorder?.run(guest) ?? guest.run());
  debug?.flush();
  if (outcome.kind === "checkpointed") return await saving!.write(outcome.image, recorder);
  await recorder?.[Symbol.asyncDispose]();
  saving?.tell(recorder);
  const stops = call !== undefined || ticks !== undefined || after !== undefined;
  if (!recorder?.images && (line.command === "checkpoint" || stops)) {
    say("the guest ended before the stop; no image was written");
  }
  if (outcome.kind === "finished") return outcome.exitCode;
  return await trapped(parts, guest, outcome.trap, outcome.stack);
}

async function trapped(
  { line, target, program }: SessionParts,
  guest: Guest | undefined,
  kind: string,
  stack: readonly StackFrame[],
): Promise<number> {
  // Names and places in sources take time to load.
  const { dumpTrap, sayTrap } = await import("./trap.ts");
  sayTrap(kind, stack, program.module);
  if (line.coredump !== undefined) await dumpTrap(line.coredump, guest, target, stack);
  return ExitCode.trapped;
}

function start(program: Program, options: GuestOptions): Guest {
  const entry = program.module.exports.find(({ kind, name }) => kind === "func" && name === "_start");
  if (entry === undefined) {
    throw new Refusal(
      'the module exports no function "_start": it is no program (a library cannot be run alone)',
    );
  }
  return Guest.start(program, options);
}
