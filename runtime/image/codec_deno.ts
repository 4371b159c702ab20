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
/** No frame needs a window larger than a record; a hostile one could ask for 128 MiB. */
const WINDOW_LOG_MAX = Math.log2(MAX_DATA_BYTES);

/** Room for a whole result, so that the output is one piece and is not copied together. */
const chunkSize = (byteLength: number) => Math.max(64, byteLength);

/** `none`, `zstd` and `deflate`; one output buffer of the size of the result per call. */
export const denoCodec: ImageCodec = {
  sha256(...parts) {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest() as Bytes;
  },
  supports: (compression) => compression === "zstd" || compression === "deflate" || compression === "none",
  compress(data, compression, level = DEFAULT_LEVEL) {
    const room = chunkSize(data.length + (data.length >> 6) + 512);
    switch (compression) {
      case "none":
        return data;
      case "zstd":
        return zstdCompressSync(data, {
          params: { [constants.ZSTD_c_compressionLevel]: level },
          chunkSize: room,
        }) as Bytes;
      case "deflate":
        return deflateSync(data, { level, chunkSize: room }) as Bytes;
    }
  },
  decompress(data, compression, byteLength) {
    const bounds = { maxOutputLength: Math.max(1, byteLength), chunkSize: chunkSize(byteLength) };
    switch (compression) {
      case "none":
        return data;
      case "zstd":
        return zstdDecompressSync(data, {
          ...bounds,
          params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
        }) as Bytes;
      case "deflate":
        return inflateSync(data, bounds) as Bytes;
    }
  },
};
