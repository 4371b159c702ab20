/**
 * `--code-cache`: large programs start faster the second time, and do the same.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assemble } from "../exact/subject.ts";
import { type Ended, mvvm, programPath, PYTHON, type Setting, withFolder } from "./command.ts";

const script = "print(sum(i * i for i in range(1000)))";
const expected: Ended = { code: 0, stdout: "332833500\n", stderr: "" };

const python = (more: readonly string[], setting?: Setting, code = script) =>
  mvvm(["run", PYTHON, ...more, "-e", "PYTHONHASHSEED=0", "--", "-c", code], setting);

const files = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const only = (folder: string) => `${folder}/${files(folder)[0]}`;

/** Whether only the user may read the folder, and the file in it. */
function assertPrivate(folder: string): void {
  if (Deno.build.os === "windows") return;
  assertEquals(Deno.statSync(folder).mode! & 0o777, 0o700);
  assertEquals(Deno.statSync(only(folder)).mode! & 0o777, 0o600);
}

/** Half written, as when the machine goes down. */
const cut = (file: string) => Deno.truncateSync(file, Deno.statSync(file).size / 2);

Deno.test("code cache: the rewritten module is kept, used, replaced when it is damaged", () =>
  withFolder(async (folder) => {
    const cache = `${folder}/cache`;
    const start = () => python(["--code-cache", cache]);
    assertEquals(await start(), expected);
    assertEquals(files(cache).length, 1);
    assertPrivate(cache);
    const whole = Deno.readFileSync(only(cache));
    assert(whole.length > 1e6, `${whole.length} bytes`);
    assertEquals(await start(), expected);
    assertEquals(Deno.readFileSync(only(cache)), whole, "nothing is new");
    cut(only(cache));
    assertEquals(await start(), expected);
    assertEquals(Deno.readFileSync(only(cache)), whole, "it is made again");

    // Other options are other code.
    assertEquals(await python(["--code-cache", cache, "--policy", "loop"]), expected);
    assertEquals(files(cache).length, 2);
  }));

Deno.test("code cache: generated JavaScript is kept, completed, used, replaced when it is damaged", () =>
  withFolder(async (folder) => {
    const cache = `${folder}/cache`;
    // What has to count is generated JavaScript.
    const start = () =>
      mvvm([
        ...["checkpoint", "-t", PYTHON, "--image", `${folder}/x.mvvm`, "-c", `${2 ** 50}`],
        ...["--code-cache", cache, "-e", "PYTHONHASHSEED=0", "--", "-c", script],
      ]);
    const ended = await start();
    assertEquals([ended.code, ended.stdout], [0, expected.stdout]);
    assertMatch(ended.stderr, /^mvvm: the guest ended before the stop/);
    assertEquals(files(cache).length, 1);
    assertPrivate(cache);
    const code = Deno.statSync(only(cache)).size;
    assert(code > 1e6, `${code} bytes`);
    assertEquals(await start(), ended);
    const whole = Deno.readFileSync(only(cache));
    assert(whole.length > 1.2 * code, "V8's data came to it");
    assertEquals(await start(), ended);
    assertEquals(Deno.readFileSync(only(cache)), whole, "nothing is new");
    cut(only(cache));
    assertEquals(await start(), ended);
    assertEquals(Deno.statSync(only(cache)).size, code);
  }));

Deno.test("code cache: a program is stopped and goes on in kept code", () =>
  withFolder(async (folder) => {
    const image = `${folder}/p.mvvm`;
    const setting = { codeCache: `${folder}/cache` };
    const printing = "for i in range(40):\n print(i, sum(j * j for j in range(2000)))";
    const whole = await python([], setting, printing);
    for (let round = 0; round < 3; round++) {
      const stop = ["-c", `${400_000 + 10_000 * round}`];
      const first = await mvvm(
        [
          "checkpoint",
          "-t",
          PYTHON,
          "--image",
          image,
          "-e",
          "PYTHONHASHSEED=0",
          ...stop,
          "--",
          "-c",
          printing,
        ],
        setting,
      );
      assertMatch(first.stderr, /^mvvm: wrote /);
      const second = await mvvm(["restore", "-t", PYTHON, "--image", image], setting);
      assertEquals([second.code, second.stderr], [0, ""]);
      assertEquals(first.stdout + second.stdout, whole.stdout);
    }
  }));

/** A program that writes "1": what says so is small, and far from what a sample has. */
function writingOne(): Promise<Uint8Array> {
  const padding = `(func ${"nop ".repeat(160_000)})`;
  return assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00")
    ${padding}
    (func (export "_start")
      (i32.store8 (i32.const 8) (i32.const 49))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12))))
    ${padding})`);
}

Deno.test("code cache: a program that was changed is another, whatever its time of modification", () =>
  withFolder(async (folder) => {
    const target = `${folder}/p.wasm`;
    const setting = { codeCache: `${folder}/cache` };
    const run = async () => (await mvvm(["run", target], setting)).stdout;
    const settle = () => new Promise((resolve) => setTimeout(resolve, 2100));
    const binary = await writingOne();
    // i32.const 49
    const at = binary.findIndex((byte, i) => byte === 0x41 && binary[i + 1] === 49) + 1;
    Deno.writeFileSync(target, binary);
    const { mtime } = Deno.statSync(target);

    // At first its stamp is not believed yet, then it is; then it is kept, and goes with what is kept.
    assertEquals(await run(), "1");
    await settle();
    const kept: Uint8Array[] = [];
    for (let round = 0; round < 3; round++) {
      assertEquals(await run(), "1");
      kept.push(Deno.readFileSync(only(setting.codeCache)));
    }
    assertEquals(kept[2], kept[1], "nothing is new");

    binary[at] = 50;
    Deno.writeFileSync(target, binary);
    Deno.utimeSync(target, mtime!, mtime!);
    assertEquals(await run(), "2");
    await settle();
    for (let round = 0; round < 2; round++) assertEquals(await run(), "2");
    assertEquals(files(setting.codeCache).length, 1, "the sample is the same");
  }));

Deno.test("code cache: two processes at once", () =>
  withFolder(async (folder) => {
    const setting = { codeCache: folder };
    for (let round = 0; round < 2; round++) {
      assertEquals(await Promise.all([python([], setting), python([], setting)]), [expected, expected]);
    }
    assertEquals(files(folder).length, 1);
  }));

Deno.test("code cache: only what is large, only where it may be, and only if the folder is the user's alone", () =>
  withFolder(async (folder) => {
    const setting = { codeCache: folder };
    assertEquals((await mvvm(["run", programPath("machine"), "--", "1"], setting)).code, 0);
    const permissions = [`--allow-read=${PYTHON}`, "--allow-env=MVVM_CODE_CACHE"];
    assertEquals(await python([], { ...setting, permissions }), expected);
    assertEquals(await python(["--code-cache", "none"], setting), expected);
    const warned = await python(["--code-cache", PYTHON], setting);
    assertEquals([warned.code, warned.stdout], [0, expected.stdout]);
    assertMatch(warned.stderr, /^mvvm: warning: no code is kept in .*python.wasm: .+\n$/);
    assertEquals(files(folder), []);
    if (Deno.build.os === "windows") return;
    Deno.chmodSync(folder, 0o770);
    assertEquals(await python([], setting), expected);
    assertEquals(files(folder), []);
  }));
