/**
 * Opening what was sealed: a source that decrypts chunk by chunk, and gives nothing that is not proven.
 *
 * @module
 */
import type { Bytes } from "../codec.ts";
import { ImageError } from "../error.ts";
import { FRAME } from "../format.ts";
import type { ImageSource } from "../record.ts";
import {
  CHUNKS_AT_ONCE,
  FRAME_BYTES,
  isSealed,
  nonce,
  readHeader,
  SEALED_MAGIC,
  TAG_BYTES,
} from "./format.ts";
import { fileKeys, type SealKey } from "./key.ts";

const NO_KEY = "it is encrypted, and no key was given (on the command line: --key-file FILE, " +
  "--passphrase-file FILE or --passphrase)";

/**
 * The bytes of an image, whether it is sealed or not.
 *
 * @param key What a sealed image is opened with. If it is given, the image must be sealed: who expects
 * a sealed image is not to be given another one.
 * @throws ImageError of kind `sealed` if a key is missing or is given for nothing, of kind `wrong-key` if it is
 * not the one, or what was wrong with the header and where.
 *
 * @example
 * ```ts
 * const key = fileKey(parseKeyText(await Deno.readTextFile("images.key")));
 * const image = await readImage(await openSealed(bytesSource(bytes), key), denoCodec);
 * ```
 */
export async function openSealed(source: ImageSource, key?: SealKey): Promise<ImageSource> {
  const front = (await source.read(SEALED_MAGIC.length)).slice();
  if (!isSealed(front)) {
    if (key === undefined) return pushedBack(front, source);
    if (front.length < SEALED_MAGIC.length) {
      throw new ImageError("truncated", "the file ends within its first 12 bytes", { offset: front.length });
    }
    throw new ImageError("sealed", "a key was given, but the file is not sealed: leave the key out");
  }
  if (key === undefined) throw new ImageError("sealed", NO_KEY);
  const { header, digest, byteLength } = await readHeader(source);
  const { data, check } = await fileKeys(await key.open(header.key), header.id);
  if (!check.every((byte, i) => byte === header.check[i])) {
    const what = header.key.kind === "file" ? "key" : "passphrase";
    throw new ImageError("wrong-key", `it was sealed with another ${what}`);
  }
  return new Opened(source, data, digest, header.chunkBytes, byteLength);
}

/** A source with bytes in front of it that were read too early. */
function pushedBack(front: Bytes, source: ImageSource): ImageSource {
  let at = 0;
  return {
    async read(length) {
      if (at === front.length) return await source.read(length);
      const start = at;
      at = Math.min(front.length, at + length);
      const own = front.subarray(start, at);
      if (own.length === length) return own;
      const rest = await source.read(length - own.length);
      const whole = new Uint8Array(own.length + rest.length);
      whole.set(own);
      whole.set(rest, own.length);
      return whole;
    },
    async skip(length) {
      const own = Math.min(length, front.length - at);
      at += own;
      return own === length ? own : own + await source.skip(length - own);
    },
  };
}

/** A chunk that was read, and is being decrypted. */
interface Chunk {
  readonly byteLength: number;
  readonly plain: Promise<Bytes>;
}

class Opened implements ImageSource {
  /** The plain bytes of the chunk that was opened last, and how many of them are used. */
  #plain: Bytes = new Uint8Array();
  #at = 0;
  /** Number of the next chunk. */
  #index = 0;
  #ended = false;

  /** @param offset Where the next chunk begins in the file. */
  constructor(
    private readonly source: ImageSource,
    private readonly key: CryptoKey,
    private readonly digest: Bytes,
    private readonly chunkBytes: number,
    private offset: number,
  ) {}

  async read(length: number): Promise<Bytes> {
    if (this.#plain.length - this.#at >= length) return this.#take(length);
    const whole = new Uint8Array(length);
    let done = 0;
    const add = (part: Bytes) => {
      whole.set(part, done);
      done += part.length;
    };
    add(this.#take(length));
    while (done < length && !this.#ended) {
      for (const { plain } of await this.#chunks(length - done)) {
        this.#plain = await plain;
        this.#at = 0;
        add(this.#take(length - done));
      }
    }
    return whole.subarray(0, done);
  }

  /** Reads chunks for so many plain bytes, but not too many at once. */
  async #chunks(length: number): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    for (let got = 0; got < length && !this.#ended && chunks.length < CHUNKS_AT_ONCE;) {
      const chunk = await this.#next();
      chunks.push(chunk);
      got += chunk.byteLength;
    }
    return chunks;
  }

  /** What is passed over is not proven, but the last chunk proves how many there were. */
  async skip(length: number): Promise<number> {
    let missing = length - this.#take(length).length;
    while (missing > 0 && !this.#ended) {
      const { byteLength, plain } = await this.#next(missing >= this.chunkBytes);
      this.#plain = await plain;
      this.#at = 0;
      missing -= this.#plain.length < byteLength ? byteLength : this.#take(missing).length;
    }
    return length - missing;
  }

  /** At most `length` of the plain bytes that are there. */
  #take(length: number): Bytes {
    return this.#plain.subarray(this.#at, this.#at = Math.min(this.#plain.length, this.#at + length));
  }

  /** Reads the next chunk. @param pass Passes over it, unless it is the last: it has no plain bytes then. */
  async #next(pass = false): Promise<Chunk> {
    const index = this.#index++;
    const { offset } = this;
    const refuse = (kind: "truncated" | "damaged", reason: string): never => {
      throw new ImageError(kind, `sealed chunk ${index} ${reason}`, { offset });
    };
    const frame = (await this.source.read(FRAME_BYTES)).slice();
    if (frame.length < FRAME_BYTES) refuse("truncated", "is missing, and the one before was not the last");
    const length = new DataView(frame.buffer).getUint32(1);
    const whole = this.chunkBytes + TAG_BYTES;
    if (frame[0] !== FRAME.data || length < TAG_BYTES || length > whole) {
      refuse("damaged", "does not begin as a chunk does");
    }
    const last = length < whole;
    let plain = Promise.resolve<Bytes>(new Uint8Array());
    if (pass && !last) {
      if (await this.source.skip(length) < length) refuse("truncated", "is cut off");
    } else {
      const sealed = await this.source.read(length);
      if (sealed.length < length) refuse("truncated", "is cut off");
      const failed = () => refuse("damaged", "is not what was sealed there: it was changed, moved or cut");
      plain = this.#open(sealed, index, last).catch(failed);
      // Another one may fail first; then this is nobody's unhandled rejection.
      plain.catch(() => {});
    }
    this.offset += FRAME_BYTES + length;
    if (last) {
      this.#ended = true;
      if ((await this.source.read(1)).length > 0) {
        await plain;
        refuse("damaged", "is the last, and there are bytes behind it");
      }
    }
    return { byteLength: length - TAG_BYTES, plain };
  }

  /** The cipher copies what it is given before it returns. */
  async #open(sealed: Bytes, index: number, last: boolean): Promise<Bytes> {
    const iv = nonce(index, last);
    const parameters = { name: "AES-GCM", iv, additionalData: this.digest, tagLength: 8 * TAG_BYTES };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, this.key, sealed));
  }
}
