/**
 * The image that a command is about, read from its file.
 *
 * @module
 */
import type { Image, ImageInfo } from "../mod.ts";
import { inspectImageFile, readImageFile } from "../runtime/image/file_deno.ts";
import { Refusal } from "./messages.ts";
import { Progress } from "./progress.ts";

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

async function found<T>(path: string, image: Promise<T>, advice?: string): Promise<T> {
  try {
    return await image;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Refusal(`there is no image ${path}${advice ? `; ${advice}` : ""}`);
  }
}
