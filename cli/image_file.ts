/**
 * The image that a command is about, read from its file.
 *
 * @module
 */
import { Symbols } from "../compiler/symbols.ts";
import type { Image, ImageInfo } from "../runtime/image/reader.ts";
import { moduleHash } from "../runtime/module_hash.ts";
import { inspectImageFile, readImageFile } from "../runtime/image/file_deno.ts";
import { Refusal, say } from "./messages.ts";
import { Progress } from "./progress.ts";
import { loadTarget } from "./target.ts";

/** What opens an image, and who must have signed it. */
type Opening = NonNullable<Parameters<typeof inspectImageFile>[1]>;

/** Reads and proves all of an image. @param advice What to do if there is none. */
export async function readImage(path: string, opening: Opening = {}, advice?: string): Promise<Image> {
  using progress = new Progress(`reading ${path}`);
  return await found(
    path,
    readImageFile(path, { ...opening, onProgress: ({ done, total }) => progress.update(done, total) }),
    advice,
  );
}

/** Reads all of an image but the contents of memories. */
export function readInfo(path: string, opening: Opening = {}): Promise<ImageInfo> {
  return found(path, inspectImageFile(path, opening));
}

/**
 * Names for an image's code, from its module: the one given, or one that happens to stand beside the image.
 *
 * @param path The image's.
 * @param target The module's; one that is given must be readable, and if it is another, that is said.
 */
export async function symbolsOf(
  { modules }: Pick<ImageInfo, "modules">,
  path: string,
  target: string | undefined,
): Promise<Symbols | undefined> {
  const wanted = modules[0]?.sha256;
  if (wanted === undefined) return undefined;
  try {
    const { module } = await loadTarget(target ?? path.replace(/(\.[^./\\]*)?$/, ".wasm"));
    const hash = await moduleHash(module);
    if (wanted.every((byte, i) => byte === hash[i])) return new Symbols(module);
    if (target !== undefined) say(`${target} is another module; functions have no names`);
  } catch (error) {
    if (target !== undefined) throw error;
    // There is none beside the image, or none that we may read.
  }
  return undefined;
}

async function found<T>(path: string, image: Promise<T>, advice?: string): Promise<T> {
  try {
    return await image;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Refusal(`there is no image ${path}${advice ? `; ${advice}` : ""}`);
  }
}
