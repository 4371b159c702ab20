/**
 * Records: how an image is cut into pieces that are read, checked and skipped one by one. A record is
 * four msgpack values, one behind the other:
 *
 * 1. uint 32: the length of the head
 * 2. map: the head (`RecordHead`)
 * 3. bin 8: the chain value, SHA-256 of the chain value before and of all bytes of this record but the
 *    chain value and the data (which the head covers by its `sha256`)
 * 4. bin 32: the data, as stored
 *
 * So a head is proven before it is read, data before it is decompressed, and data can be skipped.
 *
 * @module
 */
import type { Bytes, Compression, ImageCodec } from "./codec.ts";
import { ImageError, type ImageErrorKind, type ImagePlace } from "./error.ts";
import { Field } from "./field.ts";
import {
  CHUNK_BYTES,
  DIGEST_BYTES,
  FRAME,
  MAGIC,
  MAX_DATA_BYTES,
  MAX_HEAD_BYTES,
  PREFIX_BYTES,
  type RecordHead,
  VERSION,
} from "./format.ts";
import { packHead } from "./head.ts";
import { unpack } from "./msgpack.ts";
import { isSealed } from "./sealed/format.ts";

/** Where an image is written to. The bytes are only valid until `write` returns or its promise resolves. */
export interface ImageSink {
  write(bytes: Bytes): void | Promise<void>;
}

/** Where an image is read from. */
export interface ImageSource {
  /** The next `length` bytes, fewer only at the end; valid until the next call. */
  read(length: number): Bytes | Promise<Bytes>;
  /** Passes over `length` bytes; returns how many there were. */
  skip(length: number): number | Promise<number>;
}

/** A source of bytes that are already there. */
export function bytesSource(bytes: Uint8Array): ImageSource {
  // Host functions take no views of shared memory; a Node Buffer would not copy when sliced.
  const own = bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  let at = 0;
  const read = (length: number) => own.subarray(at, at = Math.min(own.length, at + length));
  return { read, skip: (length) => read(length).length };
}

/** The fields of a head that the caller chooses; the others follow from the data. */
export type HeadFields = Omit<RecordHead, "compression" | "byteLength" | "sha256">;

/** The constants that writing records needs. */
export const recordFormat = { MAGIC, VERSION, CHUNK_BYTES, DIGEST_BYTES, FRAME } as const;

/**
 * Makes the class `RecordWriter`. It uses nothing but its parameters, so that its text can be sent to the
 * thread that writes images in the background.
 */
export function recordWriterClass(
  { MAGIC, VERSION, CHUNK_BYTES, DIGEST_BYTES, FRAME }: typeof recordFormat,
  pack: typeof packHead,
) {
  /** A msgpack type byte and a big-endian length of 32 bits. */
  const frame = (type: number, length: number): Bytes => {
    const bytes = new Uint8Array(5);
    bytes[0] = type;
    new DataView(bytes.buffer).setUint32(1, length);
    return bytes;
  };

  /** Writes records and keeps their chain. */
  return class RecordWriter {
    /** Records written. */
    records = 0;
    /** Bytes written. */
    byteLength = 0;
    /** The chain value of the last record; after the last record it names the image. */
    chain: Bytes = new Uint8Array(DIGEST_BYTES);
    readonly #codec: Pick<ImageCodec, "sha256" | "compress">;
    readonly #sink: ImageSink;
    readonly #compression: Compression;

    constructor(codec: Pick<ImageCodec, "sha256" | "compress">, sink: ImageSink, compression: Compression) {
      this.#codec = codec;
      this.#sink = sink;
      this.#compression = compression;
    }

    async #emit(bytes: Bytes): Promise<void> {
      this.byteLength += bytes.length;
      await this.#sink.write(bytes);
    }

    /** Writes the magic and the version. */
    async begin(): Promise<void> {
      const prefix = Uint8Array.of(...MAGIC, VERSION);
      this.chain = await this.#codec.sha256(prefix);
      await this.#emit(prefix);
    }

    /** Writes one record; `data` has at most `CHUNK_BYTES`. */
    async write(fields: HeadFields, data: Bytes): Promise<void> {
      const { name, level } = this.#compression;
      const plain = name === "none" || data.length === 0;
      const packed = plain ? data : await this.#codec.compress(data, name, level);
      // What hardly shrinks is stored as it is: reading it back then costs nothing.
      const shrunk = packed.length < data.length - (data.length >> 6);
      const stored = shrunk ? packed : data;
      const own = {
        compression: shrunk ? name : "none",
        byteLength: data.length,
        sha256: await this.#codec.sha256(stored),
      };
      await this.writeRaw(pack({ ...fields, ...own }), stored);
    }

    /** Writes a body of any length as one or more records. */
    async writeBody(fields: HeadFields, body: Bytes): Promise<void> {
      for (let start = 0; start === 0 || start < body.length; start += CHUNK_BYTES) {
        const end = Math.min(body.length, start + CHUNK_BYTES);
        const more = end < body.length ? { more: true } : {};
        await this.write({ ...fields, ...more }, body.subarray(start, end));
      }
    }

    /** Writes a record whose head is already encoded. */
    async writeRaw(head: Uint8Array, stored: Bytes): Promise<void> {
      const framed = new Uint8Array(5 + head.length);
      framed.set(frame(FRAME.head, head.length));
      framed.set(head, 5);
      const dataFrame = frame(FRAME.data, stored.length);
      this.chain = await this.#codec.sha256(this.chain, framed, dataFrame);
      const front = new Uint8Array(framed.length + FRAME.chain.length + DIGEST_BYTES + dataFrame.length);
      front.set(framed);
      front.set(FRAME.chain, framed.length);
      front.set(this.chain, framed.length + FRAME.chain.length);
      front.set(dataFrame, front.length - dataFrame.length);
      await this.#emit(front);
      if (stored.length > 0) await this.#emit(stored);
      this.records++;
    }
  };
}

export const RecordWriter = recordWriterClass(recordFormat, packHead);
export type RecordWriter = InstanceType<typeof RecordWriter>;

/** A record whose head is proven, and whose data is still to be read or skipped. */
export interface ImageRecord {
  readonly head: RecordHead;
  /** The head's fields, for those that belong to one section. */
  readonly fields: Field;
  readonly headBytes: Bytes;
  /** Length of the data as stored. */
  readonly storedLength: number;
  readonly place: Required<Pick<ImagePlace, "section" | "offset">>;
}

/** What a head can need: `MAX_RUNS` runs of three fields, and its own fields. */
const headLimits = () => ({ items: 8192, depth: 4 });

/** Reads records and proves their chain. */
export class RecordReader {
  records = 0;
  /** Bytes read or skipped. */
  offset = 0;
  chain: Bytes = new Uint8Array(DIGEST_BYTES);

  constructor(private readonly source: ImageSource, private readonly codec: ImageCodec) {}

  #refuse(kind: ImageErrorKind, reason: string, offset = this.offset): never {
    throw new ImageError(kind, reason, { offset });
  }

  async #read(length: number, what: string): Promise<Bytes> {
    const bytes = await this.source.read(length);
    if (bytes.length < length) {
      this.#refuse(
        "truncated",
        `the file ends ${length - bytes.length} bytes before the end of ${what}, which begins`,
      );
    }
    this.offset += length;
    return bytes;
  }

  /** Reads the magic and the version. */
  async begin(): Promise<void> {
    const bytes = (await this.source.read(PREFIX_BYTES)).slice();
    const known = bytes.subarray(0, MAGIC.length).every((byte, i) => byte === MAGIC[i]);
    if (bytes.length === 0) this.#refuse("not-an-image", "there are no bytes");
    if (isSealed(bytes)) this.#refuse("sealed", "it is encrypted; open it with its key (openSealed)", 0);
    if (!known) this.#refuse("not-an-image", describe(bytes), 0);
    if (bytes.length < PREFIX_BYTES) {
      this.#refuse("truncated", "the file ends within its first 12 bytes", bytes.length);
    }
    const version = bytes[MAGIC.length];
    if (version > 0x7f || version === 0) {
      this.#refuse("damaged", `the format version is the byte 0x${version.toString(16)}`, MAGIC.length);
    }
    if (version !== VERSION) {
      this.#refuse(
        "future-version",
        `it has format version ${version}, and this program reads version ${VERSION}; restore it with a newer one`,
        MAGIC.length,
      );
    }
    this.offset = PREFIX_BYTES;
    this.chain = await this.codec.sha256(bytes);
  }

  /** Reads and proves the head of the next record. Its data must be read or skipped before the next call. */
  async next(): Promise<ImageRecord> {
    const start = this.offset;
    const what = `record ${this.records}`;
    const lengthFrame = (await this.#read(5, what)).slice();
    const headLength = new DataView(lengthFrame.buffer).getUint32(1);
    if (lengthFrame[0] !== FRAME.head) {
      this.#refuse("damaged", `${what} does not begin as a record does`, start);
    }
    if (headLength === 0 || headLength > MAX_HEAD_BYTES) {
      this.#refuse(
        "damaged",
        `${what} claims a head of ${headLength} bytes (1 to ${MAX_HEAD_BYTES} are allowed)`,
        start,
      );
    }
    const headBytes = (await this.#read(headLength, what)).slice();
    const tail = (await this.#read(FRAME.chain.length + DIGEST_BYTES + 5, what)).slice();
    const chain = tail.subarray(FRAME.chain.length, FRAME.chain.length + DIGEST_BYTES);
    const dataFrame = tail.subarray(tail.length - 5);
    const storedLength = new DataView(dataFrame.buffer, dataFrame.byteOffset).getUint32(1);
    const expected = await this.codec.sha256(this.chain, lengthFrame, headBytes, dataFrame);
    const framed = FRAME.chain.every((byte, i) => tail[i] === byte) && dataFrame[0] === FRAME.data;
    if (!framed || !sameBytes(chain, expected)) {
      this.#refuse("damaged", `the head of ${what} does not fit its digest; the record begins`, start);
    }
    this.chain = chain;
    this.records++;
    const unnamed = new Field(unpack(headBytes, headLimits(), { offset: start }), what, { offset: start });
    const section = unnamed.get("section").text();
    const place = { section, offset: start };
    const fields = new Field(unnamed.value, "head", place);
    if (storedLength > MAX_DATA_BYTES) {
      fields.refuse(`has ${storedLength} bytes of data, over the limit of ${MAX_DATA_BYTES}`, "limit");
    }
    const head: RecordHead = {
      ...fields.map(),
      section,
      required: fields.get("required").bool(),
      compression: fields.get("compression").text(),
      byteLength: fields.get("byteLength").uint(MAX_DATA_BYTES),
      sha256: fields.get("sha256").bytes(DIGEST_BYTES),
      more: fields.optional("more")?.bool() ?? false,
    };
    return { head, fields, headBytes, storedLength, place };
  }

  /** The data as stored, proven; valid until the next call. */
  async stored(record: ImageRecord): Promise<Bytes> {
    const start = this.offset;
    const data = await this.#read(record.storedLength, `the data of record ${this.records - 1}`);
    if (!sameBytes(await this.codec.sha256(data), record.head.sha256)) {
      throw new ImageError("damaged", `${record.storedLength} bytes of data do not fit their digest`, {
        section: record.place.section,
        offset: start,
      });
    }
    return data;
  }

  /** The data, decompressed; valid until the next call. */
  async data(record: ImageRecord): Promise<Bytes> {
    const { compression, byteLength } = record.head;
    const stored = await this.stored(record);
    const { codec } = this;
    if (compression === "none") {
      if (stored.length !== byteLength) {
        record.fields.refuse(`says ${byteLength} bytes, and there are ${stored.length}`);
      }
      return stored;
    }
    if (!codec.supports(compression)) {
      const reason = `it is compressed with ${JSON.stringify(compression)}, which cannot be read here`;
      throw new ImageError("unsupported", reason, record.place);
    }
    let data: Bytes;
    try {
      data = await codec.decompress(stored, compression as Compression["name"], byteLength);
    } catch (error) {
      record.fields.refuse(
        `says ${byteLength} bytes, and the data does not decompress: ${(error as Error).message}`,
      );
    }
    if (data.length !== byteLength) {
      record.fields.refuse(`says ${byteLength} bytes, and ${data.length} come out`);
    }
    return data;
  }

  /** Passes over the data without proving it. */
  async skip(record: ImageRecord): Promise<void> {
    const skipped = await this.source.skip(record.storedLength);
    if (skipped < record.storedLength) {
      this.#refuse("truncated", `the file ends within the data of record ${this.records - 1}, which begins`);
    }
    this.offset += skipped;
  }

  /** Checks that nothing follows. */
  async end(): Promise<void> {
    if ((await this.source.read(1)).length > 0) {
      this.#refuse("damaged", "there are bytes behind the end of the image");
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** What a file that is no image seems to be. */
function describe(bytes: Uint8Array): string {
  const starts = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  if (starts(0x00, 0x61, 0x73, 0x6d)) {
    return 'this is a WebAssembly module; an image begins with "MVVM image"';
  }
  return 'it does not begin with "MVVM image"';
}
