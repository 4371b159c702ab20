/**
 * The image codec of browsers: `crypto.subtle` and the Compression Streams API. No zstd.
 *
 * @module
 */
import type { Bytes, ImageCodec } from "./codec.ts";

/** Concatenates; one part is returned as it is. */
function concat(parts: readonly Bytes[]): Bytes {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Sends `data` through a stream; stops reading as soon as the result is longer than `limit`. */
async function through(data: Bytes, stream: GenericTransformStream, limit: number): Promise<Bytes> {
  const reader = new Blob([data]).stream().pipeThrough<Bytes>(stream).getReader();
  const parts: Bytes[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(parts.length === 0 ? [new Uint8Array()] : parts);
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
  sha256: async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", concat(parts))),
  supports: (compression) => compression === "deflate" || compression === "none",
  compress: (data, compression) =>
    compression === "none" ? data : through(data, new CompressionStream("deflate"), Infinity),
  decompress: (data, compression, byteLength) =>
    compression === "none" ? data : through(data, new DecompressionStream("deflate"), byteLength),
};
