/**
 * Programs of our own against a real C library: on both hosts, and through an image at every call.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import wabt from "wabt";
import { mvvmEngine } from "./engine_mvvm.ts";
import { findCases, runCase } from "./suite.ts";
import { MemoryHost } from "../../runtime/wasi/mod.ts";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { capture, v8Engine } from "./engine.ts";
import { runChain } from "./engine_fresh.ts";
import { describeTree, readTree } from "./world.ts";

const folder = new URL("./programs", import.meta.url).pathname;
const cases = findCases(folder);

Deno.test("there are programs to run", () => assert(cases.length >= 6));

for (const test of cases) {
  for (const memory of [false, true]) {
    for (const every of [undefined, 1, 2, 3, 7]) {
      const way = `${memory ? "memory" : "deno"}${every ? `, saved and restored every ${every} calls` : ""}`;
      Deno.test(`${test.name} (${way})`, async () => {
        assertEquals(await runCase(test, { memory, every }), undefined);
      });
    }
  }
}

for (const test of cases) {
  for (const every of [undefined, 23]) {
    const way = every ? `, through an image every ${every} calls` : "";
    Deno.test(`${test.name} (our engine${way})`, async () => {
      assertEquals(await runCase(test, { engine: mvvmEngine, every }), undefined);
    });
  }
}

Deno.test("the runner tells what is wrong", async () => {
  const args = cases.find(({ name }) => name === "arguments")!;
  assertEquals(await runCase({ ...args, exitCode: 0 }), "exit code 7, expected 0 ");
  assert((await runCase({ ...args, stdout: "x" }))?.startsWith("stdout is "));
  assert((await runCase({ ...args, stderr: "x" }))?.startsWith('stderr is ""'));
  const trap = () => ({ kind: "trapped", reason: "unreachable" }) as const;
  assertEquals(await runCase(args, { engine: trap }), "trapped: unreachable ");
});

Deno.test("both hosts are left with the same files", async () => {
  const bytes = Deno.readFileSync(cases.find(({ name }) => name === "links")!.wasm);
  const scratch = Deno.makeTempDirSync({ prefix: "wasi-compare-" });
  try {
    const run = (path: string, host: MemoryHost | DenoHost) =>
      v8Engine(bytes, { options: { args: ["links"], preopens: [{ guest: "/", host: path }] }, host });
    const memory = new MemoryHost({ ...capture(), files: { root: {} } });
    assertEquals(await run("root", memory), { kind: "finished", code: 0 });
    assertEquals(await run(scratch, new DenoHost(capture())), { kind: "finished", code: 0 });
    const left = describeTree(readTree(scratch));
    assertEquals(describeTree(memory.tree("root")), left);
    assert(left.includes("dir/up -> ../file"));
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
});

/** Copies its input, at most four bytes at a time, and ends with 9. */
const COPY = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (loop $more
      (i32.store (i32.const 4) (i32.const 4))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
      (if (i32.load (i32.const 4)) (then
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $more))))
    (call $exit (i32.const 9))))`;

Deno.test("a chain of fresh processes has one input, one output and one exit code", async () => {
  const { parseWat } = await wabt();
  const streams = capture("hello, world");
  const setup = { options: {}, host: new DenoHost(streams), every: 2 };
  const { outcome, processes } = await runChain(parseWat("copy.wat", COPY).toBinary({}).buffer, setup);
  assertEquals(outcome, { kind: "finished", code: 9 });
  assertEquals(streams.stdout.text(), "hello, world");
  assertEquals(streams.stderr.text(), "");
  // Eight calls: three reads that give something, three writes, the read at the end, the exit.
  assertEquals(processes, 5);
});
