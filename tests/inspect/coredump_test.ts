/**
 * Core dumps: read back by our decoder, by wabt, and section by section by a reader that knows the convention
 * and nothing of the writer.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import wabt from "wabt";
import { decode } from "../../compiler/decode.ts";
import { Reader } from "../../compiler/reader.ts";
import type { Module } from "../../compiler/types.ts";
import { CoreDumpError, writeCoreDump } from "../../runtime/coredump/coredump.ts";
import { imageDump } from "../../runtime/coredump/sources.ts";
import { frameValues, packFrame } from "../../runtime/image/snapshot.ts";
import { bytesSink } from "../../runtime/image/writer.ts";
import { inProject, mvvm, withFolder, writeWat } from "../cli/command.ts";
import { smallSnapshot } from "../image/snapshots.ts";

type Parsed = [type: string, value?: number | bigint];

/** The custom sections of a core dump, as the convention describes them. */
function parse(module: Module) {
  const section = (wanted: string) => {
    const found = module.customs.filter(({ name }) => name === wanted);
    assertEquals(found.length, 1, wanted);
    return new Reader(module.bytes, found[0].start, found[0].end);
  };
  const list = <T>(reader: Reader, item: () => T): T[] => Array.from({ length: reader.u32() }, item);
  const tag = (reader: Reader) => assertEquals(reader.u8(), 0);
  const done = (reader: Reader) => assertEquals(reader.position, reader.end);
  const core = section("core");
  tag(core);
  const executable = core.name();
  done(core);
  const names = section("coremodules");
  const modules = list(names, () => (tag(names), names.name()));
  done(names);
  const own = section("coreinstances");
  const instances = list(own, () => {
    tag(own);
    const module = own.u32();
    return { module, memories: list(own, () => own.u32()), globals: list(own, () => own.u32()) };
  });
  done(own);
  const stack = section("corestack");
  tag(stack);
  const thread = stack.name();
  const value = (): Parsed => {
    const type = stack.u8();
    if (type === 0x01) return ["missing"];
    if (type === 0x7f) return ["i32", stack.s32()];
    if (type === 0x7e) return ["i64", stack.s64()];
    if (type === 0x7d) return ["f32", stack.f32Bits()];
    assertEquals(type, 0x7c);
    return ["f64", stack.f64Bits()];
  };
  const frames = list(stack, () => {
    tag(stack);
    const [instance, func, codeOffset] = [stack.u32(), stack.u32(), stack.u32()];
    return { instance, func, codeOffset, locals: list(stack, value), operands: list(stack, value) };
  });
  done(stack);
  return { executable, modules, instances, thread, frames };
}

/** A memory as its data segments say. */
function contents({ bytes, memories, datas }: Module): Uint8Array {
  const memory = new Uint8Array(memories[0].limits.min * 65536);
  for (const { start, end, mode } of datas) {
    assert(mode.kind === "active" && mode.offset.op === "i32.const" && mode.index === 0);
    memory.set(bytes.subarray(start, end), mode.offset.value >>> 0);
  }
  return memory;
}

async function wabtReads(bytes: Uint8Array): Promise<void> {
  const module = (await wabt()).readWasm(bytes, { readDebugNames: true });
  try {
    module.validate();
  } finally {
    module.destroy();
  }
}

const PROGRAM = `(module
  (memory (export "memory") 3 5)
  (global $counter (mut i64) (i64.const -5))
  (global $ratio f64 (f64.const 2.5))
  (data (i32.const 131072) "far away")
  (func $inner (param $n i32) (param $x i64) (result i32) (local f32 f64)
    (local.set 2 (f32.const -1.5))
    (local.set 3 (f64.const 1e100))
    (loop $again
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $n) (i32.const -100))))
    (drop (local.get 2)) (drop (local.get 3)) (drop (local.get $x))
    (if (i64.eqz (local.get $x)) (then unreachable))
    (local.get $n))
  (func (export "_start")
    (drop (i32.add (i32.const 7) (call $inner (i32.const 3) (i64.const -9))))
    (drop (call $inner (i32.const 3) (i64.const 0)))))`;

Deno.test("coredump: an image's stack, memory and globals, as other readers see them", async () => {
  await withFolder(async (folder) => {
    const program = await writeWat(folder, "program", PROGRAM);
    const image = `${folder}/a.mvvm`;
    const stop = ["-c", "2", "--threshold-bits", "0"];
    assertEquals((await mvvm(["checkpoint", "-t", program, ...stop, "--image", image])).code, 0);
    const { code, stderr } = await mvvm(["coredump", image, "-t", program]);
    assertEquals(code, 0);
    assertMatch(stderr, /^mvvm: wrote .*\/a\.coredump: 2 frames, \d+ bytes\n$/);
    const bytes = await Deno.readFile(`${folder}/a.coredump`);
    await wabtReads(bytes);
    const module = decode(bytes);
    const { executable, modules, instances, thread, frames } = parse(module);
    assertEquals([executable, modules, thread], [program, [program], "main"]);
    assertEquals(instances, [{ module: 0, memories: [0], globals: [0, 1] }]);
    assertEquals(frames.map(({ instance, func }) => [instance, func]), [[0, 0], [0, 1]]);
    assertEquals(frames[0].locals, [["i32", 1], ["i64", -9n], ["f32", 0xbfc00000], [
      "f64",
      0x54b249ad2594c37dn,
    ]]);
    assertEquals(frames[1].operands, [["i32", 7]]);
    // From a function's start, where its locals are declared, to the loop and to the call.
    assertEquals(frames.map(({ codeOffset }) => codeOffset), [23, 7]);
    assertEquals(module.memories, [{ limits: { min: 3, max: 5 } }]);
    assertEquals(module.globals.map(({ init }) => init), [
      { op: "i64.const", value: -5n },
      { op: "f64.const", bits: 0x4004000000000000n },
    ]);
    // Pages of zeros are left out.
    assertEquals(module.datas.map(({ start, end }) => end - start), [65536]);
    const expected = new Uint8Array(3 * 65536);
    expected.set(new TextEncoder().encode("far away"), 131072);
    assertEquals(contents(module), expected);
    // Without the program, functions have no known start.
    const bare = await mvvm(["coredump", image, "-o", `${folder}/bare`]);
    assertMatch(bare.stderr, /without the program \(-t\) the dump has no code offsets/);
    assertEquals(parse(decode(await Deno.readFile(`${folder}/bare`))).frames.map((each) => each.codeOffset), [
      0,
      0,
    ]);
  });
});

Deno.test("coredump: a trap writes one, in which values are missing; not without being asked", async () => {
  await withFolder(async (folder) => {
    const program = await writeWat(folder, "program", PROGRAM);
    const dump = `${folder}/trap.coredump`;
    const without = await mvvm(["run", program]);
    assertEquals([without.code, [...Deno.readDirSync(folder)].length], [134, 1]);
    const { code, stderr } = await mvvm(["run", program, "--coredump", dump]);
    assertEquals(code, 134);
    assertMatch(
      stderr,
      /^mvvm: trap: unreachable\n {4}at inner \(function 0\)\n {4}at _start \(function 1\)\nmvvm: wrote .*trap\.coredump: \d+ bytes, a core dump\n$/,
    );
    const bytes = await Deno.readFile(dump);
    await wabtReads(bytes);
    const { frames } = parse(decode(bytes));
    const missing = (count: number) => Array<Parsed>(count).fill(["missing"]);
    assertEquals(frames, [
      { instance: 0, func: 0, codeOffset: 0, locals: missing(4), operands: [] },
      { instance: 0, func: 1, codeOffset: 0, locals: [], operands: [] },
    ]);
    // What was asked for and cannot be: told, and the exit code stays that of the trap.
    const nowhere = await mvvm(["run", program, "--coredump", `${folder}/no/where`]);
    assertEquals(nowhere.code, 134);
    assertMatch(nowhere.stderr, /mvvm: no core dump was written\n$/);
    // With the least permissions, and an image: the folder is kept for the dump.
    const image = `${folder}/a.mvvm`;
    await mvvm(["checkpoint", "-t", program, "-c", "2", "--threshold-bits", "0", "--image", image]);
    const permissions = [`--allow-read=${folder}`, `--allow-write=${folder}`];
    const restored = await mvvm(["restore", "-t", program, "--image", image, "--coredump", dump], {
      permissions,
    });
    assertEquals(restored.code, 134, restored.stderr);
    assertMatch(restored.stderr, /a core dump\n$/);
  });
});

Deno.test("coredump: several memories and all types of globals and values, as V8 reads them", async () => {
  const snapshot = smallSnapshot();
  const sink = bytesSink();
  const length = await writeCoreDump(imageDump(snapshot, "small", undefined), sink);
  const bytes = sink.bytes();
  assertEquals(bytes.length, length);
  const module = new WebAssembly.Module(bytes);
  const customs = ["core", "coremodules", "coreinstances", "corestack"].map((name) => {
    const [contents] = WebAssembly.Module.customSections(module, name);
    return { name, bytes: new Uint8Array(contents) };
  });
  const all = new Uint8Array(customs.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  const places = customs.map(({ name, bytes }) => {
    all.set(bytes, at);
    return { name, start: at, end: at += bytes.length };
  });
  const { frames, modules, instances } = parse({ bytes: all, customs: places } as unknown as Module);
  assertEquals(modules.length, snapshot.modules.length);
  assertEquals(instances.map(({ memories }) => memories), snapshot.instances.map(({ memories }) => memories));
  const values = snapshot.stack.toReversed().map((frame) => frameValues(frame).locals);
  assertEquals(
    frames.map(({ locals }) => locals.map(([type]) => type)),
    values.map((locals) => locals.map(({ type }) => /^[if]\d/.test(type) ? type : "missing")),
  );
  assert(values.flat().some(({ type }) => type === "externref" || type === "funcref"), "no reference in it");
});

Deno.test("coredump: an image whose frames do not fit the module", async () => {
  const tool = await wabt();
  const source = "(module (func) (func))";
  const module = decode(tool.parseWat("a.wat", source).toBinary({}).buffer);
  const stack = [[0, 0], [1, 1], [9, 9], [2 ** 32 - 1, 0]].map(([func, site]) =>
    packFrame({ instance: 0, func, site, locals: [], operands: [] })
  );
  const dump = imageDump({ ...smallSnapshot(), stack }, "a", module);
  assertEquals(dump.stack.map(({ codeOffset }) => codeOffset), [0, 0, 0, 0]);
  await writeCoreDump(dump, bytesSink());
});

Deno.test("coredump: memories that are too large for the format are refused", async () => {
  const buffer = new Uint8Array(64 << 20).fill(1).buffer;
  const memories = Array.from({ length: 64 }, () => ({ pages: 1024, buffer }));
  const dump = { executable: "", modules: [], instances: [], memories, globals: [], stack: [] };
  let written = 0;
  const sink = { write: (bytes: Uint8Array) => void (written += bytes.length) };
  await assertRejects(() => writeCoreDump(dump, sink), CoreDumpError, "a core dump ends at 4 GiB");
  assert(written < 1000);
});

Deno.test("coredump: the memory of a C program, read back to the byte", async () => {
  await withFolder(async (folder) => {
    const program = inProject("tests/programs/churn.wasm");
    const image = `${folder}/a.mvvm`;
    await mvvm(["checkpoint", "-t", program, "-c", "5000", "--threshold-bits", "0", "--image", image]);
    await mvvm(["coredump", image, "-t", program]);
    const bytes = await Deno.readFile(`${folder}/a.coredump`);
    await wabtReads(bytes);
    const memory = contents(decode(bytes));
    const all = await mvvm(["inspect", image, "--memory", `0,${memory.length}`, "--json"]);
    assertEquals(JSON.parse(all.stdout).memory[0].hex, memory.toHex());
  });
});
