/**
 * Images made to do harm: their digests fit, their contents lie. Each is refused in bounded time and
 * memory, with an error of ours.
 *
 * @module
 */
import { encode } from "@std/msgpack";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../runtime/image/codec.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { webCodec } from "../../runtime/image/codec_web.ts";
import { ImageError, type ImageErrorKind } from "../../runtime/image/error.ts";
import { inspectImage, readImage, type ReadOptions } from "../../runtime/image/reader.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { bodyOf, type ForgedRecord, newRecord, putTogether, setBody, setData, takeApart } from "./forge.ts";
import { random, smallSnapshot } from "./snapshots.ts";

const original = await takeApart(await encodeImage(smallSnapshot(), { compress: "none" }, denoCodec));
const sectionOf = (records: ForgedRecord[], section: string) =>
  records.find(({ head }) => head.section === section) as ForgedRecord;
const column = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);

/** Changes a copy of the records, and says how the result is refused. */
async function refusal(
  change: (records: ForgedRecord[]) => void,
  options: ReadOptions = {},
  codec = denoCodec,
): Promise<ImageError> {
  const records = structuredClone(original);
  change(records);
  const bytes = await putTogether(records);
  const error = await assertRejects(() => readImage(bytes, codec, options), ImageError);
  assert(error.message.length < 600, error.message);
  return error;
}

/** A table of hand-made images: what is expected, and the change. */
function refused(kind: ImageErrorKind, cases: readonly [string, (records: ForgedRecord[]) => void][]): void {
  for (const [message, change] of cases) {
    Deno.test(`${kind}: ${message}`, async () => {
      const error = await refusal(change);
      assert(error.message.includes(message), error.message);
      assertEquals(error.kind, kind, error.message);
    });
  }
}

// deno-lint-ignore no-explicit-any
const inBody = (section: string, change: (body: any) => void) => (records: ForgedRecord[]) => {
  const record = sectionOf(records, section);
  const body = bodyOf(record);
  change(body);
  setBody(record, body);
};
// deno-lint-ignore no-explicit-any
const inHead = (section: string, change: (head: any) => void) => (records: ForgedRecord[]) =>
  change(sectionOf(records, section).head);
const bodyBytes = (section: string, ...bytes: number[]) => (records: ForgedRecord[]) =>
  setData(sectionOf(records, section), Uint8Array.from(bytes));
const move = (section: string, to: number) => (records: ForgedRecord[]) => {
  const from = records.indexOf(sectionOf(records, section));
  records.splice(to, 0, ...records.splice(from, 1));
};

const text = (s: string) => [...encode(s)];

refused(
  "invalid",
  [
    // msgpack
    ["does not fit in the 0 left", bodyBytes("host", 0xdd, 0xff, 0xff, 0xff, 0xff)],
    ["does not fit in the 1 left", bodyBytes("host", 0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa0)],
    ["does not fit", bodyBytes("host", 0xc6, 0xff, 0xff, 0xff, 0xff, 0)],
    ["does not fit", bodyBytes("host", 0xdb, 0xff, 0xff, 0xff, 0xff, 0)],
    ["does not fit", bodyBytes("host", 0xcf, 0)],
    ["msgpack type 0xd4 is not used", bodyBytes("host", 0xd4, 1, 2)],
    ["msgpack type 0xc1 is not used", bodyBytes("host", 0xc1)],
    ["a msgpack value is missing", bodyBytes("host")],
    ["1 bytes behind the value", bodyBytes("host", 0xc0, 0xc0)],
    ["not UTF-8", bodyBytes("host", 0xa2, 0xc3, 0x28)],
    ["over 53 bits", bodyBytes("host", 0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0)],
    ["over 53 bits", bodyBytes("host", 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0)],
    ['the key "a" stands twice', bodyBytes("host", 0x82, ...text("a"), 1, ...text("a"), 2)],
    ["a key of a map is not a string", bodyBytes("host", 0x81, 1, 1)],
    ['the key "__proto__" is not allowed', bodyBytes("host", 0x81, ...text("__proto__"), 0x80)],
    // shapes
    ["header must be a map", (records) => setBody(sectionOf(records, "header"), [])],
    ['header has no field "policy"', inBody("header", (body) => delete body.policy)],
    ["header.producer must be a string", inBody("header", (body) => body.producer = 7)],
    [
      "header.modules[0].sha256 must be 32 bytes long",
      inBody("header", (body) => body.modules[0].sha256 = column(1)),
    ],
    [
      "header.modules[1].byteLength must be an integer",
      inBody("header", (body) => body.modules[1].byteLength = -1),
    ],
    ["store.instances must be an array", inBody("store", (body) => body.instances = { length: 2 ** 32 - 1 })],
    ["store.globals[0].type must be one of", inBody("store", (body) => body.globals[0].type = "i31")],
    [
      "store.globals[0].bits must be 4 bytes",
      inBody("store", (body) => body.globals[0].bits = new Uint8Array(8)),
    ],
    ["store.tables[0].type must be one of", inBody("store", (body) => body.tables[0].type = "i32")],
    ["whole number of 32-bit", inBody("store", (body) => body.tables[0].elements = new Uint8Array(7))],
    ["store.memories[0].pages must be an integer", inBody("store", (body) => body.memories[0].pages = 65537)],
    [
      "store.instances[0].imports[0].kind",
      inBody("store", (body) => body.instances[0].imports[0].kind = "wasm"),
    ],
    // indices
    ["instances[0].module is 5", inBody("store", (body) => body.instances[0].module = 5)],
    ["instances[1].memories[0] is 2", inBody("store", (body) => body.instances[1].memories = [2])],
    ["instances[1].globals[0] is 77", inBody("store", (body) => body.instances[1].globals = [77])],
    ["instances before it", inBody("store", (body) => body.instances[1].imports[1].instance = 1)],
    [
      "store.tables[0].elements names reference 9",
      inBody("store", (body) => body.tables[0].elements = column(9)),
    ],
    ["store.globals[5].reference names", inBody("store", (body) => body.globals[5].reference = 4)],
    [
      "instance is 2, and there are 2 instances",
      inBody("store", (body) => {
        body.references.functions.instance = column(2);
      }),
    ],
    ["is a funcref and holds a host value", inBody("store", (body) => body.tables[0].elements = column(3))],
    ["func must be 4 bytes", inBody("store", (body) => body.references.functions.func = column(1, 2))],
    ["maxPages is less", inBody("store", (body) => body.memories[0].maxPages = 1)],
    ["max is less", inBody("store", (body) => body.tables[0].max = 2)],
    // frames
    ["stack[0].instance is 3", inBody("stack", (body) => body.instance = column(3, 1, 0))],
    ["stack.func must be 12 bytes", inBody("stack", (body) => body.func = column(3))],
    ["too few for frame 0", inBody("stack", (body) => body.locals = column(4e9, 1, 0))],
    ["types, too few", inBody("stack", (body) => body.types = body.types.slice(1))],
    [
      "types behind the last frame",
      inBody("stack", (body) => body.types = new Uint8Array([...body.types, 0x7f])),
    ],
    ["words, too few", inBody("stack", (body) => body.words = body.words.slice(4))],
    [
      "words behind the last frame",
      inBody("stack", (body) => body.words = new Uint8Array([...body.words, 0, 0, 0, 0])),
    ],
    ["the unknown type 0x0", inBody("stack", (body) => body.types[0] = 0)],
    ["names reference 4294967295", inBody("stack", (body) => body.words.fill(0xff))],
    ["head.thread is not 0", inHead("stack", (head) => head.thread = 1)],
    // pages
    ["ends behind the memory's 32 pages", inHead("pages", (head) => head.runs[3].count = 9)],
    ["must be an integer from 0 to 32", inHead("pages", (head) => head.runs[0].count = 2 ** 31)],
    ["the run before ends at 2", inHead("pages", (head) => head.runs[1].page = 1)],
    ["has no pages", inHead("pages", (head) => head.runs[0].count = 0)],
    ["repeats page 11, which is not before it", inHead("pages", (head) => head.runs[2].same = 11)],
    ["bytes of data, and there are", inHead("pages", (head) => head.runs[0].count = 7)],
    ["use 12288 of 16384 bytes of data", inHead("pages", (head) => head.runs.pop())],
    ["head.memory is 2", inHead("pages", (head) => head.memory = 2)],
    ["behind memory 1", (records) => {
      const empty = newRecord("pages", { memory: 1, runs: [] }, new Uint8Array());
      records.splice(records.findIndex(({ head }) => head.section === "pages"), 0, empty);
    }],
    ["the run before ends at 32", (records) => {
      const again = sectionOf(records, "pages");
      records.splice(records.indexOf(again), 0, structuredClone(again));
    }],
    // sections
    ["section store stands at the start", move("store", 0)],
    ["section stack stands behind header", move("stack", 1)],
    ["section stack stands behind host", move("host", 2)],
    ["section header stands behind", (records) => records.splice(3, 0, structuredClone(records[0]))],
    ["section end stands behind header", (records) => records.splice(1, records.length - 2)],
    [
      'head.name is "wasi" again',
      (records) => records.splice(3, 0, structuredClone(sectionOf(records, "host"))),
    ],
    ["__proto__", inHead("host", (head) => head.name = "__proto__")],
    ["head.records must be an integer", (records) => records.at(-1)!.head.records = "none"],
    ["has data", (records) => setData(records.at(-1)!, Uint8Array.of(1))],
    ["not finished", inHead("store", (head) => head.more = true)],
    ["stands before the header", (records) => records.unshift(newRecord("x", {}, new Uint8Array(), false))],
    // heads
    ["head.required must be true or false", inHead("store", (head) => head.required = 1)],
    ["head.byteLength must be an integer", inHead("store", (head) => head.byteLength = 2 ** 40)],
    ["head says 5 bytes, and there are", inHead("store", (head) => head.byteLength = 5)],
    ["does not decompress", inHead("store", (head) => head.compression = "zstd")],
    ["does not decompress", inHead("store", (head) => head.compression = "deflate")],
  ],
);

const MiB = 1 << 20;
/** Data of `length` zero bytes, compressed, that claims to be `claim` bytes. */
const bomb =
  (section: string, compression: "zstd" | "deflate", length: number, claim: number) =>
  (records: ForgedRecord[]) => {
    const record = sectionOf(records, section);
    record.data = denoCodec.compress(new Uint8Array(length), compression) as Bytes;
    Object.assign(record.head, { compression, byteLength: claim });
  };

refused(
  "limit",
  [
    ["nested more than 64 deep", bodyBytes("host", ...new Array(100_000).fill(0x91), 0xc0)],
    [
      "nested more than 64 deep",
      bodyBytes("host", ...new Array(70).fill(text("a")).flatMap((key) => [0x81, ...key]), 0xc0),
    ],
    ["more values than the limit", (records) => {
      const data = new Uint8Array(4 * MiB).fill(0xc0);
      data.set([0xdd, 0, 0x3f, 0xff, 0xfb]);
      const host = sectionOf(records, "host");
      records.splice(
        records.indexOf(host),
        1,
        ...[1, 2].map((name) => newRecord("host", { name: `${name}` }, data)),
      );
    }],
    [
      "over the limit of 4194304",
      (records) => setData(sectionOf(records, "host"), new Uint8Array(4 * MiB + 1)),
    ],
    ["more than 268435456 bytes", (records) => {
      const data = denoCodec.compress(new Uint8Array(4 * MiB), "zstd") as Bytes;
      const part = newRecord(
        "host",
        { name: "big", compression: "zstd", byteLength: 4 * MiB, more: true },
        data,
      );
      records.splice(3, 0, ...new Array(70).fill(part));
    }],
    [
      "are 8589934592 bytes, over the limit",
      inBody("store", (body) => {
        body.memories = [{ pages: 65536 }, { pages: 65536 }];
      }),
    ],
  ],
);

refused("invalid", [
  ["does not decompress", bomb("host", "zstd", 256 * MiB, 100)],
  ["does not decompress", bomb("host", "deflate", 64 * MiB, 4 * MiB)],
  ["says 100 bytes, and 50 come out", bomb("pages", "zstd", 50, 100)],
]);

Deno.test("the browser's codec stops at a bomb too", async () => {
  const error = await refusal(bomb("host", "deflate", 64 * MiB, 1000), {}, webCodec);
  assertEquals(error.kind, "invalid");
  assert(error.message.includes("more than 1000 bytes come out"), error.message);
});

Deno.test("limits are the caller's to set, and nothing is allocated before they are checked", async () => {
  let allocated = 0;
  const allocateMemory = (pages: number) => {
    allocated++;
    return new ArrayBuffer(pages * 65536);
  };
  const cases: [Partial<ReadOptions["limits"]>, string][] = [
    [{ memoryBytes: 65536 }, "over the limit of 65536"],
    [{ frames: 2 }, "more than the 2 frames"],
    [{ frameWords: 10 }, "10 words allowed"],
    [{ tableElements: 5 }, "over the limit of 5"],
    [{ bodyBytes: 500 }, "more than 500 bytes"],
    [{ items: 100 }, "more values than the limit"],
    [{ depth: 2 }, "nested more than 2 deep"],
  ];
  for (const [limits, message] of cases) {
    const error = await refusal(() => {}, { limits, allocateMemory });
    assertEquals(error.kind, "limit");
    assert(error.message.includes(message), error.message);
  }
  assertEquals(allocated, 0);
  const full = await refusal(() => {}, {
    allocateMemory: () => {
      throw new RangeError("Array buffer allocation failed");
    },
  });
  assertEquals(full.kind, "limit");
});

Deno.test("the caller can refuse before memories are allocated", async () => {
  const bytes = await putTogether(original);
  const options: ReadOptions = {
    accept(outline) {
      assertEquals(outline.memories, [{ pages: 2, maxPages: 16 }, { pages: 0 }]);
      assertEquals(Object.keys(outline.host), ["wasi", "my extension"]);
      throw new Error("another module");
    },
    allocateMemory: () => {
      throw new Error("too late");
    },
  };
  await assertRejects(() => readImage(bytes, denoCodec, options), Error, "another module");
});

Deno.test("2,000 random lies end in a refusal of ours or in a valid snapshot", async () => {
  const next = random(6);
  const outcomes = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const records = structuredClone(original);
    for (let n = 1 + next(3); n > 0; n--) mutate(records, next);
    let bytes: Bytes;
    try {
      bytes = await putTogether(records);
    } catch {
      continue; // the forger could not encode it
    }
    let outcome = "valid";
    for (const read of [readImage, inspectImage]) {
      try {
        await read(bytes, denoCodec, { limits: { memoryBytes: 16 * MiB } });
      } catch (error) {
        if (!(error instanceof ImageError)) throw new Error(`round ${i}`, { cause: error });
        outcome = error.kind;
      }
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  assert((outcomes.get("invalid") ?? 0) > 500, JSON.stringify([...outcomes]));
});

/** One change anywhere: a byte of a body, a value in a head or body, a record moved. */
function mutate(records: ForgedRecord[], next: (below: number) => number): void {
  const record = records[next(records.length)];
  switch (next(6)) {
    case 0:
      if (record.data.length > 0) record.data[next(record.data.length)] = next(256);
      break;
    case 1:
      setData(record, record.data.slice(0, next(record.data.length + 1)));
      break;
    case 2:
      records.splice(next(records.length), 0, ...records.splice(next(records.length), 1));
      break;
    case 3:
      replace(record.head, next);
      break;
    default:
      if (record.head.section === "pages" || record.data.length === 0) replace(record.head, next);
      else {
        try {
          const body = bodyOf(record);
          replace(body, next);
          setBody(record, body);
        } catch {
          // Already broken by the change before.
        }
      }
  }
}

/** Puts something else at a random place of a tree. */
// deno-lint-ignore no-explicit-any
function replace(tree: any, next: (below: number) => number): void {
  const values = [
    null,
    true,
    -1,
    0,
    1,
    2,
    255,
    65536,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 53 - 1,
    0.5,
    NaN,
    "",
    "host",
    "i64",
    [],
    {},
  ];
  for (;;) {
    if (typeof tree !== "object" || tree === null || tree instanceof Uint8Array) return;
    const keys = Object.keys(tree);
    if (keys.length === 0) return;
    const key = keys[next(keys.length)];
    const child = tree[key];
    if (child instanceof Uint8Array && next(2)) {
      tree[key] = next(2)
        ? child.slice(next(child.length + 1))
        : child.map((byte) => next(4) ? byte : next(256));
      return;
    }
    if (typeof child !== "object" || child === null || next(5) === 0) {
      if (next(6) === 0) delete tree[key];
      else tree[key] = values[next(values.length)];
      return;
    }
    tree = child;
  }
}
