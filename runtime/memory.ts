/**
 * Linear memories (spec 4.2.8).
 *
 * @module
 */
import type { MemoryType } from "../compiler/types.ts";
import { Trap, TrapKind } from "./trap.ts";

export const pageSize = 65536;
const maxPages = 65536;

/**
 * A memory instance. Generated code reads `d` and `pages` and calls the methods; `d` is replaced when
 * the memory grows, so nobody may keep it across a call.
 */
export class Memory {
  /** The view that generated code uses. */
  d!: DataView<ArrayBuffer>;
  /** Current size in pages of 64 KiB. */
  pages = 0;
  #bytes!: Uint8Array<ArrayBuffer>;

  /** @throws {RangeError} The host cannot allocate the minimum. */
  constructor(readonly type: MemoryType, buffer?: ArrayBuffer) {
    this.#use(buffer ?? new ArrayBuffer(type.limits.min * pageSize));
  }

  get buffer(): ArrayBuffer {
    return this.d.buffer;
  }

  /** All of it as bytes; valid until the memory grows. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  #use(buffer: ArrayBuffer): void {
    this.d = new DataView(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.pages = buffer.byteLength / pageSize;
  }

  /** `memory.grow`: the old size in pages, or -1. */
  grow(delta: number): number {
    const old = this.pages;
    const pages = old + (delta >>> 0);
    if (pages > Math.min(this.type.limits.max ?? maxPages, maxPages)) return -1;
    try {
      if (pages !== old) this.#use(this.buffer.transfer(pages * pageSize));
    } catch {
      return -1;
    }
    return old;
  }

  /** Puts another buffer in its place, for a store that begins again. Only between two drives. */
  replace(buffer: ArrayBuffer): void {
    this.#use(buffer);
  }

  /** Checks a range given as int32s; unsigned from here on. */
  #range(start: number, length: number): number {
    start >>>= 0;
    if (start + (length >>> 0) > this.#bytes.length) throw new Trap(TrapKind.memoryBounds);
    return start;
  }

  fill(at: number, value: number, length: number): void {
    const start = this.#range(at, length);
    this.#bytes.fill(value, start, start + (length >>> 0));
  }

  copy(to: number, from: number, length: number): void {
    const source = this.#range(from, length);
    this.#bytes.copyWithin(this.#range(to, length), source, source + (length >>> 0));
  }

  /** Writes `data[from..from+length]` at `to`; both ranges are checked first. */
  init(data: Uint8Array, to: number, from: number, length: number): void {
    from >>>= 0;
    if (from + (length >>> 0) > data.length) throw new Trap(TrapKind.memoryBounds);
    this.#bytes.set(data.subarray(from, from + (length >>> 0)), this.#range(to, length));
  }
}
