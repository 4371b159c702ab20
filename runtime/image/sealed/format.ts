/**
 * The envelope around a sealed image: its constants and its header. `docs/image-format.md` ("Sealed
 * images") is the specification. The envelope holds bytes and does not know that they are an image.
 *
 * ```
 * sealed = magic version length header digest chunk* last-chunk
 * ```
 *
 * @module
 */
import type { Bytes } from "../codec.ts";
import { ImageError } from "../error.ts";
import { Field } from "../field.ts";
import { DIGEST_BYTES, FRAME } from "../format.ts";
import { pack, unpack } from "../msgpack.ts";
import type { ImageSource } from "../record.ts";

/** The msgpack string `"MVVM sealed"`, and the version behind it. */
export const SEALED_MAGIC = Uint8Array.of(0xab, ...new TextEncoder().encode("MVVM sealed"));
export const SEALED_VERSION = 1;
export const CIPHER = "AES-256-GCM";
/** What the cipher adds to a chunk (NIST SP 800-38D). */
export const TAG_BYTES = 16;
/** The msgpack frame of a chunk: bin 32. */
export const FRAME_BYTES = 5;
/** Plain bytes in each chunk but the last: small enough that a reader can skip most of a record. */
export const SEALED_CHUNK_BYTES = 1 << 16;
/** What readers allow. */
const MIN_CHUNK_BYTES = 64;
const MAX_CHUNK_BYTES = 1 << 20;
/** Chunks that the cipher, which has threads of its own, works on at the same time. */
export const CHUNKS_AT_ONCE = 8;
const MAX_HEADER_BYTES = 4096;

/** The constants that writing chunks needs. */
export const chunkFormat = { CHUNK_FRAME: FRAME.data, FRAME_BYTES, TAG_BYTES, CHUNKS_AT_ONCE } as const;

/** Bytes of salts, master keys and key checks. */
export const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** How the master key comes about. */
export type KeyRecipe =
  | { readonly kind: "file" }
  | {
    readonly kind: "passphrase";
    readonly kdf: "scrypt";
    readonly salt: Bytes;
    /** RFC 7914: cost (a power of two), block size, parallelism. */
    readonly N: number;
    readonly r: number;
    readonly p: number;
  };

/**
 * What a stranger's header may ask of scrypt before the passphrase is proven: 512 MiB, and four times the
 * work that writers choose.
 */
const MAX_SCRYPT_BYTES = 1 << 29;
const MAX_SCRYPT_WORK = 1 << 22;

export interface SealedHeader {
  readonly cipher: string;
  readonly chunkBytes: number;
  /** Random; salt of the keys of this file, so that no two files share one. */
  readonly id: Bytes;
  readonly key: KeyRecipe;
  /** Tells a wrong key from a damaged file, and binds the file to one key. */
  readonly check: Bytes;
}

export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Everything before the first chunk, and the digest that all chunks are bound to. */
export async function packHeader(header: SealedHeader): Promise<{ bytes: Bytes; digest: Bytes }> {
  const packed = pack({ ...header, key: { ...header.key } }, "sealed");
  const front = new Uint8Array(SEALED_MAGIC.length + 1 + FRAME_BYTES + packed.length);
  front.set(SEALED_MAGIC);
  front[SEALED_MAGIC.length] = SEALED_VERSION;
  front[SEALED_MAGIC.length + 1] = FRAME.head;
  new DataView(front.buffer).setUint32(SEALED_MAGIC.length + 2, packed.length);
  front.set(packed, front.length - packed.length);
  const digest = await sha256(front);
  const bytes = new Uint8Array(front.length + FRAME.chain.length + DIGEST_BYTES);
  bytes.set(front);
  bytes.set(FRAME.chain, front.length);
  bytes.set(digest, front.length + FRAME.chain.length);
  return { bytes, digest };
}

/** Whether `bytes` begin as a sealed image does. */
export function isSealed(bytes: Uint8Array): boolean {
  return SEALED_MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads the header from behind the magic, and proves that it is not damaged (not who wrote it).
 *
 * @throws ImageError saying what was wrong and where.
 */
export async function readHeader(
  source: ImageSource,
): Promise<{ header: SealedHeader; digest: Bytes; byteLength: number }> {
  const start = SEALED_MAGIC.length;
  const refuse = (kind: "truncated" | "damaged", reason: string, offset = start): never => {
    throw new ImageError(kind, reason, { offset });
  };
  const read = async (length: number) => {
    const bytes = await source.read(length);
    if (bytes.length < length) refuse("truncated", "the file ends within the header of its seal");
    return bytes.slice();
  };
  const front = await read(1 + FRAME_BYTES);
  if (front[0] !== SEALED_VERSION) {
    throw new ImageError(
      front[0] > SEALED_VERSION && front[0] <= 0x7f ? "future-version" : "damaged",
      `its seal has version ${front[0]}, and this program reads version ${SEALED_VERSION}`,
      { offset: start },
    );
  }
  const length = new DataView(front.buffer).getUint32(2);
  if (front[1] !== FRAME.head || length === 0 || length > MAX_HEADER_BYTES) {
    refuse("damaged", `its seal claims a header of ${length} bytes (1 to ${MAX_HEADER_BYTES} are allowed)`);
  }
  const packed = await read(length);
  const tail = await read(FRAME.chain.length + DIGEST_BYTES);
  const whole = new Uint8Array(start + front.length + length);
  whole.set(SEALED_MAGIC);
  whole.set(front, start);
  whole.set(packed, start + front.length);
  const digest = await sha256(whole);
  const proven = FRAME.chain.every((byte, i) => tail[i] === byte) &&
    digest.every((byte, i) => tail[FRAME.chain.length + i] === byte);
  if (!proven) refuse("damaged", "the header of its seal does not fit its digest");
  const place = { offset: start + front.length };
  const fields = new Field(unpack(packed, { items: 256, depth: 4 }, place), "seal", place);
  return { header: parseHeader(fields), digest, byteLength: whole.length + tail.length };
}

function parseHeader(fields: Field): SealedHeader {
  const cipher = fields.get("cipher").text();
  if (cipher !== CIPHER) {
    throw new ImageError("unsupported", `it is sealed with ${JSON.stringify(cipher)}`, fields.place);
  }
  const chunkBytes = fields.get("chunkBytes");
  const size = chunkBytes.uint();
  if (size < MIN_CHUNK_BYTES || size > MAX_CHUNK_BYTES) {
    chunkBytes.refuse(`is ${size}; ${MIN_CHUNK_BYTES} to ${MAX_CHUNK_BYTES} are allowed`, "limit");
  }
  return {
    cipher,
    chunkBytes: size,
    id: fields.get("id").bytes(KEY_BYTES).slice() as Bytes,
    key: parseRecipe(fields.get("key")),
    check: fields.get("check").bytes(KEY_BYTES).slice() as Bytes,
  };
}

function parseRecipe(field: Field): KeyRecipe {
  const kind = field.get("kind").oneOf(["file", "passphrase"]);
  if (kind === "file") return { kind };
  const kdf = field.get("kdf").oneOf(["scrypt"]);
  const salt = field.get("salt").bytes(SALT_BYTES).slice() as Bytes;
  const N = field.get("N").uint(Number.MAX_SAFE_INTEGER);
  const r = field.get("r").uint();
  const p = field.get("p").uint();
  if (r === 0 || p === 0 || N < 2 || !Number.isInteger(Math.log2(N))) {
    field.refuse(`has scrypt's parameters N=${N}, r=${r}, p=${p}, which are none`);
  }
  if (128 * N * r > MAX_SCRYPT_BYTES || N * r * p > MAX_SCRYPT_WORK) {
    field.refuse(
      `asks scrypt for N=${N}, r=${r}, p=${p}: more than ${MAX_SCRYPT_BYTES >> 20} MiB, or too long`,
      "limit",
    );
  }
  return { kind, kdf, salt, N, r, p };
}

/**
 * A chunk's nonce: 11 bytes of its number, big-endian, and whether it is the last (STREAM, Hoang et al. 2015).
 * It uses nothing but its parameters.
 */
export function nonce(index: number, last: boolean): Bytes {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setBigUint64(3, BigInt(index));
  bytes[11] = Number(last);
  return bytes;
}
