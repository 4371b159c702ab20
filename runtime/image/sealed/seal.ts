/**
 * Sealing: what is written to an image passes through here and comes out encrypted, chunk by chunk.
 *
 * @module
 */
import type { Bytes } from "../codec.ts";
import { FRAME } from "../format.ts";
import type { ImageSink } from "../record.ts";
import {
  CHUNKS_AT_ONCE,
  CIPHER,
  FRAME_BYTES,
  KEY_BYTES,
  nonce,
  packHeader,
  SEALED_CHUNK_BYTES,
  type SealedHeader,
  TAG_BYTES,
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
export async function seal(
  sink: ImageSink,
  key: SealKey,
  { chunkBytes = SEALED_CHUNK_BYTES }: SealOptions = {},
): Promise<SealedSink> {
  const { recipe, master } = await key.seal();
  const id = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const { data, check } = await fileKeys(master, id);
  const header: SealedHeader = { cipher: CIPHER, chunkBytes, id, key: recipe, check };
  const { bytes, digest } = await packHeader(header);
  await sink.write(bytes);
  return new Sealing(sink, data, digest, chunkBytes, bytes.length);
}

class Sealing implements SealedSink {
  /** The beginning of the next chunk. */
  readonly #plain: Bytes;
  #used = 0;
  #index = 0;
  /** Chunks that are being encrypted or written, in order: meanwhile the caller may compress. */
  readonly #pending: Promise<void>[] = [];

  constructor(
    private readonly sink: ImageSink,
    private readonly key: CryptoKey,
    private readonly digest: Bytes,
    chunkBytes: number,
    public byteLength: number,
  ) {
    this.#plain = new Uint8Array(chunkBytes);
  }

  async write(bytes: Bytes): Promise<void> {
    const whole = this.#plain.length;
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + whole - this.#used);
      at += part.length;
      if (part.length === whole) {
        await this.#chunk(part, false);
        continue;
      }
      this.#plain.set(part, this.#used);
      this.#used += part.length;
      if (this.#used === whole) {
        this.#used = 0;
        await this.#chunk(this.#plain, false);
      }
    }
  }

  async end(): Promise<void> {
    // Shorter than a whole chunk, and maybe empty: so readers know the last one without looking ahead.
    await this.#chunk(this.#plain.subarray(0, this.#used), true);
    await Promise.all(this.#pending);
  }

  async #chunk(plain: Bytes, last: boolean): Promise<void> {
    const iv = nonce(this.#index++, last);
    // The cipher copies what it is given before it returns.
    const sealed = crypto.subtle.encrypt(
      { name: "AES-GCM", iv, additionalData: this.digest, tagLength: 8 * TAG_BYTES },
      this.key,
      plain,
    );
    const written = this.#write(sealed, this.#pending.at(-1));
    // Whoever waits for it hears of a failure; until then it is nobody's unhandled rejection.
    written.catch(() => {});
    this.#pending.push(written);
    if (this.#pending.length === CHUNKS_AT_ONCE) await this.#pending.shift();
  }

  async #write(sealed: Promise<ArrayBuffer>, before: Promise<void> | undefined): Promise<void> {
    const [chunk] = await Promise.all([sealed, before]);
    const frame = new Uint8Array(FRAME_BYTES);
    frame[0] = FRAME.data;
    new DataView(frame.buffer).setUint32(1, chunk.byteLength);
    await this.sink.write(frame);
    await this.sink.write(new Uint8Array(chunk));
    this.byteLength += FRAME_BYTES + chunk.byteLength;
  }
}
