/**
 * Where V8 has one message for two traps, which of them it is; and the stack of a trap through restored frames
 * and rewritten functions in turn.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Program } from "../../mod.ts";
import { Trap, TrapKind } from "../../runtime/trap.ts";
import { assemble, assertTrap, Subject } from "../exact/subject.ts";

const backEnds = ["js", "wasm"] as const;

Deno.test("traps: no element, none of this type, none there, through each table", async () => {
  const bytes = await assemble(`(module
    (type $i (func (param i32) (result i32)))
    (type $f (func (param f64) (result f64)))
    (table $a 6 funcref)
    (table $b 8 funcref)
    (elem (table $a) (i32.const 1) func $int $float $int)
    (elem (table $b) (i32.const 0) func $float $int)
    (func $int (param i32) (result i32) (local.get 0))
    (func $float (param f64) (result f64) (local.get 0))
    (func (export "a") (param i32) (result i32) (call_indirect $a (type $i) (i32.const 7) (local.get 0)))
    (func (export "b") (param i32) (result i32) (call_indirect $b (type $i) (i32.const 7) (local.get 0)))
    (func (export "a then b") (param i32 i32) (result i32)
      (call_indirect $b (type $i) (call_indirect $a (type $i) (i32.const 7) (local.get 0)) (local.get 1)))
    (func (export "b in a") (param i32 i32) (result i32)
      (call_indirect $a (type $i) (i32.const 7) (call_indirect $b (type $i) (local.get 1) (local.get 0)))))`);
  const none = TrapKind.uninitializedElement,
    other = TrapKind.signatureMismatch,
    out = TrapKind.undefinedElement;
  const tables = {
    a: [none, undefined, other, undefined, none, none, out],
    b: [other, undefined, none, none, none, none, none, none, out],
  };
  for (const backEnd of backEnds) {
    const subject = Subject.of(bytes, { backEnd });
    const check = (kind: TrapKind | undefined, name: string, ...args: number[]) => {
      const where = `${name} ${args} under ${backEnd}`;
      if (kind === undefined) assertEquals(subject.call(name, ...args), [7], where);
      else assertTrap(kind, () => subject.call(name, ...args), where);
    };
    for (const [name, kinds] of Object.entries(tables)) {
      kinds.forEach((kind, i) => check(kind, name, i));
      check(out, name, 0xffffffff);
      check(out, name, 0x80000000);
    }
    tables.b.forEach((kind, i) => check(kind, "a then b", 1, i));
    tables.a.forEach((kind, i) => check(kind, "b in a", 1, i));
  }
});

Deno.test("traps: of a NaN or out of range, whichever conversion was before", async () => {
  const conversions = ["i32", "i64"].flatMap((to) =>
    ["f32", "f64"].flatMap((from) =>
      ["s", "u"].map((sign) => ({ to, from, name: `${to}.trunc_${from}_${sign}` }))
    )
  );
  const bytes = await assemble(
    `(module ${
      conversions.map(({ to, from, name }) =>
        `(func (export "${name}") (param ${from}) (result ${to}) (${name} (local.get 0)))
       (func (export "${name} twice") (param ${from} ${from}) (result ${to} ${to})
         (${name} (local.get 0)) (${name} (local.get 1)))`
      ).join("")
    })`,
  );
  const values = {
    f32: { one: 0x3f800000, nan: [0x7fc00000, 0xffa00000], far: [0x7f800000, 0xff800000, 0x7f000000] },
    f64: {
      one: 0x3ff0000000000000n,
      nan: [0x7ff8000000000000n, 0xfff0000000000001n],
      far: [0x7ff0000000000000n, 0xfff0000000000000n, 0x7fe0000000000000n],
    },
  };
  for (const backEnd of backEnds) {
    const subject = Subject.of(bytes, { backEnd });
    for (const { from, name } of conversions) {
      const { one, nan, far } = values[from as "f32" | "f64"];
      for (const value of nan) {
        assertTrap(TrapKind.invalidConversion, () => subject.call(name, value), `${name} ${value}`);
        assertTrap(TrapKind.invalidConversion, () => subject.call(`${name} twice`, one, value), name);
      }
      for (const value of far) {
        assertTrap(TrapKind.overflow, () => subject.call(name, value), `${name} ${value}`);
        assertTrap(TrapKind.overflow, () => subject.call(`${name} twice`, one, value), name);
      }
    }
  }
});

Deno.test("traps: the stack has restored frames and rewritten functions in their order", async () => {
  const bytes = await assemble(`(module
    (import "env" "pause" (func $pause))
    (func $leaf (param $how i32) (result i32)
      (if (i32.eqz (local.get $how)) (then (unreachable)))
      (i32.div_u (i32.const 1) (i32.sub (local.get $how) (i32.const 1))))
    (func $down (param $n i32) (param $how i32) (result i32)
      (if (result i32) (local.get $n)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $how))))
        (else (call $leaf (local.get $how)))))
    (func $middle (param $how i32) (result i32)
      (call $pause)
      (i32.mul (i32.const 2) (call $down (i32.const 3) (local.get $how))))
    (func $outer (param $how i32) (result i32) (i32.sub (call $middle (local.get $how)) (i32.const 1)))
    (func (export "entry") (param $how i32) (result i32) (call $outer (local.get $how))))`);
  const wanted = ["leaf", "down", "down", "down", "down", "middle", "outer", "entry"];
  const kinds = [TrapKind.unreachable, TrapKind.divideByZero];
  for (const policy of ["none", "function", "counter"] as const) {
    for (const [how, kind] of kinds.entries()) {
      const whole = Subject.of(bytes, { policy, backEnd: "wasm" }, { pause: () => [] });
      assertEquals(assertTrap(kind, () => whole.call("entry", how)).map(({ name }) => name), wanted);
      const subject = Subject.of(bytes, { policy, backEnd: "wasm" }, { pause: () => [] });
      const error = await subject.callWithStop({ stopAtHostCall: 1 }, policy, "entry", how).then(
        () => undefined,
        (error) => error,
      );
      assert(error instanceof Trap, String(error));
      assertEquals([error.kind, ...error.wasmStack.map(({ name }) => name)], [kind, ...wanted]);
    }
  }
});

Deno.test("traps: a failed instance goes on, with nothing left of what was unwound or counted", async () => {
  const bytes = await assemble(`(module
    (func $down (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (else (unreachable))))
    (func $fine (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $fine (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0))))
    (func (export "down") (param i32) (result i32) (call $down (local.get 0)))
    (func (export "fine") (param i32) (result i32) (call $fine (local.get 0))))`);
  assert(Program.from(bytes).rewritten !== undefined);
  const subject = Subject.of(bytes, { backEnd: "wasm" });
  for (let round = 0; round < 20; round++) {
    // So deep that frames are moved to the heap.
    assertTrap(TrapKind.unreachable, () => subject.call("down", 50_000));
    assertEquals(subject.call("fine", 50_000), [50_000]);
  }
});
