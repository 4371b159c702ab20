/**
 * Rebuilt modules that take over an image: what each rule lets through, and what it refuses with which reason.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import wabt from "wabt";
import {
  type CompileOptions,
  encodeImage,
  Guest,
  type Outcome,
  policyNames,
  Program,
  readImage,
  RestoreError,
  type Snapshot,
  type Upgrade,
  upgradeImage,
} from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";

const assembler = await wabt();

function assemble(text: string, names = true): Program {
  const module = assembler.parseWat("test.wat", text, { reference_types: true, bulk_memory: true });
  try {
    return Program.from(module.toBinary({ write_debug_names: names }).buffer, { policy: "loop" });
  } finally {
    module.destroy();
  }
}

/** `main` adds what its callees give, and stops at `pause` in the middle of it, with an operand on the stack. */
const base = `(module
  (type $unary (func (param i32) (result i32)))
  (import "env" "pause" (func $pause))
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1 4)
  (table $table (export "table") 4 8 funcref)
  (elem (i32.const 1) $twice $thrice)
  (global $stack (export "stack") (mut i32) (i32.const 4096))
  (global $limit i64 (i64.const 50))
  (data (i32.const 1024) "abcdefgh")
  (data (i32.const 2048) "01234567")
  (data $passive "passive")
  (func $twice (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $thrice (type $unary) (i32.mul (local.get 0) (i32.const 3)))
  (func $fee (param $amount i32) (result i32) (i32.div_u (local.get $amount) (i32.const 10)))
  (func $letter (param $i i32) (result i32) (i32.load8_u offset=1024 (local.get $i)))
  (func $main (export "main") (param $n i32) (result i32) (local $i i32) (local $sum i32)
    (global.set $stack (i32.const 4080))
    (i32.add
      (local.get $n)
      (block (result i32)
        (call $pause)
        (loop $again
          (local.set $sum (i32.add (local.get $sum) (call $fee (i32.const 100))))
          (local.set $sum (i32.add (local.get $sum)
            (call_indirect (type $unary) (local.get $i) (i32.add (i32.const 1) (i32.and (local.get $i) (i32.const 1))))))
          (local.set $sum (i32.add (local.get $sum) (call $letter (local.get $i))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))
        (local.get $sum)))))`;
/** 1000 + 4 fees of 10 + (0 + 3 + 4 + 9) + "abcd". */
const RESULT = 1000 + 40 + 16 + (97 + 98 + 99 + 100);

const imports = { env: { pause: () => {}, log: () => {} } };

async function stopped(program: Program): Promise<Snapshot> {
  const guest = Guest.start(program, { entry: "main", args: [1000], imports, stopAtHostCall: 1 });
  const outcome = await guest.run();
  assert(outcome.kind === "checkpointed");
  return await readImage(await encodeImage(outcome.image, {}, denoCodec), denoCodec);
}

async function goOn(image: Snapshot, program: Program): Promise<Outcome> {
  return await (await Guest.restore(image, program, { imports })).run();
}

/** Rebuilds the base with changes `[what, by what]`. */
function changed(changes: readonly (readonly [string, string])[], text = base): string {
  return changes.reduce((text, [from, to]) => {
    assert(text.includes(from), `no ${from}`);
    return text.replaceAll(from, to);
  }, text);
}

const reasons = ({ findings }: Upgrade) =>
  findings.filter(({ fits }) => !fits).map(({ subject, text }) => `${subject}: ${text}`);

const old = assemble(base);
const image = await stopped(old);
const upgraded = (text: string) => upgradeImage(image, old, assemble(text));

type Case = readonly [title: string, result: number, ...changes: (readonly [string, string])[]];
const NEW_FUNCTION = "(func $new (param i64) (result i64) (local.get 0))";

const fitting: readonly Case[] = [
  ["nothing changed", RESULT, ["module", "module"]],
  ["a constant in a function that is not on the stack", RESULT + 40, ["(i32.const 10)))", "(i32.const 5)))"]],
  ["other locals and code in it", RESULT - 20, [
    "(i32.div_u (local.get $amount) (i32.const 10))",
    "(local $x f64) (nop) (i32.const 5)",
  ]],
  ["a function more in front of the others, so that all have other indices", RESULT, [
    "(func $twice",
    `${NEW_FUNCTION} (func $twice`,
  ]],
  ["so many functions more that indices take two bytes: sites are elsewhere", RESULT, [
    "(func $twice",
    `${"(func)".repeat(200)} (func $twice`,
  ]],
  ["functions in another order", RESULT, [
    "(func $twice (type $unary) (i32.mul (local.get 0) (i32.const 2)))",
    "",
  ], [
    "(func $letter",
    "(func $twice (type $unary) (i32.mul (local.get 0) (i32.const 2))) (func $letter",
  ]],
  ["another type in front of the others", RESULT, [
    "(type $unary (func",
    "(type (func (param f32))) (type $unary (func",
  ]],
  ["imports in another order, and one more", RESULT, [
    '(import "env" "pause" (func $pause))',
    '(import "env" "log" (func (param i32))) (import "env" "pause" (func $pause))',
  ], ['(import "env" "log" (func $log (param i32)))', ""]],
  ["an import that nothing on the stack calls is gone", RESULT, [
    '(import "env" "log" (func $log (param i32)))',
    "",
  ]],
  ["a global at the end, with its own value", RESULT, [
    "(global $limit i64 (i64.const 50))",
    "(global $limit i64 (i64.const 50)) (global $new (mut i32) (i32.const 7))",
  ], ["(i32.const 10)))", "(i32.add (i32.const 3) (global.get $new))))"]],
  ["an element in a place that was empty", RESULT, ["$twice $thrice)", "$twice $thrice $twice)"]],
  ["a longer table with a new function behind the others", RESULT - 40 + 4 * 18, [
    "4 8 funcref",
    "5 8 funcref",
  ], [
    "(elem (i32.const 1) $twice $thrice)",
    "(elem (i32.const 1) $twice $thrice) (elem (i32.const 4) $new)",
  ], [
    "(func $twice",
    "(func $new (result i32) (i32.const 18)) (func $twice",
  ], [
    "(i32.div_u (local.get $amount) (i32.const 10))",
    "(call_indirect (result i32) (i32.const 4))",
  ]],
  ["another table behind the first", RESULT, [
    "(elem",
    "(table $more 2 funcref) (elem (table $more) (i32.const 0) func $fee) (elem",
  ]],
  ["data in other segments, the same bytes in the same places", RESULT, [
    '(data (i32.const 1024) "abcdefgh")',
    '(data (i32.const 1028) "efgh") (data (i32.const 1024) "abcd")',
  ]],
  ["a passive segment more", RESULT, [
    '(data $passive "passive")',
    '(data $passive "passive") (data "more")',
  ]],
  ["a larger maximum", RESULT, ["1 4)", "1 5)"]],
];

for (const [title, result, ...changes] of fitting) {
  Deno.test(`goes on: ${title}`, async () => {
    const text = changed(changes);
    const upgrade = await upgraded(text);
    assertEquals(reasons(upgrade), []);
    assert(upgrade.fits);
    for (const policy of policyNames) {
      const program = assemble(text).withOptions({ policy } as CompileOptions);
      assertEquals(await goOn(upgrade.image!, program), { kind: "finished", exitCode: 0, results: [result] });
    }
  });
}

type Refused = readonly [title: string, reason: RegExp, ...changes: (readonly [string, string])[]];

const refused: readonly Refused[] = [
  [
    "a constant in a function on the stack",
    /^1 frame in main \(#0\): is on the stack, and its code changed at instruction 7 \(offset 0x\w+ of the code\): i32.const 100 is now i32.const 101$/,
    ["call $fee (i32.const 100)", "call $fee (i32.const 101)"],
  ],
  [
    "a local more in a function on the stack",
    /frame in main .*its code changed: locals i32 i32 i32 is now locals i32 i32 i32 f32$/,
    ["(local $sum i32)", "(local $sum i32) (local f32)"],
  ],
  [
    "the type of a function that one on the stack calls",
    /frame in main .*: call fee is now/,
    ["(func $fee (param $amount i32)", "(func $fee (param $amount i32) (param i32)"],
    ["(call $fee (i32.const 100))", "(call $fee (i32.const 100) (i32.const 1))"],
  ],
  [
    "the function that one on the stack calls is another",
    /frame in main .*call fee is now call letter/,
    ["(call $fee (i32.const 100))", "(call $letter (i32.const 100))"],
  ],
  ["a function on the stack is gone", /frame in main .*no function that is surely main/, [
    '(func $main (export "main")',
    '(func $other (export "other")',
  ], ["(call $fee (i32.const 100))", "(call $letter (i32.const 100))"]],
  ["what the stack stands in is imported no more", /frame in pause .*no function that is surely pause/, [
    '(import "env" "pause" (func $pause))',
    "",
  ], ["(func $twice", "(func $pause) (func $twice"]],
  ["an export is gone", /^export "stack": was a global, and now is gone$/, ['(export "stack") ', ""]],
  ["an export is something else", /^export "table": was a table, and now is a func$/, [
    '(export "table") ',
    "",
  ], ["(func $fee", '(func $fee (export "table")']],
  ["elements in another order", /^table 0: element 1 was twice, and now is thrice, element 2/, [
    "$twice $thrice)",
    "$thrice $twice)",
  ]],
  ["an element less", /^table 0: element 2 was thrice, and now is empty: function pointers/, [
    "$twice $thrice)",
    "$twice)",
  ]],
  ["elements elsewhere", /^table 0: element 1 was twice, and now is empty/, [
    "(elem (i32.const 1)",
    "(elem (i32.const 2)",
  ]],
  ["a shorter table", /^table 0: has 4 elements, and the new module allows 3$/, [
    "4 8 funcref",
    "3 3 funcref",
  ]],
  [
    "a table of another type",
    /^table 0: held funcref, and now holds externref$/,
    [
      "(table $table",
      "(table $x 4 8 externref) (table $table",
    ],
    ['(export "table") 4', "4"],
    ["(call_indirect (type", "(call_indirect $table (type"],
    [
      "(elem (i32.const 1)",
      "(elem (table $table) (i32.const 1) func",
    ],
    ["(table $x 4", '(table $x (export "table") 4'],
  ],
  ["a global's type", /^global 1.*: was i64, and now is i32$/, ["i64 (i64.const 50)", "i32 (i32.const 50)"]],
  ["a global's mutability", /^global 1.*: was i64, and now is mutable i64$/, ["i64 (i64", "(mut i64) (i64"]],
  ["a global's first value", /^global 0.*: began with i32.const 4096, and now begins with i32.const 8192$/, [
    "(i32.const 4096)",
    "(i32.const 8192)",
  ]],
  ["a constant global's value", /^global 1.*: began with i64.const 50, and now/, [
    "i64.const 50",
    "i64.const 51",
  ]],
  ["a global less", /^globals: there were 2, and now are 1$/, ["(global $limit i64 (i64.const 50))", ""]],
  ["a global that is imported", /^imports of kind global: were none, and now are "env" "g"$/, [
    "(memory",
    '(import "env" "g" (global i32)) (memory',
  ]],
  [
    "no memory",
    /^memories: there were 1, and now are 0$/,
    ['(memory (export "memory") 1 4)', ""],
    [
      '(data (i32.const 1024) "abcdefgh")',
      "",
    ],
    ['(data (i32.const 2048) "01234567")', ""],
    [
      "(i32.load8_u offset=1024 (local.get $i))",
      "(local.get $i)",
    ],
  ],
  ["a larger memory", /^memory 0: has 1 page, and the new module starts with 2$/, ["1 4)", "2 4)"]],
  ["other bytes", /^static data: 2 bytes at 0x402 were "cd", and now are "xy"/, ["abcdefgh", "abxyefgh"]],
  ["data moved", /^static data: 8 bytes at 0x800 \("01234567"\) are not initialised any more/, [
    "(i32.const 2048)",
    "(i32.const 2056)",
  ]],
  ["more data", /^static data: 1 byte at 0x408 .* are new, in a place that the old program may use/, [
    '"abcdefgh"',
    '"abcdefghi"',
  ]],
  ["another passive segment", /^static data: the passive segment 2 has other contents$/, [
    '"passive"',
    '"Passive"',
  ]],
  ["a variable moved, as code says", /^function letter: names 0x404 where 0x400 was: static data has moved/, [
    "offset=1024",
    "offset=1028",
  ]],
  [
    "a new function with a new variable",
    /^function new, which is new,: names 0x600, which no code of the old/,
    [
      "(func $twice",
      "(func $new (result i32) (i32.load (i32.const 1536))) (func $twice",
    ],
  ],
];

for (const [title, reason, ...changes] of refused) {
  Deno.test(`refused: ${title}`, async () => {
    const upgrade = await upgraded(changed(changes));
    assertEquals([upgrade.fits, upgrade.image], [false, undefined]);
    const all = reasons(upgrade);
    assert(all.some((each) => reason.test(each)), all.join("\n"));
  });
}

Deno.test("what the program did to its table is kept, and nothing new takes its place", async () => {
  const text = changed([[
    "(global.set $stack",
    "(table.set (i32.const 3) (ref.func $fee)) (global.set $stack",
  ], ["(elem (i32", "(elem declare func $fee) (elem (i32"]]);
  const program = assemble(text);
  const image = await stopped(program);
  const shifted = assemble(changed([["(func $twice", `${NEW_FUNCTION} (func $twice`]], text));
  const upgrade = await upgradeImage(image, program, shifted);
  assertEquals(reasons(upgrade), []);
  const fee = shifted.module.names.funcs.entries().find(([, name]) => name === "fee")![0];
  assertEquals(upgrade.image!.tables[0].elements[3], { kind: "func", instance: 0, func: fee });
  const taken = assemble(changed([["$twice $thrice)", "$twice $thrice $letter)"]], text));
  assertMatch(
    reasons(await upgradeImage(image, program, taken))[0],
    /^table 0: new elements would take the place.*: 3$/,
  );
});

Deno.test("without names functions are found by their code; in doubt they are not", async () => {
  const bare = assemble(base, false);
  const image = await stopped(bare);
  const withCode = (...changes: (readonly [string, string])[]) =>
    upgradeImage(image, bare, assemble(changed(changes), false));
  // The same functions in number and types: their order is taken to be the same.
  const fixed = await withCode(["(i32.const 10)))", "(i32.const 5)))"]);
  assertEquals(reasons(fixed), []);
  // One more in front: all but the changed one are found by their code, and main calls that one.
  const shifted = await withCode(["(func $twice", `${NEW_FUNCTION} (func $twice`]);
  assertEquals(reasons(shifted), []);
  const both = await withCode(["(func $twice", `${NEW_FUNCTION} (func $twice`], [
    "(i32.const 10)))",
    "(i32.const 5)))",
  ]);
  assertMatch(reasons(both)[0], /main/);
});

Deno.test("functions of one name are told apart by their code", async () => {
  // The text format has no two functions of one name: the name section is changed instead.
  const twins = (first: string, second: string) => {
    const { bytes } = assemble(`(module
      (import "env" "pause" (func $pause))
      (func $same_a (result i32) ${first})
      (func $same_b (result i32) ${second})
      (func (export "main") (param i32) (result i32)
        (call $pause) (i32.sub (call $same_a) (call $same_b))))`).module;
    const text = new TextDecoder("latin1").decode(bytes).replaceAll("same_a", "same_x").replaceAll(
      "same_b",
      "same_x",
    );
    return Program.from(Uint8Array.from(text, (char) => char.charCodeAt(0)), { policy: "loop" });
  };
  const before = twins("(i32.const 1)", "(i32.const 2)");
  const image = await stopped(before);
  const one = await upgradeImage(image, before, twins("(i32.const 1)", "(i32.const 5)"));
  assertEquals(reasons(one), []);
  const both = await upgradeImage(image, before, twins("(i32.const 4)", "(i32.const 5)"));
  assertMatch(reasons(both)[0], /call same_x is now call same_x/);
});

Deno.test("a deep recursion, references in frames, and a site that is no instruction", async () => {
  const text = `(module
    (import "env" "pause" (func $pause))
    (func $down (param $n i32) (param $f funcref) (result i32)
      (if (result i32) (local.get $n)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $f))))
        (else (call $pause) (ref.is_null (local.get $f)))))
    (elem declare func $main)
    (func $main (export "main") (param i32) (result i32) (call $down (local.get 0) (ref.func $main))))`;
  const program = assemble(text);
  const image = await stopped(program);
  const shifted = assemble(changed([["(func $down", `${NEW_FUNCTION} (func $down`]], text));
  const upgrade = await upgradeImage(image, program, shifted);
  assertEquals(reasons(upgrade), []);
  assertMatch(upgrade.findings[1].subject, /^1001 frames in down \(#1, #2, #3 and 998 more\)$/);
  assertEquals(await goOn(upgrade.image!, shifted), { kind: "finished", exitCode: 0, results: [1000] });
  const stack = image.stack.map((frame) => frame.func === 1 ? { ...frame, site: frame.site + 1 } : frame);
  const forged = await upgradeImage({ ...image, stack }, program, shifted);
  assertMatch(reasons(forged)[0], /frames in down .*no instruction of it$/);
});

Deno.test("an image of another module is refused", async () => {
  const other = assemble(changed([["(i32.const 10)))", "(i32.const 5)))"]]));
  await assertRejects(
    () => upgradeImage(image, other, old),
    RestoreError,
    "another module than the one given",
  );
});
