/**
 * Image files on Deno. A file is written under a temporary name in the same folder, flushed, and renamed:
 * whatever happens, the path names either what it named before or the whole new image.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { denoCodec } from "./codec_deno.ts";
import { type Publication, publish } from "./publish_deno.ts";
import { type Image, type ImageInfo, inspectImage, readImage, type ReadOptions } from "./reader.ts";
import { editImage, type EditResult, type ImageEdit } from "./edit.ts";
import { ImageError } from "./error.ts";
import type { ImageSource } from "./record.ts";
import type { ImageSink } from "./record.ts";
import type { SealKey } from "./sealed/key.ts";
import { seal } from "./sealed/seal.ts";
import type { Snapshot } from "./snapshot.ts";
import { openBeside, openFile } from "./source_deno.ts";
import { writeImage, type WriteOptions, type WriteResult } from "./writer.ts";

/** How many bytes are copied at once. */
const READ_BYTES = 1 << 20;

/** How the file itself is kept. */
export interface SealOption {
  /** Writing: seals the image. Reading: opens it; an image that is not sealed is then refused. */
  readonly key?: SealKey;
}

/** `undefined` if there is no such file. */
function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const temporaryPrefix = (path: string) => `.${basename(path)}.`;
const TEMPORARY_SUFFIX = ".part";

/** Whether the lock on `file` is ours now; where there are no locks, it is not. */
function lock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return false;
  }
}

/**
 * Removes temporary files of `path` that a killed process left behind: those that nobody holds a lock
 * on. Never fails, because the image itself is written.
 */
export function removeStale(path: string): void {
  try {
    for (const { name, isFile } of Deno.readDirSync(dirname(path))) {
      if (!isFile || !name.startsWith(temporaryPrefix(path)) || !name.endsWith(TEMPORARY_SUFFIX)) continue;
      const stale = join(dirname(path), name);
      using file = Deno.openSync(stale, { read: true, write: true });
      if (lock(file)) Deno.removeSync(stale);
    }
  } catch {
    // No right to list the folder, or someone else was faster.
  }
}

/**
 * Writes `snapshot` to `path`, or leaves what is there untouched. A symbolic link is followed. Needs
 * `--allow-read` and `--allow-write` for the folder, because the temporary file stands beside the image.
 *
 * @example
 * ```ts
 * await writeImageFile("bc.mvvm", snapshot, { compress: "zstd:3" });
 * ```
 * @throws ImageError if the snapshot is not a valid one; otherwise what the file system says.
 */
export async function writeImageFile(
  path: string,
  snapshot: Snapshot,
  options: WriteOptions & SealOption = {},
): Promise<WriteResult> {
  const target = realPath(path);
  const result = await writeChained(target, snapshot, options, {});
  removeStale(target);
  return result;
}

/** Writes `snapshot` to `path`, which is no link, and does with other files of a chain what goes with it. */
export async function writeChained(
  path: string,
  snapshot: Snapshot,
  options: WriteOptions & SealOption,
  publication: Publication,
): Promise<WriteResult> {
  return await publish(
    path,
    publication,
    (file) => sealedBy(options.key, file, (sink) => writeImage(snapshot, options, denoCodec, sink)),
  );
}

/** Writes through a seal if there is a key; `byteLength` is that of the file then. */
async function sealedBy<T extends { readonly byteLength: number }>(
  key: SealKey | undefined,
  file: ImageSink,
  write: (sink: ImageSink) => Promise<T>,
): Promise<T> {
  if (key === undefined) return await write(file);
  const sealed = await seal(file, key);
  const written = await write(sealed);
  await sealed.end();
  return { ...written, byteLength: sealed.byteLength };
}

/**
 * Writes a changed image, or leaves what is at `output` untouched; it may be the image itself.
 *
 * @param edit With a key, the image is opened, and the changed one sealed with it.
 * @throws ImageError if the image is refused, before or after the change; otherwise what the file system says.
 */
export async function editImageFile(
  path: string,
  output: string,
  edit: ImageEdit & SealOption,
): Promise<EditResult> {
  const target = realPath(output);
  const { key } = edit;
  const result = await publish(target, {}, async (file) => {
    using source = await openFile(path, key);
    return await sealedBy(key, file, (sink) => editImage(source, denoCodec, sink, edit));
  });
  removeStale(target);
  return result;
}

/**
 * Seals an image file, opens it for good, or seals it with another key. The image inside stays as it is, to the
 * byte: so do its digest, its signature, and what builds on it.
 *
 * @param from What it is sealed with; `undefined` if it is not. @param to Likewise for `output`.
 * @returns Bytes of the new file.
 * @throws ImageError if the image is refused; contents of memories are only proven by their seal.
 */
export async function resealImageFile(
  path: string,
  output: string,
  { from, to }: { readonly from?: SealKey; readonly to?: SealKey },
): Promise<{ byteLength: number }> {
  const { byteLength } = await inspectImageFile(path, { key: from });
  const target = realPath(output);
  const result = await publish(target, {}, async (file) => {
    using source = await openFile(path, from);
    return await sealedBy(to, file, async (sink) => {
      for (let left = byteLength; left > 0;) {
        const part = await source.read(Math.min(left, READ_BYTES));
        if (part.length === 0) throw new ImageError("truncated", "the file became shorter while it was read");
        await sink.write(part);
        left -= part.length;
      }
      return { byteLength };
    });
  });
  removeStale(target);
  return result;
}

/** Where the bytes go: through symbolic links, and only to a place for a regular file. */
export function realPath(path: string): string {
  const info = statOf(path);
  if (info === undefined) return path;
  if (!info.isFile) {
    throw new Deno.errors.InvalidData(`${path} is no regular file; an image cannot replace it`);
  }
  return Deno.realPathSync(path);
}

/**
 * Reads and proves a whole image file, and those beside it that it builds on.
 * @throws ImageError if the file is refused; otherwise what the file system says.
 */
export async function readImageFile(
  path: string,
  options: ReadOptions & SealOption = {},
): Promise<Image> {
  using source = await openFile(path, options.key);
  return await readImage(source, denoCodec, { openParent: openBeside(path, options.key), ...options });
}

/** What an image builds on. */
export interface Ancestry {
  /** The nearest first, the whole image last; fewer if there is a problem. */
  readonly links: readonly { readonly name: string; readonly info: ImageInfo }[];
  /** Why the next one cannot be used. */
  readonly problem?: string;
}

/** Reads what an image builds on, but for the contents of memories. */
export async function inspectAncestors(
  path: string,
  { parent }: Pick<ImageInfo, "parent">,
  options: Pick<ReadOptions, "limits" | "signers"> & SealOption = {},
): Promise<Ancestry> {
  const open = openBeside(path, options.key);
  const links: { name: string; info: ImageInfo }[] = [];
  for (let next = parent; next !== undefined; next = links.at(-1)!.info.parent) {
    const { name, digest } = next;
    try {
      using source = await open(next) as ImageSource & Disposable;
      const info = await inspectImage(source, denoCodec, options);
      if (info.digest.toHex() !== digest.toHex()) {
        return { links, problem: `${name} is another image than it was` };
      }
      links.push({ name, info });
    } catch (error) {
      return { links, problem: `${name}: ${(error as Error).message}` };
    }
  }
  return { links };
}

/** Reads everything of an image file but the contents of memories. */
export async function inspectImageFile(
  path: string,
  options: Pick<ReadOptions, "limits" | "signers"> & SealOption = {},
): Promise<ImageInfo> {
  using source = await openFile(path, options.key);
  return await inspectImage(source, denoCodec, options);
}
