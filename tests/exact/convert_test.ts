/**
 * Conversions at every boundary, against exact fractions (WebAssembly 2.0, section 4.3.4 "Conversions").
 *
 * @module
 */
import { assert } from "@std/assert";
import { TrapKind } from "../../runtime/trap.ts";
import { Random } from "../fuzz/random.ts";
import {
  binary32,
  binary64,
  type Format,
  infinity,
  rationalOf,
  round,
  signBit,
  truncate,
} from "./rational.ts";
import { edges, randomInteger, type Width } from "./reference.ts";
import { assemble, assertBits, assertTrap, hex, Subject, test } from "./subject.ts";

const widths: readonly Width[] = [32, 64];
const formats: readonly Format[] = [binary32, binary64];
const signs = ["s", "u"] as const;

const bitsOf = (width: number, value: bigint) => width === 32 ? Number(value) : value;
const integer = (bits: bigint, width: Width, sign: string) =>
  sign === "s" ? BigInt.asIntN(width, bits) : bits;
const whole = (value: bigint) => ({ numerator: value, denominator: 1n });

/** Every form in which an operand can come; `constant` is its literal. */
const forms = {
  local: () => "(local.get 0)",
  loaded: (type: string) => `(${type}.load (i32.const 8))`,
  constant: (_: string, constant: string) => constant,
};

test("integers become floats with one rounding: ties, both halves, every exponent", async () => {
  const random = new Random(11);
  for (const width of widths) {
    const type = `i${width}`;
    for (const format of formats) {
      const float = `f${format.width}`;
      const values = new Set<bigint>(edges(width));
      // Significands of one bit more than fits: a tie, or one unit beside it, at every position.
      const bits = format.fraction + 1n;
      for (let shift = 0n; shift + bits + 1n <= BigInt(width); shift++) {
        for (
          const top of [
            1n << bits - 1n,
            (1n << bits) - 1n,
            1n << bits - 1n | 1n,
            1n << bits - 1n | random.u64() >> 64n - bits + 1n,
          ]
        ) {
          const tie = (2n * top + 1n) << shift;
          for (const by of [-1n, 0n, 1n]) {
            for (const sign of [1n, -1n]) values.add(BigInt.asUintN(width, sign * (tie + by)));
          }
        }
      }
      for (let i = 0; i < 2000; i++) values.add(randomInteger(random, width, edges(width)));
      const constants = [...values].filter((_, i) => i % 40 === 0);
      const subject = Subject.of(
        await assemble(`(module (memory 1) ${
          signs.map((sign) => {
            const convert = (operand: string) => `(${float}.convert_${type}_${sign} ${operand})`;
            return `
              (func (export "${sign}") (param ${type}) (result ${float}) ${convert("(local.get 0)")})
              (func (export "${sign} loaded") (param ${type}) (result ${float})
                (${type}.store (i32.const 8) (local.get 0)) ${convert(`(${type}.load (i32.const 8))`)})
              ${
              constants.map((value) => `
              (func (export "${sign} ${value}") (param ${type}) (result ${float}) ${
                convert(`(${type}.const ${value})`)
              })`)
                .join("")
            }`;
          }).join("")
        })`),
      );
      const fixed = new Set(constants);
      for (const value of values) {
        for (const sign of signs) {
          const wanted = [bitsOf(format.width, round(whole(integer(value, width, sign)), format))];
          const message = `${float}.convert_${type}_${sign} ${hex(value)}`;
          const given = bitsOf(width, value);
          assertBits(subject.call(sign, given), wanted, message);
          assertBits(subject.call(`${sign} loaded`, given), wanted, `${message}, loaded`);
          if (fixed.has(value)) {
            assertBits(subject.call(`${sign} ${value}`, given), wanted, `${message}, constant`);
          }
        }
      }
    }
  }
});

/** The limits of an integer type: the first and the last integer. */
function limits(width: Width, sign: string): [bigint, bigint] {
  return sign === "s"
    ? [-(1n << BigInt(width - 1)), (1n << BigInt(width - 1)) - 1n]
    : [0n, (1n << BigInt(width)) - 1n];
}

test("floats become integers up to the last one that fits, trap behind it, or saturate", async () => {
  const random = new Random(12);
  for (const format of formats) {
    const float = `f${format.width}`;
    const values = new Set<bigint>();
    const add = (bits: bigint) => {
      for (const by of [-2n, -1n, 0n, 1n, 2n]) {
        const next = bits + by;
        if (next < 0n || next > infinity(format)) continue;
        values.add(next);
        values.add(next | signBit(format));
      }
    };
    // Around every limit, and around the halves and wholes next to 0; then the special ones.
    for (const power of [7n, 8n, 23n, 24n, 31n, 32n, 52n, 53n, 62n, 63n, 64n]) {
      for (const by of [-1n, 0n, 1n]) add(round(whole((1n << power) + by), format));
    }
    for (const quarters of [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]) {
      add(round({ numerator: quarters, denominator: 4n }, format));
    }
    for (const big of [(1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n]) {
      for (const quarters of [1n, 2n, 3n]) {
        add(round({ numerator: 4n * big + quarters, denominator: 4n }, format));
      }
    }
    add(infinity(format));
    while (values.size < 700) {
      const exponent = (infinity(format) >> format.fraction + 1n) + BigInt(random.between(-3, 66));
      values.add(
        BigInt.asUintN(
          format.width,
          random.u64() & (signBit(format) | (1n << format.fraction) - 1n) | exponent << format.fraction,
        ),
      );
    }
    const nans = [
      infinity(format) | 1n,
      infinity(format) | 1n << format.fraction - 1n,
      signBit(format) | infinity(format) | 5n,
    ];
    const literal = (bits: bigint) =>
      `(${float}.reinterpret_i${format.width} (i${format.width}.const ${bits}))`;
    const constants = [...values].slice(0, 400).filter((bits) => bits !== infinity(format)).filter((_, i) =>
      i % 8 === 0
    );

    for (const width of widths) {
      const type = `i${width}`;
      for (const sign of signs) {
        const [first, last] = limits(width, sign);
        const subject = Subject.of(
          await assemble(
            `(module (memory 1) ${
              ["trunc", "trunc_sat"].map((op) =>
                Object.entries(forms).filter(([name]) => name !== "constant").map(([name, operand]) => `
                (func (export "${op} ${name}") (param ${float}) (result ${type})
                  (${float}.store (i32.const 8) (local.get 0))
                  (${type}.${op}_${float}_${sign} ${operand(float, "")}))
                (func (export "${op} ${name} dropped") (param ${float})
                  (${float}.store (i32.const 8) (local.get 0))
                  (drop (${type}.${op}_${float}_${sign} ${operand(float, "")})))`).join("") +
                constants.map((bits) => `
                (func (export "${op} ${bits}") (result ${type}) (${type}.${op}_${float}_${sign} ${
                  literal(bits)
                }))`).join("")
              ).join("")
            })`,
          ),
        );
        const fixed = new Set(constants);
        for (const bits of [...values, ...nans]) {
          const isNaN = (bits & ~signBit(format)) > infinity(format);
          const isInfinite = (bits & ~signBit(format)) === infinity(format);
          const negative = (bits & signBit(format)) !== 0n;
          const exact = isNaN
            ? 0n
            : isInfinite
            ? (negative ? first - 1n : last + 1n)
            : truncate(rationalOf(bits, format));
          const saturated = exact < first ? first : exact > last ? last : exact;
          const trap = isNaN
            ? TrapKind.invalidConversion
            : exact !== saturated
            ? TrapKind.overflow
            : undefined;
          const wanted = [bitsOf(width, BigInt.asUintN(width, saturated))];
          const x = bitsOf(format.width, bits);
          const message = `${type}.trunc_${float}_${sign} ${hex(bits)}`;
          for (const name of ["local", "loaded"]) {
            assertBits(subject.call(`trunc_sat ${name}`, x), wanted, `${message} (sat, ${name})`);
            assertBits(subject.call(`trunc_sat ${name} dropped`, x), []);
            if (trap) {
              assertTrap(trap, () => subject.call(`trunc ${name}`, x), `${message} (${name})`);
              assertTrap(
                trap,
                () => subject.call(`trunc ${name} dropped`, x),
                `${message} (${name}, dropped)`,
              );
            } else {
              assertBits(subject.call(`trunc ${name}`, x), wanted, `${message} (${name})`);
              assertBits(subject.call(`trunc ${name} dropped`, x), []);
            }
          }
          if (!fixed.has(bits)) continue;
          assertBits(subject.call(`trunc_sat ${bits}`), wanted, `${message} (sat, constant)`);
          if (trap) assertTrap(trap, () => subject.call(`trunc ${bits}`), `${message} (constant)`);
          else assertBits(subject.call(`trunc ${bits}`), wanted, `${message} (constant)`);
        }
      }
    }
  }
});

test("promotion is exact, demotion rounds once, at every exponent and boundary", async () => {
  const random = new Random(13);
  const subject = Subject.of(
    await assemble(`(module (memory 1)
      (func (export "promote") (param f32) (result f64) (f64.promote_f32 (local.get 0)))
      (func (export "promote loaded") (param f32) (result f64)
        (f32.store (i32.const 8) (local.get 0)) (f64.promote_f32 (f32.load (i32.const 8))))
      (func (export "demote") (param f64) (result f32) (f32.demote_f64 (local.get 0)))
      (func (export "demote loaded") (param f64) (result f32)
        (f64.store (i32.const 8) (local.get 0)) (f32.demote_f64 (f64.load (i32.const 8))))
      (func (export "there and back") (param f32) (result f32) (f32.demote_f64 (f64.promote_f32 (local.get 0)))))`),
  );
  const zero = (bits: bigint, from: Format, to: Format) => (bits & signBit(from)) === 0n ? 0n : signBit(to);
  const convert = (bits: bigint, from: Format, to: Format) => {
    const sign = zero(bits, from, to);
    if ((bits & ~signBit(from)) === infinity(from)) return sign | infinity(to);
    return round(rationalOf(bits, from), to) || sign;
  };
  const demote = (bits: bigint) => {
    // A negative number that becomes zero stays negative.
    const wanted = [Number(convert(bits, binary64, binary32) | zero(bits, binary64, binary32))];
    assertBits(subject.call("demote", bits), wanted, `demote ${hex(bits)}`);
    assertBits(subject.call("demote loaded", bits), wanted, `demote ${hex(bits)}, loaded`);
  };
  const singles = new Set<bigint>();
  for (let exponent = 0n; exponent < 255n; exponent++) {
    for (const low of [0n, 1n, (1n << 22n) - 1n, 1n << 22n, (1n << 23n) - 1n, random.u64() >> 41n]) {
      singles.add(exponent << 23n | low);
    }
  }
  singles.add(infinity(binary32));
  for (const positive of singles) {
    for (const bits of [positive, positive | signBit(binary32)]) {
      const wanted = convert(bits, binary32, binary64) | zero(bits, binary32, binary64);
      const x = Number(bits);
      assertBits(subject.call("promote", x), [wanted], `promote ${hex(x)}`);
      assertBits(subject.call("promote loaded", x), [wanted], `promote ${hex(x)}, loaded`);
      assertBits(subject.call("there and back", x), [x], `there and back ${hex(x)}`);
      // Exactly in the middle between two singles, and one bit beside it.
      if (positive >= infinity(binary32) - 1n) continue;
      const [a, b] = [bits, bits + 1n].map((single) => rationalOf(single, binary32));
      const middle = round({
        numerator: a.numerator * b.denominator + b.numerator * a.denominator,
        denominator: 2n * a.denominator * b.denominator,
      }, binary64);
      for (const by of [-1n, 0n, 1n]) demote(middle + by);
    }
  }
  // From the largest single on: half an ulp above it is infinity.
  for (const limit of [0x47efffffe0000000n, 0x47effffff0000000n, 0x47f0000000000000n, infinity(binary64)]) {
    for (const by of [-1n, 0n, 1n]) {
      if (limit + by > infinity(binary64)) continue;
      demote(limit + by);
      demote(limit + by | signBit(binary64));
    }
  }
  for (const tiny of [1n, 0x3690000000000000n, 0x36a0000000000000n, 0x000fffffffffffffn]) {
    for (const by of [-1n, 0n, 1n]) demote(tiny + by), demote(tiny + by | signBit(binary64));
  }
});

test("wrapping, extension and reinterpretation take bits as they are", async () => {
  const subject = Subject.of(
    await assemble(`(module
      (func (export "wrap") (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
      (func (export "extend_s") (param i32) (result i64) (i64.extend_i32_s (local.get 0)))
      (func (export "extend_u") (param i32) (result i64) (i64.extend_i32_u (local.get 0)))
      (func (export "f32 of") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
      (func (export "of f32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
      (func (export "f64 of") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))
      (func (export "of f64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
      (func (export "extend_s of a comparison") (param i32) (result i64)
        (i64.extend_i32_s (i32.lt_s (local.get 0) (i32.const 0))))
      (func (export "extend_u of a sum") (param i32) (result i64)
        (i64.extend_i32_u (i32.add (local.get 0) (i32.const 1))))
      (func (export "extend of wrap") (param i64) (result i64) (i64.extend_i32_s (i32.wrap_i64 (local.get 0)))))`),
  );
  const random = new Random(14);
  const values = [...edges(64), ...Array.from({ length: 500 }, () => randomInteger(random, 64, edges(64)))];
  for (const value of values) {
    const low = Number(value & 0xffffffffn);
    assertBits(subject.call("wrap", value), [low]);
    assertBits(subject.call("extend_s", low), [BigInt.asUintN(64, BigInt(low | 0))]);
    assertBits(subject.call("extend_u", low), [BigInt(low)]);
    assertBits(subject.call("extend of wrap", value), [BigInt.asUintN(64, BigInt(low | 0))]);
    assertBits(subject.call("extend_s of a comparison", low), [low > 0x7fffffff ? 1n : 0n]);
    assertBits(subject.call("extend_u of a sum", low), [BigInt((low + 1) >>> 0)]);
    for (const name of ["f32 of", "of f32"]) assertBits(subject.call(name, low), [low], name);
    for (const name of ["f64 of", "of f64"]) assertBits(subject.call(name, value), [value], name);
  }
  assert(values.length > 500);
});
