/**
 * A rebuilt module takes over an image, if everything in the image has its place in it.
 *
 * @module
 */
import type { Program } from "../../compiler/program.ts";
import { type BuildComparison, compareBuilds } from "../../compiler/upgrade/build.ts";
import type { Finding } from "../../compiler/upgrade/finding.ts";
import { functionName } from "../../compiler/function_name.ts";
import type { Snapshot } from "../image/snapshot.ts";
import { moduleHash } from "../module_hash.ts";
import { RestoreError } from "../restore.ts";
import { upgradeFrames } from "./frames.ts";
import { upgradeInstance } from "./instance.ts";

export type { Finding };

/** What came of comparing an image, the module it was taken of, and a rebuilt one. */
export interface Upgrade {
  /** Whether the new module can go on with the image. */
  readonly fits: boolean;
  /** All that was looked at and is worth telling: what does not fit first, then what does. */
  readonly findings: readonly Finding[];
  /** The image for the new module, if all fits. Memories are shared with the old one, not copied. */
  readonly image?: Snapshot;
}

/**
 * Compares an image with a rebuilt module, and makes an image for it if all fits: functions on the stack must be
 * the same instructions, static data must lie where it was, table elements, globals and exports must be what
 * they were. Every other function may have other code; it takes effect at its next call.
 *
 * ```ts
 * import { Guest, Program, type Snapshot, upgradeImage } from "../../mod.ts";
 * async function goOn(image: Snapshot, old: Program, rebuilt: Program) {
 *   const upgrade = await upgradeImage(image, old, rebuilt);
 *   if (upgrade.image) return await Guest.restore(upgrade.image, rebuilt);
 *   for (const { subject, text, fits } of upgrade.findings) if (!fits) console.error(`${subject}: ${text}`);
 * }
 * ```
 *
 * @param old The module that the image was taken of.
 * @throws {RestoreError} The image was not taken of `old`, or holds several instances.
 */
export async function upgradeImage(image: Snapshot, old: Program, next: Program): Promise<Upgrade> {
  await checkOrigin(image, old);
  const build = compareBuilds(old.module, next.module);
  const refused: Finding[] = [...build.findings];
  const notes: Finding[] = [];
  const report = (finding: Finding) => (finding.fits ? notes : refused).push(finding);
  const stack = upgradeFrames(image.stack, build, report);
  const store = upgradeInstance(image, build, report);
  const findings = [...refused, ...notes, ...describeFunctions(build, refused.length === 0)];
  if (refused.length > 0) return { fits: false, findings };
  const { bytes, names } = next.module;
  return {
    fits: true,
    findings,
    image: {
      ...image,
      ...store,
      stack,
      modules: [{
        sha256: await moduleHash(next.module),
        byteLength: bytes.length,
        ...(names.module === undefined ? {} : { name: names.module }),
      }],
    },
  };
}

async function checkOrigin(image: Snapshot, { module }: Program): Promise<void> {
  if (image.instances.length !== 1 || image.modules.length !== 1) {
    throw new RestoreError(
      `an image of ${image.instances.length} instances cannot be upgraded, only one of a single instance`,
    );
  }
  const hash = await moduleHash(module);
  if (!image.modules[0].sha256.every((byte, i) => byte === hash[i])) {
    throw new RestoreError(
      "the image was taken of another module than the one given as the old one; an upgrade compares with it",
    );
  }
}

/** What the upgrade means for code; of functions on the stack, their frames tell. */
function describeFunctions({ numbers, functions }: BuildComparison, fits: boolean): Finding[] {
  const { same, changed, retyped, gone, added } = functions;
  const counts = [`${changed.size + retyped.length} changed`, `${gone.length} gone`, `${added.length} new`];
  const notes: Finding[] = [];
  const note = (subject: string, text: string) => notes.push({ subject, fits: true, text });
  note("functions", `${same} the same, ${counts.join(", ")}`);
  if (!fits) return notes;
  for (const [func, { difference }] of changed) {
    const { old, next } = difference;
    note(`function ${numbers.name(func)}`, `${old} is now ${next}; the next call runs the new code`);
  }
  for (const [func] of retyped) note(`function ${numbers.name(func)}`, numbers.missing(func));
  for (const func of gone) note(`function ${numbers.name(func)}`, "is gone");
  for (const func of added) note(`function ${functionName(numbers.next, func)}`, "is new");
  return notes;
}
