/**
 * Image files as sources of bytes, sealed or not, and the files beside them that they build on.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Bytes } from "./codec.ts";
import { ImageError } from "./error.ts";
import type { ParentRef } from "./format.ts";
import type { ParentSource, ReadOptions } from "./reader.ts";
import type { ImageSource } from "./record.ts";
import type { SealKey } from "./sealed/key.ts";
import { openSealed } from "./sealed/open.ts";

/** Reading ahead saves calls; skipped data should not be read. */
const READ_AHEAD = 1 << 16;

/** Bytes of a file through a buffer that is used again. */
class FileSource implements ImageSource {
  #buffer: Bytes = new Uint8Array(READ_AHEAD);
  #start = 0;
  #end = 0;

  constructor(private readonly file: Deno.FsFile) {}

  read(length: number): Bytes {
    if (this.#end - this.#start < length) {
      const room = Math.max(length, READ_AHEAD);
      const buffer = room > this.#buffer.length ? new Uint8Array(room) : this.#buffer;
      buffer.set(this.#buffer.subarray(this.#start, this.#end));
      this.#end -= this.#start;
      this.#start = 0;
      this.#buffer = buffer;
      while (this.#end < length) {
        const count = this.file.readSync(buffer.subarray(this.#end, Math.max(length, READ_AHEAD)));
        if (count === null) break;
        this.#end += count;
      }
    }
    const start = this.#start;
    this.#start = Math.min(this.#end, start + length);
    return this.#buffer.subarray(start, this.#start);
  }

  skip(length: number): number {
    const buffered = Math.min(length, this.#end - this.#start);
    this.#start += buffered;
    if (buffered === length) return length;
    // Seeking past the end is no error, so it stops one byte before and that byte is read.
    this.file.seekSync(length - buffered - 1, Deno.SeekMode.Current);
    return length - 1 + this.read(1).length;
  }
}

/** The bytes of an image file, in clear. It is closed when the source is disposed of. */
export async function openFile(path: string, key?: SealKey): Promise<ImageSource & Disposable> {
  const file = Deno.openSync(path);
  try {
    const source = await openSealed(new FileSource(file), key);
    return {
      read: (length) => source.read(length),
      skip: (length) => source.skip(length),
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Finds what an image file builds on: in its folder, under the names that the images give. */
export function openBeside(path: string, key?: SealKey): NonNullable<ReadOptions["openParent"]> {
  const seen: string[] = [];
  return async ({ name, digest }: ParentRef): Promise<ParentSource> => {
    const folder = dirname(Deno.lstatSync(path).isSymlink ? Deno.realPathSync(path) : path);
    const beside = join(folder, name);
    const refuse = (what: string) => {
      throw new ImageError("parent", `it builds on ${beside} with digest ${digest.toHex()}, ${what}`);
    };
    if (seen.includes(name)) refuse("which builds on itself");
    seen.push(name);
    try {
      // Opening a pipe would wait for somebody to write to it.
      if (!Deno.statSync(beside).isFile) refuse("which is no regular file");
      return await openFile(beside, key);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return refuse("and there is no such file") as never;
    }
  };
}
