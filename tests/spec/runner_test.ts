import { assert, assertEquals } from "@std/assert";
import type { Engine, EngineKind } from "./engine.ts";
import { engine as v8 } from "./engine_v8.ts";
import type { KnownFailure } from "./known_failures.ts";
import { failureLine, summaryLines } from "./report.ts";
import { runScript } from "./runner.ts";
import { parseScript } from "./script.ts";
import { loadAssembler } from "./text.ts";

async function run(text: string, kind: EngineKind = v8, known: readonly KnownFailure[] = []) {
  const script = { name: "test/a.wast", commands: parseScript(new TextEncoder().encode(text)) };
  return await runScript(script, kind, { policy: "none", roundTrip: false }, await loadAssembler(), known);
}

/** `[line, wanted, got]` of each failure. */
async function failures(text: string, kind?: EngineKind, known?: readonly KnownFailure[]) {
  return (await run(text, kind, known)).failures.map(({ line, wanted, got }) => [line, wanted, got]);
}

/** V8 with some of its methods replaced. */
function altered(change: (engine: Engine) => Partial<Engine>): EngineKind {
  return {
    ...v8,
    async create(options) {
      const engine = await v8.create(options);
      return Object.assign(engine, change(engine));
    },
  };
}

const functions = `(module $M
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "id32") (param f32) (result f32) (local.get 0))
  (func (export "swap") (param f32 i64 f64) (result f64 i64 f32) (local.get 2) (local.get 1) (local.get 0))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $loop (export "loop") (call $loop))
  (global (export "snan") (mut f64) (f64.const -nan:0x4000000000000)))`;

Deno.test("runner: right expectations pass, bit by bit, signalling NaNs too", async () => {
  const report = await run(`${functions}
    (assert_return (invoke "add" (i32.const -1) (i32.const 3)) (i32.const 2))
    (assert_return (invoke "id32" (f32.const nan:0x200000)) (f32.const nan:0x200000))
    (assert_return (invoke $M "swap" (f32.const -nan:0x1) (i64.const -1) (f64.const nan:0x1))
      (f64.const nan:0x1) (i64.const -1) (f32.const -nan:0x1))
    (assert_return (get "snan") (f64.const -nan:0x4000000000000))
    (assert_trap (invoke "div" (i32.const 1) (i32.const 0)) "integer divide by zero")
    (assert_exhaustion (invoke "loop") "call stack exhausted")`);
  assertEquals(report.failures, []);
  assertEquals(report.passed, 6);
});

Deno.test("runner: wrong expectations fail, each with what was wanted and what came", async () => {
  assertEquals(
    await failures(`${functions}
(assert_return (invoke "add" (i32.const 1) (i32.const 1)) (i32.const 3))
(assert_return (invoke "add" (i32.const 1) (i32.const 1)))
(assert_return (invoke "add" (i32.const 1) (i32.const 1)) (i32.const 2) (i32.const 2))
(assert_return (invoke "id32" (f32.const nan:0x200000)) (f32.const nan:arithmetic))
(assert_return (invoke "id32" (f32.const -nan:0x200001)) (f32.const nan:0x200001))
(assert_return (get "snan") (f64.const nan:canonical))
(assert_trap (invoke "add" (i32.const 1) (i32.const 1)) "integer overflow")
(assert_trap (invoke "div" (i32.const 1) (i32.const 0)) "integer overflow")
(assert_trap (invoke "loop") "unreachable")
(assert_exhaustion (invoke "div" (i32.const 1) (i32.const 0)) "call stack exhausted")
(invoke "div" (i32.const 1) (i32.const 0))
(assert_return (invoke "none"))`),
    [
      [8, "i32 3", "i32 2"],
      [9, "nothing", "i32 2"],
      [10, "i32 2, i32 2", "i32 2"],
      [11, "f32 nan:arithmetic", "f32 bits 0x7fa00000"],
      [12, "f32 bits 0x7fa00001", "f32 bits 0xffa00001"],
      [13, "f64 nan:canonical", "f64 bits 0xfff4000000000000"],
      [14, 'trap "integer overflow"', "i32 2"],
      [15, 'trap "integer overflow"', 'trap "integer divide by zero"'],
      [16, 'trap "unreachable"', "call stack exhausted"],
      [17, "call stack exhausted", 'trap "integer divide by zero"'],
      [18, "no trap", 'trap "integer divide by zero"'],
      [19, "an outcome", 'the engine threw Error: there is no exported func "none"'],
    ],
  );
});

Deno.test("runner: modules must be refused for the reason asked for", async () => {
  const script = `(assert_malformed (module binary "\\00asm") "unexpected end")
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_unlinkable (module (import "spectest" "print_i32" (func (param i64)))) "incompatible import type")
(assert_unlinkable (module (import "nowhere" "f" (func))) "unknown import")`;
  assertEquals((await run(script)).passed, 4);
  assertEquals(
    await failures(`(assert_malformed (module binary "\\00asm\\01\\00\\00\\00") "a")
(assert_invalid (module) "b")
(assert_unlinkable (module) "c")
(assert_unlinkable (module (func $f unreachable) (start $f)) "d")
(module (func (result i32)))`).then((found) => found.map(([line, wanted]) => [line, wanted])),
    [
      [1, "malformed: a"],
      [2, "invalid: b"],
      [3, "unlinkable: c"],
      [4, "unlinkable: d"],
      [5, "an instance"],
    ],
  );
  // An engine that can tell malformed from invalid has to.
  const confused = altered(() => ({ load: () => ({ kind: "invalid", message: "it" }), spectest: () => 0 }));
  assertEquals(await failures(script, confused), [
    [1, "malformed: unexpected end", "invalid: it"],
    [3, "unlinkable: incompatible import type", "invalid: it"],
    [4, "unlinkable: unknown import", "invalid: it"],
  ]);
});

Deno.test("runner: instances share stores, and writes before a failing segment persist", async () => {
  const report = await run(`(module $A
  (memory (export "mem") 1) (table (export "tab") 4 funcref) (global (export "g") (mut i32) (i32.const 5))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
(register "A" $A)
(assert_trap (module (import "A" "mem" (memory 1)) (data (i32.const 7) "a") (data (i32.const 65536) "b"))
  "out of bounds memory access")
(assert_return (invoke "load" (i32.const 7)) (i32.const 97))
(assert_trap (module (import "A" "tab" (table 4 funcref)) (func $f (result i32) (i32.const 9))
  (elem (i32.const 1) $f) (elem (i32.const 4) $f)) "out of bounds table access")
(assert_return (invoke $A "call" (i32.const 1)) (i32.const 9))
(assert_trap (invoke $A "call" (i32.const 2)) "uninitialized element")
(assert_trap (invoke $A "call" (i32.const 4)) "undefined element")
(module $B (import "A" "g" (global $g (mut i32))) (func (export "set") (global.set $g (i32.const 6))))
(invoke "set")
(assert_return (get $A "g") (i32.const 6))
(module (import "spectest" "global_f32" (global f32)) (export "g" (global 0)))
(assert_return (get "g") (f32.const 666.6))`);
  assertEquals(report.failures, []);
  assertEquals(report.passed, 8);
});

Deno.test("runner: after a module failed, its name and the last instance are gone", async () => {
  const found = await failures(`(module $M (func (export "f")))
(module $M (func (result i32)))
(assert_return (invoke "f"))
(assert_return (invoke $M "f"))
(register "m" $M)`);
  assertEquals(found.slice(1), [
    [3, "an instance before this command", "none"],
    [4, "an instance $M", "none"],
    [5, "an instance $M", "none"],
  ]);
});

Deno.test("runner: text that only tests the assembler, or that it cannot read, is counted apart", async () => {
  const report = await run(`(assert_malformed (module quote "(func") "unexpected token")
(assert_malformed (module quote "(func)") "wrong here")
(module (func (new.instruction)))
(assert_return (invoke "f"))
(assert_exception (invoke "f"))`);
  assertEquals([report.passed, report.failures], [0, []]);
  const [first, second, third, fourth, fifth] = report.apart.map(({ reason }) => reason);
  assertEquals([first, second], ["text format only", "text format only, and wabt does not refuse it"]);
  assert(third.startsWith("wabt cannot read the module: error: "), third);
  assertEquals(fourth, third);
  assertEquals(fifth, "unknown command assert_exception");
});

Deno.test("runner: known failures are set apart, and fail when they are stale", async () => {
  const script = `(module (func (export "f")))
(assert_return (invoke "f") (i32.const 1))
(assert_return (invoke "f"))`;
  const entry = (line: number, rest: Partial<KnownFailure> = {}): KnownFailure => ({
    engine: "v8",
    script: "test/a.wast",
    line,
    reason: "why",
    ...rest,
  });
  const report = await run(script, v8, [entry(2)]);
  assertEquals([report.passed, report.failures], [1, []]);
  assertEquals(report.apart, [{ line: 2, reason: "known failure: why" }]);
  const wanted = "the failure that known_failures.ts lists";
  assertEquals(await failures(script, v8, [entry(2), entry(3)]), [[3, wanted, "stale: it passes"]]);
  assertEquals(await failures(script, v8, [entry(2), entry(9)]), [
    [9, wanted, "stale: no command starts at this line"],
  ]);
  const others = [{ engine: "mvvm" }, { script: "test/b.wast" }, { policy: "loop" }];
  assertEquals(await failures(script, v8, [entry(2), ...others.map((other) => entry(3, other))]), []);
});

Deno.test("runner: an engine that breaks is a failure, not the end", async () => {
  const broken = altered(() => ({
    invoke() {
      throw new TypeError("oh");
    },
  }));
  assertEquals(
    await failures(`(module (func (export "f")))\n(invoke "f")\n(assert_return (invoke "f"))`, broken),
    [
      [2, "an outcome", "the engine threw TypeError: oh"],
      [3, "an outcome", "the engine threw TypeError: oh"],
    ],
  );
});

Deno.test("runner: an engine that cannot even begin is a failure of the script", async () => {
  const none = altered(() => ({ load: () => ({ kind: "unsupported", message: "nothing" }) }));
  const [[line, wanted, got]] = await failures("(module)", none);
  assertEquals([line, wanted], [0, "a store with spectest"]);
  assertEquals(got, "Error: the engine does not take the spectest module: unsupported: nothing");
});

Deno.test("report: failures by name, tables, and the last line", async () => {
  const report = await run(`(module (func (export "f") (param i32)))
(assert_return (invoke "f" (i32.const 1)) (i32.const 1))
(assert_return (invoke "f" (i32.const 1)))
(assert_malformed (module quote "(") "x")`);
  assertEquals(
    report.failures.map((failure) => failureLine(report, failure)),
    ['FAILED test/a.wast:2 [none] assert_return invoke "f" (i32 1): wanted i32 1, got nothing'],
  );
  assertEquals(summaryLines([report, { ...report, policy: "loop", roundTrips: 3 }], true), [
    "apart: test/a.wast: text format only (1: 4)",
    "",
    "script       passed  failed   apart",
    "test/a.wast       2       2       2",
    "all               2       2       2",
    "",
    "policy  passed  failed   apart",
    "none         1       1       1",
    "loop         1       1       1",
    "",
    "3 checkpoints and restores in the middle of invocations",
    "",
    "2 passed, 2 failed",
  ]);
  assertEquals(summaryLines([]).at(-1), "0 passed, 0 failed");
});
