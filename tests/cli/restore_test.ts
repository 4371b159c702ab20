/**
 * `restore` and `inspect`: what is refused, with which words, and what is told.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inProject, mvvm, programPath, Running, withFolder } from "./command.ts";

/** A folder with an image of `sorting`, stopped in the middle, and what is still to come. */
async function withImage(
  test: (image: string, rest: string, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const image = `${folder}/sorting.mvvm`;
    const target = programPath("sorting");
    const full = await mvvm(["run", target, "--", "1"]);
    const first = await mvvm(["checkpoint", "-t", target, "--image", image, "-c", "3000", "--", "1"]);
    assertEquals(first.code, 0, first.stderr);
    assert(full.stdout.startsWith(first.stdout));
    await test(image, full.stdout.slice(first.stdout.length), folder);
  });
}

Deno.test("restore: goes on where the image stands, as often as one likes, under any policy", async () => {
  await withImage(async (image, rest) => {
    const restore = ["restore", "-t", programPath("sorting"), "--image", image];
    for (const policy of [[], ["--policy", "loop"], ["--enable-checkpoint"], ["--policy", "none"]]) {
      assertEquals(await mvvm([...restore, ...policy]), { code: 0, stdout: rest, stderr: "" });
    }
  });
});

Deno.test("restore: another module, and files that are no good image, are each refused in their own words", async () => {
  await withImage(async (image, rest, folder) => {
    const good = Deno.readFileSync(image);
    const flipped = good.slice();
    flipped[good.length >> 1] ^= 0x10;
    const future = good.slice();
    future[11] = 9;
    const cases: [what: string, bytes: Uint8Array, reason: RegExp][] = [
      ["cut short", good.subarray(0, good.length - 10), /truncated image: /],
      ["cut to the start", good.subarray(0, 30), /truncated image: /],
      ["a flipped bit", flipped, /damaged image: .* at byte offset \d+/],
      ["more at the end", Uint8Array.from([...good, 0]), /damaged image: /],
      ["a future version", future, /image of a newer format: .*9/],
      [
        "another file",
        new TextEncoder().encode("This is just some text, but long enough."),
        /not an image: /,
      ],
      ["an empty file", new Uint8Array(), /not an image|truncated image/],
      ["the program", Deno.readFileSync(programPath("sorting")), /not an image: /],
    ];
    const path = `${folder}/bad.mvvm`;
    for (const [what, bytes, reason] of cases) {
      Deno.writeFileSync(path, bytes);
      const { code, stdout, stderr } = await mvvm(["restore", "-t", programPath("sorting"), "--image", path]);
      assertEquals([code, stdout], [1, ""], what);
      assertMatch(stderr, /^mvvm: [^\n]*\n$/, what);
      assertMatch(stderr, reason, what);
    }
    const other = await mvvm(["restore", "-t", programPath("strings"), "--image", image]);
    assertEquals([other.code, other.stdout], [1, ""]);
    assertMatch(other.stderr, /^mvvm: the image was taken of another module.* SHA-256 [0-9a-f]+/);
    const missing = await mvvm(["restore", "-t", programPath("sorting"), "--image", `${folder}/none.mvvm`]);
    assertEquals([missing.code, missing.stderr], [
      1,
      `mvvm: there is no image ${folder}/none.mvvm; make one with checkpoint, or name it with --image\n`,
    ]);
    assertEquals((await mvvm(["restore", "-t", programPath("sorting"), "--image", image])).stdout, rest);
  });
});

Deno.test("restore: changed files, by --files", async () => {
  const target = programPath("files");
  await withFolder(async (folder) => {
    const data = `${folder}/data`;
    Deno.mkdirSync(data);
    const image = `${folder}/files.mvvm`;
    const first = await mvvm([
      ...["checkpoint", "-t", target, "--dir", `${data}::d`, "--image", image, "-c", "4000", "--", "d", "20"],
    ]);
    assertEquals(first.code, 0, first.stderr);
    const names = [...Deno.readDirSync(data)].map(({ name }) => name);
    assert(names.length > 0);
    for (const name of names) Deno.removeSync(`${data}/${name}`);
    const restore = ["restore", "-t", target, "--image", image, "--dir", `${data}::d`];
    for (const files of [[], ["--files", "strict"], ["--files", "warn"]]) {
      const { code, stdout, stderr } = await mvvm([...restore, ...files]);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /is not there any more/);
    }
    const forced = await mvvm([...restore, "--files", "force"]);
    assertMatch(forced.stderr, /warning: .*is not there any more/);
  });
});

Deno.test("inspect: for people and as JSON", async () => {
  await withImage(async (image, _, folder) => {
    const plain = await mvvm(["inspect", image, "-t", programPath("sorting")]);
    assertEquals([plain.code, plain.stderr], [0, ""]);
    for (
      const part of [
        "image of format 1",
        "policy counter",
        "(function ",
        " main (function",
        "memories (1)",
        "pages of 64 KiB",
        "globals (1)",
        "mutable i32 0x",
        "arguments (2)",
        '1  "1"',
        "descriptor 1: stdout",
      ]
    ) assertStringIncludes(plain.stdout, part);
    const { stdout } = await mvvm(["inspect", image, "--json"]);
    const info = JSON.parse(stdout);
    assertEquals(info.version, 1);
    assertMatch(info.modules[0].sha256, /^[0-9a-f]{64}$/);
    assertEquals(info.args[1], "1");
    assertEquals(info.stack.at(-1).name, undefined, "no program beside the image: no names");
    assert(info.memories[0].nonZeroPages > 0 && info.memories[0].nonZeroPages < info.memories[0].pages * 16);
    Deno.copyFileSync(programPath("sorting"), `${folder}/sorting.wasm`);
    const named = JSON.parse((await mvvm(["inspect", image, "--json"])).stdout);
    assertStringIncludes(named.stack.at(-1).name, "_start");
    assertEquals((await mvvm(["inspect", programPath("sorting")])).code, 1);
    const other = await mvvm(["inspect", image, "-t", programPath("strings")]);
    assertEquals(other.code, 0);
    assertStringIncludes(other.stderr, "is another module");
  });
});

Deno.test("restore: arguments and environment can be given again", async () => {
  const target = programPath("globals");
  await withFolder(async (folder) => {
    const image = `${folder}/x.mvvm`;
    const stopAtStart = ["checkpoint", "-t", target, "--image", image, "-f", "_start", "-e", "SETTING=a"];
    assertEquals((await mvvm([...stopAtStart, "--", "1"])).code, 0);
    for (const setting of ["a", "b"]) {
      const again = await mvvm([
        "restore",
        "-t",
        target,
        "--image",
        image,
        "-e",
        `SETTING=${setting}`,
        "--",
        "2",
      ]);
      const fresh = await mvvm(["run", target, "-e", `SETTING=${setting}`, "--", "2"]);
      assertEquals(again, fresh);
    }
  });
});

Deno.test({
  name: "restore: a kill at any moment of the writing leaves the old image or the new one",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFolder(async (folder) => {
      const target = programPath("churn");
      const image = `${folder}/churn.mvvm`;
      const full = (await mvvm(["run", target, "--", "2"])).stdout;
      const first = await mvvm(["checkpoint", "-t", target, "--image", image, "-c", "2000", "--", "2"]);
      assertEquals(first.code, 0);
      const old = Deno.readFileSync(image);
      const begin = performance.now();
      const scratch = `${folder}/scratch.mvvm`;
      await mvvm(["restore", "-t", target, "--image", image, "-c", "3000", "--image-out", scratch]);
      const took = performance.now() - begin;
      Deno.removeSync(scratch);
      for (let round = 0; round < 8; round++) {
        Deno.writeFileSync(image, old);
        const running = new Running(["restore", "-t", target, "--image", image, "-c", "3000"]);
        // From before the guest runs to about when the image is there.
        const delay = took * (0.5 + 0.07 * round);
        await new Promise((resolve) => setTimeout(resolve, delay));
        running.kill("SIGKILL");
        const { stdout } = await running.ended();
        const now = Deno.readFileSync(image);
        const replaced = now.length !== old.length || now.some((byte, i) => byte !== old[i]);
        const rest = await mvvm(["restore", "-t", target, "--image", image]);
        assertEquals(rest.code, 0, rest.stderr);
        assertEquals(first.stdout + (replaced ? stdout : "") + rest.stdout, full);
      }
      // What killed writers left behind is gone after the next image.
      assertEquals(
        (await mvvm(["restore", "-t", target, "--image", image, "-f", "_start", "-x", "9"])).code,
        0,
      );
      await mvvm(["checkpoint", "-t", target, "--image", image, "-c", "2000", "--", "2"]);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["churn.mvvm"]);
    });
  },
});

Deno.test("restore: MVVM's first example, in a small size", async () => {
  await withFolder(async (folder) => {
    const target = `${folder}/bc.wasm`;
    Deno.copyFileSync(inProject("bench/bc.wasm"), target);
    const full = await mvvm(["run", "-t", target, "-a", "-g8,-n20,-q"]);
    assertEquals(full.code, 0, full.stderr);
    const first = await mvvm(["checkpoint", "-t", target, "-a", "-g8,-n20,-q", "-c", "20000"]);
    assertMatch(first.stderr, /^mvvm: wrote .*\/bc\.mvvm: \d+ frames, \d+ bytes, \d+ ms\n$/);
    assertEquals([first.code, full.stdout.startsWith(first.stdout)], [0, true]);
    const second = await mvvm(["restore", "-t", target]);
    assertEquals(second, { code: 0, stdout: full.stdout.slice(first.stdout.length), stderr: "" });
  });
});
