/**
 * The guest's world outside: WASI on this process's files and streams, fresh or as an image says.
 *
 * @module
 */
import type { Image } from "../runtime/image/reader.ts";
import { guestEnvironment } from "../runtime/redact.ts";
import type { PreopenOption } from "../runtime/wasi/grant.ts";
import type { RestoreNote } from "../runtime/wasi/reopen.ts";
import { type CallHook, Wasi } from "../runtime/wasi/wasi.ts";
import { DenoHost } from "../runtime/wasi/host_deno.ts";
import type { GuestArgs } from "./args.ts";
import { say } from "./messages.ts";
import { mayWrite } from "./permissions.ts";
import type { Watcher } from "./watcher.ts";

export interface World {
  readonly wasi: Wasi;
  /** The host's folders that the guest may use. */
  readonly folders: readonly string[];
}

/** The world of a guest that starts. Its first argument is the program's path. */
export function freshWorld(target: string, given: GuestArgs, waiter: Watcher, onCall?: CallHook): World {
  const { args = [], env, randomSeed } = given;
  const preopens = granted(given.dirs);
  const options = { args: [target, ...args], env, preopens, randomSeed, onCall };
  return { wasi: new Wasi(options, new DenoHost({ waiter })), folders: given.dirs.map(({ host }) => host) };
}

/**
 * The world of a guest that goes on: what the image says, but for what is given again. Tells what was done
 * about things outside the image.
 */
export function restoredWorld(
  image: Image,
  target: string,
  given: GuestArgs,
  waiter: Watcher,
  onCall?: CallHook,
): World {
  const state = image.host.wasi;
  for (const name of Object.keys(image.host)) {
    if (name !== "wasi") {
      say(`warning: the image has state of "${name}", which only its own host can restore`);
    }
  }
  if (state === undefined) return freshWorld(target, given, waiter, onCall);
  // An image is not trusted: it gets no directory that the command line does not grant.
  const named = new Set(given.dirs.map(({ guest }) => guest));
  const others = given.imageDirs ? savedDirs(state).filter(({ guest }) => !named.has(guest)) : [];
  const dirs = [...given.dirs, ...others];
  const { wasi, report } = Wasi.restore(state, {
    ...given.args && { args: [strings(state, "args")[0] ?? target, ...given.args] },
    ...Object.keys(given.env).length > 0 && { env: { ...guestEnvironment(image), ...given.env } },
    preopens: granted(dirs),
    files: given.files,
    randomSeed: given.randomSeed,
    onCall,
  }, new DenoHost({ waiter }));
  tell(report);
  return { wasi, folders: dirs.map(({ host }) => host) };
}

/** A folder that Deno does not let us write to is one that the guest may only read. */
function granted(dirs: readonly PreopenOption[]): PreopenOption[] {
  return dirs.map((dir) => mayWrite(dir.host) ? dir : { ...dir, readOnly: true });
}

function tell(report: readonly RestoreNote[]): void {
  for (const { level, text } of report) say(level === "warn" ? `warning: ${text}` : text);
}

/** A list in the saved state, which is not trusted: what is not as expected, `Wasi.restore` will refuse. */
function list(state: unknown, key: string): unknown[] {
  const value = (state as Record<string, unknown> | null)?.[key];
  return Array.isArray(value) ? value : [];
}

function strings(state: unknown, key: string): string[] {
  return list(state, key).filter((text) => typeof text === "string");
}

/** The directories where the image says they were. */
function savedDirs(state: unknown): PreopenOption[] {
  return list(state, "preopens").flatMap((each) => {
    const { guest, host } = (each ?? {}) as Record<string, unknown>;
    return typeof guest === "string" && typeof host === "string" ? [{ guest, host }] : [];
  });
}
