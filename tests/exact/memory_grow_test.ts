/**
 * `memory.grow`: limits, contents, and code that goes on with the grown memory
 * (WebAssembly 2.0, section 4.5.3.9 "Growing memories").
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { policyNames } from "../../compiler/policy.ts";
import type { Func } from "../../runtime/func.ts";
import { TrapKind } from "../../runtime/trap.ts";
import { assemble, assertBits, assertTrap, everySite, Subject, test } from "./subject.ts";

test("memory.grow: up to the declared limit, and not a page more", async () => {
  const text = (limits: string) =>
    `(module
    (memory (export "memory") ${limits})
    (func (export "size") (result i32) (memory.size))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow and use") (param i32 i32) (result i32 i32)
      (i32.store (i32.const 8) (i32.const 77))
      (memory.grow (local.get 0))
      (i32.store (local.get 1) (i32.const 99))
      (i32.add (i32.load (local.get 1)) (i32.load (i32.const 8))))
    (func (export "size before") (param i32) (result i32 i32 i32)
      (memory.size) (memory.grow (local.get 0)) (memory.size))
    (func (export "load before") (param i32) (result i32 i32)
      (i32.load (i32.const 8)) (i32.store (i32.const 8) (memory.grow (local.get 0))) (i32.load (i32.const 8))))`;
  for (const policy of policyNames) {
    const subject = Subject.of(await assemble(text("1 10")), { policy });
    subject.memory().bytes.fill(0xab);
    assertBits(subject.call("grow", 0), [1]);
    for (const delta of [10, 11, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff]) {
      assertBits(subject.call("grow", delta), [0xffffffff], `grow by ${delta}`);
      assertBits(subject.call("size"), [1]);
    }
    assertBits(subject.call("size before", 2), [1, 1, 3]);
    assertEquals(subject.memory().bytes.length, 3 * 65536);
    assert(subject.memory().bytes.subarray(0, 65536).every((byte) => byte === 0xab), "the old page is kept");
    assert(subject.memory().bytes.subarray(65536).every((byte) => byte === 0), "new pages are zero");
    assertTrap(TrapKind.memoryBounds, () => subject.call("grow and use", 1, 4 * 65536 - 3));
    assertBits(subject.call("size"), [4], "what came before the trap stays");
    assertBits(subject.call("grow and use", 1, 5 * 65536 - 4), [4, 99 + 77]);
    assertBits(subject.call("load before", 4), [77, 5]);
    assertBits(subject.call("grow", 2), [0xffffffff]);
    assertBits(subject.call("grow", 1), [9]);
    assertBits(subject.call("grow", 1), [0xffffffff]);
    assertBits(subject.call("grow", 0), [10]);
  }
  const fixed = Subject.of(await assemble(text("3 3")));
  assertBits([...fixed.call("grow", 1), ...fixed.call("grow", 0), ...fixed.call("size")], [0xffffffff, 3, 3]);
  const empty = Subject.of(await assemble(text("0")));
  assertTrap(TrapKind.memoryBounds, () => empty.call("load before", 0));
  assertBits([...empty.call("grow", 65537), ...empty.call("grow", 0xffffffff), ...empty.call("size")], [
    0xffffffff,
    0xffffffff,
    0,
  ]);
  assertBits([...empty.call("grow", 1), ...empty.call("grow", 65536)], [0, 0xffffffff]);
});

test("every way to grow a memory is seen at once by code with many accesses", async () => {
  // `$at` is on the page that the growth adds; each way leaves what was written there and in the first page.
  const ways: Record<string, string> = {
    "memory.grow": "(drop (memory.grow (i32.const 1)))",
    "a call": "(call $grow)",
    "a call of a call": "(call $deeper)",
    "call_indirect": "(call_indirect (i32.const 0))",
    "a host function": "(call $callback)",
    "one arm of an if": "(if (local.get $at) (then (call $grow)) (else (nop)))",
    "a block that is left": "(block (call $grow) (br 0))",
    "a loop":
      "(local.set $i (i32.const 3)) (loop (call $grow) (br_if 0 (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))",
    "an operand": "(i32.store (i32.const 64) (i32.sub (i32.load (i32.const 8)) (memory.grow (i32.const 1))))",
  };
  const accesses = `
    (i32.store (local.get $at) (i32.const 5)) (i64.store offset=8 (local.get $at) (i64.const 6))
    (f32.store offset=16 (local.get $at) (f32.const nan:0x200001)) (f64.store offset=24 (local.get $at) (f64.const 2.5))
    (i32.store8 offset=32 (local.get $at) (i32.const 7))
    (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
    (local.set $sum (i32.add (local.get $sum) (i32.wrap_i64 (i64.load offset=8 (local.get $at)))))
    (local.set $sum (i32.add (local.get $sum) (i32.reinterpret_f32 (f32.load offset=16 (local.get $at)))))
    (local.set $sum (i32.add (local.get $sum) (i32.trunc_f64_s (f64.load offset=24 (local.get $at)))))
    (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=32 (local.get $at))))
    (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 8))))`;
  const bytes = await assemble(`(module
    (import "env" "callback" (func $callback))
    (memory (export "memory") 1)
    (table funcref (elem $grow))
    (func $grow (export "grow") (drop (memory.grow (i32.const 1))))
    (func $deeper (call $grow))
    ${
    Object.entries(ways).map(([name, way]) => `
      (func (export "${name}") (param $at i32) (result i32) (local $sum i32) (local $i i32)
        (i32.store (i32.const 8) (i32.const 40))
        (local.set $sum (i32.load (i32.const 8)))
        (i32.store (i32.const 12) (i32.load (i32.const 8)))
        ${way} ${accesses} (local.get $sum))`).join("")
  })`);
  const wanted = 40 + 5 + 6 + 0x7fa00001 + 2 + 7 + 40;
  for (const name of Object.keys(ways)) {
    for (const policy of policyNames) {
      const callback = () =>
        void subject.store.thread.call(subject.store.instances[0].exports.get("grow") as Func, []);
      let subject = Subject.of(bytes, { policy }, { callback });
      assertBits(subject.call(name, 65536 + 100), [wanted], `${name}, policy ${policy}`);
      // Again, on the next page, and after a trap before it.
      const next = subject.memory().pages * 65536;
      assertTrap(TrapKind.memoryBounds, () => subject.call(name, next + 4 * 65536));
      assertBits(subject.call(name, next + 100), [wanted], `${name} again, policy ${policy}`);
      subject = Subject.of(bytes, everySite(policy), { callback });
      assertBits(
        await subject.callByImages(name, 65536 + 100),
        [wanted],
        `${name}, policy ${policy}, images`,
      );
    }
  }
});

test("memory.grow: to 4 GiB without a declared limit, if the host has the room", async () => {
  const subject = Subject.of(
    await assemble(`(module (memory (export "memory") 1)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "last") (param i32) (result i32)
        (i32.store8 (i32.const -1) (local.get 0)) (i32.load8_u (i32.const -1))))`),
  );
  subject.memory().bytes[65535] = 42;
  const [old] = subject.call("grow", 65535);
  if (old === 0xffffffff) console.log("memory.grow to 4 GiB was refused: the host has not the room");
  else {
    assertBits([old, ...subject.call("last", 7), ...subject.call("grow", 1)], [1, 7, 0xffffffff]);
    assertEquals(subject.memory().bytes[65535], 42);
  }
});

test("a memory that has grown goes through images: size, contents, limit", async () => {
  const bytes = await assemble(`(module
    (memory (export "memory") 1 4)
    (func (export "run") (result i32 i32 i32 i32) (local $i i32) (local $old i32)
      (i32.store (i32.const 65532) (i32.const 11))
      (local.set $old (memory.grow (i32.const 2)))
      (i32.store (i32.const 196604) (i32.const 22))
      (loop (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
      (local.get $old)
      (i32.add (i32.load (i32.const 65532)) (i32.load (i32.const 196604)))
      (memory.grow (i32.const 1))
      (memory.grow (i32.const 1))))`);
  for (const policy of policyNames) {
    const subject = Subject.of(bytes, everySite(policy));
    assertBits(await subject.callByImages("run"), [1, 33, 3, 0xffffffff], `policy ${policy}`);
    assertEquals(subject.memory().pages, 4);
  }
});
