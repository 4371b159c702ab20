/**
 * Every command works with the permissions that its help names, and no others; and gives up what the
 * guest's run does not need.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { mvvm, programPath, withFolder, writeWat } from "./command.ts";

Deno.test("permissions: run needs the program, and its directories", async () => {
  const target = programPath("files");
  await withFolder(async (folder) => {
    const run = ["run", target, "--dir", `${folder}::d`, "--", "d", "3"];
    const permissions = [`--allow-read=${target},${folder}`, `--allow-write=${folder}`];
    const { code, stderr } = await mvvm(run, { permissions });
    assertEquals([code, stderr], [0, ""]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["data.bin", "log.txt"]);

    const without = await mvvm(run, { permissions: [`--allow-read=${target}`] });
    assertEquals([without.code, without.stdout], [1, ""]);
    assertMatch(without.stderr, /^mvvm: .*(Requires read access|permit)/);
  });
  const none = await mvvm(["run", target], { permissions: [] });
  assertEquals([none.code, none.stdout], [1, ""]);
  assertMatch(none.stderr, /^mvvm: Deno does not permit it: Requires read access to ".*files\.wasm"/);
});

Deno.test("permissions: a directory that may not be written is read-only for the guest", async () => {
  const target = programPath("files");
  await withFolder(async (folder) => {
    const permissions = [`--allow-read=${target},${folder}`];
    const { code } = await mvvm(["run", target, "--dir", `${folder}::d`, "--", "d", "3"], { permissions });
    assertEquals(code !== 0, true);
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("permissions: checkpoint, inspect, restore and compile", async () => {
  const target = programPath("files");
  await withFolder(async (folder) => {
    const [data, images] = [`${folder}/data`, `${folder}/images`];
    for (const each of [data, images]) Deno.mkdirSync(each);
    const image = `${images}/files.mvvm`;
    const expected = await mvvm(["run", target, "--dir", `${data}::d`, "--", "d", "5"]);
    for (const { name } of [...Deno.readDirSync(data)]) Deno.removeSync(`${data}/${name}`);

    const first = await mvvm(
      ["checkpoint", "-t", target, "--dir", `${data}::d`, "--image", image, "-c", "2000", "--", "d", "5"],
      { permissions: [`--allow-read=${target},${images},${data}`, `--allow-write=${images},${data}`] },
    );
    assertEquals(first.code, 0, first.stderr);
    const info = await mvvm(["inspect", image], { permissions: [`--allow-read=${image}`] });
    assertEquals([info.code, info.stderr], [0, ""]);
    assertStringIncludes(info.stdout, "directories (1)");
    const both = await mvvm(["diff", image, image], { permissions: [`--allow-read=${image}`] });
    assertEquals([both.code, both.stderr], [0, ""]);
    const folders = [`--allow-read=${images}`, `--allow-write=${images}`];
    const dump = await mvvm(["coredump", image, "-o", `${images}/core`], { permissions: folders });
    assertEquals(dump.code, 0, dump.stderr);
    const edit = await mvvm(["image", "edit", image, "-e", "A=1"], { permissions: folders });
    assertEquals(edit.code, 0, edit.stderr);
    const second = await mvvm(["restore", "-t", target, "--image", image, "--image-dirs"], {
      permissions: [`--allow-read=${target},${image},${data}`, `--allow-write=${data}`],
    });
    assertEquals(second.code, 0, second.stderr);
    assertEquals(first.stdout + second.stdout, expected.stdout);

    const compiled = await mvvm(["compile", target, "-o", `${images}/files.mvvm.js`], {
      permissions: [`--allow-read=${target},${images}`, `--allow-write=${images}`],
    });
    assertEquals(compiled.code, 0, compiled.stderr);
  });
});

Deno.test("permissions: an image cannot choose a directory that is not granted", async () => {
  const target = programPath("files");
  await withFolder(async (folder) => {
    const [data, other] = [`${folder}/data`, `${folder}/other`];
    for (const each of [data, other]) Deno.mkdirSync(each);
    const image = `${folder}/files.mvvm`;
    await mvvm([
      "checkpoint",
      "-t",
      target,
      "--dir",
      `${data}::d`,
      "--image",
      image,
      "-c",
      "2000",
      "--",
      "d",
      "5",
    ]);
    const restore = ["restore", "-t", target, "--image", image];
    const refused = await mvvm(restore, { permissions: [`--allow-read=${target},${image}`] });
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, `"d"`);
    const named = await mvvm([...restore, "--image-dirs"], {
      permissions: [`--allow-read=${target},${image}`],
    });
    assertEquals([named.code, named.stdout], [1, ""]);
    const unasked = await mvvm(restore);
    assertEquals([unasked.code, unasked.stdout], [1, ""]);
    assertMatch(unasked.stderr, /the guest has the directory "d" .* not granted here/);
    const wrong = await mvvm([...restore, "--dir", `${other}::e`]);
    assertEquals([wrong.code, wrong.stdout], [1, ""]);
    assertMatch(wrong.stderr, /the guest has the directory "d" .* not granted here/);
    // Given again, and moved: the files went along.
    for (const { name } of Deno.readDirSync(data)) Deno.renameSync(`${data}/${name}`, `${other}/${name}`);
    const moved = await mvvm([...restore, "--dir", `${other}::d`], {
      permissions: [`--allow-read=${target},${image},${other}`, `--allow-write=${other}`],
    });
    assertEquals(moved.code, 0, moved.stderr);
    assertStringIncludes(moved.stderr, `directory d is ${other}, was ${data}`);
    assertEquals([...Deno.readDirSync(data)], []);
  });
});

Deno.test("permissions: the guest's run holds no more than it needs", async () => {
  // The guest itself cannot ask Deno; what is dropped is seen in a process that tells its own permissions.
  await withFolder(async (folder) => {
    const target = await writeWat(folder, "empty", `(module (func (export "_start")))`);
    const script = `
      import { dropPermissions } from "${new URL("../../cli/permissions.ts", import.meta.url)}";
      const state = (name, path) => Deno.permissions.querySync({ name, path }).state;
      await dropPermissions({ folders: [Deno.args[1]], outputs: [], loaded: [Deno.args[0]] });
      console.log(JSON.stringify([
        state("read", Deno.args[0]), state("read", Deno.args[1]), state("write", Deno.args[1]),
        ...["run", "net", "env", "sys", "ffi"].map((name) => state(name)),
      ]));
      await dropPermissions({ folders: [], outputs: [], loaded: [] });
      console.log(JSON.stringify([state("read", Deno.args[1]), state("write", Deno.args[1])]));`;
    await Deno.writeTextFile(`${folder}/drop.ts`, script);
    const needed = `${folder}/needed`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "run",
          "--no-check",
          "--no-prompt",
          `--config=${new URL("../../deno.json", import.meta.url).pathname}`,
        ],
        ...[
          `--allow-read=${target},${needed}`,
          `--allow-write=${needed}`,
          "--allow-net",
          "--allow-env",
          "--allow-run",
        ],
        ...[`${folder}/drop.ts`, target, needed],
      ],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line)), [
      ["prompt", "granted", "granted", "prompt", "prompt", "prompt", "prompt", "prompt"],
      ["prompt", "prompt"],
    ]);
  });
});
