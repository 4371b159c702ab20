/**
 * Integer instructions as compiled code, against the BigInt reference: operands from memory, in locals, as
 * constants on either side or both, and as parts of larger expressions.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { TrapKind } from "../../runtime/trap.ts";
import { Random } from "../fuzz/random.ts";
import * as reference from "./reference.ts";
import type { Width } from "./reference.ts";
import { assemble, assertBits, assertTrap, hex, Subject, test } from "./subject.ts";

const widths: readonly Width[] = [32, 64];
const isTrap = (value: bigint | TrapKind): value is TrapKind => typeof value === "string";
const shown = (value: bigint | TrapKind) => isTrap(value) ? value : hex(value);

/** An integer as bits at the border of the engine. */
const bitsOf = (width: Width, value: bigint) => width === 32 ? Number(value) : value;
const constant = (width: Width, value: bigint) => `(i${width}.const 0x${value.toString(16)})`;
/** The integers of a memory. */
const cells = (width: Width, buffer: ArrayBuffer) =>
  width === 32 ? new Uint32Array(buffer) : new BigUint64Array(buffer);

/** Fills a region of a memory. */
function fill(array: Uint32Array | BigUint64Array, at: number, values: readonly bigint[]): void {
  if (array instanceof Uint32Array) values.forEach((value, i) => array[at + i] = Number(value));
  else values.forEach((value, i) => array[at + i] = value);
}

for (const width of widths) {
  const type = `i${width}`;
  const bytes = width / 8;

  const length = width === 64 ? 100_000 : 40_000;

  test(`${type}: every instruction on ${length} pairs of operands`, async () => {
    const { a, b } = reference.pairs(width, length, 1);
    const region = length * bytes;
    const extend = width === 64 ? "i64.extend_i32_u" : "";
    const loop = (name: string, body: string) => `
      (func (export "${name}") (local $i i32) (local $a ${type}) (local $b ${type})
        (loop
          ${body}
          (br_if 0 (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const ${bytes}))) (i32.const ${region})))))`;
    const store = (value: string) => `(${type}.store offset=${2 * region} (local.get $i) ${value})`;
    const loads = [`(${type}.load (local.get $i))`, `(${type}.load offset=${region} (local.get $i))`];
    const locals = `(local.set $a ${loads[0]}) (local.set $b ${loads[1]})`;
    const operands = `(local.get $a) (local.get $b)`;
    // Each form of each instruction, with what it should give.
    const forms: [string, string, (a: bigint, b: bigint) => bigint | TrapKind][] = [];
    for (const [op, refer] of Object.entries(reference.binary)) {
      const expected = (a: bigint, b: bigint) => refer(a, b, width);
      forms.push([`${op} of loads`, store(`(${type}.${op} ${loads.join(" ")})`), expected]);
      forms.push([`${op} of locals`, `${locals} ${store(`(${type}.${op} ${operands})`)}`, expected]);
    }
    for (const [op, refer] of Object.entries(reference.comparisons)) {
      const expected = (a: bigint, b: bigint) => refer(a, b, width);
      const test = `(${type}.${op} ${operands})`;
      forms.push([`${op} of loads`, store(`(${extend} (${type}.${op} ${loads.join(" ")}))`), expected]);
      forms.push([
        `${op} as conditions`,
        `${locals}
         (if ${test} (then ${store(`(${type}.const 1)`)}) (else ${store(`(${type}.const 0)`)}))
         (block (br_if 0 (i32.eqz ${test}))
           ${store(`(select (${type}.const 3) (${type}.const 2) (i32.eqz (i32.eqz ${test})))`)})`,
        (a, b) => 3n * expected(a, b),
      ]);
    }
    for (const [op, refer] of reference.unaryOf(width)) {
      forms.push([`${op} of a load`, store(`(${type}.${op} ${loads[0]})`), (a) => refer(a, width)]);
    }
    forms.push(["eqz", store(`(${extend} (${type}.eqz ${loads[0]}))`), (a) => a === 0n ? 1n : 0n]);
    const text = `(module
      (memory (export "memory") ${Math.ceil(3 * region / 65536)})
      ${forms.map(([name, body]) => loop(name, body)).join("\n").replaceAll("( ", "(block (result i32) ")})`;
    const subject = Subject.of(await assemble(text));
    const memory = cells(width, subject.memory().buffer);
    fill(memory, 0, a);
    // The expected values of the last instruction: its forms share them.
    let known: { op: string; values: (bigint | TrapKind)[] } = { op: "", values: [] };
    for (const [name, , expected] of forms) {
      const op = name.replace(/ of .*/, "");
      if (known.op !== op) known = { op, values: a.map((x, i) => expected(x, b[i])) };
      const { values } = known;
      // Where it would trap, the second operand is 1.
      fill(memory, length, b.map((y, i) => isTrap(values[i]) ? 1n : y));
      subject.call(name);
      for (let i = 0; i < length; i++) {
        let wanted = values[i];
        if (isTrap(wanted)) wanted = expected(a[i], 1n) as bigint;
        const got = BigInt(memory[2 * length + i]);
        if (got !== wanted) {
          throw new Error(`${type} ${name} ${hex(a[i])} ${hex(b[i])}: ${hex(got)} instead of ${hex(wanted)}`);
        }
      }
    }
  });

  test(`${type}: every instruction with a constant on either side`, async () => {
    const edges = reference.edges(width);
    const constants = [...edges, 6n, 7n, 100n, 1000n, BigInt.asUintN(width, -7n)];
    const all = { ...reference.binary, ...reference.comparisons };
    for (const [op, refer] of Object.entries(all)) {
      const result = op in reference.comparisons ? "i32" : type;
      const bytes = await assemble(`(module ${
        constants.map((k, i) => `
          (func (export "r${i}") (param ${type}) (result ${result}) (${type}.${op} (local.get 0) ${
          constant(width, k)
        }))
          (func (export "l${i}") (param ${type}) (result ${result}) (${type}.${op} ${
          constant(width, k)
        } (local.get 0)))`)
          .join("")
      })`);
      const subject = Subject.of(bytes);
      const check = (name: string, x: bigint, a: bigint, b: bigint) => {
        const wanted = refer(a, b, width);
        const message = `${type}.${op} ${hex(a)} ${hex(b)}, ${
          name[0] === "l" ? "the first" : "the second"
        } constant`;
        if (isTrap(wanted)) assertTrap(wanted, () => subject.call(name, bitsOf(width, x)), message);
        else {
          const [got] = subject.call(name, bitsOf(width, x));
          assert(BigInt(got as bigint) === wanted, `${message}: ${hex(got)} instead of ${hex(wanted)}`);
        }
      };
      constants.forEach((k, i) => {
        for (const x of edges) {
          check(`r${i}`, x, x, k);
          check(`l${i}`, x, k, x);
        }
      });
    }
  });

  test(`${type}: every instruction on two constants`, async () => {
    const edges = reference.edges(width);
    for (const [op, refer] of Object.entries({ ...reference.binary, ...reference.comparisons })) {
      const result = op in reference.comparisons ? "i32" : type;
      const wanted: bigint[] = [];
      const stores: string[] = [];
      // A quarter of all pairs, each edge on both sides.
      for (let i = 0; i < edges.length; i++) {
        for (let j = i % 4; j < edges.length; j += 4) {
          const [a, b] = [edges[i], edges[j]];
          const value = refer(a, b, width);
          if (isTrap(value)) continue;
          const expression = `(${type}.${op} ${constant(width, a)} ${constant(width, b)})`;
          stores.push(`(${result}.store (i32.const ${8 * wanted.length}) ${expression})`);
          wanted.push(value);
        }
      }
      const subject = Subject.of(
        await assemble(`(module (memory (export "memory") 2) (func (export "all") ${stores.join("\n")}))`),
      );
      subject.call("all");
      const memory = new BigUint64Array(subject.memory().buffer);
      wanted.forEach((value, i) =>
        assert(memory[i] === value, `${stores[i]}: ${hex(memory[i])} instead of ${hex(value)}`)
      );
    }
  });

  test(`${type}: shifts and rotations by 0, 1, ${width - 1}, ${width}, ${width + 1} and more`, async () => {
    const ops = ["shl", "shr_s", "shr_u", "rotl", "rotr"];
    const counts = [
      0,
      1,
      2,
      31,
      32,
      33,
      62,
      63,
      64,
      65,
      95,
      96,
      97,
      127,
      128,
      -1,
      -31,
      -32,
      -33,
      -63,
      -64,
      -65,
    ];
    if (width === 64) counts.push(2 ** 32, 2 ** 32 + 1, 2 ** 32 + 33, -(2 ** 32));
    const operand = width === 32 ? 0x92345679n : 0x923456789abcdef1n;
    const subject = Subject.of(
      await assemble(`(module ${
        ops.map((op) => `
        (func (export "${op}") (param ${type} ${type}) (result ${type}) (${type}.${op} (local.get 0) (local.get 1)))
        (func (export "${op} in place") (param ${type} ${type}) (result ${type})
          (local.set 0 (${type}.${op} (local.get 0) (local.get 1))) (local.get 0))
        (func (export "${op} by itself") (param ${type} ${type}) (result ${type})
          (${type}.${op} (local.get 1) (local.get 1)))
        ${
          counts.map((n) => `
        (func (export "${op} ${n}") (param ${type}) (result ${type}) (${type}.${op} (local.get 0) (${type}.const ${n})))
        (func (export "${op} ${n} in place") (param ${type}) (result ${type})
          (local.set 0 (${type}.${op} (local.get 0) (${type}.const ${n}))) (local.get 0))
        (func (export "${op} ${n} of a sum") (param ${type}) (result ${type})
          (${type}.${op} (${type}.add (local.get 0) (${type}.const 1)) (${type}.const ${n})))`).join("")
        }`).join("")
      })`),
    );
    for (const op of ops) {
      const refer = (a: bigint, b: bigint) => bitsOf(width, reference.binary[op](a, b, width) as bigint);
      for (const n of counts) {
        const count = BigInt.asUintN(width, BigInt(n));
        for (const a of [operand, ...reference.edges(width)]) {
          const wanted = refer(a, count);
          const x = bitsOf(width, a);
          const message = `${type}.${op} ${hex(a)} ${n}`;
          assertBits(subject.call(op, x, bitsOf(width, count)), [wanted], message);
          assertBits(subject.call(`${op} in place`, x, bitsOf(width, count)), [wanted], message);
          assertBits(subject.call(`${op} ${n}`, x), [wanted], `${message} (constant)`);
          assertBits(subject.call(`${op} ${n} in place`, x), [wanted], `${message} (constant, in place)`);
          const sum = BigInt.asUintN(width, a + 1n);
          assertBits(subject.call(`${op} ${n} of a sum`, x), [refer(sum, count)], `${message} (of a sum)`);
        }
        assertBits(subject.call(`${op} by itself`, bitsOf(width, 0n), bitsOf(width, count)), [
          refer(count, count),
        ]);
      }
    }
  });

  test(`${type}: divisions trap by zero and on overflow, whatever becomes of the result`, async () => {
    const min = 1n << BigInt(width - 1);
    const minusOne = (1n << BigInt(width)) - 1n;
    for (const op of ["div_s", "div_u", "rem_s", "rem_u"]) {
      const of = (a: string, b: string) => `(${type}.${op} ${a} ${b})`;
      const [x, y, zero] = ["(local.get 0)", "(local.get 1)", `(${type}.const 0)`];
      const subject = Subject.of(
        await assemble(`(module
          (memory (export "memory") 1) (global $g (export "g") (mut ${type}) (${type}.const 7))
          (func (export "op") (param ${type} ${type}) (result ${type}) ${of(x, y)})
          (func (export "drop") (param ${type} ${type}) (drop ${of(x, y)}))
          (func (export "select") (param ${type} ${type}) (result ${type})
            (select ${of(x, y)} ${zero} (i32.const 0)))
          (func (export "and 0") (param ${type} ${type}) (result ${type}) (${type}.and ${of(x, y)} ${zero}))
          (func (export "mul 0") (param ${type} ${type}) (result ${type}) (${type}.mul ${zero} ${of(x, y)}))
          (func (export "unused local") (param ${type} ${type}) (local ${type}) (local.set 2 ${of(x, y)}))
          (func (export "before a write") (param ${type} ${type})
            (global.set $g (${type}.const 1)) (global.set $g ${of(x, y)}))
          (func (export "operand of a write") (param ${type} ${type})
            ${of(x, y)} (global.set $g (${type}.const 1)) (drop))
          (func (export "by 0") (param ${type} ${type}) (result ${type}) ${of(x, zero)})
          (func (export "by -1") (param ${type} ${type}) (result ${type}) ${of(x, `(${type}.const -1)`)})
          (func (export "min by") (param ${type} ${type}) (result ${type}) ${of(constant(width, min), y)})
          (func (export "by itself") (param ${type} ${type}) (result ${type}) ${of(y, y)}))`),
      );
      const call = (name: string, a: bigint, b: bigint) =>
        subject.call(name, bitsOf(width, a), bitsOf(width, b));
      for (const [a, b] of [[5n, 0n], [0n, 0n], [min, 0n], [minusOne, 0n], [min, minusOne]]) {
        const wanted = reference.binary[op](a, b, width);
        const forms = ["op", "drop", "select", "and 0", "mul 0", "unused local"];
        if (b === 0n) forms.push("by 0", "by itself");
        if (b === minusOne) forms.push("by -1");
        if (a === min) forms.push("min by");
        for (const name of forms) {
          const message = `${type}.${op} ${hex(a)} ${hex(b)}, ${name}`;
          if (isTrap(wanted)) assertTrap(wanted, () => call(name, a, b), message);
          else if (["op", "by -1", "min by"].includes(name)) {
            assertEquals(call(name, a, b), [bitsOf(width, wanted)]);
          } else call(name, a, b);
        }
        if (!isTrap(wanted)) continue;
        // Effects before the trap stay, those after it do not happen.
        assertTrap(wanted, () => call("operand of a write", a, b));
        assertBits([subject.global("g")], [bitsOf(width, 7n)]);
        assertTrap(wanted, () => call("before a write", a, b));
        assertBits([subject.global("g")], [bitsOf(width, 1n)]);
        // For the next round.
        call("before a write", 7n, op.startsWith("div") ? 1n : 8n);
      }
    }
  });
}

/** A random expression of a width: its text, and its value for two parameters of each width. */
interface Tree {
  readonly text: string;
  readonly value: (a: bigint, b: bigint) => bigint;
}

const safe = Object.entries(reference.binary).filter(([op]) => !/^(div|rem)/.test(op));
const compare = Object.entries(reference.comparisons);

/** Parameters: 0 and 1 are i64; 2 and 3 are their low halves as i32. */
function tree(random: Random, width: Width, depth: number): Tree {
  const type = `i${width}`;
  const choice = depth === 0 ? random.below(3) : 3 + random.below(7);
  const inner = (of: Width = width) => tree(random, of, random.below(depth));
  const wrap = (value: bigint) => BigInt.asUintN(width, value);
  switch (choice) {
    case 0:
      return { text: `(local.get ${width === 64 ? 0 : 2})`, value: (a) => wrap(a) };
    case 1:
      return { text: `(local.get ${width === 64 ? 1 : 3})`, value: (_, b) => wrap(b) };
    case 2: {
      const value = random.pick(reference.edges(width));
      return { text: constant(width, value), value: () => value };
    }
    case 3: {
      const [op, refer] = random.pick(reference.unaryOf(width));
      const x = inner();
      return { text: `(${type}.${op} ${x.text})`, value: (a, b) => refer(x.value(a, b), width) };
    }
    case 4: {
      const x = inner(width === 64 ? 32 : 64);
      if (width === 32) return { text: `(i32.wrap_i64 ${x.text})`, value: (a, b) => wrap(x.value(a, b)) };
      const unsigned = random.chance(0.5);
      return unsigned
        ? { text: `(i64.extend_i32_u ${x.text})`, value: (a, b) => x.value(a, b) }
        : { text: `(i64.extend_i32_s ${x.text})`, value: (a, b) => wrap(BigInt.asIntN(32, x.value(a, b))) };
    }
    case 5: {
      const of = random.pick(widths);
      const [op, refer] = random.pick(compare);
      const [x, y] = [inner(of), inner(of)];
      const [p, q] = [inner(), inner()];
      return {
        text: `(select ${p.text} ${q.text} (i${of}.${op} ${x.text} ${y.text}))`,
        value: (a, b) => refer(x.value(a, b), y.value(a, b), of) ? p.value(a, b) : q.value(a, b),
      };
    }
    default: {
      const [op, refer] = random.pick(safe);
      const [x, y] = [inner(), inner()];
      return {
        text: `(${type}.${op} ${x.text} ${y.text})`,
        value: (a, b) => refer(x.value(a, b), y.value(a, b), width) as bigint,
      };
    }
  }
}

test("integers: random expressions of both widths", async () => {
  const random = new Random(7);
  const { a, b } = reference.pairs(64, 0, 2);
  for (let round = 0; round < 8; round++) {
    const trees = Array.from({ length: 150 }, () => tree(random, 64, 1 + random.below(5)));
    const subject = Subject.of(
      await assemble(
        `(module ${
          trees.map(({ text }, i) => `(func (export "${i}") (param i64 i64 i32 i32) (result i64) ${text})`)
            .join("\n")
        })`,
      ),
    );
    trees.forEach(({ text, value }, i) => {
      for (let n = 0; n < 20; n++) {
        const at = random.below(a.length);
        const [x, y] = [a[at], b[at]];
        const [got] = subject.call(`${i}`, x, y, Number(x & 0xffffffffn), Number(y & 0xffffffffn));
        const wanted = value(x, y);
        assert(got === wanted, `${text} of ${hex(x)}, ${hex(y)}: ${hex(got)} instead of ${shown(wanted)}`);
      }
    });
  }
});
