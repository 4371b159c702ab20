/**
 * The image codec of Deno: `node:crypto` and `node:zlib`, all synchronous.
 *
 * @module
 */
import * as crypto from "node:crypto";
import * as zlib from "node:zlib";
import type { Bytes, ImageCodec } from "./codec.ts";
import { MAX_DATA_BYTES } from "./format.ts";

/**
 * Makes the codec of Deno. It uses nothing but its parameters, so that its text can be sent to the thread
 * that writes images in the background.
 */
export function denoCodecOf(
  { createHash }: Pick<typeof crypto, "createHash">,
  zlib: Pick<
    typeof import("node:zlib"),
    "constants" | "deflateSync" | "inflateSync" | "zstdCompressSync" | "zstdDecompressSync"
  >,
  MAX_DATA_BYTES: number,
): ImageCodec {
  const { constants } = zlib;
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

  return {
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
          return plain(zlib.zstdCompressSync(data, {
            params: { [constants.ZSTD_c_compressionLevel]: level, ...(level === 1 ? FAST_TABLES : {}) },
            chunkSize: room,
          }));
        case "deflate":
          return plain(zlib.deflateSync(data, { level, chunkSize: room }));
      }
    },
    decompress(data, compression, byteLength) {
      const bounds = { maxOutputLength: Math.max(1, byteLength), chunkSize: chunkSize(byteLength) };
      switch (compression) {
        case "none":
          return data;
        case "zstd":
          return plain(zlib.zstdDecompressSync(data, {
            ...bounds,
            params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
          }));
        case "deflate":
          return plain(zlib.inflateSync(data, bounds));
      }
    },
  };
}

/** `none`, `zstd` and `deflate`; one output buffer of the size of the result per call. */
export const denoCodec: ImageCodec = denoCodecOf(crypto, zlib, MAX_DATA_BYTES);
