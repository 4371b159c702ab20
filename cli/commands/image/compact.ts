/**
 * `image compact`: an image and all that it builds on, as one that builds on nothing.
 *
 * @module
 */
import { writeImageFile } from "../../../runtime/image/file_deno.ts";
import type { CommandLine } from "../../args.ts";
import { readImage } from "../../image_file.ts";
import { say } from "../../messages.ts";
import { Progress } from "../../progress.ts";
import { refuseIfBuiltOn } from "../../recorder.ts";
import { loadTrust } from "../../trust.ts";

export async function compact(line: CommandLine): Promise<number> {
  const path = line.file!;
  const output = line.output ?? path;
  const trust = await loadTrust(line.trust);
  await refuseIfBuiltOn(output, trust);
  const image = await readImage(path, trust);
  using progress = new Progress(`writing ${output}`);
  const { byteLength } = await writeImageFile(output, image, {
    ...trust,
    compress: line.compress,
    onProgress: ({ done, total }) => progress.update(done, total),
  });
  say(`wrote ${output}: ${byteLength} bytes, and it builds on no other image`);
  if (image.signature && !trust.signer) {
    say("warning: the image was signed, and the new one is not; give --sign-key to sign it");
  }
  return 0;
}
