/**
 * Writing a snapshot as an image: small sections first, memories last and in chunks.
 *
 * @module
 */
import { type Bytes, type ImageCodec, parseCompression } from "./codec.ts";
import { ImageError } from "./error.ts";
import { PAGE_BYTES, type SectionName, SECTIONS, WASM_PAGE_BYTES } from "./format.ts";
import { pack } from "./msgpack.ts";
import { pageChunks } from "./pages.ts";
import { type HeadFields, type ImageSink, RecordWriter } from "./record.ts";
import { redactionsBody } from "./redactions.ts";
import { ReferenceWriter } from "./references.ts";
import { signatureBody, type Signer } from "./signature.ts";
import type { Snapshot } from "./snapshot.ts";
import { stackBodies } from "./stack.ts";
import { headerBody, storeBody } from "./store.ts";
import { checkWholeSnapshot } from "./validity.ts";

/** How far writing or reading memories is, in bytes of guest memory. */
export interface ImageProgress {
  readonly done: number;
  readonly total: number;
}

export interface WriteOptions {
  /** `none`, `zstd[:LEVEL]` or `deflate[:LEVEL]`; by default zstd where the codec has it. */
  readonly compress?: string;
  /** Signs the image. */
  readonly signer?: Signer;
  /** Called after each chunk of memory. */
  readonly onProgress?: (progress: ImageProgress) => void;
}

/** What was written. */
export interface WriteResult {
  /** Bytes of the image. */
  readonly byteLength: number;
  /** SHA-256 that covers every byte; it names the image. */
  readonly digest: Bytes;
  /** Bytes of guest memory, how many of them are in the image (before compression), and how many it repeats. */
  readonly memoryBytes: number;
  readonly storedBytes: number;
  readonly repeatedBytes: number;
}

/**
 * Writes an image. The same snapshot and options give the same bytes.
 *
 * @throws ImageError of kind `invalid` before anything is written if the snapshot breaks a rule.
 * @throws RangeError if `compress` is not one that this codec knows.
 */
export async function writeImage(
  snapshot: Snapshot,
  options: WriteOptions,
  codec: ImageCodec,
  sink: ImageSink,
): Promise<WriteResult> {
  const compression = parseCompression(options.compress ?? (codec.supports("zstd") ? "zstd" : "deflate"));
  if (!codec.supports(compression.name)) throw new RangeError(`${compression.name} cannot be written here`);
  checkWholeSnapshot(snapshot);
  const references = new ReferenceWriter(snapshot);
  const header = pack(headerBody(snapshot), "header");
  const store = pack(storeBody(snapshot, references), "store");
  const host = Object.entries(snapshot.host).map(([name, state]) => {
    if (!name.isWellFormed() || name === "__proto__") {
      throw new ImageError("invalid", `host has the key ${JSON.stringify(name)}`);
    }
    return { name, body: pack(state, `host.${name}`) };
  });

  const records = new RecordWriter(codec, sink, compression);
  const fields = <T extends object>(section: SectionName, own: T): HeadFields => ({
    section,
    required: true,
    ...own,
  });
  await records.begin();
  await records.writeBody(fields("header", {}), header);
  await records.writeBody(fields("store", {}), store);
  for (const body of stackBodies(snapshot.stack, references)) {
    await records.writeBody(fields("stack", { thread: 0 }), pack(body, "stack"));
  }
  for (const { name, body } of host) await records.writeBody(fields("host", { name }), body);

  if (snapshot.redactions !== undefined && snapshot.redactions.length > 0) {
    const body = pack(redactionsBody(snapshot.redactions), "redactions");
    await records.writeBody(fields("redactions", {}), body);
  }

  const total = snapshot.memories.reduce((sum, { pages }) => sum + pages * WASM_PAGE_BYTES, 0);
  let done = 0;
  let storedBytes = 0;
  let repeatedBytes = 0;
  for (const [memory, { buffer, pages }] of snapshot.memories.entries()) {
    for (const { runs, data, pagesDone } of pageChunks(buffer, pages)) {
      await records.write(fields("pages", { memory, runs }), data);
      storedBytes += data.length;
      for (const run of runs) if (run.same !== undefined) repeatedBytes += run.count * PAGE_BYTES;
      options.onProgress?.({ done: done + pagesDone * PAGE_BYTES, total });
    }
    done += pages * WASM_PAGE_BYTES;
  }

  for (const { section, records: kept } of snapshot.unknown ?? []) {
    if (SECTIONS.some((known) => known === section)) {
      throw new ImageError("invalid", `unknown section ${JSON.stringify(section)} is a known one`);
    }
    for (const { head, data } of kept) await records.writeRaw(head, data as Bytes);
  }
  if (options.signer !== undefined) {
    const body = pack(await signatureBody(options.signer, records.chain), "signature");
    await records.writeBody({ section: "signature", required: false }, body);
  }
  await records.write(fields("end", { records: records.records }), new Uint8Array());
  return {
    byteLength: records.byteLength,
    digest: records.chain,
    memoryBytes: total,
    storedBytes,
    repeatedBytes,
  };
}

/** A sink that collects; `bytes()` joins what was written. */
export function bytesSink(): ImageSink & { bytes(): Bytes } {
  const parts: Bytes[] = [];
  let length = 0;
  return {
    write(bytes) {
      parts.push(bytes.slice());
      length += bytes.length;
    },
    bytes() {
      const whole = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      return whole;
    },
  };
}

/**
 * An image as one piece of bytes.
 *
 * @example
 * ```ts
 * const bytes = await encodeImage(snapshot, { compress: "none" }, denoCodec);
 * const image = await readImage(bytes, denoCodec);
 * ```
 */
export async function encodeImage(
  snapshot: Snapshot,
  options: WriteOptions,
  codec: ImageCodec,
): Promise<Bytes> {
  const sink = bytesSink();
  await writeImage(snapshot, options, codec, sink);
  return sink.bytes();
}
