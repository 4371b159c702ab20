/**
 * What the memories of all clones of one image begin with. An ArrayBuffer cannot share pages with another until
 * they are written, so each clone has a copy; a fresh buffer is zero and costs nothing where nobody writes, so
 * only what is not zero is kept and copied.
 *
 * @module
 */
import type { SnapshotMemory } from "./image/snapshot.ts";
import { type Memory, pageSize } from "./memory.ts";
import { isZero } from "./zero.ts";

/** Zero bytes are looked for in blocks of this size. */
const BLOCK = 4096;
const BLOCK_WORDS = BLOCK / 4;

/** Whether a block has only zero bytes. */
const isZeroBlock = (words: Int32Array, block: number) =>
  isZero(words, block * BLOCK_WORDS, (block + 1) * BLOCK_WORDS);

export class MemoryTemplate {
  readonly #size: Pick<SnapshotMemory, "pages" | "maxPages">;
  /** What is not zero: where it stands, and a copy of it. In ascending order. */
  readonly #parts: readonly { readonly at: number; readonly bytes: Uint8Array }[];

  /** Copies what it needs: the snapshot may be of a guest that runs on. */
  constructor({ buffer, ...size }: SnapshotMemory) {
    this.#size = size;
    const words = new Int32Array(buffer, 0, this.byteLength / 4);
    const blocks = this.byteLength / BLOCK;
    const parts = [];
    for (let block = 0; block < blocks;) {
      if (isZeroBlock(words, block)) {
        block++;
        continue;
      }
      const first = block;
      while (block < blocks && !isZeroBlock(words, block)) block++;
      const bytes = new Uint8Array(buffer, first * BLOCK, (block - first) * BLOCK).slice();
      parts.push({ at: first * BLOCK, bytes });
    }
    this.#parts = parts;
  }

  /** Bytes that are kept. */
  get stored(): number {
    return this.#parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  get byteLength(): number {
    return this.#size.pages * pageSize;
  }

  /** The memory of a new clone. */
  fresh(): SnapshotMemory & { readonly buffer: ArrayBuffer } {
    const buffer = new ArrayBuffer(this.byteLength);
    const target = new Uint8Array(buffer);
    for (const { at, bytes } of this.#parts) target.set(bytes, at);
    return { ...this.#size, buffer };
  }

  /**
   * Makes a used memory what it was at first. Everything is written again: without a trace of what changed,
   * comparing takes longer than copying.
   */
  reset(memory: Memory): void {
    const { pages } = this.#size;
    // Room that one guest needed serves the next, if it is not very much.
    if (memory.byteLength > 2 * this.byteLength) return memory.replace(this.fresh().buffer, pages);
    const { bytes: target, buffer } = memory;
    const words = new Int32Array(buffer, 0, target.length / 4);
    let next = 0;
    // What was never touched must stay untouched: writing zeros would take real memory for it.
    const clear = (end: number) => {
      for (let block = next / BLOCK; block < end / BLOCK; block++) {
        if (!isZeroBlock(words, block)) target.fill(0, block * BLOCK, (block + 1) * BLOCK);
      }
    };
    for (const { at, bytes } of this.#parts) {
      clear(at);
      target.set(bytes, at);
      next = at + bytes.length;
    }
    clear(target.length);
    memory.replace(buffer, pages);
  }
}
