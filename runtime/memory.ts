/**
 * Linear memories (spec 4.2.8).
 *
 * @module
 */
import type { MemoryType } from "../compiler/types.ts";
import { Trap, TrapKind } from "./trap.ts";

export const pageSize = 65536;
const maxPages = 65536;
/** A memory that grows is given as much again, but not more than this: 256 MiB. */
const maxPagesAhead = 4096;

/** A zeroed buffer, if the host can give one. */
function allocate(pages: number): ArrayBuffer | undefined {
  try {
    return new ArrayBuffer(pages * pageSize);
  } catch {
    return undefined;
  }
}

/** The memories of WebAssembly that buffers belong to, and their maxima. */
const owners = new WeakMap<ArrayBuffer, { readonly memory: WebAssembly.Memory; readonly maximum: number }>();

function ownedMemory(pages: number, maximum: number): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: pages, maximum });
  owners.set(memory.buffer as ArrayBuffer, { memory, maximum });
  return memory;
}

/**
 * A zeroed buffer that rewritten code can take over as it is, if the host can give one.
 *
 * @param most Largest number of pages that the memory may have.
 * @throws {RangeError} There is no room.
 */
export function shareableBuffer(pages: number, most: number = maxPages): ArrayBuffer {
  try {
    return ownedMemory(pages, Math.min(most, maxPages)).buffer as ArrayBuffer;
  } catch {
    return new ArrayBuffer(pages * pageSize);
  }
}

/**
 * A memory instance. Generated code reads `d`, `s` and `pages` and calls the methods; the views are replaced when
 * the memory grows, so nobody may keep them across a call.
 */
export class Memory {
  /** The view that generated code uses. */
  d!: DataView<ArrayBuffer>;
  /** The one that it uses for f32s at multiples of 4. */
  s!: Float32Array<ArrayBuffer>;
  /** Current size in pages of 64 KiB. */
  pages = 0;
  #bytes!: Uint8Array<ArrayBuffer>;
  /** The memory of WebAssembly that it is, if rewritten code shares it. */
  #shared: WebAssembly.Memory | undefined;

  /** @throws {RangeError} The host cannot allocate the minimum. */
  constructor(readonly type: MemoryType, buffer?: ArrayBuffer, pages?: number) {
    this.#use(buffer ?? new ArrayBuffer(type.limits.min * pageSize), pages);
  }

  /** A memory that rewritten code can share. @throws {RangeError} as the constructor. */
  static shared(type: MemoryType): Memory {
    const memory = new Memory(type, new ArrayBuffer(0));
    memory.share(type.limits.min);
    return memory;
  }

  /** At least the `byteLength` bytes of the memory; what lies behind them is zero. */
  get buffer(): ArrayBuffer {
    return this.d.buffer;
  }

  /** Size in bytes. */
  get byteLength(): number {
    return this.pages * pageSize;
  }

  /** All of it as bytes; valid until the memory grows. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  #use(buffer: ArrayBuffer, pages = buffer.byteLength / pageSize): void {
    this.pages = pages;
    this.d = new DataView(buffer, 0, pages * pageSize);
    this.s = new Float32Array(buffer, 0, pages * pageSize / 4);
    this.#bytes = new Uint8Array(buffer, 0, pages * pageSize);
  }

  /** Itself as a memory of WebAssembly, from now on. @throws {RangeError} It cannot be allocated. */
  share(pages = this.pages): WebAssembly.Memory {
    if (this.#shared === undefined) {
      const { bytes } = this;
      const owner = owners.get(this.buffer);
      if (owner?.maximum === this.#most && bytes.length === this.buffer.byteLength) {
        this.#shared = owner.memory;
      } else {
        this.#shared = ownedMemory(pages, this.#most);
        this.#use(this.#shared.buffer as ArrayBuffer);
        this.#bytes.set(bytes);
      }
    }
    return this.#shared;
  }

  /** `memory.grow`: the old size in pages, or -1. */
  grow(delta: number): number {
    const old = this.pages;
    const pages = old + (delta >>> 0);
    if (pages > this.#most) return -1;
    try {
      if (pages !== old) this.#resize(pages);
    } catch {
      return -1;
    }
    return old;
  }

  get #most(): number {
    return Math.min(this.type.limits.max ?? maxPages, maxPages);
  }

  /**
   * Not by `transfer`: it writes every new page, and once any buffer is detached, V8 looks for detached ones
   * at each access. What is allocated ahead is not touched, so it takes no memory.
   */
  #resize(pages: number): void {
    if (this.#shared !== undefined) {
      this.#shared.grow(pages - this.pages);
      const buffer = this.#shared.buffer as ArrayBuffer;
      owners.set(buffer, { memory: this.#shared, maximum: this.#most });
      return this.#use(buffer);
    }
    if (pages * pageSize <= this.buffer.byteLength) return this.#use(this.buffer, pages);
    const bytes = this.#bytes;
    const ahead = Math.min(this.#most, pages + Math.min(pages, maxPagesAhead));
    this.#use(allocate(ahead) ?? new ArrayBuffer(pages * pageSize), pages);
    this.#bytes.set(bytes);
  }

  /** What a store that begins again has: a buffer whose bytes behind `pages` are zero. Only between two drives. */
  replace(buffer: ArrayBuffer, pages: number): void {
    this.#use(buffer, pages);
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
    const part = length === data.length ? data : data.subarray(from, from + (length >>> 0));
    this.#bytes.set(part, this.#range(to, length));
  }
}
