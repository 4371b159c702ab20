/**
 * The images of a session: what is kept out of them, and where they go. Only what can be stopped loads this.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Image } from "../runtime/image/reader.ts";
import type { Snapshot } from "../runtime/image/snapshot.ts";
import type { ImageProgress } from "../runtime/image/writer.ts";
import { writeImageFile } from "../runtime/image/file_deno.ts";
import type { Recorder } from "../runtime/recorder_deno.ts";
import { checkSecret, redact } from "../runtime/redact.ts";
import type { CommandLine } from "./args.ts";
import { ExitCode, explain, Refusal, say } from "./messages.ts";
import { Progress } from "./progress.ts";
import { recorderOf, tellRecorded } from "./recorder.ts";
import type { Trust } from "./trust.ts";
import type { Watcher } from "./watcher.ts";

export interface SavingParts {
  readonly line: CommandLine;
  readonly watcher: Watcher;
  /** Where an image goes when the guest is stopped. */
  readonly path: string;
  /** The image that the guest goes on from, and its file, if it is an image of this very program. */
  readonly from?: Image;
  readonly parentPath?: string;
  /** What images are sealed and signed with. */
  readonly trust: Trust;
  /** Environment variables whose values are kept out. */
  readonly redacted: readonly string[];
}

export class Saving {
  constructor(private readonly parts: SavingParts) {}

  get path(): string {
    return this.parts.path;
  }

  /** @throws {RedactError} A value that is to be kept out cannot be told from others. */
  check(env: Readonly<Record<string, string>>): void {
    for (const name of this.parts.redacted) checkSecret(name, env);
  }

  /** A recorder, if images are to hold only what changed. Make it before the guest runs. */
  recorder(policy: string): Promise<Recorder | undefined> {
    return recorderOf({ ...this.parts, policy });
  }

  /** Tells what was recorded, if something was. */
  tell(recorder: Recorder | undefined): void {
    if (recorder && recorder.images > 0) tellRecorded(recorder, this.path);
  }

  /** Writes the image of a guest that was stopped. @returns The exit code. */
  async write(snapshot: Snapshot, recorder: Recorder | undefined): Promise<number> {
    const { line, trust, path } = this.parts;
    const start = performance.now();
    let byteLength: number;
    try {
      using progress = new Progress(`writing ${path}`);
      const onProgress = ({ done, total }: ImageProgress) => progress.update(done, total);
      if (recorder) ({ byteLength } = await recorder.finish(snapshot, onProgress));
      else {
        using hidden = redact(snapshot, this.parts.redacted);
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
    if (line.every !== undefined) this.tell(recorder);
    return ExitCode.ok;
  }
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
