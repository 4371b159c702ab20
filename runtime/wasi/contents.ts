/**
 * The contents of open files, as an image needs them: whole, or as a fingerprint that tells whether
 * they have changed.
 *
 * @module
 */
import { errnoOf } from "./errno.ts";
import type { HostDirectory, HostFile } from "./host.ts";

/** Bytes read at a time. */
const CHUNK = 1 << 18;
/** Of a file larger than this, only the first and the last half of it go into the fingerprint. */
const WHOLE = 64 << 20;

/** Fills `buffer` from `position`, as far as the file goes. @returns Bytes read. */
function readFully(file: HostFile, buffer: Uint8Array, position: number): number {
  let done = 0;
  while (done < buffer.length) {
    const count = file.read(buffer.subarray(done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** The first `size` bytes of a file, or fewer if it is shorter. */
export function contentsOf(file: HostFile, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  return bytes.subarray(0, readFully(file, bytes, 0));
}

/**
 * Reads an open file; through a second descriptor, if it has a name, where the first is for writing
 * only. `undefined` if it cannot be read at all.
 */
export function inspect<T>(
  file: HostFile,
  root: HostDirectory | undefined,
  path: string,
  use: (file: HostFile) => T,
): T | undefined {
  try {
    return use(file);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  let second: HostFile | undefined;
  try {
    second = root?.open(path, { read: true, write: false, append: false, create: false });
    return second && use(second);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  } finally {
    second?.close();
  }
}

/**
 * A 64-bit fingerprint in hexadecimal (two lanes of MurmurHash3's mixing). It tells apart what changed
 * by accident or by another program's work; it is no protection against somebody who forges it.
 */
export function fingerprint(file: HostFile, size: number): string {
  const mixer = new Mixer();
  const buffer = new Uint8Array(CHUNK);
  const run = (from: number, to: number) => {
    for (let at = from; at < to; at += CHUNK) {
      const count = readFully(file, buffer.subarray(0, Math.min(CHUNK, to - at)), at);
      mixer.add(buffer.subarray(0, count));
    }
  };
  if (size <= WHOLE) run(0, size);
  else {
    run(0, WHOLE / 2);
    run(size - WHOLE / 2, size);
  }
  return mixer.digest(size);
}

class Mixer {
  #a = 0x2f0b4a27;
  #b = 0x6c8e9cf5;

  add(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const words = bytes.length & ~3;
    for (let at = 0; at < words; at += 4) {
      const word = view.getInt32(at, true);
      a = Math.imul(rotate(a ^ Math.imul(word, 0xcc9e2d51), 13), 5) + 0xe6546b64 | 0;
      b = Math.imul(rotate(b ^ Math.imul(word, 0x1b873593), 15), 5) + 0x38495ab5 | 0;
    }
    for (let at = words; at < bytes.length; at++) {
      a = Math.imul(a ^ bytes[at], 0x85ebca6b);
      b = Math.imul(b ^ bytes[at], 0xc2b2ae35);
    }
    this.#a = a;
    this.#b = b;
  }

  digest(size: number): string {
    const a = finish(this.#a ^ size);
    const b = finish(this.#b ^ a ^ Math.floor(size / 0x1_0000_0000));
    return hex(a) + hex(b);
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
function finish(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
function hex(x: number): string {
  return (x >>> 0).toString(16).padStart(8, "0");
}
