/**
 * Functions of sizes that no person writes and compilers do: very many instructions, operands, locals,
 * parameters and results.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type PolicyName, policyNames } from "../../compiler/policy.ts";
import { type ValType, valTypeName } from "../../compiler/types.ts";
import type { Bits } from "../../runtime/value.ts";
import { addTo, empty, f32, f64, i32, i32Const, i64, i64Const, ins, moduleOf, times } from "./bytes.ts";
import { assertBits, everySite, f64 as f64Bits, Subject, test } from "./subject.ts";

const end = ins("end");
const block = [...ins("block"), empty];
const loop = [...ins("loop"), empty];
const policies: readonly PolicyName[] = ["counter", "function"];

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

test("a function of 100,000 instructions in a row", () => {
  // Local 1 collects; the operations are such that no step can be left out.
  const count = 25_000;
  const step = (i: number) => [
    ...[
      ...ins("local.get", 1),
      ...i32Const(i),
      ...ins(i % 3 === 0 ? "i32.xor" : "i32.add"),
      ...ins("local.set", 1),
    ],
  ];
  let wanted = 5;
  for (let i = 0; i < count; i++) wanted = i % 3 === 0 ? wanted ^ i : wanted + i | 0;
  const bytes = moduleOf([{
    name: "f",
    params: [i32],
    results: [i32],
    locals: [[1, i32]],
    code: [...ins("local.get", 0), ...ins("local.set", 1), ...times(count, step), ...ins("local.get", 1)],
  }]);
  for (const policy of policies) assertBits(Subject.of(bytes, { policy }).call("f", 5), [wanted >>> 0]);
});

test("5,000 operands on the stack at once", () => {
  const count = 5000;
  const sum = count * (count - 1) / 2;
  for (
    const [type, constant] of [[i32, i32Const], [i64, (value: number) => i64Const(BigInt(value))]] as const
  ) {
    const add = ins(type === i32 ? "i32.add" : "i64.add");
    const bytes = moduleOf([
      { name: "f", results: [type], code: [...times(count, constant), ...times(count - 1, add)] },
      {
        name: "locals",
        params: [type],
        results: [type],
        code: [...times(count, ins("local.get", 0)), ...times(count - 1, add)],
      },
    ]);
    const subject = Subject.of(bytes);
    const one = type === i32 ? 3 : 3n;
    assertBits(subject.call("f"), [type === i32 ? sum >>> 0 : BigInt(sum)]);
    assertBits(subject.call("locals", one), [type === i32 ? 3 * count : 3n * BigInt(count)]);
  }
});

test("expressions of 30,000 operators", () => {
  const count = 30_000;
  const bytes = moduleOf([
    {
      name: "unary",
      params: [i32],
      results: [i32],
      code: [...ins("local.get", 0), ...times(count, ins("i32.eqz"))],
    },
    {
      name: "binary",
      params: [i32],
      results: [i32],
      code: [...ins("local.get", 0), ...times(count, [...ins("local.get", 0), ...ins("i32.add")])],
    },
    {
      name: "long",
      params: [i64],
      results: [i64],
      code: [...ins("local.get", 0), ...times(count, [...ins("local.get", 0), ...ins("i64.xor")])],
    },
    {
      name: "select",
      params: [i32],
      results: [i32],
      code: [
        ...ins("local.get", 0),
        ...times(count, [
          ...i32Const(1),
          ...ins("i32.add"),
          ...i32Const(0),
          ...ins("local.get", 0),
          ...ins("select"),
        ]),
      ],
    },
  ]);
  const subject = Subject.of(bytes);
  assertBits([...subject.call("unary", 5), ...subject.call("unary", 0)], [1, 0]);
  assertBits(subject.call("binary", 3), [3 * (count + 1)]);
  assertBits([...subject.call("long", 77n)], [77n]);
  assertBits([...subject.call("select", 4), ...subject.call("select", 0)], [count + 4, 0]);
});

test("100,000 branches, calls, loads and stores in a row", () => {
  const count = 100_000 / 4;
  const bytes = moduleOf([
    {
      name: "next",
      params: [i32],
      results: [i32],
      code: [...ins("local.get", 0), ...i32Const(1), ...ins("i32.add")],
    },
    {
      name: "calls",
      params: [i32],
      results: [i32],
      code: [...ins("local.get", 0), ...times(count, ins("call", 0))],
    },
    {
      name: "branches",
      params: [i32],
      results: [i32],
      locals: [[1, i32]],
      code: [
        ...times(count, [...block, ...ins("local.get", 0), ...ins("br_if", 0), ...addTo(1, 1), ...end]),
        ...ins("local.get", 1),
      ],
    },
    {
      name: "stores",
      params: [i32],
      results: [i32],
      code: [
        ...times(count, (i) => [...i32Const(i * 2), ...ins("local.get", 0), ...ins("i32.store16", 1, 0)]),
        ...ins("local.get", 0),
        ...times(count, (i) => [...i32Const(i * 2), ...ins("i32.load16_u", 1, 0), ...ins("i32.add")]),
      ],
    },
  ]);
  const subject = Subject.of(bytes);
  assertBits(subject.call("calls", 9), [9 + count]);
  assertBits([...subject.call("branches", 0), ...subject.call("branches", 1)], [count, 0]);
  assertBits(subject.call("stores", 2), [2 + 2 * count]);
});

test("50,000 locals: of one type, and of all", () => {
  const limit = 50_000;
  const args = new Map<ValType, Bits>([[i32, 7], [i64, 1n << 40n | 9n], [f32, 0x7fa00001], [
    f64,
    f64Bits(2.5),
  ]]);
  for (const types of [[i32], [i64], [f32], [f64], [i32, i64, f32, f64]] as ValType[][]) {
    // Every 50th local of each type becomes its parameter, by way of the one before it; the last ones are results.
    const params = types.length;
    const step = 50;
    const count = Math.floor((limit - params) / types.length);
    const locals = types.map((type) => [count, type] as const);
    const first = types.map((_, t) => params + t * count);
    const code = first.flatMap((local, t) => [
      ...[...ins("local.get", t), ...ins("local.set", local)],
      ...times(Math.floor((count - 1) / step), (k) => [
        ...ins("local.get", local + k * step),
        ...ins("local.set", local + (k + 1) * step),
      ]),
      ...[
        ...ins("local.get", local + Math.floor((count - 1) / step) * step),
        ...ins("local.set", local + count - 1),
      ],
    ]);
    const last = first.flatMap((local) => ins("local.get", local + count - 1));
    const bytes = moduleOf([
      { name: "all", params: types, results: types, locals, code: [...code, ...last] },
      { name: "zero", params: types, results: types, locals, code: last },
    ]);
    const given = types.map((type) => args.get(type)!);
    for (const policy of policies) {
      const subject = Subject.of(bytes, { policy });
      assertBits(subject.call("all", ...given), given, `${types.map(valTypeName)}, policy ${policy}`);
      assertBits(subject.call("zero", ...given), given.map((bits) => typeof bits === "bigint" ? 0n : 0));
    }
  }
});

test("50,000 locals go through an image", async () => {
  const count = 25_000;
  const code = [
    ...times(count, (k) => [...i32Const(k * 3), ...ins("local.set", k)]),
    ...times(count, (k) => [...i64Const(BigInt(k) << 33n), ...ins("local.set", count + k)]),
    ...[
      ...loop,
      ...addTo(0, 1),
      ...ins("local.get", 0),
      ...i32Const(2),
      ...ins("i32.lt_u"),
      ...ins("br_if", 0),
      ...end,
    ],
    ...ins("local.get", 0),
    ...times(count - 1, (k) => [...ins("local.get", k + 1), ...ins("i32.add")]),
    ...ins("local.get", count),
    ...times(count - 1, (k) => [...ins("local.get", count + k + 1), ...ins("i64.add")]),
  ];
  const bytes = moduleOf([{ name: "f", results: [i32, i64], locals: [[count, i32], [count, i64]], code }]);
  const sum = count * (count - 1) / 2;
  const subject = Subject.of(bytes, everySite("loop"));
  assertBits(await subject.callByImages("f"), [(2 + 3 * sum) >>> 0, BigInt(sum) << 33n]);
  assert(subject.trips > 0);
});

test("1,000 parameters and 1,000 results, by calls of every kind, with and without images", async () => {
  const count = 1000;
  const types = range(count).map((i) => [i32, i64, f32, f64][i % 4]);
  const get = (from: number, to: number) => times(to - from, (i) => ins("local.get", from + i));
  const loopTwice = (local: number) => [
    ...loop,
    ...[
      ...addTo(local, 1),
      ...ins("local.get", local),
      ...i32Const(2),
      ...ins("i32.lt_u"),
      ...ins("br_if", 0),
    ],
    ...end,
  ];
  const reversed = [...types].reverse();
  // `reverse` gives its parameters in the opposite order, after a loop with sites.
  const reverse = [...loopTwice(count), ...times(count, (i) => ins("local.get", count - 1 - i))];
  const bytes = moduleOf([
    { name: "reverse", params: types, results: reversed, locals: [[1, i32]], code: reverse },
    { name: "call", params: types, results: reversed, code: [...get(0, count), ...ins("call", 0)] },
    {
      name: "call_indirect",
      params: types,
      results: reversed,
      code: [...get(0, count), ...i32Const(0), ...ins("call_indirect", 0, 0)],
    },
    {
      name: "block",
      params: types,
      results: reversed,
      code: [...get(0, count), ...ins("block", 0), ...ins("call", 0), ...end],
    },
    {
      name: "loop",
      params: types,
      results: reversed,
      locals: [[1, i32]],
      code: [
        ...get(0, count),
        ...ins("loop", 5), // type 5: the same parameters as results
        ...[
          ...addTo(count, 1),
          ...ins("local.get", count),
          ...i32Const(3),
          ...ins("i32.lt_u"),
          ...ins("br_if", 0),
        ],
        ...end,
        ...ins("call", 0),
      ],
    },
    { name: "same", params: types, results: types, code: get(0, count) },
  ]);
  const args = types.map((type, i) => {
    if (type === i32) return i * 7919;
    if (type === i64) return BigInt(i) << 35n | 3n;
    return type === f64 ? f64Bits(i / 8) : 0x7fa00000 | i;
  });
  const wanted = [...args].reverse();
  const names = ["reverse", "call", "call_indirect", "block", "loop"];
  for (const policy of policyNames) {
    const subject = Subject.of(bytes, { policy });
    for (const name of names) assertBits(subject.call(name, ...args), wanted, `policy ${policy}, ${name}`);
    assertBits(subject.call("same", ...args), args);
  }
  for (const name of names) {
    const subject = Subject.of(bytes, everySite("loop"));
    assertBits(await subject.callByImages(name, ...args), wanted, `${name}, images`);
    assert(subject.trips > 0);
  }
});
