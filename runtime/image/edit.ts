/**
 * Changing an image without taking it apart: the records that hold the state of a host extension are written
 * anew, all others (stack, memories, what is not known here) are copied as they stand.
 *
 * @module
 */
import type { Bytes, ImageCodec } from "./codec.ts";
import { pack } from "./msgpack.ts";
import { Pipe } from "./pipe.ts";
import { inspectImage } from "./reader.ts";
import { type ImageSink, type ImageSource, RecordReader, RecordWriter } from "./record.ts";
import { signatureBody, signatureFormat, type Signer } from "./signature.ts";
import { compressionOf } from "./writer.ts";

export interface ImageEdit {
  /** The new states of host extensions, by name; each must be in the image. */
  readonly host: Readonly<Record<string, unknown>>;
  /** Signs the result. A signature that is there is of the old image and is dropped. */
  readonly signer?: Signer;
}

/** What was written. */
export interface EditResult {
  readonly byteLength: number;
  /** SHA-256 that covers every byte; it names the image. */
  readonly digest: Bytes;
}

/**
 * Writes a changed image. Every byte that is copied is proven by its digest, and what is written is read at
 * the same time by the reader of images: if it would refuse it, so does this.
 *
 * @example
 * ```ts
 * const { host } = await inspectImage(bytesSource(old), denoCodec);
 * const wasi = editWasiState(host.wasi, { env: { LANG: "C" } });
 * await editImage(bytesSource(old), denoCodec, sink, { host: { wasi } });
 * ```
 * @throws ImageError The image is refused, before or after the change.
 */
export async function editImage(
  source: ImageSource,
  codec: ImageCodec,
  sink: ImageSink,
  edit: ImageEdit,
): Promise<EditResult> {
  const pipe = new Pipe();
  const check = inspectImage(pipe, codec).finally(() => pipe.close());
  // Whoever waits for it hears of a failure; until then it is nobody's unhandled rejection.
  check.catch(() => {});
  const both: ImageSink = {
    async write(bytes) {
      await sink.write(bytes);
      await pipe.write(bytes);
    },
  };
  try {
    const result = await copy(source, codec, both, edit);
    pipe.end();
    await check;
    return result;
  } finally {
    pipe.end();
  }
}

async function copy(
  source: ImageSource,
  codec: ImageCodec,
  sink: ImageSink,
  { host, signer }: ImageEdit,
): Promise<EditResult> {
  const reader = new RecordReader(source, codec);
  const writer = new RecordWriter(codec, sink, compressionOf(undefined, codec));
  const written = new Set<string>();
  await reader.begin();
  await writer.begin();
  for (;;) {
    const record = await reader.next();
    const { section } = record.head;
    const stored = await reader.stored(record);
    const name = section === "host" ? record.fields.get("name").text() : undefined;
    if (section === "end") break;
    if (section === "signature") continue;
    if (name === undefined || !Object.hasOwn(host, name)) await writer.writeRaw(record.headBytes, stored);
    else if (!written.has(name)) {
      written.add(name);
      await writer.writeBody({ section, required: true, name }, pack(host[name], `host.${name}`));
    }
  }
  await reader.end();
  if (signer) {
    const body = pack(await signatureBody(signer, writer.chain, signatureFormat), "signature");
    await writer.writeBody({ section: "signature", required: false }, body);
  }
  await writer.write({ section: "end", required: true, records: writer.records }, new Uint8Array());
  return { byteLength: writer.byteLength, digest: writer.chain };
}
