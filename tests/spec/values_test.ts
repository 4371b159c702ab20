import { assert, assertEquals, assertThrows } from "@std/assert";
import { read, ScriptError } from "./sexpr.ts";
import { matches, parseNumber, parsePattern, parseValue, type Pattern, show, type Value } from "./values.ts";

const one = (text: string) => read(new TextEncoder().encode(text))[0];
const pattern = (text: string) => parsePattern(one(text));
const value = (text: string) => parseValue(one(text));

const scratch = new DataView(new ArrayBuffer(8));
function f64Bits(x: number): bigint {
  scratch.setFloat64(0, x);
  return scratch.getBigUint64(0);
}
function f32Bits(x: number): bigint {
  scratch.setFloat32(0, x);
  return BigInt(scratch.getUint32(0));
}

Deno.test("values: integers in both notations and signs, by their bits", () => {
  const cases: readonly [string, bigint | undefined][] = [
    ["0", 0n],
    ["-1", 0xffffffffn],
    ["+7", 7n],
    ["0xFFFF_FFFF", 0xffffffffn],
    ["4294967295", 0xffffffffn],
    ["-0x8000_0000", 0x80000000n],
    ["4294967296", undefined],
    ["-2147483649", undefined],
    ["1_000", 1000n],
    ["1__0", undefined],
    ["_1", undefined],
    ["0x", undefined],
    ["ff", undefined],
    ["", undefined],
    ["1.0", undefined],
  ];
  for (const [text, bits] of cases) assertEquals(parseNumber("i32", text), bits, text);
  assertEquals(parseNumber("i64", "-0x8000_0000_0000_0000"), 1n << 63n);
  assertEquals(parseNumber("i64", "18446744073709551616"), undefined);
});

Deno.test("values: floats of all notations, by their bits", () => {
  const cases: readonly [string, bigint | undefined][] = [
    ["0", 0n],
    ["-0", 0x80000000n],
    ["-0x0p-99999999", 0x80000000n],
    ["1", 0x3f800000n],
    ["1.", 0x3f800000n],
    ["1_0.0_0e+0_1", 0x42c80000n],
    ["0x1.8p1", 0x40400000n],
    ["0xA", 0x41200000n],
    ["inf", 0x7f800000n],
    ["-inf", 0xff800000n],
    ["nan", 0x7fc00000n],
    ["-nan:0x20_0000", 0xffa00000n],
    ["nan:0x0", undefined],
    ["nan:0x800000", undefined],
    ["nan:canonical", undefined],
    // The smallest subnormal, half of it (ties to even: zero), and a little more than half.
    ["0x1p-149", 1n],
    ["0x1p-150", 0n],
    ["0x1.000000001p-150", 1n],
    ["1e-99999999", 0n],
    // The largest number, the last that rounds to it, and the first that is out of range.
    ["0x1.fffffep127", 0x7f7fffffn],
    ["0x1.fffffefffp127", 0x7f7fffffn],
    ["0x1.ffffffp127", undefined],
    ["1e99999999", undefined],
    // Rounding twice, by way of f64, would give 0x3f800000.
    ["0x1.000001000000001p0", 0x3f800001n],
    ["1.00000005960464477550", 0x3f800001n],
    // The border between subnormal and normal numbers.
    ["0x0.fffffep-126", 0x007fffffn],
    ["0x0.ffffffp-126", 0x00800000n],
  ];
  for (const [text, bits] of cases) assertEquals(parseNumber("f32", text), bits, text);
  assertEquals(parseNumber("f64", "0x1p-1074"), 1n);
  assertEquals(parseNumber("f64", "1.7976931348623157e308"), 0x7fefffffffffffffn);
  assertEquals(parseNumber("f64", "1.7976931348623159e308"), undefined);
});

Deno.test("values: random decimals round as JavaScript's own parser does", () => {
  let state = 12345;
  const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  for (let i = 0; i < 2000; i++) {
    const digits = Array.from({ length: 1 + random(20) }, () => random(10)).join("");
    const text = `${digits}.${random(1000)}e${random(660) - 340}`;
    const expected = Number(text);
    assertEquals(parseNumber("f64", text), isFinite(expected) ? f64Bits(expected) : undefined, text);
    // Numbers that f32 has exactly, printed with enough digits, come back.
    const float = Math.fround(random(2 ** 31) * 2 ** (random(200) - 120));
    assertEquals(parseNumber("f32", float.toPrecision(20)), f32Bits(float), String(float));
  }
});

Deno.test("values: canonical and arithmetic NaNs are told apart by their bits", () => {
  const cases: readonly [type: "f32" | "f64", bits: bigint, canonical: boolean, arithmetic: boolean][] = [
    ["f32", 0x7fc00000n, true, true],
    ["f32", 0xffc00000n, true, true],
    ["f32", 0x7fc00001n, false, true],
    ["f32", 0xffffffffn, false, true],
    ["f32", 0x7fa00000n, false, false], // signalling
    ["f32", 0x7f800001n, false, false],
    ["f32", 0x7f800000n, false, false], // infinity
    ["f32", 0x00400000n, false, false],
    ["f64", 0x7ff8000000000000n, true, true],
    ["f64", 0xfff8000000000000n, true, true],
    ["f64", 0x7ff8000000000001n, false, true],
    ["f64", 0x7ff4000000000000n, false, false],
    ["f64", 0x7ff0000000000000n, false, false],
    ["f64", 0xffffffffffffffffn, false, true],
  ];
  for (const [type, bits, canonical, arithmetic] of cases) {
    const result: Value = type === "f32" ? { type, bits: Number(bits) } : { type, bits };
    assertEquals(matches(pattern(`(${type}.const nan:canonical)`), result), canonical, show(result));
    assertEquals(matches(pattern(`(${type}.const nan:arithmetic)`), result), arithmetic, show(result));
  }
});

Deno.test("values: results match by type and by every bit, whatever their sign as numbers", () => {
  assert(matches(value("(i32.const -1)"), { type: "i32", bits: -1 }));
  assert(matches(value("(i32.const -1)"), { type: "i32", bits: 0xffffffff }));
  assert(matches(value("(i64.const -1)"), { type: "i64", bits: -1n }));
  assert(matches(value("(f32.const -0)"), { type: "f32", bits: 0x80000000 | 0 }));
  assert(!matches(value("(f32.const 0)"), { type: "f32", bits: 0x80000000 }));
  assert(!matches(value("(i32.const 0)"), { type: "f32", bits: 0 }));
  assert(!matches(value("(f32.const nan:0x200000)"), { type: "f32", bits: 0x7fe00000 }));
});

Deno.test("values: references", () => {
  const extern: Value = { type: "ref.extern", id: 2 };
  const nulls: Value = { type: "ref.null", heap: "func" };
  assert(matches(pattern("(ref.extern 2)"), extern));
  assert(matches(pattern("(ref.extern)"), extern));
  assert(!matches(pattern("(ref.extern 3)"), extern));
  assert(matches(pattern("(ref.null func)"), nulls));
  assert(matches(pattern("(ref.null)"), nulls));
  assert(!matches(pattern("(ref.null extern)"), nulls));
  assert(!matches(pattern("(ref.func)"), nulls));
  assert(matches(pattern("(ref.func)"), { type: "ref.func" }));
});

Deno.test("values: what is no value, or no argument, is refused", () => {
  for (
    const text of [
      "(i32.const)",
      "(i32.const 1 2)",
      "(i32.const 0x1_0000_0000)",
      "(f32.const x)",
      "(i32.const nan:canonical)",
      "(v128.const i32x4 0 0 0 0)",
      "(ref.null any)",
      "i32",
      "()",
      '"a"',
    ]
  ) assertThrows(() => pattern(text), ScriptError, "cannot understand the value");
  for (const text of ["(f32.const nan:canonical)", "(ref.extern)", "(ref.func)", "(ref.null)"]) {
    assertThrows(() => value(text), ScriptError, "not a value to pass");
  }
});

Deno.test("values: are shown in the scripts' words, floats as bits", () => {
  const shown = (given: Pattern) => show(given);
  assertEquals(shown({ type: "i32", bits: 0xffffffff }), "i32 -1");
  assertEquals(shown({ type: "f32", bits: 1 }), "f32 bits 0x00000001");
  assertEquals(shown({ type: "f64", bits: -1n }), "f64 bits 0xffffffffffffffff");
  assertEquals(shown({ type: "f64", nan: "arithmetic" }), "f64 nan:arithmetic");
  assertEquals(shown({ type: "ref.null", heap: "extern" }), "ref.null extern");
});
