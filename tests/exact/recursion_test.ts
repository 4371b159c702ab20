/**
 * Deep recursion: what is legal succeeds, what never ends is a trap, and both go through images.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { policyNames } from "../../compiler/policy.ts";
import { type ValType, valTypeName } from "../../compiler/types.ts";
import { Guest, type Imports, type Outcome } from "../../mod.ts";
import { TrapKind } from "../../runtime/trap.ts";
import { addTo, type Definition, empty, f64, i32, i32Const, i64, ins, moduleOf, times } from "./bytes.ts";
import { assemble, assertBits, assertTrap, compile, f64 as f64Bits, Subject, test } from "./subject.ts";

const depth = 100_000;
const triangle = BigInt(depth) * BigInt(depth + 1) / 2n;

/** Every function counts its calls in `$calls`: a frame that moves must not run twice. */
const text = `(module
  (import "env" "pause" (func $pause))
  (type $sum (func (param i32) (result i64)))
  (global $calls (export "calls") (mut i32) (i32.const 0))
  (table funcref (elem $indirect $other))
  (func $count (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
  (func $direct (export "direct") (param $n i32) (result i64)
    (call $count)
    (if (result i64) (local.get $n)
      (then (i64.add
        (i64.extend_i32_u (local.get $n))
        (call $direct (i32.sub (local.get $n) (i32.const 1)))))
      (else (i64.const 0))))
  (func $even (export "mutual") (param $n i32) (result i64)
    (call $count)
    (if (result i64) (local.get $n)
      (then (i64.add
        (call $odd (i32.sub (local.get $n) (i32.const 1)) (i64.const 0x700000000))
        (i64.extend_i32_u (local.get $n))))
      (else (i64.const 0))))
  (func $odd (param $n i32) (param $mark i64) (result i64) (local $result i64)
    (call $count)
    (local.set $result (i64.extend_i32_u (local.get $n)))
    (if (local.get $n)
      (then (local.set $result (i64.add
        (local.get $result)
        (call $even (i32.sub (local.get $n) (i32.const 1)))))))
    (if (i64.ne (local.get $mark) (i64.const 0x700000000)) (then unreachable))
    (local.get $result))
  (func $indirect (export "indirect") (param $n i32) (result i64)
    (call $count)
    (if (result i64) (local.get $n)
      (then (i64.add
        (i64.extend_i32_u (local.get $n))
        (call_indirect (type $sum)
          (i32.sub (local.get $n) (i32.const 1))
          (i32.and (local.get $n) (i32.const 1)))))
      (else (i64.const 0))))
  (func $other (type $sum) (call $indirect (local.get 0)) (call $uncount))
  (func $uncount (global.set $calls (i32.sub (global.get $calls) (i32.const 0))))
  (func $paused (export "paused") (param $n i32) (param $at i32) (param $x f64) (result i64 f64)
    (local $below i64)
    (call $count)
    (if (i32.eq (local.get $n) (local.get $at)) (then (call $pause)))
    (if (local.get $n)
      (then
        (call $paused (i32.sub (local.get $n) (i32.const 1)) (local.get $at) (local.get $x))
        (local.set $x)
        (local.set $below)))
    ;; On the way up, too.
    (if (i32.eq (local.get $n) (local.get $at)) (then (call $pause)))
    (i64.add (local.get $below) (i64.extend_i32_u (local.get $n)))
    (local.get $x)))`;
const host = { pause: () => {} };

for (const policy of policyNames) {
  test(`a recursion of depth 100,000 succeeds: direct, mutual, through a table; policy ${policy}`, async () => {
    const bytes = await assemble(text);
    for (const name of ["direct", "mutual", "indirect"]) {
      const subject = Subject.of(bytes, { policy }, host);
      assertBits(subject.call(name, depth), [triangle], name);
      assertBits([subject.global("calls")], [depth + 1], `calls of ${name}`);
      if (name !== "mutual") continue;
      // Once more, with code that is compiled and perhaps optimised by now.
      assertBits(subject.call(name, depth), [triangle], name);
      assertBits([subject.global("calls")], [2 * (depth + 1)], `calls of ${name}`);
    }
  });

  test(`a stop in the middle of depth 100,000 goes through an image; policy ${policy}`, async () => {
    const bytes = await assemble(text);
    const nan = 0x7ff4000000000001n;
    const next = policyNames[(policyNames.indexOf(policy) + 1) % policyNames.length];
    // On the way down, in the middle of it; under one policy at the bottom and on the way up, too.
    const stops = [[depth / 2, 1], [0, 1], [depth / 2, 2]].slice(0, policy === "counter" ? 3 : 1);
    for (const [at, calls] of stops) {
      const subject = Subject.of(bytes, { policy }, host);
      const stop = { stopAtHostCall: calls };
      assertBits(
        await subject.callWithStop(stop, next, "paused", depth, at, nan),
        [triangle, nan],
        `at ${at}`,
      );
      assertBits([subject.global("calls")], [depth + 1]);
    }
  });
}

test("a stop at an entry in the middle of depth 100,000 goes through an image", async () => {
  const bytes = await assemble(text);
  const subject = Subject.of(bytes, { policy: "function", ticks: true }, host);
  assertBits(await subject.callWithStop({ stopAtTick: 70_000 }, "counter", "indirect", depth), [triangle]);
  assertBits([subject.global("calls")], [depth + 1]);
});

const endless = `(module
  (type $again (func (param i32) (result i32)))
  (global $depth (export "depth") (mut i32) (i32.const 0))
  (memory (export "memory") 1)
  (table funcref (elem $indirect))
  (func $direct (export "direct") (param i32) (result i32)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (i32.add (call $direct (local.get 0)) (i32.const 1)))
  (func $ping (export "mutual") (param i32) (result i32)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (call $pong (local.get 0)))
  (func $pong (param i32) (result i32) (call $ping (local.get 0)))
  (func $indirect (export "indirect") (type $again)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (call_indirect (type $again) (local.get 0) (i32.const 0)))
  (func $looping (export "in a loop") (param i32) (result i32)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (loop (br_if 0 (call $looping (local.get 0))))
    (i32.const 0))
  (func (export "fine") (result i32) (i32.const 42))
  (func $legal (export "legal") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $legal (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0)))))`;

test("a recursion without end is a trap under every policy, and the instance stays usable", async () => {
  const bytes = await assemble(endless);
  for (const policy of policyNames) {
    const subject = Subject.of(bytes, { policy }, {}, { maxHeapValues: 1_000_000 });
    for (const name of ["direct", "mutual", "indirect", "in a loop"]) {
      const stack = assertTrap(
        TrapKind.stackExhausted,
        () => subject.call(name, 1),
        `${name}, policy ${policy}`,
      );
      assert(stack.length > 50, `${name}: only ${stack.length} activations`);
      const names = { "mutual": ["ping", "pong"], "in a loop": ["looping"] }[name] ?? [name];
      for (const { name: func } of [stack[0], stack[20], stack[stack.length - 1]]) {
        assert(names.includes(func), `${name}: ${func} on the stack`);
      }
      assertBits(subject.call("fine"), [42]);
    }
    assertBits(subject.call("legal", 50_000), [50_000], "legal recursion goes on working");
  }
});

test("a recursion without end takes a bounded amount of memory", async () => {
  const bytes = await assemble(endless);
  const before = Deno.memoryUsage().rss;
  const subject = Subject.of(bytes);
  assertTrap(TrapKind.stackExhausted, () => subject.call("direct", 1));
  const frames = subject.global("depth") as number;
  const used = Deno.memoryUsage().rss - before;
  assert(frames > 200_000, `only ${frames} frames`);
  assert(used < 1.5e9, `${frames} frames took ${Math.round(used / 1e6)} MB`);
});

test("a recursion by way of host functions without end is a trap, not an error of the host", async () => {
  const bytes = await assemble(`(module
    (import "env" "again" (func $again (result i32)))
    (global $levels (mut i32) (i32.const 0))
    (func $deep (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
        (else (call $again))))
    (func (export "run") (param i32) (result i32) (global.set $levels (local.get 0)) (call $again))
    (func (export "more") (result i32) (call $deep (global.get $levels))))`);
  const program = compile(bytes);
  // With different numbers of activations between two host calls, the stack ends in different places.
  for (const levels of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 50, 500, 5000]) {
    const imports: Imports = { env: { again: (): unknown => guest.call("more")[0] } };
    const guest: Guest = Guest.start(program, { entry: "run", args: [levels], imports });
    const outcome: Outcome = await guest.run();
    const end = [outcome.kind, outcome.kind === "trapped" && outcome.trap];
    assertEquals(end, ["trapped", TrapKind.stackExhausted], `${levels} levels`);
  }
});

test("a recursion of depth 100,000 inside a host call inside one of the same depth", async () => {
  const bytes = await assemble(`(module
    (import "env" "again" (func $again (param i32) (result i32)))
    (func $down (export "down") (param $n i32) (param $more i32) (result i32)
      (if (result i32) (local.get $n)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $more))))
        (else (if (result i32) (local.get $more)
          (then (call $again (i32.sub (local.get $more) (i32.const 1))))
          (else (i32.const 0)))))))`);
  for (const policy of policyNames) {
    const imports: Imports = {
      env: { again: (more: number): unknown => guest.call("down", depth, more)[0] },
    };
    const args = [depth, 1];
    const guest: Guest = Guest.start(compile(bytes, { policy }), { entry: "down", args, imports });
    const outcome: Outcome = await guest.run();
    assertEquals(outcome, { kind: "finished", exitCode: 0, results: [2 * depth] }, `policy ${policy}`);
  }
});

/** The literal 0 of a type. */
function zero(type: ValType): number[] {
  if (type === i32) return i32Const(0);
  return type === i64 ? [...ins("i64.const"), 0] : [...ins("f64.const"), ...Array(8).fill(0)];
}

const down = [...ins("local.get", 0), ...i32Const(1), ...ins("i32.sub")];
const plusOne = [...i32Const(1), ...ins("i32.add")];
/** `code` if the first parameter is not 0, else 0. */
const guarded = (code: readonly number[]) => [
  ...[...ins("local.get", 0), ...ins("if"), i32],
  ...code,
  ...[...ins("else"), ...i32Const(0), ...ins("end")],
];

/** Functions that reach depth `n`, given `n`, and give `n`; their frames hold many values of these types. */
const large: Readonly<Record<string, (types: readonly ValType[]) => Definition[]>> = {
  locals: (types) => [{
    name: "f",
    params: [i32],
    results: [i32],
    locals: types.map((type) => [1, type] as const),
    code: guarded([...down, ...ins("call", 0), ...plusOne]),
  }],
  arguments: (types) => [
    {
      name: "f",
      params: [i32],
      results: [i32],
      code: guarded([...down, ...types.flatMap(zero), ...ins("call", 1), ...plusOne]),
    },
    { name: "g", params: [i32, ...types], results: [i32], code: [...ins("local.get", 0), ...ins("call", 0)] },
  ],
  parameters: (types) => [
    {
      name: "f",
      params: [i32],
      results: [i32],
      code: [...ins("local.get", 0), ...types.flatMap(zero), ...ins("call", 1)],
    },
    {
      name: "g",
      params: [i32, ...types],
      results: [i32],
      code: guarded([
        ...down,
        ...times(types.length, (i) => ins("local.get", i + 1)),
        ...[...ins("call", 1), ...plusOne],
      ]),
    },
  ],
  // Loads, so that they are no constants.
  "operands below the call": (types) => [{
    name: "f",
    params: [i32],
    results: [i32],
    code: guarded([
      ...types.flatMap(load),
      ...[...down, ...ins("call", 0), ...ins("local.set", 0)],
      ...types.flatMap(() => ins("drop")),
      ...[...ins("local.get", 0), ...plusOne],
    ]),
  }],
  "operands behind the call": (types) => [{
    name: "f",
    params: [i32],
    results: [i32],
    code: guarded([
      ...[...down, ...ins("call", 0), ...ins("local.set", 0)],
      ...types.flatMap(load),
      ...[...i32Const(8), ...i32Const(0), ...ins("i32.store", 0, 0)],
      ...types.flatMap(() => ins("drop")),
      ...[...ins("local.get", 0), ...plusOne],
    ]),
  }],
};

function load(type: ValType): number[] {
  return [...i32Const(8), ...ins(`${type === i32 ? "i32" : type === i64 ? "i64" : "f64"}.load`, 0, 0)];
}

for (const [what, make] of Object.entries(large)) {
  test(`a recursion of depth 1,500 with large frames succeeds: ${what}`, () => {
    for (const [count, type] of [[40, i64], [200, i32], [200, f64], [900, i64]] as const) {
      const subject = Subject.of(moduleOf(make(Array(count).fill(type))));
      assertBits(subject.call("f", 1500), [1500], `${count} ${valTypeName(type)}`);
    }
  });
}

test("a large function that is called for the first time deep in the stack is still compiled", () => {
  // As deeply nested as structured code may be, and long.
  const nesting = 250;
  const nested = [
    ...times(nesting, [...ins("block"), empty]),
    ...times(nesting, [
      ...ins("local.get", 0),
      ...ins("i32.eqz"),
      ...ins("br_if", 0),
      ...addTo(1, 1),
      ...ins("end"),
    ]),
    ...times(2000, addTo(1, 1)),
    ...ins("local.get", 1),
  ];
  const down = (callee: number) => [
    ...[...ins("local.get", 0), ...ins("i32.eqz"), ...ins("if"), empty],
    ...[...i32Const(1), ...ins("call", callee), ...ins("return"), ...ins("end")],
    ...[
      ...ins("local.get", 0),
      ...i32Const(1),
      ...ins("i32.sub"),
      ...ins("call", 0),
      ...i32Const(1),
      ...ins("i32.add"),
    ],
  ];
  const bytes = moduleOf([
    { name: "down", params: [i32], results: [i32], code: down(1) },
    { name: "nested", params: [i32], results: [i32], locals: [[1, i32]], code: nested },
  ]);
  for (let levels = 0; levels < 3000; levels += 150) {
    for (const maxNesting of [256, -1]) {
      const subject = Subject.of(bytes, { maxNesting });
      assertBits(subject.call("down", levels), [levels + nesting + 2000], `at depth ${levels}`);
    }
  }
});

test("deep recursion in the middle of an image keeps every kind of value", async () => {
  const bytes = await assemble(`(module
    (import "env" "pause" (func $pause))
    (memory 1)
    (func $go (export "go") (param $n i32) (param $l i64) (param $d f64) (param $s f32) (result i64 f64 f32)
      (if (i32.eqz (local.get $n)) (then (call $pause) (return (local.get $l) (local.get $d) (local.get $s))))
      (i64.store (i32.const 8) (local.get $l))
      (i64.load (i32.const 8))
      (f64.neg (local.get $d))
      (call $go
        (i32.sub (local.get $n) (i32.const 1))
        (i64.add (local.get $l) (i64.const 0x100000001))
        (local.get $d)
        (local.get $s))
      (local.set $s) (local.set $d) (local.set $l)
      (if (i64.ne (i64.reinterpret_f64 (f64.neg)) (i64.reinterpret_f64 (local.get $d))) (then unreachable))
      (if (i64.gt_u (local.get $l)) (then unreachable))
      (local.get $l) (local.get $d) (local.get $s)))`);
  const levels = 5000;
  for (const policy of policyNames) {
    for (const d of [0x7ff4000000000001n, f64Bits(-0)]) {
      const subject = Subject.of(bytes, { policy }, host);
      const s = 0xffa00001;
      const result = await subject.callWithStop({ stopAtHostCall: 1 }, "loop", "go", levels, 5n, d, s);
      assertBits(result, [5n + BigInt(levels) * 0x100000001n, d, s], `policy ${policy}`);
    }
  }
});
