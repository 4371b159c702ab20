/**
 * The decoder: what it reads, and how it refuses what is malformed.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { decode } from "../../compiler/decode.ts";
import { MalformedError, UnsupportedError } from "../../compiler/errors.ts";
import { Reader } from "../../compiler/reader.ts";
import { ValType } from "../../compiler/types.ts";
import { binary, codeSection, functions, leb, name, random, section } from "./binary.ts";

const { i32, i64, f32, f64, funcref, externref, v128 } = ValType;

/** Asserts that decoding fails as malformed, with this reason, at this offset. */
function malformed(bytes: Uint8Array, reason: string, offset?: number, where?: string) {
  const error = assertThrows(() => decode(bytes), MalformedError);
  assertStringIncludes(error.reason, reason);
  if (offset !== undefined) assertEquals(error.offset, offset);
  if (where !== undefined) assertEquals(error.where, where);
}

Deno.test("LEB128: every encoding of every width is read as a reference reads it", () => {
  const next = random(1);
  /** The value of a LEB128 by the definition, or the reason to refuse it. */
  function reference(bytes: readonly number[], width: number, signed: boolean): bigint | string {
    let value = 0n;
    for (let i = 0;; i++) {
      if (7 * i >= width) return "integer representation too long";
      if (i >= bytes.length) return "unexpected end";
      const byte = bytes[i];
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (7 * (i + 1) > width) {
        const kept = signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
        if (kept !== (signed ? BigInt.asIntN(7 * (i + 1), value) : value)) return "integer too large";
      }
      if (byte < 0x80) return signed ? BigInt.asIntN(Math.min(width, 7 * (i + 1)), value) : value;
    }
  }
  const edges = [0x00, 0x01, 0x0f, 0x10, 0x3f, 0x40, 0x70, 0x78, 0x7f];
  const readers: [number, boolean, (reader: Reader) => bigint][] = [
    [32, false, (reader) => BigInt(reader.u32())],
    [32, true, (reader) => BigInt(reader.s32())],
    [33, true, (reader) => BigInt(reader.s33())],
    [64, true, (reader) => reader.s64()],
  ];
  for (let round = 0; round < 20_000; round++) {
    const [width, signed, read] = readers[round % readers.length];
    const length = next(13);
    const bytes: number[] = [];
    for (let i = 0; i < length; i++) {
      const more = i < length - 1 || next(20) === 0 ? 0x80 : 0;
      bytes.push(more | (next(2) ? edges[next(edges.length)] : next(128)));
    }
    const expected = reference(bytes, width, signed);
    const reader = new Reader(new Uint8Array(bytes));
    let found: bigint | string;
    try {
      found = read(reader);
    } catch (error) {
      assert(error instanceof MalformedError);
      found = error.reason;
    }
    assertEquals(found, expected, `${width} bits of ${bytes.map((byte) => byte.toString(16))}`);
    if (typeof expected === "bigint") {
      assertEquals(
        reader.position,
        bytes.findIndex((byte) => byte < 0x80) + 1,
      );
    }
  }
});

Deno.test("names: strict UTF-8, nothing normalised", () => {
  const read = (...bytes: number[]) => new Reader(new Uint8Array([bytes.length, ...bytes])).name();
  assertEquals(read(), "");
  assertEquals(read(0xef, 0xbb, 0xbf, 0x61), "\ufeffa");
  assertEquals(read(0xf0, 0x9f, 0x98, 0x80, 0x00), "\u{1f600}\0");
  const broken = [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff]];
  for (const bytes of broken) {
    const error = assertThrows(() => read(...bytes), MalformedError);
    assertEquals([error.reason, error.offset], ["malformed UTF-8 encoding", 1]);
  }
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([2, 0x68, 0x69]);
  assertEquals(new Reader(shared).name(), "hi");
});

Deno.test("header", () => {
  malformed(new Uint8Array(), "unexpected end", 0);
  malformed(new Uint8Array([0, 0x61, 0x73]), "unexpected end", 3);
  malformed(new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), "magic header not detected", 0);
  malformed(new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), "unknown binary version", 4);
});

Deno.test("sections: ids, order, sizes", () => {
  const empty = (id: number) => section(id, id === 8 ? [0] : [0]);
  malformed(binary(section(14, [0])), "malformed section id 14", 8);
  malformed(binary(section(13, [0])), "exception handling: not supported", 10);
  malformed(binary([1, 5, 0]), "length out of bounds", 9);
  malformed(binary(section(1, [0, 0])), "section size mismatch", 11, "type section");
  malformed(binary(section(1, [1])), "length out of bounds", 10, "type section");
  malformed(binary(section(1, [1]), empty(3)), "unexpected end of section or function", 11, "type section");
  const order = [1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11];
  for (const [rank, id] of order.entries()) {
    malformed(binary(empty(id), empty(id)), "unexpected content after last section");
    for (const earlier of order.slice(0, rank)) {
      assertEquals(decode(binary(empty(earlier), empty(id))).types, []);
      malformed(binary(empty(id), empty(earlier)), "unexpected content after last section");
    }
  }
});

Deno.test("custom sections: anywhere, and only their name must be well-formed", () => {
  const custom = (title: string, contents: number[]) => section(0, [...name(title), ...contents]);
  const module = decode(
    binary(custom("a", [1, 2, 3]), functions(1), custom("b", []), codeSection([0, 0x0b])),
  );
  assertEquals(module.customs.map(({ name, start, end }) => [name, end - start]), [["a", 3], ["b", 0]]);
  assertEquals([...module.bytes.subarray(module.customs[0].start, module.customs[0].end)], [1, 2, 3]);
  malformed(binary([0, 0]), "unexpected end", 10, "custom section");
  malformed(binary(section(0, [1, 0xff])), "malformed UTF-8 encoding", 11);
  malformed(binary(section(0, [5, 0x61])), "length out of bounds", 10);
});

Deno.test("name section", () => {
  const names = (...subsections: number[][]) =>
    decode(binary(section(0, [...name("name"), ...subsections.flat()]))).names;
  const funcs = section(1, [2, 0, ...name("main"), 7, ...name("helper")]);
  const globals = section(7, [1, 0, ...name("stack")]);
  assertEquals(names(section(0, name("m")), funcs, section(2, [9, 9]), globals), {
    module: "m",
    funcs: new Map([[0, "main"], [7, "helper"]]),
    globals: new Map([[0, "stack"]]),
  });
  const none = { funcs: new Map(), globals: new Map() };
  assertEquals(names(), none);
  // Broken ones: cut short, a size too large, bad UTF-8, a name that leaves its subsection.
  for (const broken of [[1], [1, 9, 0], section(1, [1, 0, 1, 0xff]), section(1, [1, 0, 2, 0x61])]) {
    assertEquals(names(section(0, name("m")), broken), none);
  }
});

Deno.test("types, imports, exports and index spaces", () => {
  const module = decode(binary(
    section(1, [2, 0x60, 2, i32, f64, 1, i64, 0x60, 1, externref, 2, f32, funcref]),
    section(2, [
      4,
      ...[...name("m"), ...name("f"), 0, 1],
      ...[...name("m"), ...name("t"), 1, externref, 1, 2, 3],
      ...[...name("m"), ...name("g"), 3, f32, 1],
      ...[...name("m"), ...name(""), 2, 0, 1],
    ]),
    section(3, [1, 0]),
    section(4, [1, funcref, 0, ...leb(0xffff_ffff)]),
    section(6, [1, i32, 0, 0x41, 0x7f, 0x0b]),
    section(7, [2, ...name("f"), 0, 1, ...name("m"), 2, 0]),
    section(8, [1]),
    codeSection([0, 0x0b]),
  ));
  const [first, second] = module.types;
  assertEquals(first, { params: [i32, f64], results: [i64] });
  assertEquals(second, { params: [externref], results: [f32, funcref] });
  assert(module.funcTypes[0] === second && module.funcTypes[1] === first, "the same objects");
  assertEquals(module.imports, [
    { module: "m", name: "f", kind: "func", type: second },
    { module: "m", name: "t", kind: "table", type: { element: externref, limits: { min: 2, max: 3 } } },
    { module: "m", name: "g", kind: "global", type: { type: f32, mutable: true } },
    { module: "m", name: "", kind: "memory", type: { limits: { min: 1 } } },
  ]);
  assertEquals(module.tables[1], { element: funcref, limits: { min: 0xffff_ffff } });
  assertEquals(module.imported, { funcs: 1, tables: 1, memories: 1, globals: 1 });
  assertEquals(module.globals, [{
    type: { type: i32, mutable: false },
    init: { op: "i32.const", value: -1 },
  }]);
  assertEquals(module.exports, [{ name: "f", kind: "func", index: 1 }, {
    name: "m",
    kind: "memory",
    index: 0,
  }]);
  assertEquals(module.start, 1);
  assertEquals(module.codes[0].typeIndex, 0);
});

Deno.test("malformed types, kinds and flags, with a hint at later features", () => {
  malformed(
    binary(section(1, [1, 0x5f, 0, 0])),
    "malformed function type 0x5f (garbage collection: not supported)",
    11,
  );
  malformed(binary(section(1, [1, 0x60, 1, 0x7a, 0])), "malformed value type 0x7a", 13);
  malformed(binary(section(4, [1, i32, 0, 0])), "malformed reference type 0x7f", 11);
  malformed(binary(section(5, [1, 3, 0, 0])), "limits flags 0x03 (threads: not supported)", 11);
  malformed(binary(section(5, [1, 4, 0])), "limits flags 0x04 (memory64: not supported)", 11);
  malformed(binary(section(6, [1, i32, 2, 0x0b])), "malformed mutability 0x02", 12);
  malformed(binary(section(2, [1, 0, 0, 4, 0, 0])), "malformed import kind 0x04", 13);
  malformed(binary(section(7, [1, 0, 5, 0])), "malformed export kind 0x05", 12);
  malformed(binary(section(9, [1, 8])), "malformed elements segment kind 8", 11);
  malformed(binary(section(9, [1, 1, 1, 0])), "malformed element kind", 12);
  malformed(binary(section(11, [1, 3])), "malformed data segment kind 3", 11);
});

Deno.test("SIMD is not supported yet, and says so", () => {
  for (
    const bytes of [binary(section(1, [1, 0x60, 1, v128, 0])), binary(section(6, [1, v128, 0, 0xfd, 12]))]
  ) {
    const error = assertThrows(() => decode(bytes), UnsupportedError);
    assertStringIncludes(error.message, "not supported yet: simd");
  }
});

Deno.test("constant expressions keep every bit", () => {
  const globals = decode(binary(section(6, [
    7,
    ...[i64, 0, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0x0b],
    ...[f32, 0, 0x43, 0x01, 0x00, 0xa0, 0xff, 0x0b],
    ...[f64, 0, 0x44, 0x01, 0, 0, 0, 0, 0, 0xf4, 0x7f, 0x0b],
    ...[funcref, 0, 0xd0, funcref, 0x0b],
    ...[externref, 0, 0xd0, externref, 0x0b],
    ...[funcref, 0, 0xd2, 0x05, 0x0b],
    ...[i32, 0, 0x23, 0x02, 0x0b],
  ]))).globals;
  assertEquals(globals.map(({ init }) => init), [
    { op: "i64.const", value: -(2n ** 63n) },
    { op: "f32.const", bits: 0xffa00001 },
    { op: "f64.const", bits: 0x7ff4000000000001n },
    { op: "ref.null", type: funcref },
    { op: "ref.null", type: externref },
    { op: "ref.func", index: 5 },
    { op: "global.get", index: 2 },
  ]);
  malformed(
    binary(section(6, [1, i32, 0, 0x41, 0, 0x0a, 0x0b])),
    "illegal opcode 0x0a (exception handling",
    15,
  );
  malformed(binary(section(6, [1, i32, 0, 0x02, 0x40, 0x05, 0x0b, 0x0b])), "END opcode expected", 15);
});

Deno.test("element segments: all eight encodings", () => {
  const offset = [0x41, 3, 0x0b];
  const expressions = [2, 0xd0, funcref, 0x0b, 0xd2, 7, 0x0b];
  const module = decode(binary(section(9, [
    8,
    ...[0, ...offset, 2, 5, 6],
    ...[1, 0, 1, 5],
    ...[2, 4, ...offset, 0, 0],
    ...[3, 0, 1, 5],
    ...[4, ...offset, ...expressions],
    ...[5, externref, 0],
    ...[6, 1, ...offset, funcref, ...expressions],
    ...[7, funcref, ...expressions],
  ])));
  const at = (index: number) => ({ kind: "active", index, offset: { op: "i32.const", value: 3 } } as const);
  const func = (index: number) => ({ op: "ref.func", index } as const);
  const passive = { kind: "passive" } as const;
  const declarative = { kind: "declarative" } as const;
  const init = [{ op: "ref.null", type: funcref }, func(7)] as const;
  assertEquals(module.elements, [
    { type: funcref, init: [func(5), func(6)], mode: at(0) },
    { type: funcref, init: [func(5)], mode: passive },
    { type: funcref, init: [], mode: at(4) },
    { type: funcref, init: [func(5)], mode: declarative },
    { type: funcref, init, mode: at(0) },
    { type: externref, init: [], mode: passive },
    { type: funcref, init, mode: at(1) },
    { type: funcref, init, mode: declarative },
  ]);
});

Deno.test("data segments are places in the file", () => {
  const offset = [0x23, 0, 0x0b];
  const module = decode(binary(
    section(12, [3]),
    section(11, [3, 0, ...offset, 2, 0xaa, 0xbb, 1, 0, 2, 0, ...offset, 1, 0xcc]),
  ));
  const bytes = module.datas.map(({ start, end }) => [...module.bytes.subarray(start, end)]);
  assertEquals(bytes, [[0xaa, 0xbb], [], [0xcc]]);
  assertEquals(module.datas.map(({ mode }) => mode.kind), ["active", "passive", "active"]);
  assertEquals(module.dataCount, 3);
  malformed(binary(section(12, [1])), "data count and data section have inconsistent lengths");
  malformed(
    binary(section(12, [1]), section(11, [0])),
    "data count and data section have inconsistent lengths",
  );
});

Deno.test("code: bodies are delimited, locals are runs", () => {
  const bytes = binary(functions(2), codeSection([2, 3, i32, ...leb(200), f64, 0x01, 0x0b], [0, 0x0b]));
  const { codes, codeSectionStart } = decode(bytes);
  assertEquals(bytes[codeSectionStart], 2);
  assertEquals(codes[0].locals, [{ count: 3, type: i32 }, { count: 200, type: f64 }]);
  const slice = (start: number, end: number) => [...bytes.subarray(start, end)];
  assertEquals(slice(codes[0].bodyStart, codes[0].end), [0x01, 0x0b]);
  assertEquals(slice(codes[1].start, codes[1].end), [0, 0x0b]);
  malformed(binary(functions(1)), "function and code section have inconsistent lengths");
  malformed(binary(functions(1), codeSection()), "function and code section have inconsistent lengths");
  malformed(binary(codeSection([0, 0x0b])), "function and code section have inconsistent lengths");
  malformed(
    binary(functions(1), codeSection([1, 1, 0x7a, 0x0b])),
    "malformed value type 0x7a",
    24,
    "code section, function 0",
  );
});

Deno.test("too many locals: malformed from 2^32, not supported from 50001", () => {
  const locals = (...runs: number[][]) =>
    binary(functions(1), codeSection([runs.length, ...runs.flat(), 0x0b]));
  malformed(locals([...leb(0xffff_ffff), i32], [1, i32]), "too many locals");
  decode(locals([...leb(49_999), i32], [1, i64]));
  const error = assertThrows(() => decode(locals([...leb(49_999), i32], [2, i64])), UnsupportedError);
  assertStringIncludes(error.message, "50001 locals (at most 50000) in code section, function 0");
});

Deno.test("counts are not believed", () => {
  const huge = leb(0xffff_ffff);
  for (const id of [1, 2, 3, 4, 5, 6, 7, 9, 10, 11]) {
    malformed(binary(section(id, huge)), "length out of bounds", 10);
  }
  malformed(binary(section(0, huge)), "length out of bounds", 10);
  malformed(binary(section(1, [1, 0x60, ...huge])), "length out of bounds", 12);
});

Deno.test("every prefix of a module is refused, or is a shorter module", () => {
  const whole = binary(
    section(1, [1, 0x60, 1, i32, 1, i32]),
    section(2, [1, ...name("env"), ...name("f"), 0, 0]),
    section(3, [1, 0]),
    section(4, [1, funcref, 0, 1]),
    section(7, [1, ...name("g"), 0, 1]),
    section(9, [1, 0, 0x41, 0, 0x0b, 1, 1]),
    codeSection([1, 2, i64, 0x20, 0, 0x10, 0, 0x0b]),
    section(0, [...name("name"), ...section(1, [1, 1, ...name("g")])]),
  );
  let shorter = 0;
  for (let length = 0; length < whole.length; length++) {
    try {
      decode(whole.slice(0, length));
      shorter++;
    } catch (error) {
      assert(error instanceof MalformedError, `${length}: ${error}`);
      assert(error.offset <= length, error.message);
    }
  }
  // After the header, the types and the imports; from the function section on, code is missing; then before and
  // in none of the custom section's bytes.
  assertEquals(shorter, 4);
  assertEquals(decode(whole).names.funcs.get(1), "g");
});
