/**
 * Images taken apart and put together again with correct digests, so that tests can change what a
 * digest would otherwise hide.
 *
 * @module
 */
import { decode, encode } from "@std/msgpack";
import type { Bytes } from "../../runtime/image/codec.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { bytesSource, RecordReader, RecordWriter } from "../../runtime/image/record.ts";
import { bytesSink } from "../../runtime/image/writer.ts";

/** A record with its head decoded and its data as stored. */
export interface ForgedRecord {
  // deno-lint-ignore no-explicit-any
  head: any;
  data: Bytes;
}

/** The records of a valid image. */
export async function takeApart(image: Uint8Array): Promise<ForgedRecord[]> {
  const reader = new RecordReader(bytesSource(image), denoCodec);
  const records: ForgedRecord[] = [];
  await reader.begin();
  do {
    const record = await reader.next();
    records.push({ head: decode(record.headBytes), data: (await reader.stored(record)).slice() });
  } while (records.at(-1)!.head.section !== "end");
  return records;
}

/** The body of a record of an uncompressed image, decoded. */
// deno-lint-ignore no-explicit-any
export const bodyOf = (record: ForgedRecord): any => decode(record.data);

/** Replaces the body of a record. */
export function setBody(record: ForgedRecord, body: unknown): void {
  setData(record, encode(body) as Bytes);
}

/** Replaces the data of a record. */
export function setData(record: ForgedRecord, data: Bytes): void {
  record.data = data;
  record.head.byteLength = data.length;
  record.head.compression = "none";
}

/** A record made from nothing. */
export function newRecord(section: string, own: object, data: Bytes, required = true): ForgedRecord {
  return { head: { section, required, compression: "none", byteLength: data.length, ...own }, data };
}

/** Puts records together; the digests fit, and the end's count too. A head can also be given as bytes. */
export async function putTogether(
  records: readonly (ForgedRecord | { headBytes: Bytes; data: Bytes })[],
): Promise<Bytes> {
  const sink = bytesSink();
  const writer = new RecordWriter(denoCodec, sink, { name: "none" });
  await writer.begin();
  for (const record of records) {
    if ("headBytes" in record) {
      await writer.writeRaw(record.headBytes, record.data);
      continue;
    }
    const head = { ...record.head, sha256: await denoCodec.sha256(record.data) };
    if (head.section === "end" && typeof head.records === "number") head.records = writer.records;
    await writer.writeRaw(encode(head), record.data);
  }
  return sink.bytes();
}
