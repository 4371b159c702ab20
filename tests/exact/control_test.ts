/**
 * Control flow of sizes that no person writes and compilers do: wide `br_table`s and deep nesting.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type PolicyName, policyNames } from "../../compiler/policy.ts";
import { addTo, empty, i32, i32Const, ins, moduleOf, times } from "./bytes.ts";
import { assertBits, everySite, Subject, test } from "./subject.ts";

const end = ins("end");
const block = [...ins("block"), empty];
const loop = [...ins("loop"), empty];
const policies: readonly PolicyName[] = ["counter", "function"];

/** `br_table` with these labels; the last one is the default. */
const brTable = (labels: readonly number[]) => ins("br_table", labels.length - 1, ...labels);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

test("br_table: 10,000 entries for one label, for two, and for a few", () => {
  const count = 10_000;
  for (const labels of [1, 2, 5]) {
    // The label's number in local 1; entry i goes to label i modulo `labels`, the default behind them.
    const table = [...range(count).map((i) => i % labels), labels];
    const code = [
      ...times(labels + 1, block),
      ...ins("local.get", 0),
      ...brTable(table),
      ...times(labels + 1, (i) => [...end, ...i32Const(100 + i), ...ins("return")]),
      ...i32Const(-1),
    ];
    for (const policy of policyNames) {
      const subject = Subject.of(moduleOf([{ name: "f", params: [i32], results: [i32], code }]), { policy });
      for (const i of [0, 1, 2, 3, 4, 5, 127, 128, 4999, 9998, 9999]) {
        assertBits(subject.call("f", i), [100 + i % labels], `${labels} labels, entry ${i}`);
      }
      for (const i of [10_000, 10_001, 65_536, 0x7fffffff, 0x80000000, 0xffffffff]) {
        assertBits(subject.call("f", i), [100 + labels], `${labels} labels, entry ${i}`);
      }
    }
  }
});

test("br_table: 10,000 entries to a loop and out of it, with a value", () => {
  // A loop with an i32 parameter; even entries go round again with the value plus 1, odd ones leave.
  const count = 10_000;
  const code = [
    ...ins("local.get", 0),
    ...[...ins("block"), i32],
    ...i32Const(0),
    ...ins("loop", 0), // type 0: [i32] -> [i32]
    ...i32Const(1),
    ...ins("i32.add"),
    ...ins("local.get", 0),
    ...addTo(0, 1),
    ...brTable([...range(count).map((i) => i % 4 === 3 ? 1 : 0), 1]),
    ...end,
    ...end,
    ...ins("i32.add"),
  ];
  const bytes = moduleOf([{ name: "f", params: [i32], results: [i32], code }]);
  for (const policy of policyNames) {
    const subject = Subject.of(bytes, { policy });
    // From i on to the next entry that is 3 modulo 4.
    for (const i of [0, 1, 2, 3, 9996, 9999, 10_000, 0xfffffff0]) {
      const rounds = i >= count ? 1 : 4 - i % 4;
      assertBits(subject.call("f", i), [(i + rounds) >>> 0], `policy ${policy}, from ${i}`);
    }
  }
});

for (const depth of [100, 1000, 10_000]) {
  test(`br_table: ${depth} entries for as many nested blocks`, () => {
    // Every block that is left counts 1.
    const code = [
      ...times(depth, block),
      ...ins("local.get", 0),
      ...brTable(range(depth)),
      ...times(depth, [...end, ...addTo(1, 1)]),
      ...ins("local.get", 1),
    ];
    const bytes = moduleOf([{ name: "f", params: [i32], results: [i32], locals: [[1, i32]], code }]);
    for (const policy of policies) {
      const subject = Subject.of(bytes, { policy });
      for (const i of [0, 1, depth >> 1, depth - 2, depth - 1]) {
        assertBits(subject.call("f", i), [depth - i], `entry ${i}`);
      }
      assertBits(subject.call("f", depth + 5), [1]);
    }
  });
}

/**
 * Declares a test of `depth` nested blocks, for 1,000 of them under all policies and for very many under one. `code`
 * makes the body of a function from i32 to i32 with one more local; `cases` are arguments and results.
 */
function nested(
  what: string,
  most: number,
  code: (depth: number) => number[],
  cases: (depth: number) => readonly (readonly [number, number])[],
): void {
  for (const depth of [1000, most]) {
    test(`${depth} nested ${what}`, () => {
      const bytes = functionOf(code(depth));
      for (const policy of depth === 1000 ? policyNames : ["counter"] as const) {
        const subject = Subject.of(bytes, { policy });
        for (const [given, wanted] of cases(depth)) {
          assertBits(subject.call("f", given), [wanted], `policy ${policy}, ${given}`);
        }
      }
    });
  }
}

const functionOf = (code: readonly number[]) =>
  moduleOf([{ name: "f", params: [i32], results: [i32], locals: [[1, i32]], code }]);

nested(
  "blocks that no branch names",
  100_000,
  (depth) => [...times(depth, block), ...addTo(1, 7), ...times(depth, end), ...ins("local.get", 1)],
  () => [[0, 7]],
);

nested(
  "blocks with a result that goes through all",
  100_000,
  (depth) => [...times(depth, [...ins("block"), i32]), ...ins("local.get", 0), ...times(depth, end)],
  () => [[5, 5]],
);

nested(
  "blocks, each left by a branch unless the parameter is 0",
  100_000,
  (depth) => [
    ...times(depth, block),
    ...times(depth, [...ins("local.get", 0), ...ins("i32.eqz"), ...ins("br_if", 0), ...addTo(1, 1), ...end]),
    ...ins("local.get", 1),
  ],
  (depth) => [[0, 0], [1, depth]],
);

nested(
  "blocks, of which branches name the innermost and the outermost",
  100_000,
  (depth) => [
    ...times(depth, block),
    ...[...ins("local.get", 0), ...ins("br_if", 0), ...addTo(1, 1)],
    ...[...ins("local.get", 0), ...i32Const(1), ...ins("i32.sub"), ...ins("br_if", depth - 1)],
    ...times(depth - 1, [...end, ...addTo(1, 1)]),
    ...end,
    ...ins("local.get", 1),
  ],
  (depth) => [[0, 1], [1, depth - 1]],
);

nested(
  "loops, gone through once",
  20_000,
  (depth) => [...times(depth, [...loop, ...addTo(1, 1)]), ...times(depth, end), ...ins("local.get", 1)],
  (depth) => [[0, depth]],
);

nested(
  "loops, each with a branch back while the count is below the parameter",
  20_000,
  (depth) => [
    ...times(depth, loop),
    ...times(depth, [
      ...[...addTo(1, 1), ...ins("local.get", 1), ...ins("local.get", 0), ...ins("i32.lt_u")],
      ...[...ins("br_if", 0), ...end],
    ]),
    ...ins("local.get", 1),
  ],
  (depth) => [[0, depth], [depth + 500, depth + 500 + depth - 1]],
);

nested(
  "ifs",
  50_000,
  (depth) => [
    ...times(depth, [...ins("local.get", 0), ...ins("if"), empty, ...addTo(1, 1)]),
    ...times(depth, end),
    ...ins("local.get", 1),
  ],
  (depth) => [[0, 0], [1, depth]],
);

nested(
  "ifs, each in the else of the one before",
  20_000,
  // As a compiler writes `if (x == 0) r = 1; else if (x == 1) r = 2; ...`
  (depth) => [
    ...times(depth, (i) => [
      ...[...ins("local.get", 0), ...i32Const(i), ...ins("i32.eq"), ...ins("if"), empty],
      ...[...i32Const(i + 1), ...ins("local.set", 1), ...ins("else")],
    ]),
    ...times(depth, end),
    ...ins("local.get", 1),
  ],
  (depth) => [[0, 1], [depth - 1, depth], [depth, 0]],
);

for (const depth of [1000, 10_000]) {
  test(`${depth} nested blocks around a loop with sites, through images`, async () => {
    const code = [
      ...times(depth, [...block, ...addTo(1, 1)]),
      ...[...loop, ...addTo(0, -1), ...ins("local.get", 0), ...ins("br_if", 0), ...end],
      ...[...ins("local.get", 1), ...ins("br_if", depth >> 1)],
      ...times(depth, [...end, ...addTo(1, 1)]),
      ...ins("local.get", 1),
    ];
    const subject = Subject.of(functionOf(code), everySite("loop"));
    assertBits(await subject.callByImages("f", 3), [depth + depth - (depth >> 1)]);
    assert(subject.trips > 0);
  });
}
