/**
 * Images that hold only what changed: `--every`, and `--policy dirty` where there is an image to build on.
 *
 * @module
 */
import { basename, dirname, extname, join } from "node:path";
import type { Image } from "../runtime/image/reader.ts";
import { redact } from "../runtime/redact.ts";
import { isBuiltOn } from "../runtime/image/chain_deno.ts";
import { canBuildOn, Recorder } from "../runtime/recorder_deno.ts";
import type { CommandLine } from "./args.ts";
import { Refusal, say } from "./messages.ts";
import { mayWrite } from "./permissions.ts";
import type { Trust } from "./trust.ts";
import type { Watcher } from "./watcher.ts";

/** What is recorded, and where. */
export interface RecordingParts {
  readonly line: CommandLine;
  readonly watcher: Watcher;
  /** The policy that the guest runs under. */
  readonly policy: string;
  /** Where the newest goes. */
  readonly path: string;
  /** The image that the guest goes on from, and its file, if new images can build on it. */
  readonly from?: Image;
  readonly parentPath?: string;
  readonly trust: Trust;
  readonly redacted: readonly string[];
}

/** A recorder, if images are to hold only what changed. Make it before the guest runs. */
export async function recorderOf(parts: RecordingParts): Promise<Recorder | undefined> {
  const { line, watcher, policy, path, from, parentPath, trust, redacted } = parts;
  // What others build on holds no value that is kept out now, and not only zeros in its place.
  const parent = redacted.length === 0 && from && parentPath !== undefined &&
    { path: parentPath, digest: from.digest, memories: from.memories };
  const continues = line.every !== undefined && parentPath === path;
  const branches = policy === "dirty" && parentPath !== undefined && canBuildOn(parentPath, path);
  const builds = parent && (continues || branches);
  if (line.every === undefined && !builds) return undefined;
  const isTerminal = Deno.stderr.isTerminal();
  return await Recorder.open(path, {
    ...trust,
    compress: line.compress,
    every: line.every,
    keep: line.keep,
    words: watcher.stopWords,
    ...builds && { parent },
    ...redacted.length > 0 && { prepare: (snapshot) => redact(snapshot, redacted) },
    onImage: ({ byteLength, whole }) => {
      if (isTerminal) say(`${path}: ${whole ? "a whole image" : "what changed"}, ${byteLength} bytes`);
    },
    onFailure: (reason) => say(`warning: no image was written this time: ${reason}`),
  });
}

/** Says at the end what was recorded. */
export function tellRecorded({ images, wholeImages, longestPause }: Recorder, path: string): void {
  const pause = longestPause < 10 ? longestPause.toFixed(1) : longestPause.toFixed(0);
  say(
    `wrote ${images} ${images === 1 ? "image" : "images"} (${wholeImages} whole), the newest is ${path}; ` +
      `the guest stood still for at most ${pause} ms`,
  );
}

/** Where further images go by default: in the place of the one that was restored, unless others build on it. */
export async function defaultOutput(path: string, trust: Trust): Promise<string> {
  if (!mayWrite(dirname(path)) || !await isBuiltOn(path, trust.key)) return path;
  const extension = extname(path);
  for (let i = 1;; i++) {
    const branch = join(
      dirname(path),
      `${basename(path, extension)}.branch${i === 1 ? "" : i}${extension}`,
    );
    if (!exists(branch)) return branch;
  }
}

/** An image that others build on must stay as it is. */
export async function refuseIfBuiltOn(path: string, trust: Trust, option = "-o"): Promise<void> {
  // Where we may not write, nothing is replaced; and asking for what we may not read would ask the user.
  if (!mayWrite(dirname(path)) || !await isBuiltOn(path, trust.key)) return;
  throw new Refusal(
    `other images build on ${path}, so it must stay as it is; write to another file with ${option}`,
  );
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}
