/**
 * Writing a snapshot as an image: small sections first, memories last and in chunks.
 *
 * @module
 */
import { concatenate } from "../concatenate.ts";
import { type Bytes, type Compression, type ImageCodec, parseCompression } from "./codec.ts";
import { ImageError } from "./error.ts";
import { type ParentRef, type SectionName, SECTIONS } from "./format.ts";
import { pack } from "./msgpack.ts";
import { type PageChunks, pageChunks, pageFormat } from "./pages.ts";
import { parentBody } from "./parent.ts";
import { type HeadFields, type ImageSink, RecordWriter } from "./record.ts";
import { redactionsBody } from "./redactions.ts";
import { ReferenceWriter } from "./references.ts";
import { signatureBody, signatureFormat, type Signer } from "./signature.ts";
import type { Snapshot } from "./snapshot.ts";
import { stackBodies } from "./stack.ts";
import { headerBody, storeBody } from "./store.ts";
import { checkWholeSnapshot } from "./validity.ts";

/** How far writing or reading memories is, in bytes of guest memory. */
export interface ImageProgress {
  readonly done: number;
  readonly total: number;
}

/** What an incremental image builds on, and what changed since. */
export interface Increment extends ParentRef {
  /** For each memory a byte for each of its pages: 0 if the page is as in the parent. */
  readonly changed: readonly Uint8Array[];
}

export interface WriteOptions {
  /** `none`, `zstd[:LEVEL]` or `deflate[:LEVEL]`; by default zstd where the codec has it. */
  readonly compress?: string;
  /** Signs the image. */
  readonly signer?: Signer;
  /** Called after each chunk of memory. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Leaves out the pages that are as in another image, which readers then need. */
  readonly parent?: Increment;
}

/** An image about to be written: small sections are ready, memories still where they are. */
export interface ImagePlan {
  readonly sections: readonly { readonly fields: HeadFields; readonly body: Bytes }[];
  readonly memories: readonly {
    readonly buffer: ArrayBufferLike;
    readonly pages: number;
    readonly changed?: Uint8Array;
  }[];
  /** Records of sections that this version does not know. */
  readonly kept: readonly { readonly head: Uint8Array; readonly data: Uint8Array }[];
}

/** What was written. */
export interface WriteResult {
  /** Bytes of the image, or of the file that it is sealed in. */
  readonly byteLength: number;
  /** SHA-256 that covers every byte; it names the image. */
  readonly digest: Bytes;
  /** Bytes of guest memory, how many of them are in the image (before compression), and how many it repeats. */
  readonly memoryBytes: number;
  readonly storedBytes: number;
  readonly repeatedBytes: number;
}

const fields = <T extends object>(section: SectionName, own: T): HeadFields => ({
  section,
  required: true,
  ...own,
});

/**
 * Encodes everything of an image but its memories.
 *
 * @throws ImageError of kind `invalid` if the snapshot breaks a rule.
 */
export function planImage(snapshot: Snapshot, { parent }: Pick<WriteOptions, "parent"> = {}): ImagePlan {
  checkWholeSnapshot(snapshot);
  const references = new ReferenceWriter(snapshot);
  const plan = {
    sections: [
      { fields: fields("header", {}), body: pack(headerBody(snapshot), "header") },
      ...parent ? [{ fields: fields("parent", {}), body: pack(parentBody(parent), "parent") }] : [],
      { fields: fields("store", {}), body: pack(storeBody(snapshot, references), "store") },
    ],
    memories: snapshot.memories.map(({ buffer, pages }, i) => ({
      buffer,
      pages,
      ...parent && { changed: parent.changed[i] },
    })),
    kept: (snapshot.unknown ?? []).flatMap(({ section, records }) => {
      if (SECTIONS.some((known) => known === section)) {
        throw new ImageError("invalid", `unknown section ${JSON.stringify(section)} is a known one`);
      }
      return records;
    }),
  };
  for (const body of stackBodies(snapshot.stack, references)) {
    plan.sections.push({ fields: fields("stack", { thread: 0 }), body: pack(body, "stack") });
  }
  for (const [name, state] of Object.entries(snapshot.host)) {
    if (!name.isWellFormed() || name === "__proto__") {
      throw new ImageError("invalid", `host has the key ${JSON.stringify(name)}`);
    }
    plan.sections.push({ fields: fields("host", { name }), body: pack(state, `host.${name}`) });
  }
  if (snapshot.redactions !== undefined && snapshot.redactions.length > 0) {
    const body = pack(redactionsBody(snapshot.redactions), "redactions");
    plan.sections.push({ fields: fields("redactions", {}), body });
  }
  return plan;
}

/**
 * Writes what was planned. It uses nothing but its parameters, so that its text can be sent to the thread
 * that writes images in the background.
 */
export async function writePlan(
  { sections, memories, kept }: ImagePlan,
  records: RecordWriter,
  chunks: PageChunks,
  { PAGE_BYTES, WASM_PAGE_BYTES }: Pick<typeof pageFormat, "PAGE_BYTES" | "WASM_PAGE_BYTES">,
  { onProgress, sign }: {
    onProgress?: (progress: ImageProgress) => void;
    /** Gives the body of the `signature` section behind a record with this chain value. */
    sign?: (chain: Bytes) => Promise<Bytes>;
  } = {},
): Promise<WriteResult> {
  await records.begin();
  for (const { fields, body } of sections) await records.writeBody(fields, body);
  const total = memories.reduce((sum, { pages }) => sum + pages * WASM_PAGE_BYTES, 0);
  let done = 0;
  let storedBytes = 0;
  let repeatedBytes = 0;
  for (const [memory, { buffer, pages, changed }] of memories.entries()) {
    for (const { runs, data, pagesDone } of chunks(buffer, pages, changed)) {
      await records.write({ section: "pages", required: true, memory, runs }, data);
      storedBytes += data.length;
      for (const run of runs) if (run.same !== undefined) repeatedBytes += run.count * PAGE_BYTES;
      onProgress?.({ done: done + pagesDone * PAGE_BYTES, total });
    }
    done += pages * WASM_PAGE_BYTES;
  }
  for (const { head, data } of kept) await records.writeRaw(head, data as Bytes);
  if (sign !== undefined) {
    await records.writeBody({ section: "signature", required: false }, await sign(records.chain));
  }
  await records.write({ section: "end", required: true, records: records.records }, new Uint8Array());
  const { byteLength, chain: digest } = records;
  return { byteLength, digest, memoryBytes: total, storedBytes, repeatedBytes };
}

/**
 * The compression that `--compress` names, or the default.
 *
 * @throws RangeError if the codec cannot write it.
 */
export function compressionOf(text: string | undefined, codec: ImageCodec): Compression {
  const compression = parseCompression(text ?? (codec.supports("zstd") ? "zstd" : "deflate"));
  if (!codec.supports(compression.name)) throw new RangeError(`${compression.name} cannot be written here`);
  return compression;
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
  const { compress, onProgress, signer } = options;
  const records = new RecordWriter(codec, sink, compressionOf(compress, codec));
  const sign = signer &&
    (async (chain: Bytes) => pack(await signatureBody(signer, chain, signatureFormat), "signature"));
  return await writePlan(planImage(snapshot, options), records, pageChunks, pageFormat, { onProgress, sign });
}

/** A sink that collects; `bytes()` joins what was written. */
export function bytesSink(): ImageSink & { bytes(): Bytes } {
  const parts: Bytes[] = [];
  return {
    write: (bytes) => void parts.push(bytes.slice()),
    bytes: () => concatenate(parts),
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
