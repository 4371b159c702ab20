/**
 * What we say ourselves, always on standard error, and the exit codes that go with it.
 *
 * @module
 */
import { MvvmError } from "../compiler/errors.ts";
import { UsageError } from "./usage.ts";

/** Exit codes that are ours; all others are the guest's. */
export const ExitCode = {
  ok: 0,
  refused: 1,
  usage: 2,
  /** `diff --exit-code` found something. */
  different: 3,
  internal: 70,
  interrupted: 130,
  trapped: 134,
} as const;

/** A reason to go no further, known and explained: nothing was run, or nothing more will be. */
export class Refusal extends MvvmError {
  override readonly name = "Refusal";
}

const encoder = new TextEncoder();

/** Writes all of a text to standard error. */
export function writeError(text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch {
    // Nobody listens; there is nowhere left to say so.
  }
}

/** Writes all of a text to standard output. */
export function writeOutput(text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** A line of ours. */
export function say(text: string): void {
  writeError(`mvvm: ${text}\n`);
}

/** Tells why a command failed. @returns The exit code. */
export function explain(error: unknown): number {
  if (error instanceof UsageError) {
    say(`${error.message} (--help says more)`);
    return ExitCode.usage;
  }
  if (error instanceof MvvmError) {
    say(error.message);
    return ExitCode.refused;
  }
  // Whoever reads our output has read enough.
  if (error instanceof Deno.errors.BrokenPipe) return ExitCode.ok;
  if (error instanceof Deno.errors.NotCapable) {
    // "Requires read access to "/x", run again with the --allow-read flag"
    say(`Deno does not permit it: ${error.message}`);
    return ExitCode.refused;
  }
  if (isFileError(error)) {
    say(error.message);
    return ExitCode.refused;
  }
  say(`internal error: ${oneLine(error)} - please report this`);
  return ExitCode.internal;
}

/** What the file system says: not ours to explain further. */
function isFileError(error: unknown): error is Error {
  return error instanceof Error &&
    (/^E[A-Z]+$/.test(String((error as { code?: unknown }).code)) ||
      Object.values(Deno.errors).some((type) => error instanceof type));
}

/** An error, and where in our code it came from, on one line. */
function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\(?(?:file:\/\/\S*\/)?([^\s/]+:\d+:\d+)\)?/.exec(error.stack?.split("\n    at ")[1] ?? "")
    ?.[1];
  return `${error.name}: ${error.message.replaceAll("\n", " ")}${place ? ` (${place})` : ""}`;
}
