/**
 * Incremental images: round trips, refusals, hostile parents.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { ImageError } from "../../runtime/image/error.ts";
import { readImageFile, writeImageFile } from "../../runtime/image/file_deno.ts";
import type { ParentRef } from "../../runtime/image/format.ts";
import { inspectImage, readImage } from "../../runtime/image/reader.ts";
import { bytesSource } from "../../runtime/image/record.ts";
import { compareWords, Shadow } from "../../runtime/image/shadow.ts";
import { compareBytes } from "../../runtime/image/shadow_deno.ts";
import type { Snapshot } from "../../runtime/image/snapshot.ts";
import { bytesSink, encodeImage, writeImage } from "../../runtime/image/writer.ts";
import { withFolder } from "../cli/command.ts";
import { bodyOf, newRecord, putTogether, setBody, takeApart } from "./forge.ts";
import { comparable, emptySnapshot, random, randomMemory, smallSnapshot } from "./snapshots.ts";

/** Images by name, as a folder would have them. */
class Chain {
  readonly images = new Map<string, Uint8Array>();
  readonly shadow = new Shadow(compareBytes);
  #last: ParentRef | undefined;

  /** Adds an image with the next number for a name, on top of the last one. */
  async add(snapshot: Snapshot): Promise<string> {
    const memories = this.shadow.update(snapshot.memories);
    const parent = this.#last && { ...this.#last, changed: memories.map(({ changed }) => changed) };
    const sink = bytesSink();
    const { digest } = await writeImage({ ...snapshot, memories }, { parent }, denoCodec, sink);
    const name = `${this.images.size}`;
    this.images.set(name, sink.bytes());
    this.#last = { digest, name };
    return name;
  }

  read(name: string, limits = {}) {
    const openParent = ({ name }: ParentRef) => bytesSource(this.images.get(name)!);
    return readImage(this.images.get(name)!, denoCodec, { openParent, limits });
  }
}

/** The same program some time later: pages change, become zero, repeat others; memories grow. */
function later(snapshot: Snapshot, next: (below: number) => number): Snapshot {
  const memories = snapshot.memories.map((memory) => {
    const pages = memory.pages + (next(3) === 0 ? next(3) : 0);
    const bytes = new Uint8Array(pages * 65536);
    bytes.set(new Uint8Array(memory.buffer, 0, memory.pages * 65536));
    const noise = new Uint8Array(randomMemory(next, 1).buffer);
    for (let i = next(12); i > 0 && pages > 0; i--) {
      const page = bytes.subarray(next(16 * pages) * 4096).subarray(0, 4096);
      const kind = next(4);
      if (kind === 0) page.fill(0);
      else if (kind === 1) page.set(bytes.subarray(next(16 * pages) * 4096).subarray(0, 4096));
      else if (kind === 2) page[next(4096)]++;
      else page.set(noise.subarray(next(16) * 4096).subarray(0, 4096));
    }
    return { ...memory, pages, buffer: bytes.buffer };
  });
  const globals = [...snapshot.globals, {
    type: "i32" as const,
    mutable: true,
    value: BigInt(next(2 ** 32)),
  }];
  return { ...snapshot, memories, globals, wallTime: new Date(next(2 ** 32) * 1000).toISOString() };
}

Deno.test("every link of random chains is read as it was written", async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const next = random(seed);
    const chain = new Chain();
    const memories = Array.from(
      { length: next(3) },
      () => ({ maxPages: 100, ...randomMemory(next, next(4)) }),
    );
    let snapshot: Snapshot = { ...emptySnapshot, memories };
    const written = [];
    for (let i = 0; i < 8; i++) {
      written.push({ name: await chain.add(snapshot), expected: comparable(snapshot) });
      snapshot = later(snapshot, next);
    }
    for (const { name, expected } of written) {
      assertEquals(comparable(await chain.read(name)), expected, `seed ${seed}, link ${name}`);
    }
  }
});

Deno.test("a link holds only what changed, zero pages without data", async () => {
  const chain = new Chain();
  const bytes = new Uint8Array(8 * 65536).map((_, i) => 1 + i % 251);
  const snapshot = { ...emptySnapshot, memories: [{ pages: 8, buffer: bytes.buffer }] };
  await chain.add(snapshot);
  bytes[5 * 4096 + 7]++;
  bytes.fill(0, 20 * 4096, 40 * 4096);
  bytes.copyWithin(70 * 4096, 5 * 4096, 6 * 4096);
  const name = await chain.add(snapshot);
  const { memories, parent } = await inspectImage(chain.images.get(name)!, denoCodec);
  const { storedBytes, repeatedBytes, zeroedBytes } = memories[0];
  assertEquals([storedBytes, repeatedBytes, zeroedBytes], [4096, 4096, 20 * 4096]);
  assertEquals(parent?.name, "0");
  assertEquals(comparable(await chain.read(name)), comparable(snapshot));
});

Deno.test("both ways to compare find the same pages", () => {
  const next = random(5);
  const words = new Shadow(compareWords);
  const bytes = new Shadow(compareBytes);
  let snapshot: Snapshot = { ...emptySnapshot, memories: [randomMemory(next, 3), randomMemory(next, 2)] };
  for (let i = 0; i < 20; i++) {
    const [a, b] = [words, bytes].map((shadow) => shadow.update(snapshot.memories));
    assertEquals(a.map(({ changed }) => changed), b.map(({ changed }) => changed));
    snapshot = later(snapshot, next);
  }
});

Deno.test("memories over 2 GiB are compared, up to their last byte", () => {
  // Pages that nobody touches take no room.
  const bytes = 2 ** 32;
  const memory = new ArrayBuffer(bytes);
  for (const comparer of [compareBytes, compareWords]) {
    const differs = comparer(memory, new SharedArrayBuffer(bytes));
    for (const start of [2 ** 31 - 4096, 2 ** 31, bytes - 4096]) {
      const last = new Uint8Array(memory, start + 4095, 1);
      assertEquals(differs(start, start + 4096), false);
      last[0] = 1;
      assertEquals(differs(start, start + 4096), true);
      last[0] = 0;
    }
  }
});

Deno.test("without its parent, or with another one, a link is refused", async () => {
  const chain = new Chain();
  await chain.add(smallSnapshot());
  const middle = await chain.add(smallSnapshot());
  const newest = await chain.add(smallSnapshot());
  const image = chain.images.get(newest)!;
  const alone = await assertRejects(() => readImage(image, denoCodec), ImageError);
  assertEquals(alone.kind, "parent");
  assert(alone.message.includes('since "1", which is not at hand'), alone.message);

  const first = chain.images.get("0")!;
  chain.images.set("0", await encodeImage({ ...smallSnapshot(), policy: "none" }, {}, denoCodec));
  const other = await assertRejects(() => chain.read(newest), ImageError);
  assertEquals(other.kind, "parent");
  assert(/builds on "0" with digest [0-9a-f]{64}, and that file now has [0-9a-f]{64}/.test(other.message));

  chain.images.set("0", first.with(first.length - 3, first.at(-3)! ^ 1));
  const damaged = await assertRejects(() => chain.read(newest), ImageError);
  assertEquals(damaged.kind, "damaged");
  assert(damaged.message.endsWith('of its parent "0"'), damaged.message);

  chain.images.set("0", first.slice(0, -1));
  assertEquals((await assertRejects(() => chain.read(middle), ImageError)).kind, "truncated");
  chain.images.set("0", first);
  assertEquals(comparable(await chain.read(newest)), comparable(smallSnapshot()));
});

Deno.test("a parent of another module or with larger memories is refused", async () => {
  for (
    const [change, reason] of [
      [{ modules: [] as Snapshot["modules"], instances: [] as Snapshot["instances"] }, "of another module"],
      [{ memories: [{ pages: 3, buffer: new ArrayBuffer(3 * 65536) }] }, "more or larger"],
      [{ memories: [] as Snapshot["memories"] }, "more or larger"],
    ] as const
  ) {
    const own = { ...emptySnapshot, modules: [{ sha256: new Uint8Array(32), byteLength: 5 }] };
    const child = { ...own, memories: [{ pages: 2, buffer: new ArrayBuffer(2 * 65536) }] };
    const sink = bytesSink();
    const { digest } = await writeImage({ ...child, ...change }, {}, denoCodec, sink);
    const parent = { name: "p", digest, changed: [new Uint8Array(32)] };
    const image = await encodeImage(child, { parent }, denoCodec);
    const openParent = () => bytesSource(sink.bytes());
    const error = await assertRejects(() => readImage(image, denoCodec, { openParent }), ImageError);
    assert(error.message.includes(reason), error.message);
  }
});

Deno.test("chains are bounded, in their length and in what they hold together", async () => {
  const chain = new Chain();
  for (let i = 0; i < 6; i++) await chain.add(smallSnapshot());
  assertEquals((await chain.read("5", { links: 6 })).parent?.name, "4");
  const long = await assertRejects(() => chain.read("5", { links: 5 }), ImageError);
  assertEquals(long.kind, "limit");
  assert(long.message.includes("more than 5 images build on each other"), long.message);

  const body = (name: string) => chain.read(name, { bodyBytes: 6000 });
  await body("0");
  assertEquals((await assertRejects(() => body("5"), ImageError)).kind, "limit");

  // An image that has itself for a parent, whatever its digest.
  let opened = 0;
  const image = chain.images.get("1")!;
  const openParent = () => {
    opened++;
    return bytesSource(image);
  };
  assertEquals(
    (await assertRejects(() => readImage(image, denoCodec, { openParent }), ImageError)).kind,
    "limit",
  );
  assertEquals(opened, 255);
});

Deno.test("hostile parent sections are refused", async () => {
  const whole = await encodeImage(smallSnapshot(), { compress: "none" }, denoCodec);
  const digest = new Uint8Array(32);
  const cases: [unknown, RegExp][] = [
    [{ digest }, /parent has no field "name"/],
    [{ name: "a" }, /parent has no field "digest"/],
    [{ digest: digest.subarray(1), name: "a" }, /parent.digest must be 32 bytes/],
    [{ digest: "x", name: "a" }, /parent.digest must be bin/],
    [{ digest, name: 1 }, /parent.name must be a string/],
    ...["", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", "a\0b"].map((name): [unknown, RegExp] => [
      { digest, name },
      /parent.name .* is not the name of a file/,
    ]),
    [{ digest, name: "a".repeat(256) }, /at most 255 are allowed/],
    [[], /parent must be a map/],
  ];
  for (const [body, reason] of cases) {
    const records = await takeApart(whole);
    const record = newRecord("parent", {}, new Uint8Array());
    setBody(record, body);
    records.splice(1, 0, record);
    const openParent = () => Promise.reject(new Error("nothing must be opened"));
    const image = await putTogether(records);
    const error = await assertRejects(() => readImage(image, denoCodec, { openParent }), ImageError);
    assertEquals(error.kind, "invalid");
    assert(reason.test(error.message), `${error.message} is not ${reason}`);
  }

  for (const at of [0, 2, 4]) {
    const records = await takeApart(whole);
    const record = newRecord("parent", {}, new Uint8Array());
    setBody(record, { digest, name: "a" });
    records.splice(at, 0, record);
    if (at === 2) records.splice(1, 0, record);
    const image = await putTogether(records);
    const error = await assertRejects(() => readImage(image, denoCodec), ImageError);
    assert(/section parent stands/.test(error.message), error.message);
  }
});

Deno.test("a run cannot be zero and repeat another page, and zero runs have no data", async () => {
  const whole = await encodeImage(smallSnapshot(), { compress: "none" }, denoCodec);
  for (
    const [change, reason] of [
      [{ same: 0, zero: true }, /is zero and repeats/],
      [{ zero: true }, /use \d+ of \d+ bytes of data/],
      [{ zero: 1 }, /zero must be true or false/],
    ] as const
  ) {
    const records = await takeApart(whole);
    const pages = records.find(({ head }) => head.section === "pages")!;
    Object.assign(pages.head.runs.at(-1), change);
    const image = await putTogether(records);
    const error = await assertRejects(() => readImage(image, denoCodec), ImageError);
    assert(reason.test(error.message), error.message);
  }
  // False is as if it were not there.
  const records = await takeApart(whole);
  records.find(({ head }) => head.section === "pages")!.head.runs[0].zero = false;
  assertEquals(
    comparable(await readImage(await putTogether(records), denoCodec)),
    comparable(smallSnapshot()),
  );
  assert(bodyOf(records[1]).memories.length === 2);
});

Deno.test("files: the parent is looked for beside the child", async () => {
  await withFolder(async (folder) => {
    const shadow = new Shadow();
    const before = smallSnapshot();
    shadow.update(before.memories);
    const { digest } = await writeImageFile(`${folder}/a.mvvm`, before);
    const after = smallSnapshot();
    new Uint8Array(after.memories[0].buffer)[0x9000] ^= 1;
    const memories = shadow.update(after.memories);
    const changed = memories.map(({ changed }) => changed);
    const write = (name: string) =>
      writeImageFile(`${folder}/b.mvvm`, { ...after, memories }, { parent: { name, digest, changed } });
    await write("a.mvvm");
    const read = (path = `${folder}/b.mvvm`) => readImageFile(path);
    assertEquals(comparable(await read()), comparable(after));
    // A link to the child elsewhere does not move its folder.
    const elsewhere = Deno.makeTempDirSync({ dir: folder });
    Deno.symlinkSync(`${folder}/b.mvvm`, `${elsewhere}/c.mvvm`);
    assertEquals(comparable(await read(`${elsewhere}/c.mvvm`)), comparable(after));

    const refused = async (reason: RegExp) => {
      const error = await assertRejects(() => read(), ImageError);
      assertEquals(error.kind, "parent");
      assert(reason.test(error.message), error.message);
    };
    Deno.renameSync(`${folder}/a.mvvm`, `${folder}/away.mvvm`);
    await refused(/builds on \S+a\.mvvm with digest [0-9a-f]{64}, and there is no such file$/);
    Deno.mkdirSync(`${folder}/a.mvvm`);
    await refused(/which is no regular file$/);
    await write("b.mvvm");
    await refused(/which builds on itself$/);
  });
});
