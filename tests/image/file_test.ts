/**
 * Image files: the old one or the whole new one, whatever happens.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ImageError } from "../../runtime/image/error.ts";
import { inspectImageFile, readImageFile, writeImageFile } from "../../runtime/image/file_deno.ts";
import { emptySnapshot, random, smallSnapshot } from "./snapshots.ts";

const root = new URL("../../", import.meta.url);

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "mvvm-image-" });
  try {
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

/** A snapshot of a few MiB that does not compress. */
function largeSnapshot() {
  const next = random(3);
  const words = Uint32Array.from({ length: 3 << 18 }, () => next(2 ** 32));
  return { ...smallSnapshot(), memories: [{ pages: 48, buffer: words.buffer }, smallSnapshot().memories[1]] };
}

Deno.test("a file is written, read and inspected, and nothing else is left", () =>
  inFolder(async (folder) => {
    const path = `${folder}/small.mvvm`;
    const result = await writeImageFile(path, largeSnapshot());
    assertEquals(names(folder), ["small.mvvm"]);
    assertEquals(Deno.statSync(path).size, result.byteLength);
    if (Deno.build.os !== "windows") assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    const image = await readImageFile(path);
    const info = await inspectImageFile(path);
    assertEquals(image.digest, result.digest);
    assertEquals(info.digest, result.digest);
    assertEquals(
      new Uint8Array(image.memories[0].buffer),
      new Uint8Array(largeSnapshot().memories[0].buffer),
    );
    assertEquals(info.memories[0].storedBytes, 48 * 65536);

    const cut = `${folder}/cut.mvvm`;
    for (const length of [0, 11, 2000, 100_000, result.byteLength - 40, result.byteLength - 1]) {
      Deno.writeFileSync(cut, Deno.readFileSync(path).subarray(0, length));
      for (const read of [readImageFile, inspectImageFile]) {
        const { kind } = await assertRejects(() => read(cut), ImageError);
        assertEquals(kind, length === 0 ? "not-an-image" : "truncated", `${length} bytes, ${read.name}`);
      }
    }
  }));

Deno.test("an error while writing leaves the old file and no temporary one", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a.mvvm`;
    await writeImageFile(path, smallSnapshot());
    const before = Deno.readFileSync(path);
    let calls = 0;
    const onProgress = () => {
      if (++calls === 2) throw new Error("disk full");
    };
    await assertRejects(() => writeImageFile(path, largeSnapshot(), { onProgress }), Error, "disk full");
    await assertRejects(() => writeImageFile(path, { ...emptySnapshot, host: { x: undefined } }), ImageError);
    assertEquals(Deno.readFileSync(path), before);
    assertEquals(names(folder), ["a.mvvm"]);
    await assertRejects(() => writeImageFile(`${folder}/none/a.mvvm`, smallSnapshot()), Deno.errors.NotFound);
    Deno.mkdirSync(`${folder}/dir.mvvm`);
    await assertRejects(
      () => writeImageFile(`${folder}/dir.mvvm`, smallSnapshot()),
      Error,
      "no regular file",
    );
    assertEquals(names(folder), ["a.mvvm", "dir.mvvm"]);
  }));

Deno.test("a symbolic link is followed", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/real`);
    await writeImageFile(`${folder}/real/a.mvvm`, emptySnapshot);
    Deno.symlinkSync("real/a.mvvm", `${folder}/link.mvvm`);
    await writeImageFile(`${folder}/link.mvvm`, smallSnapshot());
    assert(Deno.lstatSync(`${folder}/link.mvvm`).isSymlink);
    assertEquals((await readImageFile(`${folder}/real/a.mvvm`)).stack.length, 3);
    assertEquals(names(`${folder}/real`), ["a.mvvm"]);
  }));

Deno.test("what killed writers left is removed, what others are writing is not", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a.mvvm`;
    Deno.writeTextFileSync(`${folder}/.a.mvvm.1234.part`, "left behind");
    Deno.writeTextFileSync(`${folder}/.b.mvvm.1234.part`, "of another image");
    using busy = Deno.openSync(`${folder}/.a.mvvm.5678.part`, { write: true, createNew: true });
    busy.lockSync(true);
    await writeImageFile(path, smallSnapshot());
    assertEquals(names(folder), [".a.mvvm.5678.part", ".b.mvvm.1234.part", "a.mvvm"]);
  }));

Deno.test("two writers at once: one whole image wins", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a.mvvm`;
    const snapshots = [largeSnapshot(), smallSnapshot(), { ...largeSnapshot(), policy: "counter" }];
    const results = await Promise.all(snapshots.map((snapshot) => writeImageFile(path, snapshot)));
    const { digest } = await readImageFile(path);
    assert(results.some((result) => result.digest.join() === digest.join()));
    assertEquals(names(folder), ["a.mvvm"]);
  }));

Deno.test("a writer killed at any moment leaves a whole image", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a.mvvm`;
    const next = random(Date.now());
    let generation = -1;
    let leftovers = 0;
    for (let round = 0; round < 12; round++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-check",
          `--allow-read=${folder}`,
          `--allow-write=${folder}`,
          "tests/image/write_forever.ts",
          path,
          `${generation + 1}`,
        ],
        cwd: root,
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const output = child.stdout.getReader();
      // One byte when it begins and one per image; then a random part of the time that an image takes.
      let said = -1;
      let began = performance.now();
      let took = 100;
      while (said < round % 3) {
        const { done, value } = await output.read();
        assert(!done, "the writer ended by itself");
        if (said >= 0) took = performance.now() - began;
        began = performance.now();
        said += value.length;
      }
      await new Promise((resolve) => setTimeout(resolve, next(Math.ceil(took))));
      child.kill("SIGKILL");
      await child.status;
      await output.cancel();
      leftovers += names(folder).length - 1;
      if (generation + said < 0 && !names(folder).includes("a.mvvm")) continue; // killed before the first
      const image = await readImageFile(path);
      const { generation: now } = image.host.test as { generation: number };
      assert(now >= generation + said, `image ${now} after image ${generation} and ${said} more`);
      const bytes = new Uint8Array(image.memories[0].buffer);
      assertEquals(bytes[0], now & 0xff);
      assertEquals(bytes.at(-1), now & 0xff);
      generation = now;
    }
    assert(generation > 0, "no image was ever written");
    assert(leftovers > 0, "no writer was killed while it wrote");
    await writeImageFile(path, smallSnapshot());
    assertEquals(names(folder), ["a.mvvm"]);
  }));
