/**
 * Debug information: every offset of a program against what LLVM says of it, and what hostile debug
 * information can do, which is nothing.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { decode } from "../../compiler/decode.ts";
import { DebugInfo, type SourcePlace } from "../../compiler/dwarf/debug_info.ts";
import { Budget, DwarfError, DwarfReader } from "../../compiler/dwarf/reader.ts";
import { Symbols } from "../../compiler/symbols.ts";
import type { Module } from "../../compiler/types.ts";
import { PYTHON } from "../cli/command.ts";
import { binary, codeSection, functions, leb, name, random, section } from "../compiler/binary.ts";

const file = (name: string) => Deno.readFileSync(new URL(name, import.meta.url));
const VERSIONS = [4, 5] as const;
const orbit = (version: number) => decode(file(`orbit_dwarf${version}.wasm`));
const debugInfo = (module: Module, budget?: Budget) => {
  const info = DebugInfo.of(module, budget);
  assert(info !== undefined);
  return info;
};

/** `FUNCTION:LINE:COLUMN` of each place, inlined into the next. */
const text = (places: readonly SourcePlace[]) =>
  places.map(({ function: name, line = 0, column = 0 }) => `${name}:${line}:${column}`).join(" < ");

/** What LLVM says of each offset up to the last one named. */
function* reference(): Generator<[offset: number, text: string]> {
  const lines = new TextDecoder().decode(file("orbit.symbols")).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  for (const [i, line] of lines.entries()) {
    const [, start, text] = /^(\d+) ?(.*)$/.exec(line)!;
    const end = Number(lines[i + 1]?.split(" ")[0] ?? start);
    for (let offset = Number(start); offset < end; offset++) yield [offset, text];
  }
}

for (const version of VERSIONS) {
  Deno.test(`dwarf ${version}: functions, lines and columns of every offset, as LLVM has them`, () => {
    const info = debugInfo(orbit(version));
    let [lines, approximated] = [0, 0];
    for (const [offset, expected] of reference()) {
      const places = info.at(offset);
      for (const place of places) assertEquals(place.file, "tests/inspect/orbit.c");
      if (/^\w+:0:/.test(expected)) {
        // Code of no line: it is given the line before it, of the same function.
        approximated++;
        const functions = (chain: string) => chain.replace(/^(\w+):\d+:\d+/, "$1");
        assertEquals(functions(text(places)), functions(expected), `offset ${offset}`);
        continue;
      }
      lines++;
      assertEquals(text(places), expected, `offset ${offset}`);
    }
    assert(lines > 200 && approximated > 50, `${lines} lines, ${approximated} approximated`);
    assertEquals(info.problem, undefined);
  });

  Deno.test(`dwarf ${version}: a function is named and found by its index, without a name section`, () => {
    const module = { ...orbit(version), names: { funcs: new Map(), globals: new Map() } };
    const symbols = new Symbols(module);
    assertEquals(
      module.codes.map((_, i) => symbols.functionName(i)),
      ["step", "orbit", "fail", "run", "start"],
    );
    assertEquals(symbols.definition(2), { function: "fail", file: "tests/inspect/orbit.c", line: 43 });
    assertEquals(symbols.sourceOf(99, 200), []);
  });
}

const local = (index: number) => ({ in: "value", register: { kind: "local", index }, offset: 0 });

for (const version of VERSIONS) {
  Deno.test(`dwarf ${version}: variables, their types and where they are`, () => {
    const info = debugInfo(orbit(version));
    const whole = { name: "int", representation: "signed", size: 4 };
    const long = { name: "long long", representation: "signed", size: 8 };
    assertEquals(info.variables(16), [
      { name: "self", type: whole, location: local(0) },
      // It has no value yet.
      { name: "speed", type: long },
    ] as unknown);
    assertEquals(info.variables(46), [
      { name: "self", type: whole, location: local(0) },
      { name: "speed", type: long, location: local(4) },
    ] as unknown);
    assertEquals(info.variables(116).map(({ name }) => name), ["self", "speed", "i", "sum", "way"]);
    assertEquals(info.variables(371), []);
    assertEquals(info.problem, undefined);
  });
}

Deno.test("dwarf: variables of code that was not optimised lie in memory, beside what a local holds", () => {
  const module = decode(file("orbit_plain.wasm"));
  const variables = debugInfo(module).variables(354);
  assertEquals(variables.map(({ name, type }) => `${name}: ${type.name}`), [
    "self: int",
    "speed: long long",
    "i: int",
    "on: const body *",
    "by: const body *",
    "way: long long",
    "sum: long long",
  ]);
  for (const { location } of variables) {
    assert(location?.in === "memory" && location.register?.kind === "local" && location.offset > 0);
  }
});

Deno.test("dwarf: offsets outside of all code are nowhere", () => {
  const info = debugInfo(orbit(5));
  for (const offset of [0, 1, 2, 9999, 2 ** 32, -1]) assertEquals(info.at(offset), []);
  assertEquals(info.problem, undefined);
});

Deno.test("dwarf: modules without it, and CPython, whose optimiser has left only husks", () => {
  assertEquals(DebugInfo.of(decode(binary())), undefined);
  assertEquals(new Symbols(decode(binary())).problem, undefined);
  const module = decode(Deno.readFileSync(PYTHON));
  const symbols = new Symbols(module);
  // Of 10 MB of entries, only the heads of units are read.
  const start = performance.now();
  assertEquals(symbols.sourceOf(1000, 50_000), []);
  assert(performance.now() - start < 2000, "it takes too long");
  assertEquals(symbols.functionName(1000), "func[1000]");
  assertMatch(symbols.problem!, /^the module's debug information has no addresses of code any more: /);
});

/** The module with some bytes of its debug information changed. */
function damaged(module: Module, next: (below: number) => number): Module {
  const bytes = module.bytes.slice();
  const sections = module.customs.filter(({ name }) => name.startsWith(".debug_"));
  for (let count = 1 + next(4); count > 0; count--) {
    const { start, end } = sections[next(sections.length)];
    bytes[start + next(end - start)] = [next(256), 0, 0xff, 0x7f, 1][next(5)];
  }
  return { ...module, bytes };
}

Deno.test("dwarf: damaged information says something or nothing, and never fails", () => {
  const next = random(31);
  let broken = 0;
  for (let round = 0; round < 1500; round++) {
    const info = debugInfo(damaged(orbit(VERSIONS[round % 2]), next), new Budget(1 << 20, 1 << 16));
    for (let i = 0; i < 4; i++) {
      info.variables(3 + next(405));
      for (const { file, line } of info.at(3 + next(405))) {
        assert(file === undefined || !/[^\x20-\x7e\u00a0-\uffff]/.test(file), file);
        assert(line === undefined || Number.isFinite(line));
      }
    }
    if (info.problem !== undefined) broken++;
  }
  assert(broken > 50 && broken < 1400, `${broken} were found broken`);
});

/** A custom section. */
const custom = (title: string, bytes: readonly number[]) => section(0, [...name(title), ...bytes]);
const u16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];

/** A module with one unit for all of its code: abbreviation 1 is the root, entries follow it. */
function withUnit(abbreviations: readonly number[], entries: readonly number[]): Module {
  const root = [1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0];
  const unit = [...u16(4), ...u32(0), 4, 1, ...u32(1), ...u32(10_000), ...entries];
  return decode(binary(
    functions(1),
    codeSection([0, 0x0b]),
    custom(".debug_abbrev", [...root, ...abbreviations, 0]),
    custom(".debug_info", [...u32(unit.length), ...unit]),
  ));
}

Deno.test("dwarf: the primitive values, at their edges", () => {
  const reader = (...bytes: number[]) => new DwarfReader(Uint8Array.from(bytes), 0, bytes.length);
  assertEquals(reader(0xe5, 0x8e, 0x26).uleb(), 624485);
  assertEquals(reader(0xc0, 0xbb, 0x78).sleb(), -123456);
  assertEquals(reader(0x80, 0x80, 0x80, 0x80, 0).uleb(), 0);
  assertEquals(reader(1, 2, 3).uint(3), 0x030201);
  assertEquals(reader(0, 0, 0, 0, 1, 0, 0, 0).uint(8), 2 ** 32);
  const invalid: (() => unknown)[] = [
    () => reader(0x80).uleb(),
    () => reader(...new Array(20).fill(0x80), 0).uleb(),
    () => reader(1).uint(2),
    () => reader(0x41).skipString(),
    () => reader(1, 2).skip(-1),
    () => reader(1, 2).skip(NaN),
    () => reader(9, 0, 0, 0).initialLength(),
  ];
  for (const read of invalid) assertThrows(read, DwarfError);
  assertEquals(reader(0x61, 0x1b, 0x5b, 0).string(), "a?[");
});

Deno.test("dwarf: bombs end within their budget", () => {
  const budget = () => new Budget(100_000, 10_000);
  // Each entry is one byte, and has a thousand attributes of no bytes.
  const wide = [2, 0x2e, 0, ...Array.from({ length: 1000 }, () => [0x03, 0x19]).flat(), 0, 0];
  const bomb = debugInfo(withUnit(wide, new Array(5000).fill(2)), budget());
  assertEquals(bomb.at(100), []);
  assertMatch(bomb.problem!, /it takes too long to read/);
  // Abbreviations without end.
  const many = Array.from({ length: 5000 }, (_, i) => [...leb(i + 2), 0x2e, 0, 0, 0]).flat();
  const kept = debugInfo(withUnit(many, leb(4999)), budget());
  assertEquals(kept.at(100), []);
  assertMatch(kept.problem!, /it takes too much memory to read/);
  // A function whose name is that of itself.
  const unitHead = 11;
  const self = [2, 0x2e, 0, 0x11, 0x01, 0x12, 0x06, 0x31, 0x13, 0, 0];
  const entry = [2, ...u32(1), ...u32(500), ...u32(unitHead + 1 + 8), 0];
  const circle = debugInfo(withUnit(self, entry), budget());
  assertEquals(circle.at(100), [{}]);
  assertEquals(circle.problem, undefined);
  // Entries as deep as they are many.
  const nested = [2, 0x0b, 1, 0, 0];
  const deep = debugInfo(withUnit(nested, new Array(90_000).fill(2)), budget());
  assertEquals(deep.at(100), []);
  assertEquals(deep.problem, undefined);
});
