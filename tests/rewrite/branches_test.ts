/**
 * Branches go past the blocks that rewriting adds: out of and back into loops that look, by tables, and out of
 * functions that count their depth. V8 says what is right.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { policyNames, Program } from "../../mod.ts";
import { assemble, assertBits, assertValid, everySite, Subject } from "../exact/subject.ts";

/** Each takes two numbers and gives one. */
const functions: Readonly<Record<string, string>> = {
  // Every label of three loops and three blocks, with values below and carried.
  table: `(func (export "table") (param $x i32) (param $y i32) (result i32) (local $n i32)
    (i32.add (i32.const 1000)
      (block $a (result i32)
        (local.get $y)
        (block $b
          (loop $c
            (br_if $b (i32.gt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 50)))
            (block $d
              (loop $e
                (br_if $b (i32.gt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 50)))
                (loop $f
                  (br_if $b (i32.gt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 50)))
                  (local.set $x (i32.add (local.get $x) (local.get $y)))
                  (br_table $f $e $d $c $b $f $d (i32.rem_u (local.get $x) (i32.const 9))))))
            (local.set $x (i32.mul (local.get $x) (i32.const 5)))
            (br $c)))
        (br $a (i32.add (i32.mul (i32.const 100) (local.get $x)) (local.get $n))))))`,
  // Innermost loops of all kinds beside and in each other, left by two and more levels.
  nested:
    `(func (export "nested") (param $x i32) (param $y i32) (result i32) (local $i i32) (local $j i32) (local $s i32)
    (block $out
      (local.set $i (i32.and (local.get $x) (i32.const 15)))
      (loop $outer
        (local.set $j (i32.and (local.get $y) (i32.const 15)))
        (loop $counted
          (br_if $out (i32.gt_u (local.tee $s (i32.add (local.get $s) (local.get $j))) (i32.const 300)))
          (br_if $counted (i32.ne (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 20))))
        (block $done
          (loop $other
            (br_if $done (i32.gt_u (local.get $j) (i32.const 30)))
            (local.set $j (i32.add (local.get $j) (i32.const 3)))
            (if (i32.eq (local.get $s) (local.get $x)) (then (br $outer)))
            (if (i32.eq (local.get $s) (local.get $y)) (then (return (i32.const -1))))
            (br $other)))
        (local.set $s (i32.add (local.get $s) (local.get $j)))
        (br_if $outer (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
    (local.get $s))`,
  // Loops with parameters and results are looked at at their heads.
  typed: `(func (export "typed") (param $x i32) (param $y i32) (result i32) (local $n i32)
    (i32.const 7) (local.get $x) (local.get $y)
    (loop $l (param i32 i32) (result i32)
      (i32.add)
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (if (param i32) (result i32) (i32.lt_u (local.get $n) (i32.const 9))
        (then (local.get $n) (br $l)) (else (i32.const 3) (i32.mul))))
    (i32.sub))`,
  // Returns from everywhere in a recursive function.
  recursive: `(func $r (export "recursive") (param $x i32) (param $y i32) (result i32)
    (if (i32.eqz (local.get $x)) (then (return (local.get $y))))
    (block $b
      (loop $l
        (br_if $b (i32.and (local.get $y) (i32.const 1)))
        (local.set $y (i32.add (local.get $y) (i32.const 3)))
        (if (i32.gt_u (local.get $y) (i32.const 40)) (then (return (i32.const 5))))
        (br_table $b $l $l (i32.sub (local.get $y) (i32.const 1))))
      (unreachable))
    (i32.const 9)
    (br 0 (i32.add (call $r (i32.shr_u (local.get $x) (i32.const 1)) (local.get $y))
      (loop (result i32) (br_if 1 (i32.const 6) (i32.eq (local.get $x) (i32.const 2))) (drop) (local.get $x)))))`,
  // The same for several results, and calls by way of a table.
  mutual: `(type $pair (func (param i32 i32) (result i32 i32)))
    (table 2 funcref) (elem (i32.const 0) $even $odd)
    (func $even (param $x i32) (param $y i32) (result i32 i32)
      (if (i32.eqz (local.get $x)) (then (return (i32.const 1) (local.get $y))))
      (call_indirect (type $pair) (i32.sub (local.get $x) (i32.const 1)) (i32.add (local.get $y) (local.get $x)) (i32.const 1)))
    (func $odd (param $x i32) (param $y i32) (result i32 i32)
      (block $z (result i32 i32)
        (br_if $z (i32.const 0) (local.get $y) (i32.eqz (local.get $x)))
        (drop) (drop)
        (return (call_indirect (type $pair)
          (i32.sub (local.get $x) (i32.const 1)) (i32.xor (local.get $y) (local.get $x)) (i32.const 0)))))
    (func (export "mutual") (param $x i32) (param $y i32) (result i32)
      (i32.add (call $even (i32.and (local.get $x) (i32.const 31)) (local.get $y))))`,
};
const text = `(module ${Object.values(functions).join("\n")})`;

const args = [0, 1, 2, 3, 5, 8, 14, 21, 37, 100].flatMap((x) =>
  [0, 1, 2, 6, 17, 40].map((y) => [x, y] as const)
);

type Calls = Record<string, (x: number, y: number) => number>;

async function assembled() {
  const bytes = await assemble(text);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  return { bytes, reference: exports as Calls };
}

Deno.test("rewritten branches: the same results as in V8, under every policy", async () => {
  const { bytes, reference } = await assembled();
  for (const policy of policyNames) {
    for (const thresholdBits of [0, 2, 16]) {
      for (const ticks of [false, true]) {
        const options = { policy, thresholdBits, ticks, backEnd: "wasm" as const };
        const program = Program.from(bytes, options);
        assert(program.rewritten !== undefined);
        assertValid(program);
        const subject = Subject.of(bytes, options);
        for (const name of Object.keys(functions)) {
          for (const [x, y] of args) {
            assertBits(
              subject.call(name, x, y),
              [reference[name](x, y) >>> 0],
              `${name}(${x}, ${y}), ${policy}`,
            );
          }
        }
      }
    }
  }
});

Deno.test("rewritten branches: the same results when stopped at every site", async () => {
  const { bytes, reference } = await assembled();
  let trips = 0;
  for (const policy of policyNames) {
    const subject = Subject.of(bytes, { ...everySite(policy), backEnd: "wasm" });
    for (const name of Object.keys(functions)) {
      for (const [x, y] of [[5, 17], [21, 2]]) {
        assertBits(
          await subject.callByImages(name, x, y),
          [reference[name](x, y) >>> 0],
          `${name}, ${policy}`,
        );
      }
    }
    trips += subject.trips;
  }
  assert(trips > 150, `${trips} round trips`);
});

Deno.test("rewritten branches: stopped once, at any site, and from there on without a stop", async () => {
  const { bytes, reference } = await assembled();
  for (const name of Object.keys(functions)) {
    const [x, y] = [14, 6];
    const options = { ...everySite("loop"), backEnd: "wasm" as const };
    const whole = Subject.of(bytes, options);
    whole.call(name, x, y);
    const { ticks } = whole.store.thread;
    assert(ticks > 2, `${name} passes ${ticks} sites`);
    for (let stopAtTick = 1; stopAtTick <= ticks; stopAtTick++) {
      const subject = Subject.of(bytes, options);
      const results = await subject.callWithStop({ stopAtTick }, "counter", name, x, y);
      assertEquals(results, [reference[name](x, y) >>> 0], `${name}, stopped at ${stopAtTick}`);
    }
  }
});
