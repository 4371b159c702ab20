/**
 * Pages: nothing is lost, and zero and repeated pages cost nothing.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { pageChunks } from "../../runtime/image/pages.ts";
import { readImage } from "../../runtime/image/reader.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { emptySnapshot, random, randomMemory } from "./snapshots.ts";

const MiB = 1 << 20;

/** Bytes of the image of a memory, after checking that it comes back. */
async function imageBytes(memory: Uint8Array<ArrayBuffer>, compress = "none"): Promise<number> {
  const memories = [{ pages: memory.length / 65536, buffer: memory.buffer }];
  const bytes = await encodeImage({ ...emptySnapshot, memories }, { compress }, denoCodec);
  const image = await readImage(bytes, denoCodec);
  assertEquals(new Uint8Array(image.memories[0].buffer), memory);
  return bytes.length;
}

function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const next = random(seed);
  return new Uint8Array(Uint32Array.from({ length: length / 4 }, () => next(2 ** 32)).buffer);
}

Deno.test("memories of random pages come back", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const next = random(seed);
    await imageBytes(new Uint8Array(randomMemory(next, next(20)).buffer), seed % 2 ? "zstd" : "none");
  }
});

Deno.test("zero pages cost nothing", async () => {
  const empty = await imageBytes(new Uint8Array());
  assert(await imageBytes(new Uint8Array(64 * MiB)) < empty + 16);
});

Deno.test("repeated pages cost nothing", async () => {
  const one = await imageBytes(noise(MiB));
  const repeated = new Uint8Array(16 * MiB);
  for (let at = 0; at < repeated.length; at += MiB) repeated.set(noise(MiB), at);
  assert(await imageBytes(repeated) < one + 200, "a block that repeats");
  assert(
    await imageBytes(new Uint8Array(64 * MiB).fill(0xdb)) < 4096 + 1000,
    "a memory filled with one byte",
  );

  // Every second page is the same one, which stands far away at first.
  const alternating = noise(4 * MiB);
  for (let at = 8192; at < alternating.length; at += 8192) alternating.copyWithin(at, 0, 4096);
  assert(await imageBytes(alternating) < 2 * MiB + 64 * 1024, "pages among others");
});

Deno.test("what does not shrink is stored as it is", async () => {
  const plain = await imageBytes(noise(4 * MiB));
  assertEquals(await imageBytes(noise(4 * MiB), "zstd"), plain);
  assert(plain < 4 * MiB + 2000);
});

Deno.test("scattered pages make many runs, and chunks stay bounded", async () => {
  const scattered = new Uint8Array(32 * MiB);
  for (let at = 0; at < scattered.length; at += 8192) scattered[at] = 1 + (at >> 13) % 3;
  for (const { runs, data } of pageChunks(scattered.buffer, scattered.length / 65536)) {
    assert(runs.length <= 1024);
    assert(data.length <= MiB);
  }
  await imageBytes(scattered);
});
