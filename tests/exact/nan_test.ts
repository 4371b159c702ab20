/**
 * The bits of NaNs: whatever moves a float keeps them all, sign operations change the sign alone, arithmetic
 * makes them quiet (WebAssembly 2.0, sections 4.3.3 "Floating-Point Operations" and 4.4).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CompileOptions, policyNames } from "../../compiler/policy.ts";
import { TrapKind } from "../../runtime/trap.ts";
import type { Bits } from "../../runtime/value.ts";
import { assemble, assertBits, assertTrap, everySite, hex, type Host, Subject, test } from "./subject.ts";

interface FloatType {
  readonly float: "f32" | "f64";
  readonly int: "i32" | "i64";
  readonly width: number;
  readonly sign: bigint;
  /** The top bit of the fraction: set in quiet NaNs. */
  readonly quiet: bigint;
  readonly infinity: bigint;
  readonly nans: readonly bigint[];
}

const types: readonly FloatType[] = [
  {
    float: "f32",
    int: "i32",
    width: 32,
    sign: 1n << 31n,
    quiet: 1n << 22n,
    infinity: 0x7f800000n,
    nans: [
      0x7fa00000n,
      0x7f800001n,
      0xff800001n,
      0xffa12345n,
      0x7fbfffffn,
      0x7fc00000n,
      0x7fc00001n,
      0xffc00000n,
      0xffffffffn,
    ],
  },
  {
    float: "f64",
    int: "i64",
    width: 64,
    sign: 1n << 63n,
    quiet: 1n << 51n,
    infinity: 0x7ff0000000000000n,
    nans: [
      0x7ff4000000000000n,
      0x7ff0000000000001n,
      0xfff0000000000001n,
      0xfff4123456789abcn,
      0x7ff7ffffffffffffn,
      0x7ff0000080000000n,
      0x7ff8000000000000n,
      0x7ff8000000000001n,
      0xfff8000000000000n,
      0xffffffffffffffffn,
    ],
  },
];

/** Values that are no NaNs and go the same ways. */
const others = ({ sign, infinity }: FloatType) => [0n, sign, 1n, infinity, sign | infinity, infinity - 1n];

const bitsOf = ({ float }: FloatType, value: bigint): Bits => float === "f32" ? Number(value) : value;

/** `$x` holds the float; what is left on the stack must be the same. `$y` and `$n` are spare locals. */
const moves: Readonly<Record<string, string>> = {
  "a local": `(local.get $x)`,
  "another local": `(local.set $y (local.get $x)) (local.get $y)`,
  "local.tee": `(local.tee $y (local.get $x)) (drop) (local.get $y)`,
  "a global": `(global.set $g (local.get $x)) (global.get $g)`,
  "global to global": `(global.set $g (local.get $x)) (global.set $h (global.get $g)) (global.get $h)`,
  "memory": `(T.store (i32.const 16) (local.get $x)) (T.load (i32.const 16))`,
  "unaligned memory at a variable address": `
    (local.set $n (i32.const 13))
    (T.store offset=8 (local.get $n) (local.get $x)) (T.load offset=8 (local.get $n))`,
  "memory across a page": `(T.store (i32.const 65535) (local.get $x)) (T.load (i32.const 65535))`,
  "memory to memory": `
    (T.store (i32.const 16) (local.get $x)) (T.store (i32.const 41) (T.load (i32.const 16)))
    (T.load (i32.const 41))`,
  "memory as an integer": `
    (T.store (i32.const 16) (local.get $x)) (T.reinterpret_I (I.load (i32.const 16)))`,
  "an integer in memory": `
    (I.store (i32.const 16) (I.reinterpret_T (local.get $x))) (T.load (i32.const 16))`,
  "memory to a local": `
    (T.store (i32.const 16) (local.get $x)) (local.set $y (T.load (i32.const 16))) (local.get $y)`,
  "memory to a global": `
    (T.store (i32.const 16) (local.get $x)) (global.set $g (T.load (i32.const 16))) (global.get $g)`,
  "memory to an argument": `
    (T.store (i32.const 16) (local.get $x)) (call $same (T.load (i32.const 16)))`,
  "memory to an integer": `
    (T.store (i32.const 16) (local.get $x)) (T.reinterpret_I (I.reinterpret_T (T.load (i32.const 16))))`,
  "memory to a result": `
    (T.store (i32.const 16) (local.get $x)) (return (T.load (i32.const 16)))`,
  "memory to a label": `
    (T.store (i32.const 16) (local.get $x)) (block (result T) (br 0 (T.load (i32.const 16))))`,
  "memory under a write": `
    (T.store (i32.const 16) (local.get $x)) (T.load (i32.const 16)) (T.store (i32.const 16) (T.const 1))`,
  "reinterpretation": `(T.reinterpret_I (I.reinterpret_T (local.get $x)))`,
  "the first arm of select": `(select (local.get $x) (T.const 1) (i32.const 1))`,
  "the second arm of select": `(select (T.const 1) (local.get $x) (i32.const 0))`,
  "select with a type": `(select (result T) (local.get $x) (local.get $x) (local.get $n))`,
  "select of loads": `
    (T.store (i32.const 16) (local.get $x))
    (select (T.load (i32.const 24)) (T.load (i32.const 16)) (local.get $n))`,
  "select of globals": `
    (global.set $g (local.get $x)) (select (global.get $g) (global.get $h) (i32.eqz (local.get $n)))`,
  "a block": `(block (result T) (local.get $x))`,
  "br": `(block (result T) (T.const 1) (br 0 (local.get $x)))`,
  "br to the function": `(br 0 (local.get $x))`,
  "br_if taken": `(block (result T) (br_if 0 (local.get $x) (i32.const 1)) (drop) (T.const 1))`,
  "br_if not taken": `(block (result T) (br_if 0 (local.get $x) (local.get $n)))`,
  "br_table": `
    (block $a (result T) (block $b (result T) (br_table $b $a (local.get $x) (i32.const 1))) (drop) (T.const 1))`,
  "if": `(if (result T) (i32.eqz (local.get $n)) (then (local.get $x)) (else (T.const 1)))`,
  "else": `(if (result T) (local.get $n) (then (T.const 1)) (else (local.get $x)))`,
  "the parameter of a loop": `
    (local.get $x)
    (loop (param T) (result T) (br_if 0 (i32.ne (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 9))))`,
  "a call": `(call $same (local.get $x))`,
  "call_indirect": `(call_indirect (type $move) (local.get $x) (i32.const 0))`,
  "return": `(return (local.get $x))`,
  "the first of three results": `(call $three (local.get $x) (T.const 1) (T.const 2)) (drop) (drop)`,
  "the second of three results": `
    (call $three (T.const 1) (local.get $x) (T.const 2)) (drop) (local.set $y) (drop) (local.get $y)`,
  "the third of three results": `
    (call $three (T.const 1) (T.const 2) (local.get $x)) (local.set $y) (drop) (drop) (local.get $y)`,
  "the sign twice": `(T.neg (T.neg (local.get $x)))`,
  "its own sign": `(T.copysign (local.get $x) (local.get $x))`,
};

/** The same, with `$site` in between: a function that has sites, and may be in the middle of an image. */
const movesAcrossSites: Readonly<Record<string, string>> = {
  "a local": `(call $site) (local.get $x)`,
  "a local after a loop": `
    (loop (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 3)))) (local.get $x)`,
  "an operand": `(local.get $x) (call $site)`,
  "a loaded operand": `(T.store (i32.const 16) (local.get $x)) (T.load (i32.const 16)) (call $site)`,
  "an operand of a loop": `
    (local.get $x)
    (loop (param T) (result T) (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 3))))`,
  "a global": `(global.set $g (local.get $x)) (call $site) (global.get $g)`,
  "memory": `(T.store (i32.const 16) (local.get $x)) (call $site) (T.load (i32.const 16))`,
  "results": `
    (call $three (local.get $x) (T.const 1) (local.get $x)) (call $site)
    (local.set $y) (drop) (drop) (local.get $y)`,
  "an argument and a result": `(call $slow (local.get $x))`,
};

function spell(text: string, { float, int }: FloatType): string {
  return text.replace(/(?<![A-Za-z])T(?![A-Za-z])/g, float).replace(/(?<![A-Za-z])I(?![A-Za-z])/g, int);
}

/** A module with a function for each entry of a table of bodies. */
function moduleOf(type: FloatType, bodies: readonly string[]): string {
  return spell(
    `(module
      (type $move (func (param T) (result T)))
      (import "env" "pause" (func $pause))
      (import "env" "echo" (func $echo (param T) (result T)))
      (memory (export "memory") 2)
      (table funcref (elem $same))
      (global $g (export "g") (mut T) (T.const 0))
      (global $h (mut T) (T.const 0))
      (func $same (param T) (result T) (local.get 0))
      (func $three (param T T T) (result T T T) (local.get 0) (local.get 1) (local.get 2))
      (func $site (local $i i32)
        (loop (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2))))
        (call $pause))
      (func $slow (param T) (result T) (call $site) (local.get 0))
      (func (export "echo") (param $x T) (result T T) (call $echo (local.get $x)) (local.get $x))
      ${
      bodies.map((body, i) =>
        `(func (export "${i}") (param $x T) (result T) (local $y T) (local $n i32) ${body})`
      ).join("\n")
    })`,
    type,
  );
}

/** Every policy, and code without JavaScript's own control flow. */
const codeOptions: readonly Partial<CompileOptions>[] = [...policyNames.map((policy) => ({ policy })), {
  maxNesting: -1,
}];
const host: Host = { pause: () => {}, echo: (x: number) => x };

for (const type of types) {
  const { float, nans, sign, quiet, infinity } = type;
  const values = [...nans, ...others(type)];

  test(`${float}: NaNs keep their bits wherever values move`, async () => {
    const bytes = await assemble(moduleOf(type, Object.values(moves)));
    for (const options of codeOptions) {
      const subject = Subject.of(bytes, options, host);
      Object.keys(moves).forEach((name, i) => {
        for (const value of values) {
          const bits = bitsOf(type, value);
          assertBits(subject.call(`${i}`, bits), [bits], `${name}, ${JSON.stringify(options)}`);
        }
      });
    }
  });

  test(`${float}: NaNs keep their bits across sites, with and without images`, async () => {
    const bytes = await assemble(moduleOf(type, Object.values(movesAcrossSites)));
    for (const options of codeOptions) {
      const subject = Subject.of(bytes, { ...everySite("loop"), ...options }, host);
      const names = Object.keys(movesAcrossSites);
      for (let i = 0; i < names.length; i++) {
        const message = `${names[i]}, ${JSON.stringify(options)}`;
        for (const value of values) {
          const bits = bitsOf(type, value);
          assertBits(subject.call(`${i}`, bits), [bits], message);
        }
        for (const value of [nans[0], nans[3], sign]) {
          const bits = bitsOf(type, value);
          assertBits(await subject.callByImages(`${i}`, bits), [bits], `${message}, images`);
        }
      }
      assert(subject.trips > 3 * names.length, `only ${subject.trips} round trips`);
    }
  });

  test(`${float}: constants and initial values of globals keep the bits of NaNs`, async () => {
    for (const value of nans) {
      const text = `${value & sign ? "-" : ""}nan:0x${
        (value & (infinity - 1n) & ((quiet << 1n) - 1n)).toString(16)
      }`;
      const bytes = await assemble(spell(
        `(module
          (global (export "g") T (T.const ${text}))
          (global $m (export "m") (mut T) (T.const ${text}))
          (memory (export "memory") 1)
          (func (export "const") (result T) (T.const ${text}))
          (func (export "operands") (result T T T) (T.const 1) (T.const ${text}) (T.const ${text}))
          (func (export "store") (T.store (i32.const 3) (T.const ${text})))
          (func (export "select") (param i32) (result T)
            (select (T.const ${text}) (T.const 2) (local.get 0)))
          (func (export "neg") (result T) (T.neg (T.const ${text})))
          (func (export "kept") (result T)
            (T.const ${text}) (loop (br_if 0 (i32.const 0)))))`,
        type,
      ));
      const subject = Subject.of(bytes, everySite("loop"));
      const bits = bitsOf(type, value);
      assertBits([subject.global("g"), subject.global("m")], [bits, bits], text);
      assertBits(subject.call("const"), [bits], text);
      assertBits(subject.call("operands").slice(1), [bits, bits], text);
      assertBits(subject.call("select", 1), [bits], text);
      assertBits(subject.call("neg"), [bitsOf(type, value ^ sign)], text);
      assertBits(subject.call("kept"), [bits], text);
      subject.call("store");
      const stored = new DataView(subject.memory().buffer);
      assertBits(
        [type.width === 32 ? stored.getUint32(3, true) : stored.getBigUint64(3, true)],
        [bits],
        text,
      );
    }
  });

  test(`${float}: host functions get numbers, and NaNs beside them are untouched`, async () => {
    const seen: number[] = [];
    const echo = (x: number) => (seen.push(x), x);
    const subject = Subject.of(await assemble(moduleOf(type, [])), {}, { ...host, echo });
    for (const value of others(type)) {
      const bits = bitsOf(type, value);
      assertBits(subject.call("echo", bits), [bits, bits], hex(bits));
    }
    assert(Object.is(seen[1], -0) && seen[3] === Infinity && seen[4] === -Infinity);
    for (const value of nans) {
      const bits = bitsOf(type, value);
      const [back, kept] = subject.call("echo", bits);
      assert(Number.isNaN(seen.at(-1)), "the host sees a NaN");
      assertBits(
        [BigInt(back as number) & (infinity | quiet), kept],
        [infinity | quiet, bits],
        "a NaN came back",
      );
    }
  });

  test(`${float}: neg, abs and copysign change the sign and nothing else`, async () => {
    const operands = {
      local: (x: string) => `(local.get ${x})`,
      loaded: (x: string) =>
        `(T.load (select (i32.const 8) (i32.const 16) (i32.eq (i32.const ${x}) (i32.const 0))))`,
      computed: (x: string) => `(T.reinterpret_I (I.xor (I.reinterpret_T (local.get ${x})) (I.const 0)))`,
    };
    const forms = Object.entries(operands).flatMap(([name, operand]) =>
      [
        [`neg ${name}`, `(T.neg ${operand("0")})`, (x: bigint) => x ^ sign],
        [`abs ${name}`, `(T.abs ${operand("0")})`, (x: bigint) => x & ~sign],
        [`abs of neg ${name}`, `(T.abs (T.neg ${operand("0")}))`, (x: bigint) => x & ~sign],
        [`neg of abs ${name}`, `(T.neg (T.abs ${operand("0")}))`, (x: bigint) => x | sign],
        [
          `copysign ${name}`,
          `(T.copysign ${operand("0")} ${operand("1")})`,
          (x: bigint, y: bigint) => x & ~sign | y & sign,
        ],
        [
          `copysign of neg ${name}`,
          `(T.copysign (T.neg ${operand("0")}) (T.neg ${operand("1")}))`,
          (x: bigint, y: bigint) => x & ~sign | ~y & sign,
        ],
      ] as [string, string, (x: bigint, y: bigint) => bigint][]
    );
    const bytes = await assemble(spell(
      `(module (memory 1) ${
        forms.map(([, body], i) => `
          (func (export "${i}") (param T T) (result T)
            (T.store (i32.const 8) (local.get 0)) (T.store (i32.const 16) (local.get 1)) ${body})`).join("")
      })`,
      type,
    ));
    const subject = Subject.of(bytes);
    forms.forEach(([name, , reference], i) => {
      for (const x of values) {
        for (const y of [0n, sign, nans[0], nans[0] | sign, 1n]) {
          const expected = bitsOf(type, reference(x, y) & ((1n << BigInt(type.width)) - 1n));
          assertBits(
            subject.call(`${i}`, bitsOf(type, x), bitsOf(type, y)),
            [expected],
            `${name} ${hex(x)} ${hex(y)}`,
          );
        }
      }
    });
  });

  test(`${float}: arithmetic on a NaN gives a quiet NaN, comparison false, truncation a trap`, async () => {
    const other = float === "f32" ? "f64" : "f32";
    const across = float === "f32" ? "f64.promote_f32" : "f32.demote_f64";
    const unary = ["ceil", "floor", "trunc", "nearest", "sqrt"];
    const binary = ["add", "sub", "mul", "div", "min", "max"];
    const comparisons = ["eq", "ne", "lt", "gt", "le", "ge"];
    const integers = ["i32", "i64"].flatMap((int) => ["s", "u"].map((s) => [int, s]));
    const bytes = await assemble(spell(
      `(module (memory 1)
        ${
        unary.map((op) => `(func (export "${op}") (param T) (result T) (T.${op} (local.get 0)))`).join("\n")
      }
        ${
        binary.map((op) => `
          (func (export "${op}") (param T T) (result T) (T.${op} (local.get 0) (local.get 1)))
          (func (export "${op} of loads") (param T T) (result T)
            (T.store (i32.const 8) (local.get 0)) (T.store (i32.const 16) (local.get 1))
            (T.${op} (T.load (i32.const 8)) (T.load (i32.const 16))))`).join("\n")
      }
        ${
        comparisons.map((op) => `
          (func (export "${op}") (param T T) (result i32) (T.${op} (local.get 0) (local.get 1)))`).join("\n")
      }
        ${
        integers.map(([int, s]) => `
          (func (export "${int} ${s}") (param T) (result ${int}) (${int}.trunc_T_${s} (local.get 0)))
          (func (export "sat ${int} ${s}") (param T) (result ${int}) (${int}.trunc_sat_T_${s} (local.get 0)))`)
          .join("\n")
      }
        (func (export "across") (param T) (result ${other}) (${across} (local.get 0))))`,
      type,
    ));
    const subject = Subject.of(bytes);
    const one = float === "f32" ? 0x3f800000n : 0x3ff0000000000000n;
    const assertQuiet = (name: string, ...args: bigint[]) => {
      const [result] = subject.call(name, ...args.map((arg) => bitsOf(type, arg)));
      const message = `${name} of ${args.map(hex)}: ${hex(result)}`;
      assertEquals(BigInt(result as number) & (infinity | quiet), infinity | quiet, message);
    };
    for (const nan of nans) {
      const bits = bitsOf(type, nan);
      for (const op of unary) assertQuiet(op, nan);
      for (const op of binary) {
        for (const name of [op, `${op} of loads`]) {
          for (const y of [one, 0n, sign, infinity, nans[0]]) {
            assertQuiet(name, nan, y);
            assertQuiet(name, y, nan);
          }
        }
      }
      for (const op of comparisons) {
        for (const y of [nan, one, nans[1]]) {
          const expected = op === "ne" ? 1 : 0;
          assertBits(
            subject.call(op, bits, bitsOf(type, y)),
            [expected],
            `${op} of ${hex(nan)} and ${hex(y)}`,
          );
          assertBits(
            subject.call(op, bitsOf(type, y), bits),
            [expected],
            `${op} of ${hex(y)} and ${hex(nan)}`,
          );
        }
      }
      for (const [int, s] of integers) {
        assertTrap(TrapKind.invalidConversion, () => subject.call(`${int} ${s}`, bits));
        assertBits(subject.call(`sat ${int} ${s}`, bits), [int === "i32" ? 0 : 0n]);
      }
      const mask = float === "f32" ? 0x7ff8000000000000n : 0x7fc00000n;
      const [moved] = subject.call("across", bits);
      assertEquals(BigInt(moved as number) & mask, mask, `${across} of ${hex(bits)}: ${hex(moved)}`);
    }
    // What makes a NaN of numbers makes a quiet one, too.
    for (
      const [name, x, y] of [["sub", infinity, infinity], ["mul", 0n, infinity], ["div", 0n, sign]] as const
    ) {
      assertQuiet(name, x, y);
    }
    assertQuiet("sqrt", sign | one);
  });

  test(`${float}: a long loop of optimised code keeps the bits of NaNs`, async () => {
    // Swaps two floats by way of locals, memory, a global and an integer, 50,001 times.
    const bytes = await assemble(spell(
      `(module (memory 1) (global $g (mut T) (T.const 0))
        (func (export "swap") (param $x T) (param $y T) (param $n i32) (result T T) (local $t T)
          (loop
            (local.set $t (local.get $x))
            (T.store (i32.const 5) (local.get $y))
            (local.set $x (T.load (i32.const 5)))
            (global.set $g (local.get $t))
            (local.set $y (T.reinterpret_I (I.reinterpret_T (global.get $g))))
            (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          (local.get $x) (local.get $y)))`,
      type,
    ));
    for (const policy of policyNames) {
      const subject = Subject.of(bytes, { policy });
      const [x, y] = [bitsOf(type, nans[0]), bitsOf(type, nans[3])];
      assertBits(subject.call("swap", x, y, 50_001), [y, x], `policy ${policy}`);
      assertBits(
        subject.call("swap", bitsOf(type, 1n), y, 50_001),
        [y, bitsOf(type, 1n)],
        `policy ${policy}`,
      );
    }
  });
}
