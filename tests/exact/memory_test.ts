/**
 * Loads and stores at every edge of a memory (WebAssembly 2.0, section 4.4.7).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { opcodes } from "../../compiler/opcodes.ts";
import { TrapKind } from "../../runtime/trap.ts";
import type { Bits } from "../../runtime/value.ts";
import { assemble, assertBits, assertTrap, hex, Subject, test } from "./subject.ts";

interface Access {
  readonly name: string;
  /** Type of what is loaded or stored: `i32`, `i64`, `f32` or `f64`. */
  readonly type: string;
  readonly bytes: number;
  readonly signed: boolean;
}
const accesses: readonly Access[] = opcodes.filter(({ width }) => width !== undefined).map((
  { name, width },
) => ({
  name,
  type: name.slice(0, 3),
  bytes: width!,
  signed: name.endsWith("_s"),
}));
const loads = accesses.filter(({ name }) => name.includes("load"));
const stores = accesses.filter(({ name }) => name.includes("store"));

const typeWidth = (type: string) => type.endsWith("64") ? 64 : 32;
const bitsOf = (type: string, value: bigint): Bits => typeWidth(type) === 64 ? value : Number(value);

/** What a load gives, put together byte by byte. */
function loaded({ type, bytes, signed }: Access, memory: Uint8Array, at: number): Bits {
  let value = 0n;
  for (let i = bytes - 1; i >= 0; i--) value = value << 8n | BigInt(memory[at + i]);
  return bitsOf(type, BigInt.asUintN(typeWidth(type), signed ? BigInt.asIntN(8 * bytes, value) : value));
}

const kindOf = ({ name }: Access) => name.includes("load") ? "load" : "store";

/**
 * Functions for an access with an offset: `KIND OFFSET FORM NAME`, which take the address (and the value). The
 * address comes as a local, as a local that is used as an address often, and as a sum that may wrap.
 */
function functionsFor(access: Access, offset: number): string {
  const { name, type } = access;
  const load = kindOf(access) === "load";
  const use = (address: string) => `(${name} offset=${offset} ${address} ${load ? "" : "(local.get 1)"})`;
  const head = (form: string) =>
    `(func (export "${offset} ${form} ${name}") ${
      load ? `(param i32) (result ${type})` : `(param i32 ${type})`
    }`;
  return `
    ${head("local")} ${use("(local.get 0)")})
    ${head("sum")} ${use("(i32.add (local.get 0) (i32.const 0x40000000))")})
    ${head("often")} ${use("(local.get 0)")} ${
    load ? "(drop)".concat(use("(local.get 0)")).repeat(3) : use("(local.get 0)")
  })
    ${head("literal")} ${
    Array.from({ length: 12 }, (_, i) => `
      (if (i32.eq (local.get 0) (i32.const ${65536 - i})) (then
        ${
      load ? `(return ${use(`(i32.const ${65536 - i})`)})` : `${use(`(i32.const ${65536 - i})`)} (return)`
    }))`).join("")
  } unreachable)`;
}

/** Calls an access at an address in one of its forms. */
function callAt(
  subject: Subject,
  form: string,
  name: string,
  offset: number,
  address: number,
  ...value: Bits[]
): Bits[] {
  const given = form === "sum" ? address - 0x40000000 : address;
  return subject.call(`${offset} ${form} ${name}`, given >>> 0, ...value);
}

const pattern = (i: number) => (i * 37 + 129) & 0xff;
const value = 0x91a2b3c4d5e6f708n;

test("loads and stores reach the last byte of a memory and trap behind it, writing nothing", async () => {
  const offsets = [0, 7, 65535, 65536, 0x80000000, 0xffffffff];
  const forms = ["local", "sum", "often"];
  const bytes = await assemble(`(module (memory (export "memory") 1)
    ${accesses.map((access) => offsets.map((offset) => functionsFor(access, offset)).join("")).join("")})`);
  const subject = Subject.of(bytes);
  const memory = subject.memory().bytes;
  memory.forEach((_, i) => memory[i] = pattern(i));
  const intact = memory.slice();
  let traps = 0;
  let reached = 0;
  for (const access of accesses) {
    const { name, bytes, type } = access;
    const last = 65536 - bytes;
    for (const offset of offsets) {
      const addresses = new Set([0, 0x7fffffff, 0x80000000, 0xffffffff]);
      for (const by of [-1, 0, 1, bytes - 1, bytes]) addresses.add((last - offset + by) >>> 0);
      for (const address of addresses) {
        for (const form of forms) {
          const effective = address + offset;
          const message = `${name} offset=${offset} at ${address} (${form})`;
          const given = kindOf(access) === "load"
            ? []
            : [bitsOf(type, BigInt.asUintN(typeWidth(type), value))];
          const run = () => callAt(subject, form, name, offset, address, ...given);
          if (effective > last) {
            assertTrap(TrapKind.memoryBounds, run, message);
            traps++;
          } else if (kindOf(access) === "load") {
            assertBits(run(), [loaded(access, memory, effective)], message);
            reached++;
          } else {
            assertBits(run(), [], message);
            for (let i = 0; i < bytes; i++) {
              assertEquals(memory[effective + i], Number(value >> BigInt(8 * i) & 0xffn), message);
            }
            memory.set(intact.subarray(effective, effective + bytes), effective);
            reached++;
          }
        }
      }
    }
    assertEquals(memory.subarray(65500), intact.subarray(65500), `${name} left something behind`);
    assertEquals(memory.subarray(0, 64), intact.subarray(0, 64), `${name} left something behind`);
  }
  assert(traps > 1000 && reached > 400, `${traps} traps, ${reached} accesses`);
});

test("stores across the end of a memory write nothing: constants, NaNs, copies from memory", async () => {
  const subject = Subject.of(
    await assemble(`(module (memory (export "memory") 1)
      (func (export "i64 constant") (param i32) (i64.store (local.get 0) (i64.const 0x1122334455667788)))
      (func (export "i64 zero high") (param i32) (i64.store (local.get 0) (i64.const 1)))
      (func (export "i64 sum") (param i32) (i64.store (local.get 0) (i64.add (i64.load (i32.const 0)) (i64.const -1))))
      (func (export "i64 copy") (param i32) (i64.store (local.get 0) (i64.load (i32.const 0))))
      (func (export "f64 constant") (param i32) (f64.store (local.get 0) (f64.const 1.5)))
      (func (export "f64 nan") (param i32) (f64.store (local.get 0) (f64.const nan:0x4000000000001)))
      (func (export "f64 copy") (param i32) (f64.store (local.get 0) (f64.load (i32.const 0))))
      (func (export "f64 nan copy") (param i32) (f64.store (local.get 0) (f64.load (i32.const 8))))
      (func (export "f32 nan") (param i32) (f32.store (local.get 0) (f32.const nan:0x200001)))
      (func (export "f32 copy") (param i32) (f32.store (local.get 0) (f32.load (i32.const 8))))
      (func (export "i32 constant") (param i32) (i32.store (local.get 0) (i32.const -1)))
      (data (i32.const 0) "\\11\\22\\33\\44\\55\\66\\77\\88\\01\\00\\a0\\7f\\01\\00\\f4\\7f"))`),
  );
  const memory = subject.memory().bytes;
  for (const name of subject.store.instances[0].exports.keys()) {
    if (name === "memory") continue;
    const width = name.includes("64") ? 8 : 4;
    for (let by = 1; by <= width; by++) {
      memory.fill(0xee, 65520);
      assertTrap(
        TrapKind.memoryBounds,
        () => subject.call(name, 65536 - width + by),
        `${name}, ${by} bytes too far`,
      );
      assert(
        memory.subarray(65520).every((byte) => byte === 0xee),
        `${name} wrote something, ${by} bytes too far`,
      );
    }
    memory.fill(0xee, 65520);
    subject.call(name, 65536 - width);
    assert(memory.subarray(65536 - width).some((byte) => byte !== 0xee), `${name} wrote nothing`);
    assert(memory.subarray(65520, 65536 - width).every((byte) => byte === 0xee), `${name} wrote too much`);
  }
});

test("literal addresses, negative ones too, and accesses across the border of two pages", async () => {
  const subject = Subject.of(
    await assemble(`(module (memory (export "memory") 2)
      ${accesses.map((access) => functionsFor(access, 0)).join("")}
      (func (export "-1") (result i32) (i32.load8_u (i32.const -1)))
      (func (export "-4") (result i32) (i32.load (i32.const -4)))
      (func (export "-2147483648") (result i32) (i32.load (i32.const -2147483648)))
      (func (export "-1 and 1") (result i32) (i32.load offset=1 (i32.const -1)))
      (func (export "0 and the largest offset") (result i32) (i32.load offset=4294967295 (i32.const 0)))
      (func (export "-1 and the largest offset") (param i64)
        (i64.store offset=4294967295 (i32.const -1) (local.get 0))))`),
  );
  const memory = subject.memory().bytes;
  memory.forEach((_, i) => memory[i] = pattern(i));
  for (const access of accesses) {
    const { name, bytes, type } = access;
    for (let before = 1; before < 12; before++) {
      const at = 65536 - before;
      for (const form of ["local", "sum", "often", "literal"]) {
        const message = `${name}, ${before} bytes before the border (${form})`;
        if (kindOf(access) === "load") {
          assertBits(callAt(subject, form, name, 0, at), [loaded(access, memory, at)], message);
          continue;
        }
        const around = memory.slice(at - 8, at + 16);
        callAt(subject, form, name, 0, at, bitsOf(type, BigInt.asUintN(typeWidth(type), value)));
        for (let i = 0; i < bytes; i++) around[8 + i] = Number(value >> BigInt(8 * i) & 0xffn);
        assertEquals(memory.slice(at - 8, at + 16), around, message);
        for (let i = 0; i < bytes; i++) memory[at + i] = pattern(at + i);
      }
    }
  }
  for (const name of ["-1", "-4", "-2147483648", "-1 and 1", "0 and the largest offset"]) {
    assertTrap(TrapKind.memoryBounds, () => subject.call(name), name);
  }
  assertTrap(TrapKind.memoryBounds, () => subject.call("-1 and the largest offset", 0n));
});

test("a memory of 4 GiB: addresses at 2^31 and 2^32 - 1 with offsets, nothing wraps", async () => {
  const offsets = [0, 1, 4, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff];
  const subject = Subject.of(
    await assemble(`(module (memory (export "memory") 65536)
      ${accesses.map((access) => offsets.map((offset) => functionsFor(access, offset)).join("")).join("")}
      (func (export "size") (result i32) (memory.size))
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
      (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "high") (result i32)
        (i32.store8 (i32.const -1) (i32.const 0x5a))
        (i32.store8 offset=1 (i32.const -3) (i32.const 0x6b))
        (i32.load16_u (i32.const -2)))
      (func (export "literal beyond") (result i64) (i64.load offset=1 (i32.const -8))))`),
  );
  const { bytes } = subject.memory();
  assertBits([...subject.call("size"), ...subject.call("grow", 0), ...subject.call("grow", 1)], [
    65536,
    65536,
    0xffffffff,
  ]);
  assertBits(subject.call("high"), [0x5a6b]);
  assertTrap(TrapKind.memoryBounds, () => subject.call("literal beyond"));
  const end = 2 ** 32;
  for (const middle of [2 ** 31, end]) {
    for (let i = Math.max(0, middle - 16); i < Math.min(end, middle + 16); i++) bytes[i] = pattern(i % 4096);
  }
  for (const access of accesses) {
    const { name, type, bytes: width } = access;
    for (const offset of offsets) {
      for (const target of [2 ** 31, end]) {
        for (let at = target - 9; at <= target + 1; at++) {
          const address = at - offset;
          if (address < 0 || address >= end) continue;
          for (const form of ["local", "sum"]) {
            const message = `${name} offset=${offset} at ${address} (${form})`;
            const given = kindOf(access) === "load"
              ? []
              : [bitsOf(type, BigInt.asUintN(typeWidth(type), value))];
            const run = () => callAt(subject, form, name, offset, address, ...given);
            if (at + width > end) {
              const before = bytes.slice(-16);
              assertTrap(TrapKind.memoryBounds, run, message);
              assertEquals(bytes.slice(-16), before, message);
            } else if (given.length === 0) assertBits(run(), [loaded(access, bytes, at)], message);
            else {
              run();
              for (let i = 0; i < width; i++) {
                assertEquals(bytes[at + i], Number(value >> BigInt(8 * i) & 0xffn), message);
              }
            }
          }
        }
      }
    }
  }
  // Offset and address together far beyond 2^32.
  assertTrap(TrapKind.memoryBounds, () => callAt(subject, "local", "i32.load8_u", 0xffffffff, 0xffffffff));
  subject.call("fill", 0xfffffff0, 0x177, 16);
  assertEquals([...bytes.subarray(end - 17)].slice(1), Array(16).fill(0x77));
  assertTrap(TrapKind.memoryBounds, () => subject.call("fill", 0xfffffff0, 1, 17));
  assertTrap(TrapKind.memoryBounds, () => subject.call("fill", 2, 1, 0xffffffff));
  assertTrap(TrapKind.memoryBounds, () => subject.call("fill", 0xffffffff, 1, 0xffffffff));
  assertEquals(bytes[end - 1], 0x77);
  subject.call("copy", 0x80000000, 0xfffffff8, 8);
  assertEquals([...bytes.subarray(2 ** 31, 2 ** 31 + 8)], Array(8).fill(0x77));
  assertTrap(TrapKind.memoryBounds, () => subject.call("copy", 0x80000000, 0xfffffff8, 9));
});

test("the bytes of every load and store are in little-endian order", async () => {
  const subject = Subject.of(
    await assemble(
      `(module (memory (export "memory") 1) ${accesses.map((each) => functionsFor(each, 0)).join("")})`,
    ),
  );
  const memory = subject.memory().bytes;
  memory.set([0x80, 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7], 100);
  const expected: Record<string, Bits> = {
    "i32.load": 0xb3a29180,
    "i64.load": 0xf7e6d5c4b3a29180n,
    "f32.load": 0xb3a29180,
    "f64.load": 0xf7e6d5c4b3a29180n,
    "i32.load8_s": 0xffffff80,
    "i32.load8_u": 0x80,
    "i32.load16_s": 0xffff9180,
    "i32.load16_u": 0x9180,
    "i64.load8_s": 0xffffffffffffff80n,
    "i64.load8_u": 0x80n,
    "i64.load16_s": 0xffffffffffff9180n,
    "i64.load16_u": 0x9180n,
    "i64.load32_s": 0xffffffffb3a29180n,
    "i64.load32_u": 0xb3a29180n,
  };
  assertEquals(loads.map(({ name }) => name).sort(), Object.keys(expected).sort());
  for (const [name, bits] of Object.entries(expected)) {
    assertBits(callAt(subject, "local", name, 0, 100), [bits], name);
    assertBits(callAt(subject, "often", name, 0, 100), [bits], name);
  }
  for (const { name, type, bytes } of stores) {
    memory.fill(0xee, 200, 216);
    callAt(subject, "local", name, 0, 204, bitsOf(type, BigInt.asUintN(typeWidth(type), value)));
    const given = typeWidth(type) === 64
      ? [8, 0xf7, 0xe6, 0xd5, 0xc4, 0xb3, 0xa2, 0x91]
      : [8, 0xf7, 0xe6, 0xd5];
    const wanted = [0xee, 0xee, 0xee, 0xee, ...given.slice(0, bytes)];
    while (wanted.length < 16) wanted.push(0xee);
    assertEquals([...memory.subarray(200, 216)].map(hex), wanted.map(hex), name);
  }
});
