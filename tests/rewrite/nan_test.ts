/**
 * NaNs keep their bits where restored frames, which are JavaScript, call rewritten functions, and the other way
 * round: in parameters, results, globals, and frames.
 *
 * @module
 */
import { assert } from "@std/assert";
import { Program } from "../../mod.ts";
import type { Func } from "../../runtime/func.ts";
import { Store } from "../../runtime/store.ts";
import { type Bits, bitsAt, fromRaw, pushBits, toRaw } from "../../runtime/value.ts";
import { assemble, assertBits, everySite, Subject } from "../exact/subject.ts";

/** The canonical NaNs, quiet and signalling ones of both signs with few and many bits, and numbers. */
const f32s = [
  0x7fc00000,
  0xffc00000,
  0x7fa00000,
  0xff800001,
  0x7fc00001,
  0x7fffffff,
  0xffd55555,
  0x80000000,
  0x3f800000,
];
const f64s = [
  0x7ff8000000000000n,
  0xfff8000000000000n,
  0x7ff4000000000000n,
  0xfff0000000000001n,
  0x7ff8000000000001n,
  0x7fffffffffffffffn,
  0xfffaaaaa55555555n,
  0x8000000000000000n,
  0x3ff0000000000000n,
];

/** Functions that give back what they take, in another order. */
const callees = `
  (func $single (param f32) (result f32) (call $within) (local.get 0))
  (func $double (param f64) (result f64) (call $within) (local.get 0))
  (func $bits (param f32 f64) (result i64)
    (i64.xor (i64.extend_i32_u (i32.reinterpret_f32 (local.get 0))) (i64.reinterpret_f64 (local.get 1))))
  (func $made (param i32 i64) (result f64 f32)
    (f64.reinterpret_i64 (local.get 1)) (f32.reinterpret_i32 (local.get 0)))
  (func $mixed (param f32 i64 f64 i32) (result f64 i64 f32 i32 f32)
    (call $within) (local.get 2) (local.get 1) (local.get 0) (local.get 3) (local.get 0))`;

const names = ["single", "double", "bits", "made", "mixed"];

/** Calls them all, with the bits that it is given, and gives the bits of all results. */
const caller = `
  (func (export "go") (param $s i32) (param $d i64) (result i32 i64 i64 i64 i32 i64 i64 i32 i32 i32)
    (local $f f32) (local $g f32) (local $k i32) (local $l i64)
    (call $pause)
    (i32.reinterpret_f32 (call $single (f32.reinterpret_i32 (local.get $s))))
    (i64.reinterpret_f64 (call $double (f64.reinterpret_i64 (local.get $d))))
    (call $bits (f32.reinterpret_i32 (local.get $s)) (f64.reinterpret_i64 (local.get $d)))
    (call $made (local.get $s) (local.get $d))
    (local.set $f) (i64.reinterpret_f64) (i32.reinterpret_f32 (local.get $f))
    (call $mixed (f32.reinterpret_i32 (local.get $s)) (local.get $d) (f64.reinterpret_i64 (local.get $d)) (local.get $s))
    (local.set $g) (local.set $k) (local.set $f) (local.set $l) (i64.reinterpret_f64)
    (local.get $l) (i32.reinterpret_f32 (local.get $f)) (local.get $k) (i32.reinterpret_f32 (local.get $g)))`;

const expected = (s: number, d: bigint): Bits[] => [s, d, BigInt(s) ^ d, d, s, d, d, s, s, s];

const pairs = f32s.flatMap((s) => f64s.map((d) => [s, d] as const));

const alone = `(module
  (import "env" "pause" (func $pause))
  (func $within (export "within") (call $pause))
  ${callees} ${caller})`;

Deno.test("NaNs: a restored frame calls rewritten functions", async () => {
  const bytes = await assemble(alone);
  for (const [s, d] of pairs) {
    // The caller is restored from its first host call; or a callee, which returns to a restored frame.
    for (const stopAtHostCall of [1, 2, 3, 4]) {
      const subject = Subject.of(bytes, { policy: "none", backEnd: "wasm" }, { pause: () => [] });
      assertBits(
        await subject.callWithStop({ stopAtHostCall }, "none", "go", s, d),
        expected(s, d),
        `${stopAtHostCall}`,
      );
    }
  }
});

Deno.test("NaNs: stopped at every site, all frames go through images", async () => {
  const bytes = await assemble(alone);
  for (const [i, s] of f32s.entries()) {
    const subject = Subject.of(bytes, { ...everySite("function"), backEnd: "wasm" }, { pause: () => [] });
    assertBits(await subject.callByImages("go", s, f64s[i]), expected(s, f64s[i]));
    assert(subject.trips > 3, `${subject.trips} round trips`);
  }
});

Deno.test("NaNs: from one instance to another, under any two back ends", async () => {
  const types = ["(param f32) (result f32)", "(param f64) (result f64)", "(param f32 f64) (result i64)"];
  types.push("(param i32 i64) (result f64 f32)", "(param f32 i64 f64 i32) (result f64 i64 f32 i32 f32)");
  const library = await assemble(`(module
    (func $within)
    ${names.map((name) => `(export "${name}" (func $${name}))`).join("")} ${callees})`);
  const user = await assemble(`(module
    ${names.map((name, i) => `(import "library" "${name}" (func $${name} ${types[i]}))`).join("")}
    (func $pause) ${caller})`);
  for (const [from, to] of [["js", "wasm"], ["wasm", "js"], ["wasm", "wasm"]] as const) {
    const store = new Store();
    const first = store.instantiate(Program.from(library, { backEnd: to }), () => undefined);
    const second = store.instantiate(
      Program.from(user, { backEnd: from }),
      (_, name) => first.exports.get(name),
    );
    const go = second.exports.get("go") as Func;
    for (const [s, d] of pairs) {
      store.thread.start(go, toRaw([s, d], go.type.params, pushBits));
      const completion = store.thread.drive();
      assert(completion.kind === "returned");
      assertBits(fromRaw(completion.raw, go.type.results, bitsAt), expected(s, d), `${from} to ${to}`);
    }
  }
});

Deno.test("NaNs: globals that restored frames and rewritten functions share", async () => {
  const bytes = await assemble(`(module
    (import "env" "pause" (func $pause))
    (global $s (mut f32) (f32.const nan:0x200001))
    (global $d (mut f64) (f64.const -nan:0x4000000000001))
    (func $swap (param f32 f64) (result f32 f64)
      (global.get $s) (global.get $d) (global.set $s (local.get 0)) (global.set $d (local.get 1)))
    (func (export "go") (param $a i32) (param $b i64) (result i32 i64 i32 i64 i32 i64) (local $f f32) (local $g f64)
      (i32.reinterpret_f32 (global.get $s)) (i64.reinterpret_f64 (global.get $d))
      (call $pause)
      (global.set $s (f32.reinterpret_i32 (local.get $a)))
      (global.set $d (f64.reinterpret_i64 (local.get $b)))
      (call $swap (global.get $s) (global.get $d))
      (local.set $g) (i32.reinterpret_f32) (i64.reinterpret_f64 (local.get $g))
      (i32.reinterpret_f32 (global.get $s)) (i64.reinterpret_f64 (global.get $d))))`);
  for (const [a, b] of pairs) {
    const subject = Subject.of(bytes, { policy: "none", backEnd: "wasm" }, { pause: () => [] });
    const results = await subject.callWithStop({ stopAtHostCall: 1 }, "none", "go", a, b);
    assertBits(results, [0x7fa00001, 0xfff4000000000001n, a, b, a, b]);
  }
});

Deno.test("NaNs: host functions give canonical ones, so that runs can be repeated", async () => {
  const bytes = await assemble(`(module
    (import "env" "single" (func $single (result f32)))
    (import "env" "double" (func $double (result f64)))
    (func (export "go") (result i32 i64)
      (i32.reinterpret_f32 (call $single)) (i64.reinterpret_f64 (call $double))))`);
  const [odd] = new Float64Array(new BigUint64Array([0xfff800000badcafen]).buffer);
  for (const backEnd of ["js", "wasm"] as const) {
    const subject = Subject.of(bytes, { backEnd }, { single: () => odd, double: () => odd });
    assertBits(subject.call("go"), [0x7fc00000, 0x7ff8000000000000n], backEnd);
  }
});
