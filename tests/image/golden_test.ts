/**
 * Images of released format versions stay readable for ever, by the runtime and by a reader that was
 * written from the document alone. The golden files were made once, from `smallSnapshot()`, and are
 * never made again: a change that breaks this test needs a new format version.
 *
 * @module
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { readImageFile } from "../../runtime/image/file_deno.ts";
import { type ImageFacts, readImage } from "../../runtime/image/reader.ts";
import { frameValues, type Ref, type Snapshot, type Value } from "../../runtime/image/snapshot.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { comparable, randomSnapshot, smallSnapshot } from "./snapshots.ts";

const root = new URL("../../", import.meta.url);
const golden = (name: string) => new URL(`tests/image/golden/${name}`, root);

for (const name of ["v1.mvvm", "v1-plain.mvvm", "v1-deflate.mvvm"]) {
  Deno.test(`golden image ${name}`, async () => {
    const image = await readImage(Deno.readFileSync(golden(name)), denoCodec);
    assertEquals(comparable(image), comparable(smallSnapshot()));
    assertEquals(image.version, 1);
  });
}

Deno.test("a golden chain: what changed, on top of a whole image", async () => {
  const image = await readImageFile(fileURLToPath(golden("v1-chain.mvvm")));
  assertEquals(comparable(image), comparable(smallSnapshot()));
  assertEquals(image.parent?.name, "v1-chain.1.mvvm");
});

Deno.test("the uncompressed bytes of version 1 do not change", async () => {
  const bytes = await encodeImage(smallSnapshot(), { compress: "none" }, denoCodec);
  assertEquals(bytes, Deno.readFileSync(golden("v1-plain.mvvm")));
});

/** What the independent reader prints. */
async function independent(path: string): Promise<unknown> {
  const args = [
    "run",
    "--no-config",
    `--allow-read=${dirname(path)}`,
    new URL("scripts/read_image.mjs", root).href,
    path,
  ];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The same from our own reader. */
async function expected(path: string): Promise<unknown> {
  const image: Snapshot & ImageFacts = await readImageFile(path);
  const bits = (value: bigint, type: string) =>
    `0x${value.toString(16).padStart({ i32: 8, f32: 8, v128: 32 }[type] ?? 16, "0")}`;
  const value = (value: Value) =>
    "ref" in value ? value : { type: value.type, bits: bits(BigInt(value.bits), value.type) };
  const memories = await Promise.all(
    image.memories.map(async ({ buffer, ...rest }) => ({
      ...rest,
      sha256: await denoCodec.sha256(new Uint8Array(buffer as ArrayBuffer)),
    })),
  );
  const { modules, instances, tables, host, policy, wallTime, producer, digest, parent } = image;
  const plain = {
    ...{ modules, instances, tables, host, policy, wallTime, producer, digest, memories, unknown: [] },
    ...parent && { parent },
    globals: image.globals.map(({ type, mutable, value }) => ({
      ...{ type, mutable },
      ...(typeof value === "bigint" ? { bits: bits(value, type) } : { ref: value as Ref }),
    })),
    stack: image.stack.map((frame) => {
      const { instance, func, site } = frame;
      const { locals, operands } = frameValues(frame);
      return { instance, func, site, locals: locals.map(value), operands: operands.map(value) };
    }),
  };
  return JSON.parse(JSON.stringify(plain, (_, each) => each instanceof Uint8Array ? each.toHex() : each));
}

Deno.test("an independent reader finds the same in the golden images and in random ones", async () => {
  const temporary = Deno.makeTempFileSync({ suffix: ".mvvm" });
  try {
    for (const name of ["v1.mvvm", "v1-plain.mvvm", "v1-deflate.mvvm"]) {
      Deno.copyFileSync(golden(name), temporary);
      assertEquals(await independent(temporary), await expected(temporary), name);
    }
    const chain = fileURLToPath(golden("v1-chain.mvvm"));
    assertEquals(await independent(chain), await expected(chain));
    for (const seed of [11, 12, 13, 14]) {
      Deno.writeFileSync(temporary, await encodeImage(randomSnapshot(seed), {}, denoCodec));
      assertEquals(await independent(temporary), await expected(temporary), `seed ${seed}`);
    }
  } finally {
    Deno.removeSync(temporary);
  }
});
