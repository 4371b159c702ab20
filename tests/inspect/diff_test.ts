/**
 * `diff`: what differs between two images, and nothing else.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { diffSnapshots, isSame } from "../../runtime/image/difference.ts";
import { packFrame, type Snapshot, type Value } from "../../runtime/image/snapshot.ts";
import { inProject, mvvm, withFolder } from "../cli/command.ts";
import { randomSnapshot, smallSnapshot } from "../image/snapshots.ts";

const i32 = (bits: number): Value => ({ type: "i32", bits });
const frame = (func: number, site: number, ...locals: number[]) =>
  packFrame({ instance: 1, func, site, locals: locals.map(i32), operands: [] });

Deno.test("diffSnapshots: a snapshot is equal to itself, whenever it was taken", () => {
  for (const snapshot of [smallSnapshot(), randomSnapshot(5), randomSnapshot(6)]) {
    const later = { ...structuredClone(snapshot), wallTime: "2030-01-01T00:00:00.000Z", policy: "function" };
    const found = diffSnapshots(snapshot, later);
    assertEquals([found.equal, found.memories, found.globals, found.host], [true, [], [], []]);
  }
});

Deno.test("diffSnapshots: frames that went on, vanished and appeared", () => {
  const base = smallSnapshot();
  const a = { ...base, stack: [frame(2, 10, 1, 2), frame(3, 20, 5), frame(4, 30), frame(5, 40)] };
  const b = { ...base, stack: [frame(2, 10, 1, 2), frame(3, 25, 6), frame(9, 30)] };
  const { stack, equal } = diffSnapshots(a, b);
  assertEquals(equal, false);
  assertEquals([stack.depth, stack.shared], [{ a: 4, b: 3 }, 2]);
  assertEquals(stack.changed.map(({ number, moved, locals }) => ({ number, moved, locals })), [
    { number: { a: 2, b: 1 }, moved: true, locals: [{ index: 0, a: i32(5), b: i32(6) }] },
  ]);
  assertEquals(stack.vanished.map(({ number, frame }) => [number, frame.func]), [[1, 4], [0, 5]]);
  assertEquals(stack.appeared.map(({ number, frame }) => [number, frame.func]), [[0, 9]]);
});

Deno.test("diffSnapshots: memories by ranges and bytes, also where one of them ends", () => {
  const base = smallSnapshot();
  const memory = (pages: number, change: (bytes: Uint8Array) => void): Snapshot => {
    const buffer = new ArrayBuffer(pages * 65536);
    change(new Uint8Array(buffer));
    return { ...base, memories: [{ pages, buffer }, base.memories[1]] };
  };
  const a = memory(1, (bytes) => bytes.set([1, 2, 3], 4094));
  const b = memory(2, (bytes) => {
    bytes.set([1, 9, 9], 4094);
    bytes[8191] = 7;
    bytes[3 * 4096] = 1;
    bytes[70_000] = 5;
  });
  assertEquals(diffSnapshots(a, b).memories, [{
    index: 0,
    pages: { a: 1, b: 2 },
    ranges: [
      { start: 4095, end: 8192, bytes: 3 },
      { start: 12288, end: 12289, bytes: 1 },
      { start: 70_000, end: 70_001, bytes: 1 },
    ],
    changedPages: 4,
    changedBytes: 5,
  }]);
  assertEquals(
    diffSnapshots(a, { ...a, memories: [a.memories[0]] }).memories.map(({ index, pages }) => [
      index,
      pages.b,
    ]),
    [[1, undefined]],
  );
});

Deno.test("diffSnapshots: each global, table element and host state that is changed", () => {
  const a = smallSnapshot();
  const globals = a.globals.map((each, i) => i === 0 ? { ...each, value: 99n } : each);
  const tables = a.tables.map((each) => ({ ...each, elements: each.elements.with(0, null) }));
  const found = diffSnapshots(a, { ...a, globals, tables, host: { ...a.host, more: 1 } });
  assertEquals(found.globals.map(({ index, b }) => [index, b?.value]), [[0, 99n]]);
  assert(found.tables.every(({ elements }) => elements.every(({ index, b }) => index === 0 && b === null)));
  assertEquals(found.host, ["more"]);
  assertEquals(diffSnapshots(a, { ...a, host: { ...a.host, more: 1 } }).onlyHost, true);
});

Deno.test("isSame: to the bit, and not by what merely looks alike", () => {
  const same: [unknown, unknown][] = [[NaN, NaN], [[1, { a: 2n }], [1, { a: 2n }]], [null, null]];
  const different: [unknown, unknown][] = [
    [0, -0],
    [1, 1n],
    [[], {}],
    [null, undefined],
    [{ a: undefined }, {}],
    [Uint8Array.of(1), [1]],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [{ a: 1 }, { b: 1 }],
  ];
  for (const [a, b] of same) assert(isSame(a, b));
  for (const [a, b] of different) assert(!isSame(a, b) && !isSame(b, a), `${String(a)} ${String(b)}`);
});

Deno.test("diff: two images of one program, for people, in JSON, and by the exit code", async () => {
  await withFolder(async (folder) => {
    const program = inProject("tests/inspect/orbit_dwarf4.wasm");
    const take = async (name: string, ticks: number, variable: string) => {
      const stop = ["-c", String(ticks), "--threshold-bits", "0"];
      const image = `${folder}/${name}.mvvm`;
      const { code } = await mvvm(["checkpoint", "-t", program, ...stop, "-e", variable, "--image", image]);
      assertEquals(code, 0);
      return image;
    };
    const [a, again, b] = [
      await take("a", 1000, "N=1"),
      await take("again", 1000, "N=1"),
      await take("b", 3000, "N=2"),
    ];
    // Time has gone on, but that is all.
    const equal = await mvvm(["diff", a, again, "--exit-code"]);
    assertEquals([equal.code, equal.stderr], [0, ""]);
    assertStringIncludes(equal.stdout, "\nthe guest is the same in both\n");
    const { code, stdout, stderr } = await mvvm(["diff", a, b, "-t", program]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^stack: 3 frames in a, 3 in b; the outer 3 are the same calls$/m);
    assertMatch(stdout, /^ {3}0 {2}frame 1: orbit \(function 1\) at offset 273$/m);
    assertMatch(stdout, /^ {8}local 2: f64 0x\w{16} [\d.]+ -> f64 0x\w{16} [\d.]+$/m);
    assertMatch(stdout, /^memory 0: \d+ bytes in 1 page of 4 KiB differ\n {3}0 {2}0x[0-9a-f]{8} to 0x/m);
    assertMatch(stdout, /^ {3}0 {2}"N=1" -> "N=2"$/m);
    const json = await mvvm(["diff", a, b, "--json", "--exit-code"]);
    assertEquals(json.code, 3);
    const found = JSON.parse(json.stdout);
    assertEquals(found.env, [{ name: "N", a: "N=1", b: "N=2" }]);
    assertEquals([found.equal, found.sameModules, found.fields], [false, true, ["env"]]);
    assertEquals((await mvvm(["diff", a])).code, 2);
    const missing = await mvvm(["diff", a, `${folder}/none.mvvm`]);
    assertEquals([missing.code, missing.stderr], [1, `mvvm: there is no image ${folder}/none.mvvm\n`]);
  });
});
