/**
 * Chains of images from the command line: `--every`, `--keep`, `--policy dirty`, `image compact`.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import wabt from "wabt";
import { readCommandLine } from "../../cli/args.ts";
import { UsageError } from "../../cli/usage.ts";
import { inspectImageFile, readImageFile } from "../../runtime/image/file_deno.ts";
import { comparable } from "../image/snapshots.ts";
import { ENDLESS, mvvm, programPath, Running, withFolder, writeWat } from "./command.ts";

const files = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const summary =
  /mvvm: wrote (\d+) images? \((\d+) whole\), the newest is \S+; the guest stood still for at most \S+ ms\n$/;

/** What each file in a folder holds, by its digest. */
async function digests(folder: string): Promise<Record<string, string>> {
  const images = files(folder).filter((name) => name.endsWith(".mvvm"));
  const infos = await Promise.all(images.map((name) => inspectImageFile(`${folder}/${name}`)));
  return Object.fromEntries(images.map((name, i) => [name, infos[i].digest.toHex()]));
}

Deno.test("--every: each link of a chain goes on to the output of an uninterrupted run", async () => {
  await withFolder(async (folder) => {
    const target = programPath("grow");
    const image = `${folder}/grow.mvvm`;
    const full = await mvvm(["run", target]);
    const recorded = await mvvm(
      ["checkpoint", "-t", target, "--image", image, "--policy", "loop", "--every", "15ms", "--keep", "12"],
    );
    assertEquals([recorded.code, recorded.stdout], [full.code, full.stdout], recorded.stderr);
    assertMatch(recorded.stderr, summary);
    const [, images, whole] = summary.exec(recorded.stderr)!.map(Number);
    const links = Object.keys(await digests(folder));
    assert(links.length >= 12 && images >= 12 && whole < images, `${links} of ${images}, ${whole} whole`);
    const ends = await Promise.all(
      links.slice(0, 12).map((name) => mvvm(["restore", "-t", target, "--image", `${folder}/${name}`])),
    );
    for (const { code, stdout, stderr } of ends) {
      assertEquals(code, full.code, stderr);
      assert(full.stdout.endsWith(stdout) && stdout !== "", "the rest of the output");
    }
  });
});

Deno.test("--every: a stop leaves the newest link, a restore goes on with the chain, older links branch", async () => {
  await withFolder(async (folder) => {
    const target = await writeWat(folder, "endless", ENDLESS);
    const image = `${folder}/endless.mvvm`;
    const info = (name = "endless.mvvm") => inspectImageFile(`${folder}/${name}`);
    const count = async (name?: string) => BigInt((await info(name)).globals[0].value as bigint);
    const recording = ["--every", "60ms", "--keep", "100"];
    const first = await mvvm(["checkpoint", "-t", target, ...recording, "--after", "400"]);
    assertEquals([first.code, first.stdout], [0, ""], first.stderr);
    assertMatch(first.stderr, /^mvvm: wrote \S+: 2 frames, \d+ bytes, \d+ ms\n/);
    assertMatch(first.stderr, summary);
    const reached = await count();

    const second = await mvvm(["restore", "-t", target, ...recording, "--after", "300"]);
    assertEquals(second.code, 0, second.stderr);
    const chain = await digests(folder);
    const names = Object.keys(chain);
    assert(names.length >= 3, `${names}`);
    assert(await count() > reached, "it went on");
    const parents = await Promise.all(names.map(async (name) => [name, (await info(name)).parent?.name]));
    assert(parents.filter(([, parent]) => parent === undefined).length < names.length, "not all are whole");
    for (const [name, parent] of parents) {
      assert(parent === undefined || names.includes(parent), `${name} builds on ${parent}`);
    }

    // An older link goes on beside the chain, which stays as it is.
    const [, older] = parents.find(([, parent]) => parent !== undefined)!;
    const third = await mvvm([
      "restore",
      "-t",
      target,
      "--image",
      `${folder}/${older}`,
      ...recording,
      "--after",
      "200",
    ]);
    assertEquals(third.code, 0, third.stderr);
    const branch = older!.replace(/mvvm$/, "branch.mvvm");
    assertStringIncludes(third.stderr, `mvvm: wrote ${folder}/${branch}: `);
    assertEquals({ ...await digests(folder), ...chain }, await digests(folder));
    assert(await count(branch) > await count(older));
    assertEquals(await count(), await count("endless.mvvm"));

    // Folded, the newest is the same on its own.
    const read = async (path: string) => comparable(await readImageFile(path));
    const before = await read(image);
    const folded = await mvvm(["image", "compact", image]);
    assertEquals([folded.code, folded.stdout], [0, ""], folded.stderr);
    assertEquals((await info()).parent, undefined);
    assertEquals(await read(image), before);
    const refused = await mvvm(["image", "compact", `${folder}/${older}`]);
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, `other images build on ${folder}/${older}`);
    assertEquals((await mvvm(["image", "compact", `${folder}/${older}`, "-o", `${folder}/o.mvvm`])).code, 0);
    assertEquals(await read(`${folder}/o.mvvm`), await read(`${folder}/${older}`));

    // Without what it builds on, a link is refused.
    const [child, parent] = parents.find(([, parent]) => parent !== undefined && parent !== "endless.mvvm")!;
    if (child !== "endless.mvvm") {
      Deno.removeSync(`${folder}/${parent}`);
      const alone = await mvvm(["restore", "-t", target, "--image", `${folder}/${child}`]);
      assertEquals([alone.code, alone.stdout], [1, ""]);
      assertStringIncludes(
        alone.stderr,
        `it builds on ${folder}/${parent} with digest ${chain[parent!]}, and there is no such file`,
      );
      const shown = await mvvm(["inspect", `${folder}/${child}`]);
      assertEquals(shown.code, 0);
      assertStringIncludes(shown.stdout, `problem  ${parent}`);
    }
  });
});

Deno.test("--every: --keep removes what no kept image needs, and nothing else", async () => {
  await withFolder(async (folder) => {
    const target = await writeWat(folder, "endless", ENDLESS);
    const bystanders = ["endless.x.mvvm", "endless.01x.mvvm", "other.3.mvvm", "endless.7.mvvm"];
    for (const name of bystanders) Deno.writeTextFileSync(`${folder}/${name}`, "no image");
    const { code, stderr } = await mvvm(
      ["checkpoint", "-t", target, "--every", "20ms", "--keep", "1", "--after", "500"],
    );
    assertEquals(code, 0, stderr);
    for (const name of bystanders) assertEquals(Deno.readTextFileSync(`${folder}/${name}`), "no image");
    const links = files(folder).filter((name) => !bystanders.includes(name) && name !== "endless.wat");
    // The chain of the newest image, and it alone.
    const needed = [];
    for (let name: string | undefined = "endless.mvvm"; name !== undefined;) {
      needed.push(name);
      name = (await inspectImageFile(`${folder}/${name}`)).parent?.name;
    }
    assertEquals(links, needed.sort());
    assert(Number(summary.exec(stderr)?.[1]) > needed.length, stderr);
  });
});

Deno.test("--policy dirty: an image builds on the one that was restored, if that stays", async () => {
  await withFolder(async (folder) => {
    const target = await writeWat(folder, "endless", ENDLESS);
    const parent = async (name: string) => (await inspectImageFile(`${folder}/${name}`)).parent?.name;
    Deno.mkdirSync(`${folder}/elsewhere`);
    const stop = ["-t", target, "--after", "50"];
    const run = async (...args: string[]) => {
      const { code, stderr } = await mvvm(args);
      assertEquals(code, 0, stderr);
    };
    await run("checkpoint", ...stop, "--policy", "dirty");
    assertEquals(await parent("endless.mvvm"), undefined);
    // The image's policy is that of the restore, if none is given.
    await run("restore", ...stop, "--image-out", `${folder}/b.mvvm`);
    assertEquals(await parent("b.mvvm"), "endless.mvvm");
    await run("restore", ...stop, "--image", `${folder}/b.mvvm`, "--image-out", `${folder}/c.mvvm`);
    assertEquals(await parent("c.mvvm"), "b.mvvm");
    for (const args of [["restore", ...stop, "--image-out", `${folder}/b.mvvm`], ["checkpoint", ...stop]]) {
      const { code, stderr } = await mvvm(args);
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /other images build on \S+, so it must stay as it is; write to another file with --image/,
      );
    }
    await run("restore", ...stop, "--image", `${folder}/c.mvvm`);
    assertEquals(await parent("c.mvvm"), undefined);
    await run("restore", ...stop, "--image-out", `${folder}/elsewhere/d.mvvm`);
    assertEquals(await parent("elsewhere/d.mvvm"), undefined);
    await run("restore", ...stop, "--policy", "loop", "--image-out", `${folder}/e.mvvm`);
    assertEquals(await parent("e.mvvm"), undefined);
  });
});

Deno.test("--every: a guest that sleeps or waits for input is recorded, and does not notice", async () => {
  await withFolder(async (folder) => {
    const clocks = ["-t", programPath("clocks"), "--image", `${folder}/clocks.mvvm`];
    const expected = await mvvm(["run", programPath("clocks"), "--", "3", "10"]);
    const slept = await mvvm(["checkpoint", ...clocks, "--every", "50ms", "--", "3", "200"]);
    assertEquals([slept.code, slept.stdout], [expected.code, expected.stdout], slept.stderr);
    assertMatch(slept.stderr, summary);

    const running = new Running(
      ["checkpoint", "-t", programPath("lines"), "--image", `${folder}/lines.mvvm`, "--every", "50ms"],
    );
    await running.type("a\nb");
    await running.stdout.until("1 1 e40de134\n");
    await new Promise((resolve) => setTimeout(resolve, 250));
    await running.type("b\nccc", true);
    const { code, stdout, stderr } = await running.ended();
    assertEquals([code, stdout], [3, "1 1 e40de134\n2 2 fdbcd3b3\n3 3 a55a0fd7\ndone a55a0fd7\n"], stderr);
    assertMatch(stderr, summary);
  });
});

Deno.test("--every: least permissions, and chains that are sealed and signed", async () => {
  await withFolder(async (folder) => {
    // The text format would need the assembler's files as well.
    const target = `${folder}/endless.wasm`;
    Deno.writeFileSync(target, (await wabt()).parseWat("endless.wat", ENDLESS).toBinary({}).buffer);
    const images = `${folder}/images`;
    Deno.mkdirSync(images);
    const image = `${images}/x.mvvm`;
    const run = (args: string[], permissions?: string[]) =>
      mvvm([args[0], "-t", target, "--image", image, ...args.slice(1)], { permissions });
    const recording = ["--every", "50ms", "--after", "200"];
    const least = [`--allow-read=${target},${images}`, `--allow-write=${images}`];
    for (const command of ["checkpoint", "restore"]) {
      const { code, stdout, stderr } = await run([command, ...recording], least);
      assertEquals([code, stdout], [0, ""], stderr);
      assertMatch(stderr, summary);
    }

    for (const name of files(images)) Deno.removeSync(`${images}/${name}`);
    await mvvm(["image", "key", `${folder}/k`]);
    await mvvm(["image", "key", `${folder}/s.pem`, "--signing"]);
    const keys = ["--key-file", `${folder}/k`, "--sign-key", `${folder}/s.pem`];
    for (const command of ["checkpoint", "restore"]) {
      const { code, stderr } = await run([command, ...recording, ...keys]);
      assertEquals(code, 0, stderr);
    }
    const verify = ["--key-file", `${folder}/k`, "--verify-key", `${folder}/s.pub.pem`];
    const links = files(images);
    const shown = await Promise.all(
      links.map((name) => mvvm(["inspect", `${images}/${name}`, "--json", ...verify])),
    );
    const parents = shown.map(({ stdout }) => JSON.parse(stdout).parent);
    const link = links[parents.findIndex((parent) => parent !== undefined)];
    const restore = ["restore", "-t", target, "--image", `${images}/${link}`, "--after", "20", "--image-out"];
    const { code, stderr } = await mvvm([...restore, `${folder}/o.mvvm`, ...verify]);
    assertEquals(code, 0, stderr);
    const without = await mvvm([...restore, `${folder}/o.mvvm`]);
    assertEquals([without.code, without.stdout], [1, ""]);
  });
});

Deno.test("--every: an image that cannot be written is told about, and the guest goes on", async () => {
  await withFolder(async (folder) => {
    const target = await writeWat(folder, "endless", ENDLESS);
    Deno.mkdirSync(`${folder}/images`);
    const image = `${folder}/images/x.mvvm`;
    const running = new Running(["checkpoint", "-t", target, "--image", image, "--every", "50ms"]);
    for (let i = 0; i < 400 && files(`${folder}/images`).length < 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    Deno.renameSync(`${folder}/images`, `${folder}/away`);
    await running.stderr.until("mvvm: warning: no image was written this time: ");
    Deno.renameSync(`${folder}/away`, `${folder}/images`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    running.kill("SIGINT");
    const { code, stderr } = await running.ended();
    assertEquals(code, 0, stderr);
    assertEquals((await mvvm(["restore", "-t", target, "--image", image, "--after", "10"])).code, 0);
  });
});

Deno.test("--every: two processes do not write to one chain", async () => {
  await withFolder(async (folder) => {
    const target = await writeWat(folder, "endless", ENDLESS);
    const image = `${folder}/endless.mvvm`;
    const first = new Running(["checkpoint", "-t", target, "--every", "50ms"]);
    while (!files(folder).includes("endless.mvvm")) await new Promise((resolve) => setTimeout(resolve, 25));
    for (const args of [["checkpoint", "-t", target], ["restore", "-t", target, "--image", image]]) {
      const { code, stdout, stderr } = await mvvm([...args, "--every", "50ms"]);
      assertEquals([code, stdout], [1, ""]);
      assertEquals(
        stderr,
        `mvvm: another process writes images to ${image}; end it, or name another image\n`,
      );
    }
    // One that is killed is none.
    first.kill("SIGKILL");
    await first.ended();
    const { code, stderr } = await mvvm(["restore", "-t", target, "--every", "50ms", "--after", "100"]);
    assertEquals(code, 0, stderr);
    assertEquals(files(folder).filter((name) => name.startsWith(".")), []);
  });
});

Deno.test("--every and --keep: what they take", () => {
  const read = (...args: string[]) => readCommandLine(["checkpoint", "-t", "x.wasm", ...args]);
  for (
    const [text, milliseconds] of [["500ms", 500], ["5s", 5000], ["2m", 120_000], ["1.5s", 1500], [
      "1h",
      3.6e6,
    ]] as const
  ) {
    assertEquals(read("--every", text).every, milliseconds);
  }
  for (const text of ["5", "0s", "-1s", "s", "5 s", "5d", "0.1ms", "1e3s"]) {
    assertThrows(() => read("--every", text), UsageError, "takes a time");
  }
  assertEquals([read().every, read("--every", "1s").keep, read("--every", "1s", "--keep", "7").keep], [
    undefined,
    3,
    7,
  ]);
  assertThrows(() => read("--keep", "3"), UsageError, "give --every as well");
  assertThrows(() => read("--every", "1s", "--keep", "0"), UsageError);
});
