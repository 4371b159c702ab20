/**
 * The command line as one file: bundled, and as a binary of its own.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { inProject, programPath, ROOT, withFolder } from "./command.ts";

async function output(command: string, args: string[], stdin = "") {
  const child = new Deno.Command(command, {
    args,
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** Runs, stops and restores a guest with some command in place of `deno run cli.ts`. */
async function tryOut(folder: string, command: string, before: string[]): Promise<void> {
  const lines = await output(command, [...before, "run", programPath("lines")], "a\nbb\nccc");
  assertEquals([lines.code, lines.out.trimEnd().split("\n").at(-1)], [3, "done a55a0fd7"], lines.err);
  const target = ["-t", programPath("clocks"), "--image", `${folder}/clocks.mvvm`];
  const first = await output(command, [
    ...before,
    "checkpoint",
    ...target,
    "--after",
    "100",
    "--",
    "4",
    "100",
  ]);
  assertMatch(first.err, /mvvm: wrote /);
  const recorded = await output(command, [...before, "restore", ...target, "--every", "50ms"]);
  assertMatch(recorded.err, /mvvm: wrote \d+ images/);
  const second = await output(command, [...before, "restore", ...target]);
  assertEquals([second.code, second.out.trimEnd().split("\n").at(-1)?.slice(0, 5)], [0, "done "], second.err);
}

Deno.test("bundle: one minified file does what cli.ts does", async () => {
  await withFolder(async (folder) => {
    const file = `${folder}/mvvm.js`;
    const made = await output(Deno.execPath(), [
      "bundle",
      "--quiet",
      "--minify",
      "-o",
      file,
      inProject("cli.ts"),
    ]);
    assertEquals(made.code, 0, made.err);
    await tryOut(folder, Deno.execPath(), ["run", "-A", "--no-config", file]);
  });
});

/** Where Deno keeps the runtime that `deno compile` puts into a binary; it must have been downloaded before. */
async function hasRuntime(): Promise<boolean> {
  const { out } = await output(Deno.execPath(), ["info", "--json"]);
  const { denoDir } = JSON.parse(out) as { denoDir: string };
  try {
    for (const { name } of Deno.readDirSync(`${denoDir}/dl/release/v${Deno.version.deno}`)) {
      if (name.startsWith("denort")) return true;
    }
  } catch {
    // Nothing was ever downloaded.
  }
  return false;
}

Deno.test("bundle: a binary by `deno compile`", async () => {
  if (!await hasRuntime()) {
    console.log("skipped: deno compile's runtime is not in the cache, and tests use no network");
    return;
  }
  await withFolder(async (folder) => {
    const binary = `${folder}/mvvm`;
    const made = await output(Deno.execPath(), [
      "compile",
      "--quiet",
      "-A",
      "--output",
      binary,
      inProject("cli.ts"),
    ]);
    assertEquals(made.code, 0, made.err);
    await tryOut(folder, binary, []);
  });
});
