/**
 * What changed since the last image: a second copy of each memory, as it was then. Comparing costs the
 * guest nothing while it runs, and the copy can be written by another thread while it runs on.
 *
 * @module
 */
import { ImageError } from "./error.ts";
import { PAGE_BYTES, WASM_PAGE_BYTES } from "./format.ts";
import type { SnapshotMemory } from "./snapshot.ts";

/** Whether a memory and its copy differ from byte `start` to byte `end`, both multiples of `PAGE_BYTES`. */
export type Differs = (start: number, end: number) => boolean;
/** Makes a `Differs` of a memory and its copy. */
export type Comparer = (memory: ArrayBufferLike, copy: SharedArrayBuffer) => Differs;

/** Compares by words of 32 bits; works everywhere. */
export const compareWords: Comparer = (memory, copy) => {
  const [a, b] = [new Int32Array(memory), new Int32Array(copy)];
  return (start, end) => {
    for (let i = start / 4; i < end / 4; i += 4) {
      const different = (a[i] ^ b[i]) | (a[i + 1] ^ b[i + 1]) | (a[i + 2] ^ b[i + 2]) | (a[i + 3] ^ b[i + 3]);
      if (different !== 0) return true;
    }
    return false;
  };
};

/** A memory as it was at the last update. */
export interface ShadowMemory extends SnapshotMemory {
  readonly buffer: SharedArrayBuffer;
  /** A byte for each page of the image: not 0 if it changed between the last two updates. */
  readonly changed: Uint8Array<SharedArrayBuffer>;
}

/**
 * Copies of the memories of one guest.
 *
 * @example
 * ```ts
 * const shadow = new Shadow();
 * shadow.update(first.memories);
 * const memories = shadow.update(second.memories); // later, of the same guest
 * const changed = memories.map(({ changed }) => changed);
 * await writeImage({ ...second, memories }, { parent: { name, digest, changed } }, codec, sink);
 * ```
 */
export class Shadow {
  #copies: SharedArrayBuffer[] = [];

  constructor(private readonly comparer: Comparer = compareWords) {}

  /**
   * Brings the copies up to date and says what that changed. Nobody else may use them meanwhile.
   *
   * @throws ImageError of kind `limit` if there is no room for the copies.
   */
  update(memories: readonly SnapshotMemory[]): ShadowMemory[] {
    return memories.map((memory, i) => {
      const bytes = memory.pages * WASM_PAGE_BYTES;
      const changed = new Uint8Array(new SharedArrayBuffer(bytes / PAGE_BYTES));
      const before = this.#copies[i];
      const copy = this.#copies[i] = this.#room(i, bytes);
      if (before === undefined) {
        new Uint8Array(copy).set(new Uint8Array(memory.buffer, 0, bytes));
        changed.fill(1);
      } else this.#compare(memory, copy, changed);
      return { ...memory, buffer: copy, changed };
    });
  }

  /** The copy of a memory, made larger if that is needed. */
  #room(index: number, bytes: number): SharedArrayBuffer {
    const old = this.#copies[index];
    if (old !== undefined && old.byteLength >= bytes) return old;
    // A memory that grows will grow again.
    const slack = old === undefined ? 0 : Math.ceil(bytes / 8 / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;
    try {
      const larger = new SharedArrayBuffer(Math.min(bytes + slack, 65536 * WASM_PAGE_BYTES));
      if (old !== undefined) new Uint8Array(larger).set(new Uint8Array(old));
      return larger;
    } catch (error) {
      const reason = `there is no room for a copy of memory ${index} of ${bytes} bytes, which images that ` +
        `hold only what changed need: ${(error as Error).message}`;
      throw new ImageError("limit", reason);
    }
  }

  #compare({ buffer, pages }: SnapshotMemory, copy: SharedArrayBuffer, changed: Uint8Array): void {
    const differs = this.comparer(buffer, copy);
    const from = new Uint8Array(buffer);
    const to = new Uint8Array(copy);
    // Most of a memory does not change, and fewer calls compare it faster.
    for (let block = 0; block < pages * WASM_PAGE_BYTES; block += WASM_PAGE_BYTES) {
      if (!differs(block, block + WASM_PAGE_BYTES)) continue;
      for (let start = block; start < block + WASM_PAGE_BYTES; start += PAGE_BYTES) {
        if (!differs(start, start + PAGE_BYTES)) continue;
        changed[start / PAGE_BYTES] = 1;
        to.set(from.subarray(start, start + PAGE_BYTES), start);
      }
    }
  }
}
