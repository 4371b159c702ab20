/**
 * `image edit`: what is changed is changed, all else stays as it is to the byte, and the guest goes on.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { editWasiState } from "../../runtime/wasi/edit.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { editImage } from "../../runtime/image/edit.ts";
import { ImageError } from "../../runtime/image/error.ts";
import { Pipe } from "../../runtime/image/pipe.ts";
import { writeImageFile } from "../../runtime/image/file_deno.ts";
import { readImage } from "../../runtime/image/reader.ts";
import { bytesSource } from "../../runtime/image/record.ts";
import { bytesSink, encodeImage } from "../../runtime/image/writer.ts";
import { mvvm, programPath, withFolder } from "../cli/command.ts";
import { takeApart } from "../image/forge.ts";
import { randomSnapshot, smallSnapshot } from "../image/snapshots.ts";

const state = {
  version: 1,
  args: ["prog", "one"],
  env: ["A=1", "B=2", "B=3", "EMPTY"],
  preopens: [{ guest: "/data", host: "/srv/data", rights: 1, inheriting: 1 }],
  descriptors: [
    { fd: 3, kind: "directory", path: "", preopen: 0 },
    { fd: 4, kind: "file", path: "in/a.txt", preopen: 0, offset: 7 },
    { fd: 5, kind: "file", path: "in.txt", preopen: 0 },
    { fd: 6, kind: "stream", name: "stdin" },
  ],
};

Deno.test("editWasiState: arguments, environment, directories, paths", () => {
  const edited = editWasiState(state, {
    args: ["two", ""],
    env: { B: "new", C: "=", EMPTY: "" },
    unset: ["A"],
    dirs: [{ guest: "/data", host: "/mnt" }],
    paths: [{ from: "in", to: "out/deep" }],
  });
  assertEquals(edited, {
    ...state,
    args: ["prog", "two", ""],
    env: ["B=new", "B=new", "EMPTY=", "C=="],
    preopens: [{ ...state.preopens[0], host: "/mnt" }],
    descriptors: [
      state.descriptors[0],
      { ...state.descriptors[1], path: "out/deep/a.txt" },
      ...state.descriptors.slice(2),
    ],
  });
  assertEquals(editWasiState(state, {}), state);
});

Deno.test("editWasiState: what does not fit is refused, and the state is not trusted", () => {
  const cases: [Parameters<typeof editWasiState>[1], string][] = [
    [{ unset: ["C"] }, 'the environment has no variable "C"'],
    [{ dirs: [{ guest: "data", host: "/" }] }, 'the guest has no directory "data"; it has "/data"'],
    [{ paths: [{ from: "in/a", to: "b" }] }, 'nothing is open with the path "in/a"'],
    [{ paths: [{ from: "in.txt", to: "../up" }] }, "new path is not a path inside a directory"],
    [{ paths: [{ from: "in.txt", to: "/abs" }] }, "new path is not a path inside a directory"],
    [{ args: ["a\0b"] }, "has a zero in it"],
    [{ env: { A: "a\0b" } }, "has a zero in it"],
  ];
  for (const [edit, reason] of cases) assertThrows(() => editWasiState(state, edit), Error, reason);
  const damaged = [null, 7, {}, { ...state, args: "a" }, { ...state, env: [1] }, {
    ...state,
    preopens: [{}],
  }];
  for (const each of damaged) {
    assertThrows(() => editWasiState(each, { args: [] }), Error, "the image is damaged or foreign");
  }
});

/** An image with one extension's state replaced. */
async function edited(image: Uint8Array, host: Record<string, unknown>): Promise<Uint8Array> {
  const sink = bytesSink();
  await editImage(bytesSource(image), denoCodec, sink, { host });
  return sink.bytes();
}

Deno.test("editImage: all other records are the same bytes", async () => {
  for (const [seed, compress] of [[1, "zstd"], [2, "none"], [3, "deflate:9"]] as const) {
    const host = { wasi: { version: 1, big: new Uint8Array(3 << 20).fill(seed) }, other: [1, null, "x"] };
    const image = await encodeImage({ ...randomSnapshot(seed), host }, { compress }, denoCodec);
    const wasi = { version: 1, text: "x".repeat(2 << 20) };
    const result = await edited(image, { wasi });
    const others = (records: Awaited<ReturnType<typeof takeApart>>) =>
      records.filter(({ head }) => head.section !== "end" && head.name !== "wasi");
    assertEquals(others(await takeApart(result)), others(await takeApart(image)));
    const { host: after, ...rest } = await readImage(result, denoCodec);
    const { host: _, ...before } = await readImage(image, denoCodec);
    assertEquals(after, { wasi, other: host.other });
    assertEquals({ ...rest, digest: 0, byteLength: 0 }, { ...before, digest: 0, byteLength: 0 });
  }
});

Deno.test("editImage: a damaged image, and one that would not be valid, are refused", async () => {
  const image = await encodeImage(
    { ...smallSnapshot(), host: { wasi: {} } },
    { compress: "none" },
    denoCodec,
  );
  for (const at of [5, 40, 400, image.length - 5000, image.length - 2]) {
    const damaged = image.slice();
    damaged[at] ^= 1;
    await assertRejects(() => edited(damaged, { wasi: {} }), ImageError);
  }
  await assertRejects(() => edited(image.subarray(0, -30), { wasi: {} }), ImageError);
  // The place of a value that was kept out must stay.
  const place = { path: ["wasi", "env", 0], offset: 2, start: 0, length: 6 };
  const redactions = [{ name: "T", byteLength: 6, memories: [], host: [place] }];
  const host = { wasi: { env: ["T=\0\0\0\0\0\0"] } };
  const redacted = await encodeImage({ ...smallSnapshot(), host, redactions }, {}, denoCodec);
  await edited(redacted, { wasi: { env: [...host.wasi.env, "A=1"] } });
  await assertRejects(() => edited(redacted, { wasi: { env: [] } }), ImageError, "redactions");
});

Deno.test("Pipe: what is written in pieces of any size is read in pieces of any other", async () => {
  const pipe = new Pipe();
  const bytes = Uint8Array.from({ length: 9 << 20 }, (_, i) => i * 7);
  const writing = (async () => {
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 5) % 1_000_003) {
      await pipe.write(bytes.subarray(at, at + size));
    }
    pipe.end();
  })();
  const parts: Uint8Array[] = [];
  for (let size = 100; parts.at(-1)?.length !== 0; size = (size * 3) % 2_000_003) {
    parts.push((await pipe.read(size)).slice());
  }
  await writing;
  const joined = await new Blob(parts as BlobPart[]).bytes();
  assert(joined.length === bytes.length && joined.every((byte, i) => byte === bytes[i]));
  // A reader that goes away does not hold up the writer.
  const left = new Pipe();
  left.close();
  for (let i = 0; i < 10; i++) await left.write(new Uint8Array(1 << 20));
});

Deno.test("image edit: a guest goes on with its files in another directory and under other names", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/files.mvvm`;
    const program = programPath("files");
    await Deno.mkdir(`${folder}/old`);
    const stop = ["-c", "2000", "--threshold-bits", "0"];
    const dir = ["--dir", `${folder}/old::/d`];
    const first = await mvvm([
      "checkpoint",
      "-t",
      program,
      ...dir,
      ...stop,
      "--image",
      image,
      "--",
      "/d",
      "12",
    ]);
    assertMatch(first.stderr, /wrote .*files\.mvvm/);
    await Deno.rename(`${folder}/old`, `${folder}/new`);
    // The program opens it by its old name, too, at the end.
    await Deno.link(`${folder}/new/data.bin`, `${folder}/new/moved.bin`);
    const before = await Deno.readFile(image);
    const change = ["-m", `/d::${folder}/new`, "--path", "data.bin::moved.bin", "-e", "SETTING=x y"];
    const edit = await mvvm(["image", "edit", image, ...change, "-o", `${folder}/out.mvvm`]);
    assertMatch(edit.stderr, /^mvvm: wrote .*out\.mvvm: \d+ bytes\n$/);
    assertEquals(await Deno.readFile(image), before);
    const { env, directories, files } = JSON.parse(
      (await mvvm(["inspect", `${folder}/out.mvvm`, "--json"])).stdout,
    );
    assertEquals([env, directories[0].host], [["SETTING=x y"], `${folder}/new`]);
    assert(files.some(({ path }: { path?: string }) => path === "moved.bin"));
    const restore = ["restore", "-t", program, "--image", `${folder}/out.mvvm`, "--image-dirs"];
    await Deno.rename(`${folder}/new/moved.bin`, `${folder}/kept.bin`);
    assertMatch((await mvvm(restore)).stderr, /moved\.bin/);
    await Deno.rename(`${folder}/kept.bin`, `${folder}/new/moved.bin`);
    const ended = await mvvm(restore);
    assertEquals([ended.code, ended.stderr], [0, `mvvm: directory /d is ${folder}/new\n`]);
    const whole = await mvvm(["run", program, "--dir", `${folder}/new::/d`, "--", "/d", "12"]);
    assertEquals(first.stdout + ended.stdout, whole.stdout);
  });
});

Deno.test("image edit: in place; mistakes leave the image as it is", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/a.mvvm`;
    const program = programPath("globals");
    await mvvm(["checkpoint", "-t", program, "-c", "1", "--image", image, "-e", "SETTING=one"]);
    const before = await Deno.readFile(image);
    for (
      const [args, code, reason] of [
        [[], 2, "image edit: say what to change"],
        [["-e", "A=1", "--unset-env", "A"], 2, "A is both set and removed"],
        [["--path", "a"], 2, '--path takes OLD::NEW, not "a"'],
        [["--unset-env", "NONE"], 1, 'the environment has no variable "NONE"'],
        [["-m", "/x::/y"], 1, 'the guest has no directory "/x"; it has none'],
        [["-e", "A=1", "-o", `${folder}/no/where.mvvm`], 1, "No such file"],
      ] as const
    ) {
      const ended = await mvvm(["image", "edit", image, ...args]);
      assertEquals([ended.code, ended.stdout], [code, ""]);
      assertStringIncludes(ended.stderr, reason);
    }
    assertEquals(await Deno.readFile(image), before);
    assertEquals((await mvvm(["image", "edit", image, "-a", "2,x", "--unset-env", "SETTING"])).code, 0);
    const { args, env } = JSON.parse((await mvvm(["inspect", image, "--json"])).stdout);
    assertEquals([args, env], [[program, "2", "x"], []]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.mvvm"]);
    // An image that others build on must stay as it is.
    const snapshot = { ...smallSnapshot(), host: { wasi: state } };
    const parent = await writeImageFile(image, snapshot);
    const changed = snapshot.memories.map(({ pages }) => new Uint8Array(pages * 16));
    const link = { ...parent, name: "a.mvvm", changed };
    await writeImageFile(`${folder}/child.mvvm`, snapshot, { parent: link });
    const kept = await mvvm(["image", "edit", image, "-a", "x"]);
    assertEquals([kept.code, kept.stdout], [1, ""]);
    assertStringIncludes(kept.stderr, "other images build on");
    assertEquals((await mvvm(["image", "edit", `${folder}/child.mvvm`, "-a", "x"])).code, 0);
    const both = await mvvm(["diff", image, `${folder}/child.mvvm`]);
    assertStringIncludes(both.stdout, '\narguments: "prog" "one" -> "prog" "x"\n');
    const stranger = await mvvm(["image", "edit", program, "-a", "x"]);
    assertEquals(stranger.code, 1);
    assertStringIncludes(stranger.stderr, "this is a WebAssembly module");
  });
});
