/**
 * Sealing: what is written to an image passes through here and comes out encrypted, chunk by chunk.
 *
 * @module
 */
import type { Bytes } from "../codec.ts";
import type { ImageSink } from "../record.ts";
import {
  chunkFormat,
  CIPHER,
  KEY_BYTES,
  nonce,
  packHeader,
  SEALED_CHUNK_BYTES,
  type SealedHeader,
} from "./format.ts";
import { fileKeys, type SealKey } from "./key.ts";

/** A sink whose last chunk is written by `end`, without which the file counts as truncated. */
export interface SealedSink extends ImageSink {
  end(): Promise<void>;
  /** Bytes of the sealed file so far. */
  readonly byteLength: number;
}

export interface SealOptions {
  /** Plain bytes in a chunk; 64 KiB if not given. */
  readonly chunkBytes?: number;
}

/** What one file is sealed with. Plain data that another thread can be sent; never to be used for two files. */
export interface SealPlan {
  /** What stands before the first chunk. */
  readonly front: Bytes;
  /** What all chunks are bound to. */
  readonly digest: Bytes;
  readonly key: CryptoKey;
  readonly chunkBytes: number;
}

/** Keys and header for a new file. */
export async function planSeal(
  key: SealKey,
  { chunkBytes = SEALED_CHUNK_BYTES }: SealOptions = {},
): Promise<SealPlan> {
  const { recipe, master } = await key.seal();
  const id = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const { data, check } = await fileKeys(master, id);
  const header: SealedHeader = { cipher: CIPHER, chunkBytes, id, key: recipe, check };
  const { bytes, digest } = await packHeader(header);
  return { front: bytes, digest, key: data, chunkBytes };
}

/**
 * A sink that seals what is written to it. Holds a few chunks, whatever the length.
 *
 * @example
 * ```ts
 * const file = bytesSink();
 * const sealed = await seal(file, fileKey(crypto.getRandomValues(new Uint8Array(32))));
 * await writeImage(snapshot, {}, denoCodec, sealed);
 * await sealed.end();
 * ```
 */
export async function seal(sink: ImageSink, key: SealKey, options: SealOptions = {}): Promise<SealedSink> {
  return await sealing(sink, await planSeal(key, options), chunkFormat, nonce);
}

/**
 * Seals as planned. It uses nothing but its parameters, so that its text can be sent to the thread that
 * writes images in the background.
 */
export async function sealing(
  sink: ImageSink,
  { front, digest, key, chunkBytes }: SealPlan,
  { CHUNK_FRAME, FRAME_BYTES, TAG_BYTES, CHUNKS_AT_ONCE }: typeof chunkFormat,
  nonceOf: typeof nonce,
): Promise<SealedSink> {
  /** The beginning of the next chunk. */
  const start = new Uint8Array(chunkBytes);
  let used = 0;
  let index = 0;
  let byteLength = front.length;
  /** Chunks that are being encrypted or written, in order: meanwhile the caller may compress. */
  const pending: Promise<void>[] = [];

  const write = async (sealed: Promise<ArrayBuffer>, before: Promise<void> | undefined) => {
    const [chunk] = await Promise.all([sealed, before]);
    const frame = new Uint8Array(FRAME_BYTES);
    frame[0] = CHUNK_FRAME;
    new DataView(frame.buffer).setUint32(1, chunk.byteLength);
    await sink.write(frame);
    await sink.write(new Uint8Array(chunk));
    byteLength += FRAME_BYTES + chunk.byteLength;
  };
  const add = async (plain: Bytes, last: boolean) => {
    const iv = nonceOf(index++, last);
    // The cipher copies what it is given before it returns.
    const sealed = crypto.subtle.encrypt(
      { name: "AES-GCM", iv, additionalData: digest, tagLength: 8 * TAG_BYTES },
      key,
      plain,
    );
    const written = write(sealed, pending.at(-1));
    // Whoever waits for it hears of a failure; until then it is nobody's unhandled rejection.
    written.catch(() => {});
    pending.push(written);
    if (pending.length === CHUNKS_AT_ONCE) await pending.shift();
  };

  await sink.write(front);
  return {
    get byteLength() {
      return byteLength;
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        const part = bytes.subarray(at, at + chunkBytes - used);
        at += part.length;
        if (part.length === chunkBytes) {
          await add(part, false);
          continue;
        }
        start.set(part, used);
        used += part.length;
        if (used === chunkBytes) {
          used = 0;
          await add(start, false);
        }
      }
    },
    async end() {
      // Shorter than a whole chunk, and maybe empty: so readers know the last one without looking ahead.
      await add(start.subarray(0, used), true);
      await Promise.all(pending);
    },
  };
}
