/**
 * `coredump`: an image as a WebAssembly core dump.
 *
 * @module
 */
import { imageDump } from "../../runtime/coredump/sources.ts";
import { writeCoreDumpFile } from "../../runtime/coredump/file_deno.ts";
import type { CommandLine } from "../args.ts";
import { readImage, symbolsOf } from "../image_file.ts";
import { say } from "../messages.ts";
import { loadTrust } from "../trust.ts";

export async function coredump({ file, target, output, trust }: CommandLine): Promise<number> {
  const path = file!;
  const image = await readImage(path, await loadTrust(trust));
  const module = (await symbolsOf(image, path, target))?.module;
  if (module === undefined) {
    say("without the program (-t) the dump has no code offsets: it is not known where functions start");
  }
  const name = target ?? image.modules[0]?.name ?? path;
  const to = output ?? path.replace(/(\.[^./\\]*)?$/, ".coredump");
  const byteLength = await writeCoreDumpFile(to, imageDump(image, name, module));
  const frames = `${image.stack.length} ${image.stack.length === 1 ? "frame" : "frames"}`;
  say(`wrote ${to}: ${frames}, ${byteLength} bytes`);
  return 0;
}
