/**
 * Values of environment variables that are kept out of images: nothing of them is in the file, the guest that
 * runs on has them, and the restored guest has them again.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import wabt from "wabt";
import {
  checkSecret,
  encodeImage,
  fillRedactions,
  Guest,
  ImageError,
  inputStream,
  inspectImage,
  MemoryHost,
  type OutputStream,
  outputStream,
  Program,
  readImage,
  redact,
  RedactError,
  type Snapshot,
  Wasi,
} from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { bytesSource } from "../../runtime/image/record.ts";
import { Shadow } from "../../runtime/image/shadow.ts";
import { bodyOf, putTogether, setBody, takeApart } from "../image/forge.ts";
import { emptySnapshot, random } from "../image/snapshots.ts";

const SECRET = "grün-s3cret";
const PASSWORD = "correct horse battery";
const ENV = { LANG: "C", TOKEN: SECRET, PASSWORD };
/** Bytes of the environment as the guest has it. */
const SIZE = Object.entries(ENV).reduce(
  (sum, [name, value]) => sum + new TextEncoder().encode(`${name}=${value}`).length + 1,
  0,
);

/**
 * Takes its environment at 4096, copies it over the borders of an image page and of a WebAssembly page, calls
 * the host, and prints all three.
 */
const program = await (async () => {
  const { parseWat } = await wabt();
  const text = `(module
    (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 3)
    (func $copy (param $at i32)
      (memory.copy (local.get $at) (i32.const 4096) (i32.const ${SIZE})))
    (func $print (param $at i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (i32.const ${SIZE}))
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
    (func (export "_start")
      (drop (call $environ_get (i32.const 64) (i32.const 4096)))
      (call $copy (i32.const 65522))
      (call $copy (i32.const 131068))
      (drop (call $yield))
      (call $print (i32.const 4096))
      (call $print (i32.const 65522))
      (call $print (i32.const 131068))))`;
  const module = parseWat("environ.wat", text, { bulk_memory: true });
  return Program.from(module.toBinary({}).buffer);
})();

const EXPECTED = Object.entries(ENV).map(([name, value]) => `${name}=${value}\0`).join("").repeat(3);

async function stopped(): Promise<{ guest: Guest; image: Snapshot; stdout: OutputStream }> {
  const stdout = outputStream();
  const host = new MemoryHost({ stdin: inputStream(`typed ${SECRET}`), stdout });
  const wasi = new Wasi({ args: ["environ", `--token=${SECRET}`, SECRET + SECRET], env: ENV }, host);
  const guest = Guest.start(program, { wasi, stopAtHostCall: 2 });
  const outcome = await guest.run();
  assert(outcome.kind === "checkpointed");
  return { guest, image: outcome.image, stdout };
}

async function restored(image: Snapshot): Promise<string> {
  const stdout = outputStream();
  const { wasi } = Wasi.restore(image.host.wasi, {}, new MemoryHost({ stdout }));
  const guest = await Guest.restore(image, program, { wasi });
  assertEquals((await guest.run()).kind, "finished");
  return stdout.text();
}

/** A written image of the stopped guest. */
async function written(names: readonly string[]): Promise<Uint8Array> {
  using hidden = redact((await stopped()).image, names);
  return await encodeImage(hidden.snapshot, { compress: "none" }, denoCodec);
}

const has = (bytes: Uint8Array, text: string) =>
  new TextDecoder("latin1").decode(bytes).includes(String.fromCharCode(...new TextEncoder().encode(text)));

Deno.test("nothing of a redacted value is in the image, and all else is", async () => {
  const plain = await encodeImage((await stopped()).image, { compress: "none" }, denoCodec);
  assert(has(plain, SECRET) && has(plain, PASSWORD));
  const bytes = await written(["TOKEN"]);
  assert(!has(bytes, SECRET) && !has(bytes, "s3cret") && has(bytes, PASSWORD) && has(bytes, "TOKEN="));
  const both = await written(["TOKEN", "PASSWORD", "TOKEN"]);
  assert(!has(both, SECRET) && !has(both, PASSWORD) && has(both, "LANG=C"));
  const { redactions } = await inspectImage(both, denoCodec);
  assertEquals(redactions?.map(({ name, byteLength }) => [name, byteLength]), [
    ["PASSWORD", PASSWORD.length],
    ["TOKEN", SECRET.length + 1],
  ]);
  assertEquals(redactions![1].memories.map(({ memory, offsets }) => [memory, offsets.length]), [[0, 3]]);
  assertEquals(
    redactions![1].host.length,
    5,
    "the variable, an argument, another one twice, and pending input",
  );
});

Deno.test("the guest that runs on has its values", async () => {
  const { guest, image, stdout } = await stopped();
  const before = new Uint8Array(image.memories[0].buffer).slice();
  const env = structuredClone(image.host);
  {
    using hidden = redact(image, ["TOKEN", "PASSWORD"]);
    await encodeImage(hidden.snapshot, {}, denoCodec);
  }
  assertEquals(new Uint8Array(image.memories[0].buffer), before);
  assertEquals(image.host, env);
  assertEquals((await guest.run()).kind, "finished");
  assertEquals(stdout.text(), EXPECTED);
});

Deno.test("the restored guest has them again, the same or others of the same length", async () => {
  const bytes = await written(["TOKEN", "PASSWORD"]);
  const image = async () => await readImage(bytes, denoCodec);
  const filled = fillRedactions(await image(), { TOKEN: SECRET, PASSWORD, LANG: "not looked at" });
  assertEquals(filled.redactions, undefined);
  const { args, env } = filled.host.wasi as { args: string[]; env: string[] };
  assertEquals(args, ["environ", `--token=${SECRET}`, SECRET + SECRET]);
  assertEquals(env, Object.entries(ENV).map(([name, value]) => `${name}=${value}`));
  assertEquals(await restored(filled), EXPECTED);
  const other = "blue-s3cret!";
  assertEquals(other.length, SECRET.length + 1);
  const text = await restored(fillRedactions(await image(), { TOKEN: other, PASSWORD }));
  assertEquals(text, EXPECTED.replaceAll(SECRET, other));
});

Deno.test("what is missing is named, all of it, and nothing runs without", async () => {
  const bytes = await written(["TOKEN", "PASSWORD"]);
  const image = await readImage(bytes, denoCodec);
  const missing = assertThrows(() => fillRedactions(image, { TOKEN: SECRET }), RedactError);
  assert(missing.message.includes("-e PASSWORD=") && !missing.message.includes("TOKEN"));
  await assertRejects(() => restored(image), RedactError, "PASSWORD, TOKEN");
  const short = assertThrows(() => fillRedactions(image, { TOKEN: "short", PASSWORD }), RedactError);
  assert(short.message.includes("12 bytes") && !short.message.includes("short "));
});

Deno.test("what cannot be kept out is said at once", () => {
  assertThrows(() => checkSecret("NONE", ENV), RedactError, 'no environment variable "NONE"');
  assertThrows(() => checkSecret("LANG", ENV), RedactError, "1 bytes");
  assertThrows(() => checkSecret("A", { A: "1234567" }), RedactError, "less than 8");
  checkSecret("TOKEN", ENV);
  const snapshot = { ...emptySnapshot, host: { wasi: "strange" } };
  assertThrows(() => redact(snapshot, ["TOKEN"]), RedactError);
});

Deno.test("a value inside another, and the same value twice", async () => {
  const env = { A: "abcdefgh", B: "xyabcdefghyx", C: "abcdefgh" };
  const list = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const memory = new Uint8Array(65536);
  const text = "..abcdefgh..xyabcdefghyx..abcdefghabcdefgh";
  memory.set(new TextEncoder().encode(text), 100);
  const snapshot = (): Snapshot => ({
    ...emptySnapshot,
    memories: [{ pages: 1, buffer: memory.slice().buffer }],
    host: { wasi: { env: list } },
  });
  using hidden = redact(snapshot(), ["A", "B", "C"]);
  const bytes = await encodeImage(hidden.snapshot, { compress: "none" }, denoCodec);
  assert(!has(bytes, "abcdef") && !has(bytes, "xyab"));
  const image = fillRedactions(await readImage(bytes, denoCodec), env);
  assertEquals(new Uint8Array(image.memories[0].buffer), memory);
  assertEquals(image.host, { wasi: { env: list } });
});

Deno.test("values are found wherever they stand", async () => {
  const value = "aXaYaXaZ";
  const memory = new Uint8Array(65536).fill("a".charCodeAt(0));
  const at = [0, 8, 17, 4092, 30_000, 65528];
  for (const offset of at) memory.set(new TextEncoder().encode(value), offset);
  const snapshot = {
    ...emptySnapshot,
    memories: [{ pages: 1, buffer: memory.buffer }],
    host: { wasi: { env: [`V=${value}`] } },
  };
  using hidden = redact(snapshot, ["V"]);
  const [{ offsets, lengths }] = hidden.snapshot.redactions![0].memories;
  assertEquals([...offsets], at);
  assertEquals([...lengths], at.map(() => value.length));
  await encodeImage(hidden.snapshot, {}, denoCodec);
});

Deno.test("pieces of a value are found, but no shorter ones than eight bytes", async () => {
  const value = "a-much-longer-t0ken-with-forty-charaXters";
  const text = new TextEncoder().encode(value);
  const next = random(9);
  for (let round = 0; round < 50; round++) {
    const memory = Uint8Array.from({ length: 65536 }, () => next(3) ? 0 : next(256));
    for (let i = 0; i < 200; i++) {
      const start = next(text.length);
      memory.set(text.subarray(start, start + next(text.length)), next(65000));
    }
    const before = memory.slice();
    const snapshot = {
      ...emptySnapshot,
      memories: [{ pages: 1, buffer: memory.buffer }],
      host: { wasi: { env: [`V=${value}`, `OTHER=x${value.slice(3)}x${value.slice(0, 7)}`] } },
    };
    const bytes = await (async () => {
      using hidden = redact(snapshot, ["V"]);
      const image = new TextDecoder("latin1").decode(memory);
      for (let at = 0; at + 8 <= value.length; at++) assert(!image.includes(value.slice(at, at + 8)));
      return await encodeImage(hidden.snapshot, {}, denoCodec);
    })();
    assertEquals(memory, before);
    const image = await readImage(bytes, denoCodec);
    assertEquals(
      (image.host.wasi as { env: string[] }).env[1].replaceAll("\0", ""),
      `OTHER=xx${value.slice(0, 7)}`,
    );
    const filled = fillRedactions(image, { V: value });
    assertEquals(new Uint8Array(filled.memories[0].buffer), before);
    assertEquals(filled.host, snapshot.host);
  }
});

Deno.test("characters of several bytes are not cut in pieces", async () => {
  const value = "grünäöüßgrün-äöü";
  const env = [`V=${value}`, "A=" + value.slice(3), "B=" + "\u00bc" + value.slice(3, 12) + "\u00e4x"];
  const snapshot = { ...emptySnapshot, host: { wasi: { env } } };
  using hidden = redact(snapshot, ["V"]);
  const image = await readImage(await encodeImage(hidden.snapshot, {}, denoCodec), denoCodec);
  assert(!JSON.stringify(image.host).includes("äöü"));
  assertEquals(fillRedactions(image, { V: value }).host, snapshot.host);
});

Deno.test("hostile redactions are refused", async () => {
  const bytes = await written(["TOKEN"]);
  const records = await takeApart(bytes);
  const record = records.find(({ head }) => head.section === "redactions")!;
  assertEquals(record.head.required, true);
  const body = bodyOf(record);
  const [good] = body.redactions;
  const column = (...numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
  const pieces = (starts: number[], lengths: number[], ...offsets: number[]) => ({
    memory: 0,
    offsets: column(...offsets),
    starts: column(...starts),
    lengths: column(...lengths),
  });
  const place = (path: unknown[], offset: number, start = 0, length = 12) => ({
    path,
    offset,
    start,
    length,
  });
  const wrong: Record<string, object> = {
    "no name": { name: "" },
    "a name with =": { name: "A=B" },
    "a name that moves the cursor": { name: "A\x1b[2J" },
    "no bytes": { byteLength: 0 },
    "another memory": { memories: [{ ...pieces([0], [12], 0), memory: 7 }] },
    "a memory twice": { memories: [pieces([0], [12], 0), pieces([0], [12], 50)] },
    "places that overlap": { memories: [pieces([0, 0], [12, 12], 100, 111)] },
    "places backwards": { memories: [pieces([0, 0], [12, 12], 100, 50)] },
    "a place behind the memory": { memories: [pieces([0], [12], 3 * 65536 - 5)] },
    "more than the value": { memories: [pieces([1], [12], 0)] },
    "nothing of it": { memories: [pieces([1], [0], 0)] },
    "half a number": { memories: [{ ...pieces([0], [12], 0), offsets: new Uint8Array(3) }] },
    "a column that is too short": { memories: [pieces([], [12], 0)] },
    "no such path": { host: [place(["wasi", "nothing"], 0)] },
    "a path into a prototype": { host: [place(["wasi", "__proto__", "x"], 0)] },
    "a path to a list": { host: [place(["wasi", "env"], 0)] },
    "behind a string": { host: [place(["wasi", "args", 0], 4)] },
    "more than the value in a string": { host: [place(["wasi", "args", 1], 0, 5, 8)] },
  };
  for (const [what, change] of Object.entries(wrong)) {
    setBody(record, { redactions: [{ ...good, ...change }] });
    const forged = await putTogether(records);
    const error = await assertRejects(() => readImage(forged, denoCodec), ImageError);
    assertEquals(error.kind, "invalid", `${what}: ${error.message}`);
  }
  setBody(record, { redactions: [good, good] });
  await assertRejects(async () => readImage(await putTogether(records), denoCodec), ImageError, "twice");
});

Deno.test("links of a chain: what was a copy of the value, and is half of one, comes back as it was", async () => {
  const value = "0123456789abcdef";
  const memory = new Uint8Array(65536);
  const put = (text: string, at: number) => memory.set(new TextEncoder().encode(text), at);
  const snapshot = (): Snapshot => ({
    ...emptySnapshot,
    memories: [{ pages: 1, buffer: memory.buffer }],
    host: { wasi: { env: [`V=${value}`] } },
  });
  // One copy lies across the border of two image pages; of these only one changes.
  const steps = [
    () => put(value, 4090),
    () => put("XX", 4097),
    () => put(value, 9000),
    () => put(value, 4090),
    () => put("YY", 4090),
  ];
  const shadow = new Shadow();
  const files = new Map<string, Uint8Array>();
  let last: { digest: Uint8Array; name: string } | undefined;
  for (const [i, step] of steps.entries()) {
    step();
    const before = memory.slice();
    using hidden = redact(snapshot(), ["V"]);
    const memories = shadow.update(hidden.snapshot.memories);
    const parent = last && { ...last, changed: memories.map(({ changed }) => changed) };
    const options = { compress: "none", parent };
    const bytes = await encodeImage({ ...hidden.snapshot, memories }, options, denoCodec);
    assert(!has(bytes, value), `link ${i}`);
    files.set(`${i}`, bytes);
    const openParent = ({ name }: { name: string }) => bytesSource(files.get(name)!);
    const image = await readImage(bytes, denoCodec, { openParent });
    last = { digest: image.digest, name: `${i}` };
    assertEquals(new Uint8Array(fillRedactions(image, { V: value }).memories[0].buffer), before, `link ${i}`);
  }
});
