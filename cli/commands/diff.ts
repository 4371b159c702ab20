/**
 * `diff`: what differs between two images.
 *
 * @module
 */
import type { CommandLine } from "../args.ts";
import { readImage, symbolsOf } from "../image_file.ts";
import { ExitCode, writeOutput } from "../messages.ts";
import { describeDifference, difference } from "../show/difference.ts";
import { plain } from "../show/summary.ts";
import { loadTrust } from "../trust.ts";

export async function diff(line: CommandLine): Promise<number> {
  const names = { a: line.file!, b: line.other! };
  const opening = await loadTrust(line.trust);
  const a = await readImage(names.a, opening);
  const b = await readImage(names.b, opening);
  const found = difference(a, b, await symbolsOf(b, names.b, line.target));
  writeOutput(line.json ? `${JSON.stringify(found, plain, 2)}\n` : describeDifference(names, found));
  return line.exitCode && !found.equal ? ExitCode.different : ExitCode.ok;
}
