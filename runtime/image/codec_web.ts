/**
 * The image codec of browsers: `crypto.subtle` and the Compression Streams API. No zstd.
 *
 * @module
 */
import { concatenate } from "../concatenate.ts";
import type { Bytes, ImageCodec } from "./codec.ts";

/** Sends `data` through a stream; stops reading as soon as the result is longer than `limit`. */
async function through(data: Bytes, stream: GenericTransformStream, limit: number): Promise<Bytes> {
  const reader = new Blob([data]).stream().pipeThrough<Bytes>(stream).getReader();
  const parts: Bytes[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatenate(parts);
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      throw new RangeError(`more than ${limit} bytes come out`);
    }
    parts.push(value);
  }
}

/** `none` and `deflate`. Levels are not adjustable in browsers and are ignored. */
export const webCodec: ImageCodec = {
  sha256: async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", concatenate(parts))),
  supports: (compression) => compression === "deflate" || compression === "none",
  compress: (data, compression) =>
    compression === "none" ? data : through(data, new CompressionStream("deflate"), Infinity),
  decompress: (data, compression, byteLength) =>
    compression === "none" ? data : through(data, new DecompressionStream("deflate"), byteLength),
};
