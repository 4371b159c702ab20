/**
 * The image codec of Deno: `node:crypto` and `node:zlib`, all synchronous.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { constants, deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Bytes, ImageCodec } from "./codec.ts";
import { MAX_DATA_BYTES } from "./format.ts";

/** Level 1 is the default: on heaps of real guests level 3 is a third slower and no smaller. */
const DEFAULT_LEVEL = 1;
/** Level 1 with tables that stay in the nearest caches: a sixth faster on such heaps, and as small. */
const FAST_TABLES = { [constants.ZSTD_c_hashLog]: 12, [constants.ZSTD_c_windowLog]: 17 };
/** No frame needs a window larger than a record; a hostile one could ask for 128 MiB. */
const WINDOW_LOG_MAX = Math.log2(MAX_DATA_BYTES);

/** Room for a whole result, so that the output is one piece and is not copied together. */
const chunkSize = (byteLength: number) => Math.max(64, byteLength);

/** A Buffer as what it is otherwise expected to be: `slice` of a Buffer does not copy. */
const plain = ({ buffer, byteOffset, byteLength }: Uint8Array): Bytes =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** `none`, `zstd` and `deflate`; one output buffer of the size of the result per call. */
export const denoCodec: ImageCodec = {
  sha256(...parts) {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return plain(hash.digest());
  },
  supports: (compression) => compression === "zstd" || compression === "deflate" || compression === "none",
  compress(data, compression, level = DEFAULT_LEVEL) {
    const room = chunkSize(data.length + (data.length >> 6) + 512);
    switch (compression) {
      case "none":
        return data;
      case "zstd":
        return plain(zstdCompressSync(data, {
          params: { [constants.ZSTD_c_compressionLevel]: level, ...(level === 1 ? FAST_TABLES : {}) },
          chunkSize: room,
        }));
      case "deflate":
        return plain(deflateSync(data, { level, chunkSize: room }));
    }
  },
  decompress(data, compression, byteLength) {
    const bounds = { maxOutputLength: Math.max(1, byteLength), chunkSize: chunkSize(byteLength) };
    switch (compression) {
      case "none":
        return data;
      case "zstd":
        return plain(zstdDecompressSync(data, {
          ...bounds,
          params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
        }));
      case "deflate":
        return plain(inflateSync(data, bounds));
    }
  },
};
