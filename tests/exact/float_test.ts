/**
 * Rounding and signs of float arithmetic as compiled code, against exact fractions.
 *
 * @module
 */
import { assert } from "@std/assert";
import { Random } from "../fuzz/random.ts";
import {
  binary32,
  binary64,
  type Format,
  infinity,
  operations,
  rationalOf,
  round,
  signBit,
  squareRoot,
} from "./rational.ts";
import { assemble, assertBits, f32, f64, hex, Subject, test } from "./subject.ts";

const formats: readonly Format[] = [binary32, binary64];

/** A finite float: with any exponent, with one near that of `near`, subnormal, or with few bits. */
function randomFloat(random: Random, format: Format, near = 0n): bigint {
  const { width, fraction } = format;
  const limit = infinity(format);
  const sign = random.chance(0.5) ? signBit(format) : 0n;
  const bits = random.u64() & ((1n << fraction) - 1n);
  const few = bits >> BigInt(random.below(Number(fraction) + 1)) <<
    BigInt(random.below(Number(fraction) + 1));
  const low = random.chance(0.3) ? few & ((1n << fraction) - 1n) : bits;
  const exponents = limit >> fraction;
  const choice = random.below(4);
  const around = (near & (limit - 1n | limit)) >> fraction;
  let exponent = random.u64() % exponents;
  if (choice < 2) exponent = around + BigInt(random.between(-Number(fraction) - 3, Number(fraction) + 3));
  if (choice === 2 && random.chance(0.3)) exponent = BigInt(random.below(3));
  if (exponent < 0n) exponent = 0n;
  if (exponent >= exponents) exponent = exponents - 1n;
  return BigInt.asUintN(width, sign | exponent << fraction | low);
}

function edges(format: Format): bigint[] {
  const limit = infinity(format);
  const one = round({ numerator: 1n, denominator: 1n }, format);
  const normal = 1n << format.fraction;
  const positive = [
    1n,
    2n,
    3n,
    normal - 1n,
    normal,
    normal + 1n,
    one - 1n,
    one,
    one + 1n,
    limit - 2n,
    limit - 1n,
  ];
  return positive.flatMap((bits) => [bits, bits | signBit(format)]);
}

for (const format of formats) {
  const type = `f${format.width}`;
  const bytes = format.width / 8;
  const length = 12_000;

  test(`${type}: arithmetic rounds once, to nearest, ties to even`, async () => {
    const random = new Random(3);
    const known = edges(format);
    const a: bigint[] = [];
    const b: bigint[] = [];
    for (const x of known) for (const y of known) (a.push(x), b.push(y));
    while (a.length < length) {
      const x = randomFloat(random, format);
      a.push(x);
      b.push(randomFloat(random, format, x));
    }
    const region = length * bytes;
    const loads = [`(${type}.load (local.get $i))`, `(${type}.load offset=${region} (local.get $i))`];
    const loop = (name: string, value: string) => `
      (func (export "${name}") (local $i i32) (local $a ${type}) (local $b ${type})
        (loop
          (local.set $a ${loads[0]}) (local.set $b ${loads[1]})
          (${type}.store offset=${2 * region} (local.get $i) ${value})
          (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const ${bytes}))) (i32.const ${region})))))`;
    const ops = Object.keys(operations);
    const subject = Subject.of(
      await assemble(`(module (memory (export "memory") ${Math.ceil(3 * region / 65536)})
        ${ops.map((op) => loop(op, `(${type}.${op} (local.get $a) (local.get $b))`)).join("")}
        ${ops.map((op) => loop(`${op} of loads`, `(${type}.${op} ${loads.join(" ")})`)).join("")}
        ${
        ops.map((op) =>
          loop(
            `${op} twice`,
            `
          (${type}.${op} (${type}.${op} (local.get $a) (local.get $b)) (local.get $b))`,
          )
        ).join("")
      }
        ${loop("sqrt", `(${type}.sqrt (${type}.abs (local.get $a)))`)}
        ${loop("mul and add", `(${type}.add (${type}.mul (local.get $a) (local.get $b)) (local.get $a))`)})`),
    );
    const { buffer } = subject.memory();
    const memory = format.width === 32 ? new Uint32Array(buffer) : new BigUint64Array(buffer);
    for (let i = 0; i < length; i++) {
      memory[i] = (format.width === 32 ? Number(a[i]) : a[i]) as never;
      memory[length + i] = (format.width === 32 ? Number(b[i]) : b[i]) as never;
    }
    const check = (name: string, reference: (x: bigint, y: bigint) => bigint | undefined) => {
      subject.call(name);
      let checked = 0;
      for (let i = 0; i < length; i++) {
        const wanted = reference(a[i], b[i]);
        if (wanted === undefined) continue;
        checked++;
        const got = BigInt(memory[2 * length + i]);
        assert(
          got === wanted,
          `${type} ${name} ${hex(a[i])} ${hex(b[i])}: ${hex(got)} instead of ${hex(wanted)}`,
        );
      }
      assert(checked > length / 3, `${name}: only ${checked} checked`);
    };
    const finite = (bits: bigint) => (bits & infinity(format)) !== infinity(format);
    // The sign of a zero has rules of its own, which the next test looks at.
    const apply = (op: string, x: bigint | undefined, y: bigint) => {
      if (x === undefined || !finite(x)) return undefined;
      const divisor = rationalOf(y, format);
      if (op === "div" && divisor.numerator === 0n) return undefined;
      const exact = operations[op](rationalOf(x, format), divisor);
      const bits = round(exact, format);
      return exact.numerator === 0n || bits === 0n ? undefined : bits;
    };
    for (const op of ops) {
      check(op, (x, y) => apply(op, x, y));
      check(`${op} of loads`, (x, y) => apply(op, x, y));
      check(`${op} twice`, (x, y) => apply(op, apply(op, x, y), y));
    }
    check("mul and add", (x, y) => apply("add", apply("mul", x, y), x));
    check("sqrt", (x) => {
      const exact = rationalOf(x & ~signBit(format), format);
      return exact.numerator === 0n ? undefined : round(squareRoot(exact), format);
    });
  });

  test(`${type}: signs of zeros and results that are infinite`, async () => {
    const ops = ["add", "sub", "mul", "div", "min", "max", "copysign"];
    const numbers = { "0": 0, "-0": -0, "1": 1, "-1": -1, "inf": Infinity, "-inf": -Infinity };
    const bitsOf = (value: number) => format.width === 32 ? f32(value) : f64(value);
    const names = Object.keys(numbers) as (keyof typeof numbers)[];
    const subject = Subject.of(
      await assemble(`(module
        ${
        ops.map((op) => `
          (func (export "${op}") (param ${type} ${type}) (result ${type}) (${type}.${op} (local.get 0) (local.get 1)))
          ${
          names.map((y) => `
          (func (export "${op} ${y}") (param ${type}) (result ${type}) (${type}.${op} (local.get 0) (${type}.const ${y})))
          ${
            names.map((x) => `
          (func (export "${x} ${op} ${y}") (result ${type}) (${type}.${op} (${type}.const ${x}) (${type}.const ${y})))`)
              .join("")
          }`).join("")
        }`).join("")
      }
        (func (export "sqrt") (param ${type}) (result ${type}) (${type}.sqrt (local.get 0)))
        (func (export "neg") (param ${type}) (result ${type}) (${type}.neg (local.get 0)))
        (func (export "0 - x") (param ${type}) (result ${type}) (${type}.sub (${type}.const 0) (local.get 0)))
        (func (export "x - 0") (param ${type}) (result ${type}) (${type}.sub (local.get 0) (${type}.const 0)))
        (func (export "x + 0") (param ${type}) (result ${type}) (${type}.add (local.get 0) (${type}.const 0)))
        (func (export "x + -0") (param ${type}) (result ${type}) (${type}.add (local.get 0) (${type}.const -0)))
        (func (export "x * 1") (param ${type}) (result ${type}) (${type}.mul (local.get 0) (${type}.const 1)))
        (func (export "zero") (result ${type}) (${type}.const 0))
        (func (export "minus zero") (result ${type}) (${type}.const -0)))`),
    );
    // By the specification's rules for zeros, in words that do not use JavaScript's arithmetic.
    const expected: Record<string, Record<string, Record<string, number>>> = {
      add: {
        "0": { "0": 0, "-0": 0, "1": 1, "-1": -1, "inf": Infinity, "-inf": -Infinity },
        "-0": { "0": 0, "-0": -0, "1": 1, "-1": -1, "inf": Infinity, "-inf": -Infinity },
        "1": { "0": 1, "-0": 1, "1": 2, "-1": 0, "inf": Infinity, "-inf": -Infinity },
        "-1": { "0": -1, "-0": -1, "1": 0, "-1": -2, "inf": Infinity, "-inf": -Infinity },
        "inf": { "0": Infinity, "-0": Infinity, "1": Infinity, "-1": Infinity, "inf": Infinity },
      },
      sub: {
        "0": { "0": 0, "-0": 0, "1": -1, "-1": 1, "inf": -Infinity, "-inf": Infinity },
        "-0": { "0": -0, "-0": 0, "1": -1, "-1": 1, "inf": -Infinity, "-inf": Infinity },
        "1": { "0": 1, "-0": 1, "1": 0, "-1": 2 },
      },
      mul: {
        "0": { "0": 0, "-0": -0, "1": 0, "-1": -0 },
        "-0": { "0": -0, "-0": 0, "1": -0, "-1": 0 },
        "1": { "0": 0, "-0": -0, "inf": Infinity, "-inf": -Infinity },
        "-1": { "0": -0, "-0": 0, "inf": -Infinity, "-inf": Infinity },
      },
      div: {
        "0": { "1": 0, "-1": -0, "inf": 0, "-inf": -0 },
        "-0": { "1": -0, "-1": 0, "inf": -0, "-inf": 0 },
        "1": { "0": Infinity, "-0": -Infinity, "inf": 0, "-inf": -0 },
        "-1": { "0": -Infinity, "-0": Infinity, "inf": -0, "-inf": 0 },
      },
      min: {
        "0": { "0": 0, "-0": -0, "1": 0, "-1": -1, "inf": 0, "-inf": -Infinity },
        "-0": { "0": -0, "-0": -0, "1": -0, "-1": -1, "inf": -0, "-inf": -Infinity },
      },
      max: {
        "0": { "0": 0, "-0": 0, "1": 1, "-1": 0, "inf": Infinity, "-inf": 0 },
        "-0": { "0": 0, "-0": -0, "1": 1, "-1": -0, "inf": Infinity, "-inf": -0 },
      },
      copysign: {
        "0": { "0": 0, "-0": -0, "1": 0, "-1": -0, "inf": 0, "-inf": -0 },
        "1": { "0": 1, "-0": -1, "1": 1, "-1": -1, "inf": 1, "-inf": -1 },
        "-inf": { "0": Infinity, "-0": -Infinity },
      },
    };
    for (const [op, rows] of Object.entries(expected)) {
      for (const [x, row] of Object.entries(rows)) {
        for (const [y, value] of Object.entries(row)) {
          const [a, b] = [numbers[x as "0"], numbers[y as "0"]].map(bitsOf);
          const wanted = [bitsOf(value)];
          assertBits(subject.call(op, a, b), wanted, `${type} ${x} ${op} ${y}`);
          assertBits(subject.call(`${op} ${y}`, a), wanted, `${type} ${x} ${op} ${y}, one constant`);
          assertBits(subject.call(`${x} ${op} ${y}`), wanted, `${type} ${x} ${op} ${y}, two constants`);
        }
      }
    }
    for (
      const [name, x, wanted] of [
        ["sqrt", -0, -0],
        ["sqrt", 0, 0],
        ["neg", 0, -0],
        ["neg", -0, 0],
        ["0 - x", 0, 0],
        ["0 - x", -0, 0],
        ["x - 0", -0, -0],
        ["x + 0", -0, 0],
        ["x + -0", -0, -0],
        ["x + -0", 0, 0],
        ["x * 1", -0, -0],
      ] as const
    ) {
      assertBits(
        subject.call(name, bitsOf(x)),
        [bitsOf(wanted)],
        `${type} ${name} of ${Object.is(x, -0) ? "-0" : x}`,
      );
    }
    assertBits([...subject.call("zero"), ...subject.call("minus zero")], [bitsOf(0), bitsOf(-0)]);
  });

  test(`${type}: rounding to integers goes the right way and keeps the sign of zero`, async () => {
    const big = 2 ** Number(format.fraction);
    // Operand: ceil, floor, trunc, nearest.
    const table: [number, number, number, number, number][] = [
      [0, 0, 0, 0, 0],
      [-0, -0, -0, -0, -0],
      [0.25, 1, 0, 0, 0],
      [-0.25, -0, -1, -0, -0],
      [0.5, 1, 0, 0, 0],
      [-0.5, -0, -1, -0, -0],
      [0.75, 1, 0, 0, 1],
      [-0.75, -0, -1, -0, -1],
      [1, 1, 1, 1, 1],
      [1.5, 2, 1, 1, 2],
      [-1.5, -1, -2, -1, -2],
      [2.5, 3, 2, 2, 2],
      [-2.5, -2, -3, -2, -2],
      [3.5, 4, 3, 3, 4],
      [4.5, 5, 4, 4, 4],
      [big / 2 - 0.5, big / 2, big / 2 - 1, big / 2 - 1, big / 2],
      [big / 2 + 0.5, big / 2 + 1, big / 2, big / 2, big / 2],
      [-big / 2 - 0.5, -big / 2, -big / 2 - 1, -big / 2, -big / 2],
      [big / 4 + 0.75, big / 4 + 1, big / 4, big / 4, big / 4 + 1],
      [big - 0.5, big, big - 1, big - 1, big],
      [big, big, big, big, big],
      [big + 1, big + 1, big + 1, big + 1, big + 1],
      [-big - 1, -big - 1, -big - 1, -big - 1, -big - 1],
      [2 * big - 1, 2 * big - 1, 2 * big - 1, 2 * big - 1, 2 * big - 1],
      [2 ** 100, 2 ** 100, 2 ** 100, 2 ** 100, 2 ** 100],
      [2 ** -100, 1, 0, 0, 0],
      [-(2 ** -100), -0, -1, -0, -0],
      [Infinity, Infinity, Infinity, Infinity, Infinity],
      [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
    ];
    const bitsOf = (value: number) => format.width === 32 ? f32(value) : f64(value);
    // Just below and above one half: where adding 0.5 would go wrong.
    const half = BigInt(bitsOf(0.5));
    const ops = ["ceil", "floor", "trunc", "nearest"];
    const subject = Subject.of(
      await assemble(`(module ${
        ops.map((op) => `
          (func (export "${op}") (param ${type}) (result ${type}) (${type}.${op} (local.get 0)))
          (func (export "${op} of neg") (param ${type}) (result ${type}) (${type}.${op} (${type}.neg (local.get 0))))`)
          .join("")
      })`),
    );
    const asBits = (bits: bigint) => format.width === 32 ? Number(bits) : bits;
    for (const [x, ...results] of table) {
      ops.forEach((op, i) => {
        const wanted = [bitsOf(results[i])];
        assertBits(subject.call(op, bitsOf(x)), wanted, `${type}.${op} of ${x}`);
        assertBits(subject.call(`${op} of neg`, bitsOf(-x)), wanted, `${type}.${op} of -(-${x})`);
      });
    }
    assertBits(subject.call("nearest", asBits(half - 1n)), [bitsOf(0)], "just below one half");
    assertBits(subject.call("nearest", asBits(half + 1n)), [bitsOf(1)], "just above one half");
    assertBits(subject.call("nearest", asBits(half - 1n | signBit(format))), [bitsOf(-0)]);
    assertBits(subject.call("nearest", asBits(half + 1n | signBit(format))), [bitsOf(-1)]);
    assertBits(subject.call("ceil", asBits(1n)), [bitsOf(1)], "the smallest number");
    assertBits(
      subject.call("floor", asBits(1n | signBit(format))),
      [bitsOf(-1)],
      "the smallest negative number",
    );
  });
}

test("f32: known cases of double rounding come out right", async () => {
  const subject = Subject.of(
    await assemble(`(module
      (func (export "demote") (param f64) (result f32) (f32.demote_f64 (local.get 0)))
      (func (export "demote sum") (param f64 f64) (result f32) (f32.demote_f64 (f64.add (local.get 0) (local.get 1))))
      (func (export "sum of promoted") (param f32 f32) (result f64)
        (f64.add (f64.promote_f32 (local.get 0)) (f64.promote_f32 (local.get 1))))
      (func (export "chain") (param f32 f32 f32) (result f32)
        (f32.add (f32.add (local.get 0) (local.get 1)) (local.get 2)))
      (func (export "square") (param f32) (result f32) (f32.mul (local.get 0) (local.get 0)))
      (func (export "tiny") (param f32 f32) (result f32) (f32.mul (local.get 0) (local.get 1)))
      (func (export "sum in f64") (param f32 f32 f32) (result f32)
        (f32.demote_f64 (f64.add
          (f64.promote_f32 (f32.add (local.get 0) (local.get 1))) (f64.promote_f32 (local.get 2))))))`),
  );
  const ulp = 2 ** -23;
  // 1 + half an ulp + a little: up; exactly half: to even; in a double, the little would be lost.
  for (
    const [value, wanted] of [
      [1 + ulp / 2, 1],
      [1 + ulp / 2 + 2 ** -52, 1 + ulp],
      [1 + ulp / 2 - 2 ** -52, 1],
      [1 + 3 * ulp / 2, 1 + 2 * ulp],
      [1 + 3 * ulp / 2 - 2 ** -52, 1 + ulp],
      [3.4028235677973362e38, 3.4028234663852886e38],
      [3.4028235677973366e38, Infinity],
      [2 ** -150, 0],
      [2 ** -150 * (1 + 2 ** -52), 2 ** -149],
      [3 * 2 ** -150, 2 ** -148],
      [5 * 2 ** -150, 2 ** -148],
      [5 * 2 ** -150 * (1 + 2 ** -50), 3 * 2 ** -149],
      [-(2 ** -150), -0],
      [2 ** -126 - 2 ** -150, 2 ** -126],
      [2 ** -126 - 2 ** -149, 2 ** -126 - 2 ** -149],
    ]
  ) assertBits(subject.call("demote", f64(value)), [f32(wanted)], `demote ${value}`);
  // 1 + 2^-24 is a tie and goes to 1 each time; with one rounding for all, it would be 1 + ulp.
  assertBits(subject.call("chain", f32(1), f32(ulp / 2), f32(ulp / 2)), [f32(1)]);
  assertBits(subject.call("sum in f64", f32(1), f32(ulp / 2), f32(ulp / 2)), [f32(1)]);
  assertBits(subject.call("sum of promoted", f32(1), f32(ulp / 2)), [f64(1 + ulp / 2)]);
  assertBits(
    subject.call("demote sum", f64(1), f64(ulp / 2 + 2 ** -60)),
    [f32(1)],
    "rounds to f64, then to f32",
  );
  assertBits(subject.call("square", f32(1 + ulp)), [f32(1 + 2 * ulp)]);
  assertBits(subject.call("square", f32(2 ** 64)), [f32(Infinity)]);
  assertBits(subject.call("tiny", f32(2 ** -75), f32(2 ** -75)), [f32(0)]);
  assertBits(subject.call("tiny", f32(2 ** -75 * (1 + ulp)), f32(2 ** -75)), [f32(2 ** -149)]);
  assertBits(subject.call("tiny", f32(-(2 ** -75)), f32(2 ** -75)), [f32(-0)]);
});
