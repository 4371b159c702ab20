/**
 * What is written is read again, bit by bit.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { webCodec } from "../../runtime/image/codec_web.ts";
import { ImageError } from "../../runtime/image/error.ts";
import { inspectImage, readImage } from "../../runtime/image/reader.ts";
import { frameValues, packFrame, type Snapshot, type Value } from "../../runtime/image/snapshot.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { comparable, emptySnapshot, random, randomSnapshot, smallSnapshot } from "./snapshots.ts";

Deno.test("random snapshots survive every compression", async () => {
  for (let seed = 0; seed < 120; seed++) {
    const snapshot = randomSnapshot(seed);
    const compress = ["none", "zstd", "zstd:3", "deflate"][seed % 4];
    const bytes = await encodeImage(snapshot, { compress }, denoCodec);
    const image = await readImage(bytes, denoCodec);
    assertEquals(comparable(image), comparable(snapshot), `seed ${seed}`);
    assertEquals(image.byteLength, bytes.length);
    assertEquals(await encodeImage(snapshot, { compress }, denoCodec), bytes, "same snapshot, same bytes");
    assertEquals(await encodeImage(image, { compress }, denoCodec), bytes, "an image is a snapshot again");
  }
});

Deno.test("the browser's codec reads and writes the same images", async () => {
  for (const compress of ["none", "deflate"]) {
    const snapshot = smallSnapshot();
    const ours = await encodeImage(snapshot, { compress }, denoCodec);
    const browsers = await encodeImage(snapshot, { compress }, webCodec);
    assertEquals(comparable(await readImage(ours, webCodec)), comparable(snapshot));
    assertEquals(comparable(await readImage(browsers, denoCodec)), comparable(snapshot));
    if (compress === "none") assertEquals(browsers, ours);
  }
  const zstd = await encodeImage(smallSnapshot(), {}, denoCodec);
  const error = await assertRejects(
    () => readImage(zstd, webCodec),
    ImageError,
    '"zstd", which cannot be read here',
  );
  assertEquals(error.kind, "unsupported");
  await assertRejects(() => encodeImage(emptySnapshot, { compress: "zstd" }, webCodec), RangeError, "zstd");
});

Deno.test("the same host value is one value after a restore", async () => {
  const image = await readImage(await encodeImage(smallSnapshot(), {}, denoCodec), denoCodec);
  const [first, , third] = image.tables[1].elements;
  assert(first !== null && first === third);
  assertEquals(image.globals[4].value, first);
  assert(image.globals[4].value === first);
  assert(image.stack[1].refs.includes(first));
});

Deno.test("inspecting reads everything but the contents of memories", async () => {
  const snapshot = smallSnapshot();
  const bytes = await encodeImage(snapshot, {}, denoCodec);
  const info = await inspectImage(bytes, denoCodec);
  const { memories: _, ...rest } = comparable({ ...info, memories: [] } as unknown as Snapshot) as Snapshot;
  const { memories: __, ...expected } = comparable(snapshot) as Snapshot;
  assertEquals(rest, expected);
  const { pages, maxPages, storedBytes, repeatedBytes } = info.memories[0];
  assertEquals({ pages, maxPages, storedBytes, repeatedBytes }, {
    pages: 2,
    maxPages: 16,
    storedBytes: 4 * 4096,
    repeatedBytes: 4 * 4096,
  });
  const image = await readImage(bytes, denoCodec);
  assertEquals(info.digest, image.digest);
});

Deno.test("100,000 frames with every bit of their values", async () => {
  const locals = (i: number): Value[] => [
    { type: "i32", bits: i },
    { type: "i64", bits: BigInt(i) << 31n },
    { type: "f64", bits: 0x7ff0000000000001n },
    { type: "i32", bits: 0xffffffff },
  ];
  const frame = (i: number) =>
    packFrame({
      instance: 0,
      func: 5,
      site: 77,
      locals: locals(i),
      operands: [{ type: "f32", bits: 0x7fa00000 }],
    });
  const stack = Array.from({ length: 100_000 }, (_, i) => frame(i));
  const modules = [{ sha256: new Uint8Array(32), byteLength: 8 }];
  const instances = [{
    ...{
      module: 0,
      imports: [],
      memories: [],
      tables: [],
      globals: [],
      droppedElements: [],
      droppedDatas: [],
    },
  }];
  const snapshot = { ...emptySnapshot, modules, instances, stack };
  const bytes = await encodeImage(snapshot, {}, denoCodec);
  const image = await readImage(bytes, denoCodec);
  assertEquals(image.stack.length, stack.length);
  for (let i = 0; i < stack.length; i += 997) {
    assertEquals(frameValues(image.stack[i]).locals, locals(i));
    assertEquals(image.stack[i].site, 77);
  }
  assert(bytes.length < 1_500_000, `${bytes.length} bytes`);
});

Deno.test("a state larger than one record goes through several", async () => {
  const embedded = Uint8Array.from({ length: 3_500_000 }, (_, i) => (i * i) >> 7);
  const snapshot = {
    ...emptySnapshot,
    host: { wasi: { embedded }, other: { embedded: embedded.subarray(7) } },
  };
  for (const compress of ["none", "zstd"]) {
    const image = await readImage(await encodeImage(snapshot, { compress }, denoCodec), denoCodec);
    assertEquals(image.host, snapshot.host);
  }
});

Deno.test("memories are restored into the caller's buffers, shared ones too", async () => {
  const snapshot = smallSnapshot();
  const shared = new SharedArrayBuffer(3 * 65536);
  new Uint8Array(shared).set(new Uint8Array(snapshot.memories[0].buffer));
  new Uint8Array(shared).fill(3, 2 * 65536); // behind the memory's pages: not written
  const memories = [{ pages: 2, maxPages: 16, buffer: shared }, snapshot.memories[1]];
  const asked: unknown[] = [];
  const image = await readImage(await encodeImage({ ...snapshot, memories }, {}, denoCodec), denoCodec, {
    allocateMemory(pages, maxPages) {
      asked.push([pages, maxPages]);
      return new SharedArrayBuffer(4 * 65536);
    },
  });
  assertEquals(asked, [[2, 16], [0, undefined]]);
  assert(image.memories[0].buffer instanceof SharedArrayBuffer);
  const restored = new Uint8Array(image.memories[0].buffer);
  assertEquals(restored.slice(0, 2 * 65536), new Uint8Array(snapshot.memories[0].buffer));
  assert(restored.subarray(2 * 65536).every((byte) => byte === 0));
});

Deno.test("progress rises to the total, writing and reading", async () => {
  const next = random(1);
  const bytes = new Uint8Array(80 * 65536);
  for (let i = 0; i < bytes.length; i++) bytes[i] = next(256);
  const snapshot = { ...emptySnapshot, memories: [{ pages: 80, buffer: bytes.buffer }] };
  for (const read of [false, true]) {
    const seen: number[] = [];
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      assertEquals(total, bytes.length);
      seen.push(done);
    };
    const image = await encodeImage(snapshot, read ? {} : { onProgress }, denoCodec);
    if (read) await readImage(image, denoCodec, { onProgress });
    assert(seen.length >= 4);
    assertEquals(seen, seen.toSorted((a, b) => a - b));
    assertEquals(seen.at(-1), bytes.length);
  }
});

Deno.test("a snapshot that breaks a rule is not written", async () => {
  const small = smallSnapshot();
  const cases: [string, Partial<Snapshot>][] = [
    ["instances[0].module is 9", { instances: [{ ...small.instances[0], module: 9 }] }],
    ["instances[0].memories[0] is 1", { memories: [small.memories[0]] }],
    ["instances[0].imports[0].instance is 0, and there are 0 instances before it", {
      instances: [{ ...small.instances[0], imports: [{ kind: "instance", instance: 0, func: 0 }] }],
    }],
    ["droppedDatas is not ascending", { instances: [{ ...small.instances[0], droppedDatas: [1, 1] }] }],
    ["maxPages is less", { memories: [{ ...small.memories[0], maxPages: 1 }, small.memories[1]] }],
    ["memories[1].buffer has 0 bytes for 1 pages", {
      memories: [small.memories[0], { pages: 1, buffer: new ArrayBuffer(0) }],
    }],
    ["holds more than the 32 bits", {
      globals: [{ type: "i32", mutable: true, value: 1n << 32n }, ...small.globals.slice(1)],
    }],
    ["holds a number", {
      globals: [{ type: "funcref", mutable: true, value: 1n }, ...small.globals.slice(1)],
    }],
    ["holds a reference", {
      globals: [{ type: "i32", mutable: true, value: null }, ...small.globals.slice(1)],
    }],
    ["stack[0].instance is 2", { stack: [{ ...small.stack[0], instance: 2 }] }],
    ["stack[0] needs 1 words", { stack: [{ ...small.stack[0], words: new Uint32Array(2) }] }],
    ["unknown type 0x40", { stack: [{ ...small.stack[0], types: Uint8Array.of(0x40) }] }],
    ["more locals than types", { stack: [{ ...small.stack[0], localCount: 2 }] }],
    ["holds a host value that is no function", {
      tables: [{ type: "funcref", elements: [{ kind: "extern", value: 1 }] }, small.tables[1]],
    }],
    ["host.wasi.now cannot be stored: it is a Date", { host: { wasi: { now: new Date() } } }],
    ["host.wasi[1] cannot be stored: it is a undefined", { host: { wasi: [1, undefined] } }],
    ["host.wasi cannot be stored: it is not valid Unicode", { host: { wasi: "\ud800" } }],
    ["host.wasi cannot be stored: 1e+300 is over 53 bits", { host: { wasi: 1e300 } }],
  ];
  for (const [message, change] of cases) {
    const error = await assertRejects(
      () => encodeImage({ ...small, ...change }, {}, denoCodec),
      ImageError,
      message,
    );
    assertEquals(error.kind, "invalid");
  }
  for (const compress of ["", "gzip", "zstd:0", "zstd:20", "zstd:", "deflate:10", "none:1"]) {
    await assertRejects(() => encodeImage(small, { compress }, denoCodec), RangeError, "is not one of");
  }
});
