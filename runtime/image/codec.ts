/**
 * What the image format needs from its host: SHA-256 and compression.
 *
 * @module
 */
import { type CompressionName, COMPRESSIONS } from "./format.ts";

type Awaitable<T> = T | Promise<T>;

/** Bytes that host functions accept (never a view of shared memory). */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The host's digests and compressions. Both ways may be synchronous or not. */
export interface ImageCodec {
  /** SHA-256 of the concatenation of `parts`: 32 bytes. */
  sha256(...parts: readonly Bytes[]): Awaitable<Bytes>;
  /** Whether `compression` can be used here. */
  supports(compression: string): boolean;
  /** @param level The compression's own scale; `undefined` is the codec's default. */
  compress(data: Bytes, compression: CompressionName, level?: number): Awaitable<Bytes>;
  /**
   * Fails (with any error) if `data` is broken or would become longer than `byteLength`; never
   * allocates much more than `byteLength`.
   */
  decompress(data: Bytes, compression: CompressionName, byteLength: number): Awaitable<Bytes>;
}

/** What `--compress` says. */
export interface Compression {
  readonly name: CompressionName;
  readonly level?: number;
}

const maxLevel: Record<CompressionName, number> = { none: 0, zstd: 19, deflate: 9 };

/**
 * `"none"`, `"zstd"`, `"zstd:LEVEL"` (1 to 19), `"deflate"` or `"deflate:LEVEL"` (1 to 9).
 *
 * @example
 * ```ts
 * parseCompression("zstd:3"); // { name: "zstd", level: 3 }
 * ```
 * @throws RangeError saying what is allowed.
 */
export function parseCompression(text: string): Compression {
  const [, name, level] = /^(\w+)(?::(\d{1,2}))?$/.exec(text) ?? [];
  const known = COMPRESSIONS.find((each) => each === name);
  if (known !== undefined && level === undefined) return { name: known };
  if (known !== undefined && Number(level) >= 1 && Number(level) <= maxLevel[known]) {
    return { name: known, level: Number(level) };
  }
  throw new RangeError(
    `compression ${
      JSON.stringify(text)
    } is not one of none, zstd, zstd:1 to zstd:19, deflate, deflate:1 to deflate:9`,
  );
}
