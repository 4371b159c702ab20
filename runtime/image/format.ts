/**
 * The constants of the image format, version 1. `docs/image-format.md` is its specification;
 * nothing here depends on a host.
 *
 * @module
 */

/** The first 12 bytes: the msgpack string `"MVVM image"` and the format version as a msgpack integer. */
export const MAGIC = Uint8Array.of(0xaa, ...[..."MVVM image"].map((c) => c.charCodeAt(0)));
export const VERSION = 1;
export const PREFIX_BYTES = MAGIC.length + 1;

/** A page of the image, in bytes; a WebAssembly page is 16 of them. */
export const PAGE_BYTES = 4096;
/** A WebAssembly page, in bytes (spec 2.5.5). */
export const WASM_PAGE_BYTES = 65536;
/** The most WebAssembly pages of one memory (spec 3.2.5). */
export const MAX_WASM_PAGES = 65536;

/** The most instances of an image. */
export const MAX_INSTANCES = 2 ** 20;

/** How many bytes writers put in one record before compression. */
export const CHUNK_BYTES = 1 << 20;
/** The most bytes a record's data may have, before and after compression. */
export const MAX_DATA_BYTES = 1 << 22;
/** The most bytes a record's head may have. */
export const MAX_HEAD_BYTES = 1 << 16;
/** The most bytes of the name of a parent's file. */
export const MAX_NAME_BYTES = 255;
/** The most runs in one `pages` record; keeps its head under `MAX_HEAD_BYTES`. */
export const MAX_RUNS = 1024;

/** SHA-256, everywhere. */
export const DIGEST_BYTES = 32;

/** The msgpack type bytes that frame a record: uint 32, bin 32, and bin 8 of 32 bytes. */
export const FRAME = { head: 0xce, data: 0xc6, chain: Uint8Array.of(0xc4, DIGEST_BYTES) } as const;

/** The sections of version 1, in the order in which they stand in the file. */
export const SECTIONS = [
  "header",
  "parent",
  "store",
  "stack",
  "host",
  "redactions",
  "pages",
  "signature",
  "end",
] as const;
export type SectionName = (typeof SECTIONS)[number];

/** How a record's data is stored. `deflate` is the zlib format (RFC 1950), `zstd` RFC 8878. */
export const COMPRESSIONS = ["none", "zstd", "deflate"] as const;
export type CompressionName = (typeof COMPRESSIONS)[number];

/** The image that an incremental image builds on. */
export interface ParentRef {
  /** The parent's digest: its final chain value. */
  readonly digest: Uint8Array;
  /** Base name of its file, a hint: it is looked for in the folder of the child. */
  readonly name: string;
}

/** A run of image pages. Without `same` and `zero`, the record's data holds their bytes. */
export interface PageRun {
  /** First page, counted from the start of the memory in units of `PAGE_BYTES`. */
  readonly page: number;
  readonly count: number;
  /** Page `page + i` equals page `same + i` of the same memory, for each `i` in ascending order. */
  readonly same?: number;
  /** The pages are zero, and were not in the parent. */
  readonly zero?: boolean;
}

/** What the first part of every record says; extra fields belong to one section each. */
export interface RecordHead {
  readonly section: string;
  /** Whether a reader that does not know the section must refuse the image. */
  readonly required: boolean;
  readonly compression: string;
  /** Length of the data after decompression. */
  readonly byteLength: number;
  /** SHA-256 of the data as stored. */
  readonly sha256: Uint8Array;
  /** The body goes on in the next record. */
  readonly more?: boolean;
  /** `host`: the name of the extension. */
  readonly name?: string;
  /** `stack`: the thread whose frames these are; always 0 in version 1. */
  readonly thread?: number;
  /** `pages`: store address of the memory. */
  readonly memory?: number;
  /** `pages`: which pages this record restores. */
  readonly runs?: readonly PageRun[];
  /** `end`: how many records stand before this one. */
  readonly records?: number;
}

/** What a reader is willing to do for bytes that it does not trust. */
export interface ImageLimits {
  /** All memories together, in bytes. */
  readonly memoryBytes: number;
  /** Images of a chain, from an incremental one to the whole one that it begins with. */
  readonly links: number;
  /** All bodies decompressed, and all unknown sections, together, in bytes; over all links of a chain. */
  readonly bodyBytes: number;
  /** Values (maps, arrays, numbers, ...) in all bodies together. */
  readonly items: number;
  /** Nesting of maps and arrays. */
  readonly depth: number;
  readonly frames: number;
  /** Words of 32 bits in all frames together. */
  readonly frameWords: number;
  /** Elements of all tables together. */
  readonly tableElements: number;
}

/** Room for any program this engine can run, and a bound for what a hostile file can ask for. */
export const DEFAULT_LIMITS: ImageLimits = {
  memoryBytes: 2 ** 32,
  links: 256,
  bodyBytes: 1 << 28,
  items: 1 << 22,
  depth: 64,
  frames: 1 << 22,
  frameWords: 1 << 26,
  tableElements: 1 << 24,
};
