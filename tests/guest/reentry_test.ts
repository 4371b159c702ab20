/**
 * Host functions that call the guest while it runs: what the guest was doing is as it was.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import wabt from "wabt";
import { Guest, Program } from "../../mod.ts";

const assembler = await wabt();

/** A product of 64 bits in a loop, with a host call in each turn. */
const text = `(module
  (import "env" "visit" (func $visit (param i32)))
  (func $power (export "power") (param $n i32) (param $x i64) (result i64) (local $product i64)
    (local.set $product (i64.const 1))
    (loop $again
      (if (i32.eqz (local.get $n)) (then (return (local.get $product))))
      (local.set $product (i64.mul (local.get $product) (i64.add (local.get $x) (i64.const 2))))
      (call $visit (local.get $n))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $again))
    (unreachable)))`;

for (const i64s of ["whole", "halves", "auto"] as const) {
  Deno.test(`a function is called back while it runs, i64s as ${i64s}`, async () => {
    const module = assembler.parseWat("power.wat", text);
    const program = Program.from(module.toBinary({}).buffer, { i64s });
    module.destroy();
    let depth = 0;
    const inner: unknown[] = [];
    const guest: Guest = Guest.start(program, {
      entry: "power",
      args: [20, 5n],
      imports: {
        env: {
          visit: (n: number) => {
            if (depth === 3 || n % 5 !== 0) return;
            depth++;
            inner.push(...guest.call("power", 5, BigInt(n)));
            depth--;
          },
        },
      },
    });
    const outcome = await guest.run();
    if (outcome.kind !== "finished") throw new Error(outcome.kind);
    assertEquals(outcome.results, [BigInt.asIntN(64, 7n ** 20n)]);
    const five = 7n ** 5n;
    const expected = [20n, 15n, 10n, 5n].flatMap((n) => [five, five, (n + 2n) ** 5n]);
    assertEquals(inner, expected);
  });
}

Deno.test("a trap in a call back leaves the caller's i64s alone", async () => {
  const module = assembler.parseWat(
    "trap.wat",
    `(module
      (import "env" "visit" (func $visit (param i32)))
      (func $run (export "run") (param $n i32) (param $x i64) (result i64)
        (local.set $x (i64.mul (local.get $x) (i64.const 3)))
        (if (i32.eqz (local.get $n)) (then unreachable))
        (call $visit (local.get $n))
        (i64.mul (local.get $x) (i64.const 3))))`,
  );
  const program = Program.from(module.toBinary({}).buffer, { i64s: "whole" });
  module.destroy();
  const guest: Guest = Guest.start(program, {
    entry: "run",
    args: [1, 7n],
    imports: {
      env: {
        visit: () => {
          try {
            guest.call("run", 0, 1000n);
          } catch {
            // That is what is wanted.
          }
        },
      },
    },
  });
  const outcome = await guest.run();
  assertEquals(outcome.kind === "finished" && outcome.results, [63n]);
});
