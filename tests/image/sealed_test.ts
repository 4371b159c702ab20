/**
 * Sealed images: only the right key opens them, and only as they were written.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decode, encode } from "@std/msgpack";
import type { Bytes } from "../../runtime/image/codec.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { ImageError, type ImageErrorKind } from "../../runtime/image/error.ts";
import { inspectImageFile, readImageFile, writeImageFile } from "../../runtime/image/file_deno.ts";
import { readImage } from "../../runtime/image/reader.ts";
import { bytesSource, type ImageSource } from "../../runtime/image/record.ts";
import { packHeader, SEALED_MAGIC, type SealedHeader } from "../../runtime/image/sealed/format.ts";
import {
  fileKey,
  newKeyText,
  parseKeyText,
  passphraseKey,
  type SealKey,
} from "../../runtime/image/sealed/key.ts";
import { openSealed } from "../../runtime/image/sealed/open.ts";
import { scryptDeno } from "../../runtime/image/sealed/scrypt_deno.ts";
import { seal } from "../../runtime/image/sealed/seal.ts";
import { bytesSink, encodeImage } from "../../runtime/image/writer.ts";
import { comparable, random, smallSnapshot } from "./snapshots.ts";

const key = fileKey(new Uint8Array(32).fill(7));
const other = fileKey(new Uint8Array(32).fill(8));
const FRAME = 5;
const TAG = 16;

function noise(length: number, seed = 1): Bytes {
  const next = random(seed);
  return Uint8Array.from({ length }, () => next(256));
}

async function sealed(plain: Bytes, chunkBytes: number, by: SealKey = key): Promise<Bytes> {
  const file = bytesSink();
  const sink = await seal(file, by, { chunkBytes });
  for (let at = 0; at < plain.length; at += 100) await sink.write(plain.subarray(at, at + 100));
  await sink.end();
  assertEquals(file.bytes().length, sink.byteLength);
  return file.bytes();
}

async function opened(bytes: Bytes, by: SealKey | undefined = key, step = 77): Promise<Bytes> {
  const source = await openSealed(bytesSource(bytes), by);
  const out = bytesSink();
  for (;;) {
    const part = await source.read(step);
    out.write(part);
    if (part.length < step) return out.bytes();
  }
}

async function kindOf(bytes: Bytes, by: SealKey | undefined = key): Promise<ImageErrorKind> {
  const error = await assertRejects(() => opened(bytes, by), ImageError);
  assert(error.message.length < 300 && !error.message.includes("undefined"), error.message);
  return error.kind;
}

const headerLength = (bytes: Bytes) =>
  SEALED_MAGIC.length + 1 + FRAME + new DataView(bytes.buffer).getUint32(SEALED_MAGIC.length + 2) + 34;

/** The header's bytes, and each chunk with its frame. */
function cut(bytes: Bytes): { front: Bytes; chunks: Bytes[] } {
  const front = bytes.slice(0, headerLength(bytes));
  const chunks: Bytes[] = [];
  for (let at = front.length; at < bytes.length;) {
    const length = FRAME + new DataView(bytes.buffer).getUint32(at + 1);
    chunks.push(bytes.slice(at, at += length));
  }
  return { front, chunks };
}
const joined = (...parts: Bytes[]) => new Uint8Array(parts.flatMap((part) => [...part]));

Deno.test("what was sealed is opened, whatever its length and however it is read", async () => {
  for (const length of [0, 1, 63, 64, 65, 128, 1000, 6400]) {
    const plain = noise(length, length);
    const bytes = await sealed(plain, 64);
    assertEquals(cut(bytes).chunks.length, Math.floor(length / 64) + 1);
    for (const step of [1, 64, 300, 10_000]) assertEquals(await opened(bytes, key, step), plain);
  }
});

Deno.test("parts can be skipped; the rest is the same", async () => {
  const plain = noise(5000);
  const bytes = await sealed(plain, 64);
  const next = random(5);
  for (let round = 0; round < 20; round++) {
    const source = await openSealed(bytesSource(bytes), key);
    for (let at = 0; at < plain.length;) {
      const length = next(400);
      const end = Math.min(plain.length, at + length);
      if (next(2)) assertEquals(await source.read(length), plain.subarray(at, end));
      else assertEquals(await source.skip(length), end - at);
      at = end;
    }
    assertEquals((await source.read(1)).length, 0);
    assertEquals(await source.skip(1000), 0);
  }
});

Deno.test("two files of the same bytes have nothing in common", async () => {
  const [a, b] = await Promise.all([1, 2].map(async () => cut(await sealed(noise(500), 64))));
  const bodies = (chunks: Bytes[]) => chunks.map((chunk) => chunk.subarray(FRAME).join());
  assertEquals(new Set([...bodies(a.chunks), ...bodies(b.chunks)]).size, a.chunks.length + b.chunks.length);
});

Deno.test("every flipped bit of a sealed file is refused", async () => {
  const bytes = await sealed(noise(150), 64);
  const header = headerLength(bytes);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] ^= 1 << (at % 8);
    const kind = await kindOf(bytes);
    const allowed = at < SEALED_MAGIC.length
      ? ["sealed"]
      : at < header
      ? ["damaged", "truncated", "future-version"]
      : ["damaged", "truncated"];
    assert(allowed.includes(kind), `byte ${at}: ${kind}`);
    bytes[at] ^= 1 << (at % 8);
  }
  assertEquals((await opened(bytes)).length, 150);
});

Deno.test("every truncation of a sealed file is refused, also at the end of a chunk", async () => {
  const bytes = await sealed(noise(640), 64);
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(await kindOf(bytes.slice(0, length)), "truncated", `${length} bytes`);
  }
});

Deno.test("chunks cannot be moved, repeated, left out, added, or taken from another file", async () => {
  const plain = noise(256);
  const { front, chunks } = cut(await sealed(plain, 64));
  const foreign = cut(await sealed(plain, 64));
  assertEquals(chunks.length, 5);
  const [a, b, c, d, last] = chunks;
  const wrong = {
    swapped: joined(front, b, a, c, d, last),
    repeated: joined(front, a, a, b, c, d, last),
    "left out": joined(front, a, c, d, last),
    "last only": joined(front, last),
    "last twice": joined(front, ...chunks, last),
    "a byte behind": joined(front, ...chunks, Uint8Array.of(0)),
    "another file's chunk": joined(front, a, foreign.chunks[1], c, d, last),
    "another file's last chunk": joined(front, a, b, c, d, foreign.chunks[4]),
    "another file's header": joined(foreign.front, ...chunks),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    assertEquals(await kindOf(bytes), "damaged", what);
    // Who skips finds it too, but for what lies in whole chunks that are skipped.
    const source = await openSealed(bytesSource(bytes), key);
    if (what === "swapped" || what === "another file's chunk") continue;
    await assertRejects(() => Promise.resolve(source.skip(10_000)), ImageError);
  }
  assertEquals(await opened(joined(front, ...chunks)), plain);
});

Deno.test("a missing, wrong, needless or different kind of key is told apart from damage", async () => {
  const bytes = await sealed(noise(100), 64);
  assertEquals(await kindOf(bytes, other), "wrong-key");
  const cheap = { N: 2, r: 1, p: 1 };
  const phrase = passphraseKey("correct horse", scryptDeno, cheap);
  assertEquals(await kindOf(bytes, phrase), "wrong-key");
  const byPhrase = await sealed(noise(100), 64, phrase);
  assertEquals(await opened(byPhrase, passphraseKey("correct horse", scryptDeno, cheap)), noise(100));
  assertEquals(await kindOf(byPhrase, passphraseKey("correct horsf", scryptDeno, cheap)), "wrong-key");
  assertEquals(await kindOf(byPhrase, key), "wrong-key");
  const image = await encodeImage(smallSnapshot(), {}, denoCodec);
  const missing = await assertRejects(() => openSealed(bytesSource(bytes)), ImageError);
  assertEquals(missing.kind, "sealed");
  const needless = await assertRejects(() => openSealed(bytesSource(image), key), ImageError);
  assertEquals(needless.kind, "sealed");
  const unaware = await assertRejects(() => readImage(bytes, denoCodec), ImageError);
  assertEquals(unaware.kind, "sealed");
  // What is not sealed is read as before.
  const source = await openSealed(bytesSource(image));
  assertEquals(comparable(await readImage(source, denoCodec)), comparable(smallSnapshot()));
});

Deno.test("the same letters are the same passphrase however they are composed", async () => {
  const bytes = await sealed(noise(10), 64, passphraseKey("gr\u00fcn", scryptDeno, { N: 2, r: 1, p: 1 }));
  assertEquals((await opened(bytes, passphraseKey("gru\u0308n", scryptDeno))).length, 10);
});

Deno.test("a hostile header is refused before anything is computed or allocated", async () => {
  const never: SealKey = {
    seal: () => key.seal(),
    open: () => {
      throw new Error("asked for the key");
    },
  };
  const good: SealedHeader = {
    cipher: "AES-256-GCM",
    chunkBytes: 65536,
    id: new Uint8Array(32),
    key: { kind: "file" },
    check: new Uint8Array(32),
  };
  const salt = new Uint8Array(16);
  const scrypt = (N: number, r: number, p: number) => ({ kind: "passphrase", kdf: "scrypt", salt, N, r, p });
  const wrong: Record<string, [object, ImageErrorKind]> = {
    "a huge N": [{ key: scrypt(2 ** 40, 8, 1) }, "limit"],
    "a huge r": [{ key: scrypt(2, 2 ** 31, 1) }, "limit"],
    "a huge p": [{ key: scrypt(2 ** 14, 8, 2 ** 20) }, "limit"],
    "an N that is none": [{ key: scrypt(1000, 8, 1) }, "invalid"],
    "no r": [{ key: scrypt(1024, 0, 1) }, "invalid"],
    "a fraction": [{ key: scrypt(1024.5, 8, 1) }, "invalid"],
    "another function": [{ key: { ...scrypt(1024, 8, 1), kdf: "md5" } }, "invalid"],
    "a long salt": [{ key: { ...scrypt(1024, 8, 1), salt: new Uint8Array(17) } }, "invalid"],
    "another kind of key": [{ key: { kind: "none" } }, "invalid"],
    "huge chunks": [{ chunkBytes: 2 ** 32 }, "invalid"],
    "large chunks": [{ chunkBytes: 2 ** 31 }, "limit"],
    "no chunks": [{ chunkBytes: 0 }, "limit"],
    "another cipher": [{ cipher: "none" }, "unsupported"],
    "a short id": [{ id: new Uint8Array(31) }, "invalid"],
    "no check": [{ check: undefined }, "invalid"],
  };
  for (const [what, [change, kind]] of Object.entries(wrong)) {
    const fields = Object.fromEntries(
      Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined),
    );
    const { bytes } = await packHeader(fields as unknown as SealedHeader);
    assertEquals(await kindOf(bytes, never), kind, what);
  }
  const { bytes } = await packHeader(good);
  new DataView(bytes.buffer).setUint32(SEALED_MAGIC.length + 2, 2 ** 32 - 1);
  assertEquals(await kindOf(bytes, never), "damaged");
});

Deno.test("memory for sealing and opening is bounded by the chunks, not by the length", async () => {
  const length = 64 << 20;
  const part = noise(1 << 16);
  let largest = 0;
  let written = 0;
  let waiting = 0;
  let most = 0;
  const sink = {
    async write(bytes: Bytes) {
      largest = Math.max(largest, bytes.length);
      most = Math.max(most, ++waiting);
      await Promise.resolve();
      waiting--;
      written += bytes.length;
    },
  };
  const sealing = await seal(sink, key);
  let ahead = 0;
  for (let at = 0; at < length; at += part.length) {
    await sealing.write(part);
    ahead = Math.max(ahead, at + part.length - written);
  }
  await sealing.end();
  assert(largest <= (1 << 16) + TAG, `${largest} bytes at once`);
  assertEquals(most, 1);
  assert(ahead <= 10 << 16, `${ahead} bytes not yet written`);

  const bytes = await sealed(noise(1 << 20), 1 << 12);
  let asked = 0;
  const inner = bytesSource(bytes);
  const source: ImageSource = {
    read(count) {
      asked += count;
      return inner.read(count);
    },
    skip: (count) => inner.skip(count),
  };
  const open = await openSealed(source, key);
  await open.read(10);
  assert(asked < 6000, `${asked} bytes read for ten`);
  // Whole chunks are passed over unread.
  await open.skip(1 << 19);
  assert(asked < 15_000, `${asked} bytes read for a skip`);
});

Deno.test("image files: sealed, read, inspected; nothing in clear", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "mvvm-sealed-" });
  try {
    const path = `${folder}/a.mvvm`;
    const result = await writeImageFile(path, smallSnapshot(), { compress: "none", key });
    const bytes = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    assert(!bytes.includes("hello, image") && !bytes.includes("wasi") && !bytes.includes("MVVM image"));
    const image = await readImageFile(path, { key });
    assertEquals(comparable(image), comparable(smallSnapshot()));
    assertEquals((await inspectImageFile(path, { key })).digest, result.digest);
    for (const read of [readImageFile, inspectImageFile]) {
      assertEquals((await assertRejects(() => read(path), ImageError)).kind, "sealed");
      assertEquals((await assertRejects(() => read(path, { key: other }), ImageError)).kind, "wrong-key");
    }
    // The key of an image decides what is written over it: nothing is left of the plain one.
    await writeImageFile(path, smallSnapshot());
    assertEquals((await assertRejects(() => readImageFile(path, { key }), ImageError)).kind, "sealed");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("key files: base64 or hexadecimal digits, and nothing else", () => {
  const bytes = noise(32);
  assertEquals(parseKeyText(bytes.toHex()), bytes);
  assertEquals(parseKeyText(`# mine\n\n  ${bytes.toBase64()}  \r\n`), bytes);
  assertEquals(parseKeyText(newKeyText()).length, 32);
  for (const text of ["", "secret", bytes.subarray(1).toHex(), `${bytes.toHex()}\n${bytes.toHex()}`]) {
    const { message } = assertThrows(() => parseKeyText(text), RangeError);
    assert(!message.includes("secret"));
  }
  assertThrows(() => parseKeyText("-----BEGIN PRIVATE KEY-----\n"), RangeError, "PEM");
});

Deno.test("the header is plain msgpack", async () => {
  const bytes = await sealed(noise(10), 64);
  const length = new DataView(bytes.buffer).getUint32(14);
  const header = decode(bytes.subarray(18, 18 + length)) as Record<string, unknown>;
  assertEquals(Object.keys(header).sort(), ["check", "chunkBytes", "cipher", "id", "key"]);
  assertEquals(encode("MVVM sealed"), SEALED_MAGIC);
});
