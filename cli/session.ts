/**
 * One run of a guest in this process: from its parts to its end, and to the exit code that tells of it.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Program } from "../compiler/program.ts";
import { Guest, type GuestOptions } from "../runtime/guest.ts";
import type { Image } from "../runtime/image/reader.ts";
import type { Snapshot } from "../runtime/image/snapshot.ts";
import type { ImageProgress } from "../runtime/image/writer.ts";
import { checkSecret, guestEnvironment, redact } from "../runtime/redact.ts";
import { type StackFrame, Trap } from "../runtime/trap.ts";
import { writeImageFile } from "../runtime/image/file_deno.ts";
import type { Recorder } from "../runtime/recorder_deno.ts";
import type { CommandLine } from "./args.ts";
import { DebugLog } from "./debug.ts";
import { freshWorld, restoredWorld, type World } from "./world.ts";
import { ExitCode, explain, Refusal, say } from "./messages.ts";
import { dropPermissions } from "./permissions.ts";
import { Progress } from "./progress.ts";
import { recorderOf, tellRecorded } from "./recorder.ts";
import { type Runnable, watching } from "./target.ts";
import { dumpTrap, sayTrap } from "./trap.ts";
import type { Trust } from "./trust.ts";
import { Watcher } from "./watcher.ts";

/** What a session is made of. */
export interface SessionParts extends Runnable {
  readonly line: CommandLine;
  readonly target: string;
  readonly watcher: Watcher;
  /** Where an image goes when the guest is stopped; `undefined` if nothing stops it. */
  readonly imageOut?: string;
  /** What to go on with. */
  readonly from?: Image;
  /** Its file, if it is an image of this very program. */
  readonly parentPath?: string;
  /** Files that were read and are not needed any more. */
  readonly loaded: readonly string[];
  /** What images are sealed and signed with. */
  readonly trust?: Trust;
  /** Environment variables whose values are kept out of images. */
  readonly redacted?: readonly string[];
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
  const { line, target, watcher, imageOut, from } = parts;
  const { call, ticks, after } = line.stop;
  const env = { ...from && guestEnvironment(from), ...line.guest.env };
  for (const name of parts.redacted ?? []) checkSecret(name, env);
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
  dropPermissions(needed(world, imageOut, line.coredump), parts.loaded);
  await using recorder = await recorderOf({ ...parts, policy: program.options.policy });
  if (after !== undefined) watcher.stopAfter(after);
  const outcome = await (recorder?.run(guest) ?? guest.run());
  debug?.flush();
  if (outcome.kind === "checkpointed") return await writeImage(outcome.image, parts, recorder);
  await recorder?.[Symbol.asyncDispose]();
  if (recorder && recorder.images > 0) tellRecorded(recorder, imageOut!);
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

/** Makes sure, before a long run, that an image can be written. */
export function checkImagePlace(path: string): void {
  const folder = dirname(path);
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: folder, prefix: ".mvvm-", suffix: ".part" }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Refusal(`there is no folder ${folder} for the image`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Refusal(`the image cannot be written to ${folder}`);
    }
    throw error;
  }
}

/** The paths that are needed from here on. */
function needed({ folders }: World, ...outputs: readonly (string | undefined)[]) {
  const places = outputs.flatMap((path) => path === undefined ? [] : [dirname(path)]);
  return { read: [...folders, ...places], write: [...folders, ...places] };
}

async function writeImage(
  snapshot: Snapshot,
  { imageOut, line, trust, redacted = [] }: SessionParts,
  recorder: Recorder | undefined,
): Promise<number> {
  const path = imageOut!;
  const start = performance.now();
  let byteLength: number;
  try {
    using progress = new Progress(`writing ${path}`);
    const onProgress = ({ done, total }: ImageProgress) => progress.update(done, total);
    if (recorder) ({ byteLength } = await recorder.finish(snapshot, onProgress));
    else {
      using hidden = redact(snapshot, redacted);
      const options = { ...trust, compress: line.compress, onProgress };
      ({ byteLength } = await writeImageFile(path, hidden.snapshot, options));
    }
  } catch (error) {
    const code = explain(error);
    say("the guest was stopped, but no image was written");
    return code;
  }
  const frames = `${snapshot.stack.length} ${snapshot.stack.length === 1 ? "frame" : "frames"}`;
  say(`wrote ${path}: ${frames}, ${byteLength} bytes, ${Math.round(performance.now() - start)} ms`);
  if (recorder && line.every !== undefined) tellRecorded(recorder, path);
  return ExitCode.ok;
}
