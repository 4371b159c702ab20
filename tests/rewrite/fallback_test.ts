/**
 * What cannot be rewritten is generated JavaScript, without a word, and does the same.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CompileOptions, Program } from "../../mod.ts";
import type { Func } from "../../runtime/func.ts";
import { type Global, OwnGlobal } from "../../runtime/global.ts";
import { Memory } from "../../runtime/memory.ts";
import { Store } from "../../runtime/store.ts";
import { Table } from "../../runtime/table.ts";
import { Trap, TrapKind } from "../../runtime/trap.ts";
import { ValType } from "../../compiler/types.ts";
import { assemble, assertBits, Subject } from "../exact/subject.ts";

/** Each exports `f`, which stops at a host call and then gives 42. */
const modules: Readonly<Record<string, string>> = {
  "references in parameters": `(func $id (param funcref) (result funcref) (local.get 0))
    (func (export "f") (result i32) (call $pause)
      (i32.add (i32.const 41) (ref.is_null (call $id (ref.null func)))))`,
  "references in locals": `(func (export "f") (result i32) (local externref) (call $pause)
    (i32.add (i32.const 41) (ref.is_null (local.get 0))))`,
  "references in globals": `(global $g funcref (ref.null func))
    (func (export "f") (result i32) (call $pause) (i32.add (i32.const 41) (ref.is_null (global.get $g))))`,
  "tables of host values":
    `(table 42 externref) (func (export "f") (result i32) (call $pause) (table.size 0))`,
  "an exported table":
    `(table (export "t") 42 funcref) (func (export "f") (result i32) (call $pause) (table.size 0))`,
  "an exported global": `(global (export "g") (mut i32) (i32.const 41))
    (func (export "f") (result i32) (call $pause)
      (global.set 0 (i32.add (global.get 0) (i32.const 1))) (global.get 0))`,
  "a table that changes": `(table 41 funcref) (elem declare func $pause)
    (func (export "f") (result i32) (call $pause)
      (table.set 0 (i32.const 3) (ref.func $pause))
      (drop (table.grow 0 (ref.null func) (i32.const 1))) (call_indirect (i32.const 3)) (table.size 0))`,
  "table.init": `(table 3 funcref) (elem func $answer) (func $answer (result i32) (i32.const 42))
    (func (export "f") (result i32)
      (table.init 0 (i32.const 2) (i32.const 0) (i32.const 1)) (elem.drop 0) (call $pause)
      (call_indirect (result i32) (i32.const 2)))`,
  "memory.init": `(memory 1) (data "\\2a")
    (func (export "f") (result i32)
      (call $pause) (memory.init 0 (i32.const 5) (i32.const 0) (i32.const 1)) (data.drop 0)
      (i32.load8_u (i32.const 5)))`,
};

async function assertAnswers(subject: Subject): Promise<void> {
  assertBits(await subject.callWithStop({ stopAtHostCall: 1 }, "loop", "f"), [42]);
  assertBits(subject.call("f"), [42]);
}

for (const [name, body] of Object.entries(modules)) {
  Deno.test(`falls back: ${name}`, async () => {
    const bytes = await assemble(`(module (import "env" "pause" (func $pause)) ${body})`);
    for (const backEnd of ["auto", "wasm"] as const) {
      assertEquals(Program.from(bytes, { backEnd }).rewritten, undefined);
      // What is exported changes, so each call has an instance of its own.
      assertBits(Subject.of(bytes, { backEnd }, { pause: () => [] }).call("f"), [42]);
      const subject = Subject.of(bytes, { backEnd }, { pause: () => [] });
      assertBits(await subject.callWithStop({ stopAtHostCall: 1 }, "loop", "f"), [42]);
    }
  });
}

Deno.test("falls back: imports that are no functions", async () => {
  const imports: Record<string, [string, () => Memory | Table | Global]> = {
    memory: ["(memory 1)", () => new Memory({ limits: { min: 1 } })],
    table: ["(table 1 funcref)", () => new Table({ element: ValType.funcref, limits: { min: 1 } })],
    global: ["(global i32)", () => new OwnGlobal({ type: ValType.i32, mutable: false })],
  };
  for (const [name, [text, make]] of Object.entries(imports)) {
    const bytes = await assemble(
      `(module (import "env" "x" ${text}) (func (export "f") (result i32) (i32.const 42)))`,
    );
    const program = Program.from(bytes, { backEnd: "wasm" });
    assertEquals(program.rewritten, undefined, name);
    const store = new Store();
    const instance = store.instantiate(program, () => make());
    store.thread.start(instance.exports.get("f") as Func, []);
    assertEquals(store.thread.drive(), {
      kind: "returned",
      raw: [42],
      func: instance.exports.get("f") as Func,
    });
  }
});

Deno.test("the back end is chosen by options", async () => {
  const bytes = await assemble(`(module (func (export "f") (result i32) (i32.const 42)))`);
  const has = (options: Partial<CompileOptions>) => Program.from(bytes, options).rewritten !== undefined;
  assertEquals([has({}), has({ backEnd: "auto" }), has({ backEnd: "wasm" }), has({ backEnd: "js" })], [
    true,
    true,
    true,
    false,
  ]);
  // What has to count.
  assertEquals([has({ ticks: true }), has({ ticks: true, backEnd: "wasm" })], [false, true]);
  assertEquals([has({ watch: 0 }), has({ watch: 0, backEnd: "wasm" })], [false, false]);
});

Deno.test("falls back: more locals than V8 takes, once some are added", async () => {
  const bytes = await assemble(`(module (import "env" "pause" (func $pause))
    (func (export "f") (result i32) (local ${
    "i32 ".repeat(49_999)
  }) (i32.const 2) (call $pause) (i32.add (i32.const 40))))`);
  assertEquals(Program.from(bytes, { backEnd: "wasm" }).rewritten, undefined);
  await assertAnswers(Subject.of(bytes, { backEnd: "wasm" }, { pause: () => [] }));
});

Deno.test("falls back: so many operands below so many calls that saving them is longer than V8 takes", async () => {
  const text = (count: number) =>
    `(module (import "env" "pause" (func $pause)) (func $one (result i32) (call $pause) (i32.const 1))
      (func (export "f") (result i32) (call $pause) (i32.const ${42 - count})
        ${"(call $one)".repeat(count)} ${"(i32.add)".repeat(count)}))`;
  const before = Deno.memoryUsage().rss;
  assertEquals(Program.from(await assemble(text(30_000)), { backEnd: "wasm" }).rewritten, undefined);
  const used = Deno.memoryUsage().rss - before;
  assert(used < 300e6, `${Math.round(used / 1e6)} MB`);
  const many = Array.from({ length: 40 }, (_, i) =>
    `(func (export "f${i}") (result i32) (i32.const 0)
      ${"(call $one)".repeat(1000)} ${"(i32.add)".repeat(1000)})`);
  assertEquals(
    Program.from(
      await assemble(
        `(module (import "env" "pause" (func $pause)) (func $one (result i32) (call $pause) (i32.const 1)) ${
          many.join("")
        })`,
      ),
      { backEnd: "wasm" },
    ).rewritten,
    undefined,
  );
  for (const [count, fits] of [[500, true], [2000, false]] as const) {
    const bytes = await assemble(text(count));
    assertEquals(Program.from(bytes, { backEnd: "wasm" }).rewritten !== undefined, fits);
    await assertAnswers(Subject.of(bytes, { backEnd: "wasm" }, { pause: () => [] }));
  }
});

Deno.test("code that is never reached can have operands of no type", async () => {
  const bytes = await assemble(`(module (import "env" "pause" (func $pause))
    (func (export "f") (result i32) (call $pause)
      (if (i32.eq (memory.size) (i32.const 7))
        (then
          (unreachable) (select)
          (block (call $pause) (loop (call $pause) (br_if 0 (i32.const 1))))
          (drop)))
      (i32.const 42))
    (memory 1))`);
  for (const options of [{}, { policy: "loop" as const }, { policy: "loop" as const, ticks: true }]) {
    const program = Program.from(bytes, { ...options, backEnd: "wasm" });
    assert(program.rewritten !== undefined && WebAssembly.validate(program.rewritten.bytes));
    await assertAnswers(Subject.of(bytes, { ...options, backEnd: "wasm" }, { pause: () => [] }));
  }
});

Deno.test("a module whose segments do not fit leaves the others of its store alone", async () => {
  const good = await assemble(`(module (func (export "f") (result i32) (i32.const 42)))`);
  for (const count of [0, 1]) {
    const bad = await assemble(
      `(module (table 1 funcref) (func $f) (elem (i32.const 2) ${"$f".repeat(count)}))`,
    );
    const store = new Store();
    let trap: unknown;
    try {
      store.instantiate(Program.from(bad, { backEnd: "wasm" }), () => undefined);
    } catch (error) {
      trap = error;
    }
    assert(trap instanceof Trap && trap.kind === TrapKind.tableBounds);
    const instance = store.instantiate(Program.from(good, { backEnd: "wasm" }), () => undefined);
    store.thread.start(instance.exports.get("f") as Func, []);
    const completion = store.thread.drive();
    assert(completion.kind === "returned");
    assertEquals(completion.raw, [42]);
  }
});
