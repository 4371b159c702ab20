/**
 * Memory as runs of pages: zero pages (or, with a parent, pages that are as they were) are left out, pages
 * that stood before are named, the others are gathered in chunks. Neither way needs more than one chunk of
 * extra memory.
 *
 * @module
 */
import { isZero as isZeroOf } from "../zero.ts";
import type { Bytes } from "./codec.ts";
import type { Field } from "./field.ts";
import { CHUNK_BYTES, MAX_RUNS, PAGE_BYTES, type PageRun, WASM_PAGE_BYTES } from "./format.ts";

const PAGES_PER_WASM_PAGE = WASM_PAGE_BYTES / PAGE_BYTES;

/** What one `pages` record holds. */
export interface PageChunk {
  readonly runs: readonly PageRun[];
  /** The bytes of the runs without `same` and `zero`. Valid until the next chunk is asked for. */
  readonly data: Bytes;
  /** Pages of this memory looked at so far, zero pages included. */
  readonly pagesDone: number;
}

/**
 * The chunks of a memory of `wasmPages` pages of 64 KiB, in ascending order of pages.
 *
 * @param changed A byte for each page: 0 leaves it out, because it is the parent's. Without it all pages
 * are looked at, and zero pages are left out.
 */
export type PageChunks = (
  buffer: ArrayBufferLike,
  wasmPages: number,
  changed?: Uint8Array,
) => Generator<PageChunk>;

/** The constants that cutting a memory into chunks needs. */
export const pageFormat = { CHUNK_BYTES, MAX_RUNS, PAGE_BYTES, WASM_PAGE_BYTES } as const;

/**
 * Makes the function `pageChunks`. It uses nothing but its parameters, so that its text can be sent to the
 * thread that writes images in the background.
 */
export function pageChunker(
  { CHUNK_BYTES, MAX_RUNS, PAGE_BYTES, WASM_PAGE_BYTES }: typeof pageFormat,
  isZero: typeof isZeroOf,
): PageChunks {
  const PAGE_WORDS = PAGE_BYTES / 4;
  /** Slots of the table of pages seen: for 2 GiB of different pages it is half full, and takes 8 MiB. */
  const MAX_SLOTS = 1 << 20;
  /** How many slots are tried; only an overfull table forgets pages, and then only stores some twice. */
  const MAX_PROBES = 16;

  /** Four independent lanes, so that the multiplications overlap. */
  const hash = (words: Int32Array, page: number): number => {
    const end = (page + 1) * PAGE_WORDS;
    let a = 1, b = 2, c = 3, d = 4;
    for (let i = page * PAGE_WORDS; i < end; i += 4) {
      a = Math.imul(a ^ words[i], 0x9e3779b1);
      b = Math.imul(b ^ words[i + 1], 0x85ebca6b);
      c = Math.imul(c ^ words[i + 2], 0xc2b2ae35);
      d = Math.imul(d ^ words[i + 3], 0x27d4eb2f);
    }
    const mixed = Math.imul(a ^ (b >>> 15) ^ (b << 9), 0x9e3779b1) ^
      Math.imul(c ^ (d >>> 13) ^ (d << 7), 0x85ebca6b);
    return mixed ^ (mixed >>> 15);
  };

  const isEqual = (words: Int32Array, page: number, other: number): boolean => {
    const shift = (other - page) * PAGE_WORDS;
    const end = (page + 1) * PAGE_WORDS;
    for (let i = page * PAGE_WORDS; i < end; i += 4) {
      const j = i + shift;
      const different = (words[i] ^ words[j]) | (words[i + 1] ^ words[j + 1]) |
        (words[i + 2] ^ words[j + 2]) | (words[i + 3] ^ words[j + 3]);
      if (different !== 0) return false;
    }
    return true;
  };

  /** Finds the last page with the same bytes as a given one: a hash table with open addresses. */
  class SeenPages {
    readonly #words: Int32Array;
    readonly #mask: number;
    readonly #hashes: Int32Array;
    /** 1 + page; 0 is a free slot. */
    readonly #pages: Int32Array;

    constructor(words: Int32Array, pages: number) {
      let slots = 32;
      while (slots < 2 * pages && slots < MAX_SLOTS) slots *= 2;
      this.#words = words;
      this.#mask = slots - 1;
      this.#hashes = new Int32Array(slots);
      this.#pages = new Int32Array(slots);
    }

    /** The last page seen that equals `page`, if there is one; from now on that is `page`. */
    replace(page: number): number | undefined {
      const own = hash(this.#words, page);
      for (let probe = 0; probe < MAX_PROBES; probe++) {
        const slot = (own + probe) & this.#mask;
        const other = this.#pages[slot] - 1;
        if (other >= 0 && !(this.#hashes[slot] === own && isEqual(this.#words, page, other))) continue;
        this.#hashes[slot] = own;
        this.#pages[slot] = page + 1;
        return other >= 0 ? other : undefined;
      }
      this.#hashes[own & this.#mask] = own;
      this.#pages[own & this.#mask] = page + 1;
      return undefined;
    }
  }

  type OpenRun = { page: number; count: number; same?: number; zero?: true };

  /** Whether `page` is what comes next in a run: a zero page, one that equals page `same`, or neither. */
  const continues = (run: OpenRun, page: number, same: number | undefined, zero: boolean): boolean => {
    if (run.page + run.count !== page || zero !== (run.zero === true)) return false;
    return run.same === undefined ? same === undefined : same === run.same + run.count;
  };

  return function* (buffer, wasmPages, changed) {
    const pages = wasmPages * (WASM_PAGE_BYTES / PAGE_BYTES);
    const bytes = new Uint8Array(buffer, 0, pages * PAGE_BYTES);
    const words = new Int32Array(buffer, 0, pages * PAGE_WORDS);
    const staging = new Uint8Array(Math.min(CHUNK_BYTES, bytes.length));
    const seen = new SeenPages(words, pages);
    let runs: OpenRun[] = [];
    let length = 0;
    for (let page = 0; page < pages; page++) {
      if (changed !== undefined && changed[page] === 0) continue;
      const zero = isZero(words, page * PAGE_WORDS, (page + 1) * PAGE_WORDS);
      if (zero && changed === undefined) continue;
      const same = zero ? undefined : seen.replace(page);
      const stored = !zero && same === undefined;
      const last = runs.at(-1);
      let more = last !== undefined && continues(last, page, same, zero);
      if (stored && length === staging.length || !more && runs.length === MAX_RUNS) {
        yield { runs, data: staging.subarray(0, length), pagesDone: page };
        more = false;
        runs = [];
        length = 0;
      }
      if (more) last!.count++;
      else if (zero) runs.push({ page, count: 1, zero });
      else runs.push(same === undefined ? { page, count: 1 } : { page, count: 1, same });
      if (stored) {
        staging.set(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), length);
        length += PAGE_BYTES;
      }
    }
    if (runs.length > 0) yield { runs, data: staging.subarray(0, length), pagesDone: pages };
  };
}

export const pageChunks: PageChunks = pageChunker(pageFormat, isZeroOf);

/** Checks the runs of one memory as they come, and fills its buffer if there is one. */
export class PageReader {
  /** Pages whose bytes stood in the image so far. */
  stored = 0;
  /** Pages so far that equal an earlier page. */
  repeated = 0;
  /** Pages so far that became zero. */
  zeroed = 0;
  readonly #pages: number;
  readonly #bytes?: Uint8Array;
  /** The page at which the next run may begin. */
  next = 0;

  /** @param buffer All zero, or as the parent says; `undefined` if only the runs are wanted. */
  constructor(wasmPages: number, buffer?: ArrayBufferLike) {
    this.#pages = wasmPages * PAGES_PER_WASM_PAGE;
    if (buffer !== undefined) this.#bytes = new Uint8Array(buffer, 0, this.#pages * PAGE_BYTES);
  }

  /**
   * Takes the `runs` of one record.
   * @param byteLength Length of the record's data; @param data The data itself, if the buffer is filled.
   */
  read(runs: Field, byteLength: number, data?: Uint8Array): void {
    let used = 0;
    for (const run of runs.list()) {
      const page = run.get("page").uint(this.#pages);
      const count = run.get("count").uint(this.#pages);
      const same = run.optional("same")?.uint(this.#pages);
      if (page < this.next) run.refuse(`begins at page ${page}, and the run before ends at ${this.next}`);
      if (count === 0) run.refuse("has no pages");
      if (page + count > this.#pages) run.refuse(`ends behind the memory's ${this.#pages} pages`);
      if (same !== undefined && same >= page) run.refuse(`repeats page ${same}, which is not before it`);
      if (run.optional("zero")?.bool()) {
        if (same !== undefined) run.refuse("is zero and repeats another page");
        this.#bytes?.fill(0, page * PAGE_BYTES, (page + count) * PAGE_BYTES);
        this.zeroed += count;
      } else if (same === undefined) {
        const end = used + count * PAGE_BYTES;
        if (end > byteLength) run.refuse(`needs ${end} bytes of data, and there are ${byteLength}`);
        if (data !== undefined) this.#bytes?.set(data.subarray(used, end), page * PAGE_BYTES);
        used = end;
        this.stored += count;
      } else {
        this.#repeat(same, page, count);
        this.repeated += count;
      }
      this.next = page + count;
    }
    if (used !== byteLength) runs.refuse(`use ${used} of ${byteLength} bytes of data`);
  }

  /** Pages may overlap what they repeat: the distance doubles with each copy. */
  #repeat(same: number, page: number, count: number): void {
    const end = page + count;
    for (let at = page; this.#bytes !== undefined && at < end;) {
      const length = Math.min(at - same, end - at);
      this.#bytes.copyWithin(at * PAGE_BYTES, same * PAGE_BYTES, (same + length) * PAGE_BYTES);
      at += length;
    }
  }
}
