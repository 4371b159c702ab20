/**
 * `run` and `compile`, in processes of their own.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TRAPS } from "../programs/table.ts";
import { inProject, mvvm, programPath, withFolder, writeWat } from "./command.ts";

Deno.test("run: the guest's output and exit code are ours, and nothing else is said", async () => {
  const stdin = "a\nbb\nccc";
  const expected = {
    code: 3,
    stdout: "1 1 e40de134\n2 2 fdbcd3b3\n3 3 a55a0fd7\ndone a55a0fd7\n",
    stderr: "",
  };
  assertEquals(await mvvm(["run", programPath("lines")], { stdin }), expected);
  assertEquals(await mvvm(["run", "-t", programPath("lines"), "--policy", "loop"], { stdin }), expected);
});

Deno.test("run: standard input that is a file", async () => {
  const path = programPath("lines");
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/in.txt`, "a\nbb\nccc");
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        `"$0" run -A --no-check "$1" run "$2" < "$3"`,
        Deno.execPath(),
        inProject("cli.ts"),
        path,
        `${folder}/in.txt`,
      ],
    });
    const { code, stdout } = await child.output();
    assertEquals(code, 3);
    assertStringIncludes(new TextDecoder().decode(stdout), "done a55a0fd7");
  });
});

Deno.test("run: arguments, environment and directories reach the guest", async () => {
  await withFolder(async (folder) => {
    const run = ["run", programPath("files")];
    const first = await mvvm([...run, "--dir", `${folder}::here`, "--", "here", "5"]);
    assertEquals([first.code, first.stdout.trimEnd().split("\n").at(-1)], [0, "done 239bbb17"]);
    const written = Deno.statSync(`${folder}/data.bin`).size;
    assert(written > 0);
    const second = await mvvm([...run, "-m", `there::${folder}`, "-a", "there,5"]);
    assertEquals([second.code, second.stdout], [0, first.stdout]);
    const none = await mvvm([...run, "--", "here", "5"]);
    assert(none.code !== 0, "a directory that was not given");
  });
  const globals = ["run", programPath("globals")];
  const [plain, other] = [
    await mvvm([...globals, "--", "1"]),
    await mvvm([...globals, "-e", "SETTING=x", "--", "1"]),
  ];
  assertEquals([plain.code, other.code], [0, 0]);
  assert(plain.stdout !== other.stdout, "the environment changes what the program prints");
});

Deno.test("run: a trap is 134 and the Wasm stack by name", async () => {
  const { code, stdout, stderr } = await mvvm(["run", programPath("traps"), "--", "divide"]);
  assertEquals(code, 134);
  assertEquals(stdout, "before 1 a88c00f1\n");
  assertMatch(
    stderr,
    /^mvvm: trap: integer divide by zero\n {4}at inner \(function \d+\)\n {4}at middle .*\n {4}at outer .*\n {4}at main /,
  );
  assert(!/\.ts|\.js|Error/.test(stderr), stderr);
});

Deno.test("run: every kind of trap", async () => {
  for (const [kind, trap] of Object.entries(TRAPS)) {
    const { code, stderr } = await mvvm(["run", programPath("traps"), "--", kind]);
    assertEquals([code, stderr.split("\n")[0]], [134, `mvvm: trap: ${trap}`], kind);
  }
});

Deno.test("run: refused modules, with the reason", async () => {
  await withFolder(async (folder) => {
    const write = (name: string, bytes: number[]) => {
      Deno.writeFileSync(`${folder}/${name}`, Uint8Array.from(bytes));
      return `${folder}/${name}`;
    };
    const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const cases: [file: string, reason: RegExp][] = [
      [write("empty.wasm", []), /malformed module: .* at byte offset 0/],
      [write("text.wasm", [...new TextEncoder().encode("hello there, this is text")]), /malformed module/],
      [write("future.wasm", [...head.slice(0, 4), 9, 0, 0, 0]), /malformed module: unknown binary version/],
      [write("cut.wasm", [...head, 1, 50, 1]), /malformed module: .* at byte offset/],
      [write("bare.wasm", head), /exports no function "_start"/],
      [`${folder}/missing.wasm`, /there is no file .*missing\.wasm/],
      [folder, /./],
      [
        await writeWat(folder, "unknown", `(module (import "env" "f" (func)) (func (export "_start")))`),
        /nothing is given for "env" "f"/,
      ],
      [
        await writeWat(folder, "broken", `(module (func (export "_start") (i32.add)))`),
        /cannot be assembled|invalid module/,
      ],
      [
        await writeWat(
          folder,
          "signature",
          `(module (import "wasi_snapshot_preview1" "fd_write" (func (param i64))) (func (export "_start")))`,
        ),
        /incompatible import type for "wasi_snapshot_preview1" "fd_write": \(i64\) -> \(\), and it is \(i32, /,
      ],
    ];
    for (const [file, reason] of cases) {
      const { code, stdout, stderr } = await mvvm(["run", file]);
      assertEquals([code, stdout], [1, ""], file);
      assertMatch(stderr, reason);
      assertMatch(stderr, /^mvvm: [^\n]*(\n[^\n]*){0,4}\n$/);
      assert(!/internal error|\.ts:/.test(stderr), stderr);
    }
  });
});

Deno.test("run: usage errors are 2 and say what to do", async () => {
  for (
    const args of [["run"], ["walk"], ["run", "a.wasm", "--nope"], [
      "checkpoint",
      "-t",
      "a",
      "-c",
      "1",
      "-f",
      "g",
    ], []]
  ) {
    const { code, stdout, stderr } = await mvvm(args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assert(stderr.length > 0);
  }
  assertEquals((await mvvm(["--version"])).stdout, "mvvm-deno 0.1.0\n");
  const { code, stdout } = await mvvm(["restore", "--help"], { permissions: [] });
  assertEquals(code, 0);
  assertStringIncludes(stdout, "--image-out FILE");
});

Deno.test("run: the text format", async () => {
  await withFolder(async (folder) => {
    const path = await writeWat(
      folder,
      "exit",
      `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 7))))`,
    );
    assertEquals(await mvvm(["run", path]), { code: 7, stdout: "", stderr: "" });
  });
});

Deno.test("run: the debug mode tells of sites and calls", async () => {
  const { code, stderr } = await mvvm(["run", "-i", programPath("lines")], { stdin: "x" });
  assertEquals(code, 1);
  assertMatch(stderr, /^mvvm: site \d+: \S+ \(function \d+\) at offset \d+$/m);
  assertMatch(stderr, /^mvvm: wasi: fd_read\(0, \d+, \d+, \d+\) = success$/m);
  assertMatch(stderr, /^mvvm: wasi: proc_exit\(1\)/m);
});

Deno.test("compile: the result takes the program's place", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/sorting.wasm`;
    await Deno.copyFile(programPath("sorting"), path);
    const direct = await mvvm(["run", path, "--", "1"]);
    const compiled = await mvvm(["compile", path, "--opt-level=3", "--enable-loop-checkpoint"]);
    assertEquals([compiled.code, compiled.stdout], [0, ""]);
    assertMatch(compiled.stderr, /wrote .*sorting\.mvvm\.js: \d+ functions, policy loop, \d+ bytes/);
    const artifact = `${folder}/sorting.mvvm.js`;
    assertEquals(await mvvm(["run", artifact, "--", "1"]), direct);
    assertEquals((await mvvm(["run", artifact, "--policy", "function", "--", "1"])).stdout, direct.stdout);

    const stopped = await mvvm(["checkpoint", "-t", artifact, "-f", "main", "--", "1"]);
    assertEquals(stopped.code, 0);
    assertStringIncludes(stopped.stderr, `${folder}/sorting.mvvm:`);
    assertEquals((await mvvm(["restore", "-t", path])).stdout, direct.stdout);
    assertEquals((await mvvm(["restore", "-t", artifact])).stdout, direct.stdout);

    const bytes = await Deno.readFile(artifact);
    const refused = async (reason: RegExp) => {
      const { code, stdout, stderr } = await mvvm(["run", artifact, "--", "1"]);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, reason);
    };
    await Deno.writeFile(artifact, bytes.with(bytes.length - 100, 0x20));
    await refused(/damaged ahead-of-time file/);
    await Deno.writeFile(artifact, bytes.subarray(0, bytes.length - 1));
    await refused(/damaged ahead-of-time file/);
    await Deno.writeFile(artifact, bytes.subarray(0, 60));
    await refused(/damaged ahead-of-time file/);
    const old = new TextDecoder().decode(bytes).replace(
      '"producer":"mvvm-deno 0.1.0"',
      '"producer":"mvvm-deno 0.0.9"',
    );
    await Deno.writeTextFile(artifact, old);
    await refused(
      /made by mvvm-deno 0\.0\.9 \(format 1\), and this is mvvm-deno 0\.1\.0 \(format 1\); compile it again/,
    );
    assertEquals((await mvvm(["compile", artifact])).code, 1);
  });
});

Deno.test("compile: what is written is a JavaScript module", async () => {
  await withFolder(async (folder) => {
    await mvvm(["compile", programPath("lines"), "-o", `${folder}/lines.js`]);
    const { wasm, functions } = await import(`file://${folder}/lines.js`);
    assertEquals(Uint8Array.fromBase64(wasm), await Deno.readFile(programPath("lines")));
    assert(functions.every((each: unknown) => typeof each === "function"));
  });
});
