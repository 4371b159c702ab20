/**
 * Files that are not what was written: each kind is refused in its own words, whatever byte it is.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { ImageError, type ImageErrorKind } from "../../runtime/image/error.ts";
import { inspectImage, readImage } from "../../runtime/image/reader.ts";
import type { Snapshot } from "../../runtime/image/snapshot.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { newRecord, putTogether, takeApart } from "./forge.ts";
import { emptySnapshot, smallSnapshot } from "./snapshots.ts";

/** Small enough to damage every bit of it. */
function tinySnapshot(): Snapshot {
  const small = smallSnapshot();
  const memory = new Uint8Array(65536);
  memory[5] = 1;
  memory[60000] = 2;
  return {
    ...emptySnapshot,
    modules: [small.modules[0]],
    instances: [{ ...small.instances[0], module: 0, memories: [0], globals: [] }],
    memories: [{ pages: 1, buffer: memory.buffer }],
    stack: [{ ...small.stack[0], instance: 0 }],
    host: { wasi: { args: ["x"] } },
  };
}

async function refusal(bytes: Uint8Array): Promise<ImageError> {
  const error = await assertRejects(() => readImage(bytes, denoCodec), ImageError);
  assert(error.message.length < 400 && !error.message.includes("undefined"), error.message);
  return error;
}

Deno.test("every flipped bit is refused", async () => {
  const bytes = await encodeImage(tinySnapshot(), {}, denoCodec);
  const kinds = new Map<ImageErrorKind, number>();
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] ^= 1 << bit;
      const { kind } = await refusal(bytes);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      bytes[at] ^= 1 << bit;
    }
  }
  await readImage(bytes, denoCodec);
  const allowed = ["not-an-image", "future-version", "truncated", "damaged"];
  assertEquals([...kinds.keys()].filter((kind) => !allowed.includes(kind)), []);
  assertEquals(kinds.get("not-an-image"), 11 * 8);
});

Deno.test("inspecting finds every flipped bit outside the contents of memories", async () => {
  const bytes = await encodeImage(tinySnapshot(), {}, denoCodec);
  const pages = (await takeApart(bytes)).find(({ head }) => head.section === "pages")!;
  const start = bytes.findIndex((_, i) => pages.data.every((byte, j) => bytes[i + j] === byte));
  assert(start > 0 && pages.data.length > 20);
  for (let at = 0; at < bytes.length; at += 3) {
    bytes[at] ^= 1 << (at % 8);
    if (at >= start && at < start + pages.data.length) await inspectImage(bytes, denoCodec);
    else await assertRejects(() => inspectImage(bytes, denoCodec), ImageError);
    bytes[at] ^= 1 << (at % 8);
  }
});

Deno.test("every truncation is refused as one", async () => {
  const bytes = await encodeImage(tinySnapshot(), {}, denoCodec);
  for (let length = 0; length < bytes.length; length++) {
    const { kind } = await refusal(bytes.subarray(0, length));
    assertEquals(kind, length === 0 ? "not-an-image" : "truncated", `the first ${length} bytes`);
    if (length % 50 === 0) {
      await assertRejects(() => inspectImage(bytes.subarray(0, length), denoCodec), ImageError);
    }
  }
});

Deno.test("each kind of foreign file has its own message", async () => {
  const bytes = await encodeImage(tinySnapshot(), {}, denoCodec);
  const changed = (at: number, byte: number) => bytes.map((old, i) => i === at ? byte : old);
  const cases: [Uint8Array, ImageErrorKind, string][] = [
    [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), "not-an-image", "this is a WebAssembly module"],
    [
      new TextEncoder().encode("#!/usr/bin/env -S deno run"),
      "not-an-image",
      'does not begin with "MVVM image"',
    ],
    [new Uint8Array(5000), "not-an-image", "does not begin"],
    [new Uint8Array(), "not-an-image", "there are no bytes"],
    [changed(11, 2), "future-version", "format version 2, and this program reads version 1"],
    [changed(11, 0), "damaged", "format version"],
    [Uint8Array.of(...bytes, 0), "damaged", "bytes behind the end"],
    [Uint8Array.of(...bytes, ...bytes), "damaged", "bytes behind the end"],
    [changed(200, bytes[200] ^ 1), "damaged", "byte offset"],
  ];
  for (const [file, kind, message] of cases) {
    const error = await refusal(file);
    assertEquals(error.kind, kind);
    assert(error.message.includes(message), error.message);
  }
});

Deno.test("records cannot be left out, repeated or moved", async () => {
  const bytes = await encodeImage(smallSnapshot(), { compress: "none" }, denoCodec);
  const records = await takeApart(bytes);
  assertEquals(await putTogether(records), bytes);
  const sizes = await Promise.all(
    records.map(async (_, i) => (await putTogether(records.slice(0, i))).length),
  );
  const cut = sizes.map((start, i) => bytes.subarray(start, sizes[i + 1]));
  const prefix = bytes.subarray(0, 12);
  const join = (parts: Uint8Array[]) => new Uint8Array([prefix, ...parts].flatMap((part) => [...part]));
  await readImage(join(cut), denoCodec);
  for (let i = 0; i < cut.length; i++) {
    await refusal(join(cut.toSpliced(i, 1)));
    await refusal(join(cut.toSpliced(i, 0, cut[i])));
    if (i > 0) await refusal(join(cut.with(i, cut[i - 1]).with(i - 1, cut[i])));
  }
});

Deno.test("unknown sections: required ones are named, others are kept", async () => {
  const records = await takeApart(await encodeImage(smallSnapshot(), {}, denoCodec));
  const data = new TextEncoder().encode("something new");
  const encrypted = await putTogether(records.toSpliced(1, 0, newRecord("encryption", {}, data)));
  const error = await refusal(encrypted);
  assertEquals(error.kind, "unknown-required");
  assert(
    error.message.includes('"encryption" is required') && error.message.includes('"mvvm test"'),
    error.message,
  );

  const more = [
    newRecord("thumbnail", { size: 3 }, data, false),
    newRecord("thumbnail", { size: 4 }, data, false),
  ];
  const other = newRecord("notes", { compression: "brotli" }, data, false);
  const bytes = await putTogether(records.toSpliced(records.length - 1, 0, ...more, other));
  const image = await readImage(bytes, denoCodec);
  assertEquals(image.unknown?.map(({ section, records }) => [section, records.length]), [["thumbnail", 2], [
    "notes",
    1,
  ]]);
  assertEquals(await encodeImage(image, {}, denoCodec), bytes);
  const elsewhere = await readImage(await putTogether(records.toSpliced(2, 0, ...more)), denoCodec);
  assertEquals(elsewhere.unknown?.length, 1);
});
