/**
 * WASI in a process of its own: with the least permissions, and with real standard streams.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const main = new URL("./process_main.ts", import.meta.url).pathname;

/** Runs `process_main.ts`; standard input is nothing, bytes through a pipe, or a file by its path. */
async function run(flags: string[], args: string[], stdin: Uint8Array | string | null): Promise<unknown> {
  const deno = ["run", "--no-prompt", "--quiet", ...flags, main, ...args];
  const fromFile = typeof stdin === "string";
  const child = new Deno.Command(fromFile ? "sh" : Deno.execPath(), {
    // Only a shell can give a file as standard input.
    args: fromFile ? ["-c", 'exec "$0" "$@" < "$STDIN"', Deno.execPath(), ...deno] : deno,
    env: fromFile ? { STDIN: stdin } : {},
    stdin: stdin instanceof Uint8Array ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin instanceof Uint8Array) {
    const writer = child.stdin.getWriter();
    await writer.write(stdin);
    await writer.close();
  }
  const { stdout, stderr, success } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("reading and writing one directory is all the permission that is needed", async () => {
  const base = Deno.makeTempDirSync({ prefix: "wasi-process-" });
  try {
    const folder = `${base}/granted`;
    Deno.mkdirSync(folder);
    Deno.writeTextFileSync(`${base}/secret`, "SECRET");
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync("file", `${folder}/linked`);
    Deno.symlinkSync("../secret", `${folder}/outside`);
    const success = Object.fromEntries(
      "write seek read truncate sync times pathTimes mkdir rename link stat list follow append unlink rmdir"
        .split(" ").map((name) => [name, "success"]),
    );
    const closed = { outside: "notcapable", nofollow: "loop" };
    assertEquals(
      await run([`--allow-read=${folder}`, `--allow-write=${folder}`], ["files", folder], null),
      // Deno makes symbolic links only for those who may read and write everywhere.
      { ...success, ...closed, symlink: "notcapable" },
    );
    assertEquals(await run(["--allow-read", "--allow-write"], ["files", folder], null), {
      ...success,
      ...closed,
      symlink: "success",
    });
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});

Deno.test("standard input from a pipe, a file and nowhere", async () => {
  const file = Deno.makeTempFileSync({ prefix: "wasi-process-" });
  try {
    Deno.writeTextFileSync(file, "0123456789");
    const bytes = new TextEncoder().encode("0123456789");
    const pipe = await run([], ["input"], bytes) as Record<string, unknown>;
    assertEquals([pipe.first, pipe.rest, pipe.seeks, pipe.seek], ["012", "3456789", false, "notcapable"]);
    assertEquals(await run([], ["input"], file), {
      filetype: 4,
      seeks: true,
      first: "012",
      position: 3,
      seek: "success",
      rest: "123456789",
    });
    // The null device is a character device that can seek, so that programs do not take it for a terminal.
    assertEquals(await run([], ["input"], null), {
      filetype: 2,
      seeks: true,
      first: "",
      seek: "success",
      rest: "",
    });
  } finally {
    Deno.removeSync(file);
  }
});
