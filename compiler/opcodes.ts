/**
 * THE table of instructions: opcode, name, immediates, signature (WebAssembly 2.0, section 5.4).
 * The decoder, the validator, the lowering, the fuzzer and the tests all read this one.
 *
 * An opcode behind the 0xFC prefix is written `0xFC00 | sub`. A signature of `null` means that the
 * types depend on the context (control, parametric, variable and reference instructions).
 *
 * @module
 */

/** What follows an opcode in the binary format. */
export type Immediate =
  | "none"
  | "block" // block type
  | "label" // label index
  | "labels" // vec(label index), label index
  | "func" // function index
  | "call_indirect" // type index, table index
  | "local"
  | "global"
  | "table"
  | "memarg" // alignment exponent, offset
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "reftype"
  | "select" // vec(value type)
  | "memory" // one 0x00 byte
  | "memory_memory" // two 0x00 bytes (destination, source)
  | "data"
  | "data_memory" // data index, 0x00 byte
  | "elem"
  | "elem_table" // element index, table index
  | "table_table"; // destination table, source table

export interface Opcode {
  readonly code: number;
  readonly name: string;
  readonly immediate: Immediate;
  /** For example `"i32 i32 -> i32"`. */
  readonly signature: string | null;
  /** For memory accesses: the access width in bytes, which is also the largest allowed alignment. */
  readonly width?: number;
}

const table: Opcode[] = [];

function def(code: number, name: string, immediate: Immediate, signature: string | null, width?: number) {
  table.push({ code, name, immediate, signature, width });
}

/** Consecutive opcodes without immediates that share a signature. */
function run(code: number, signature: string, names: string) {
  for (const name of names.trim().split(/\s+/)) def(code++, name, "none", signature);
}

/** Consecutive memory accesses: `name:width`. */
function accesses(code: number, names: string) {
  for (const entry of names.trim().split(/\s+/)) {
    const [name, width] = entry.split(":");
    const type = name.slice(0, 3);
    const signature = name.includes("store") ? `i32 ${type} ->` : `i32 -> ${type}`;
    def(code++, name, "memarg", signature, Number(width));
  }
}

// Control instructions (5.4.1)
def(0x00, "unreachable", "none", null);
def(0x01, "nop", "none", "->");
def(0x02, "block", "block", null);
def(0x03, "loop", "block", null);
def(0x04, "if", "block", null);
def(0x05, "else", "none", null);
def(0x0b, "end", "none", null);
def(0x0c, "br", "label", null);
def(0x0d, "br_if", "label", null);
def(0x0e, "br_table", "labels", null);
def(0x0f, "return", "none", null);
def(0x10, "call", "func", null);
def(0x11, "call_indirect", "call_indirect", null);

// Parametric (5.4.3), variable (5.4.4) and table (5.4.5) instructions
def(0x1a, "drop", "none", null);
def(0x1b, "select", "none", null);
def(0x1c, "select t", "select", null);
def(0x20, "local.get", "local", null);
def(0x21, "local.set", "local", null);
def(0x22, "local.tee", "local", null);
def(0x23, "global.get", "global", null);
def(0x24, "global.set", "global", null);
def(0x25, "table.get", "table", null);
def(0x26, "table.set", "table", null);

// Memory instructions (5.4.6)
accesses(
  0x28,
  `i32.load:4 i64.load:8 f32.load:4 f64.load:8
   i32.load8_s:1 i32.load8_u:1 i32.load16_s:2 i32.load16_u:2
   i64.load8_s:1 i64.load8_u:1 i64.load16_s:2 i64.load16_u:2 i64.load32_s:4 i64.load32_u:4
   i32.store:4 i64.store:8 f32.store:4 f64.store:8
   i32.store8:1 i32.store16:2 i64.store8:1 i64.store16:2 i64.store32:4`,
);
def(0x3f, "memory.size", "memory", "-> i32");
def(0x40, "memory.grow", "memory", "i32 -> i32");

// Numeric instructions (5.4.7)
def(0x41, "i32.const", "i32", "-> i32");
def(0x42, "i64.const", "i64", "-> i64");
def(0x43, "f32.const", "f32", "-> f32");
def(0x44, "f64.const", "f64", "-> f64");
run(0x45, "i32 -> i32", "i32.eqz");
run(
  0x46,
  "i32 i32 -> i32",
  `i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u`,
);
run(0x50, "i64 -> i32", "i64.eqz");
run(
  0x51,
  "i64 i64 -> i32",
  `i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u`,
);
run(0x5b, "f32 f32 -> i32", "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge");
run(0x61, "f64 f64 -> i32", "f64.eq f64.ne f64.lt f64.gt f64.le f64.ge");
run(0x67, "i32 -> i32", "i32.clz i32.ctz i32.popcnt");
run(
  0x6a,
  "i32 i32 -> i32",
  `i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u
   i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr`,
);
run(0x79, "i64 -> i64", "i64.clz i64.ctz i64.popcnt");
run(
  0x7c,
  "i64 i64 -> i64",
  `i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u
   i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr`,
);
run(0x8b, "f32 -> f32", "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt");
run(0x92, "f32 f32 -> f32", "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign");
run(0x99, "f64 -> f64", "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt");
run(0xa0, "f64 f64 -> f64", "f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign");
run(0xa7, "i64 -> i32", "i32.wrap_i64");
run(0xa8, "f32 -> i32", "i32.trunc_f32_s i32.trunc_f32_u");
run(0xaa, "f64 -> i32", "i32.trunc_f64_s i32.trunc_f64_u");
run(0xac, "i32 -> i64", "i64.extend_i32_s i64.extend_i32_u");
run(0xae, "f32 -> i64", "i64.trunc_f32_s i64.trunc_f32_u");
run(0xb0, "f64 -> i64", "i64.trunc_f64_s i64.trunc_f64_u");
run(0xb2, "i32 -> f32", "f32.convert_i32_s f32.convert_i32_u");
run(0xb4, "i64 -> f32", "f32.convert_i64_s f32.convert_i64_u");
run(0xb6, "f64 -> f32", "f32.demote_f64");
run(0xb7, "i32 -> f64", "f64.convert_i32_s f64.convert_i32_u");
run(0xb9, "i64 -> f64", "f64.convert_i64_s f64.convert_i64_u");
run(0xbb, "f32 -> f64", "f64.promote_f32");
run(0xbc, "f32 -> i32", "i32.reinterpret_f32");
run(0xbd, "f64 -> i64", "i64.reinterpret_f64");
run(0xbe, "i32 -> f32", "f32.reinterpret_i32");
run(0xbf, "i64 -> f64", "f64.reinterpret_i64");
run(0xc0, "i32 -> i32", "i32.extend8_s i32.extend16_s");
run(0xc2, "i64 -> i64", "i64.extend8_s i64.extend16_s i64.extend32_s");

// Reference instructions (5.4.2)
def(0xd0, "ref.null", "reftype", null);
def(0xd1, "ref.is_null", "none", null);
def(0xd2, "ref.func", "func", null);

// Behind the 0xFC prefix: saturating truncation (5.4.7), bulk memory (5.4.6) and tables (5.4.5)
run(0xfc00, "f32 -> i32", "i32.trunc_sat_f32_s i32.trunc_sat_f32_u");
run(0xfc02, "f64 -> i32", "i32.trunc_sat_f64_s i32.trunc_sat_f64_u");
run(0xfc04, "f32 -> i64", "i64.trunc_sat_f32_s i64.trunc_sat_f32_u");
run(0xfc06, "f64 -> i64", "i64.trunc_sat_f64_s i64.trunc_sat_f64_u");
def(0xfc08, "memory.init", "data_memory", "i32 i32 i32 ->");
def(0xfc09, "data.drop", "data", "->");
def(0xfc0a, "memory.copy", "memory_memory", "i32 i32 i32 ->");
def(0xfc0b, "memory.fill", "memory", "i32 i32 i32 ->");
def(0xfc0c, "table.init", "elem_table", "i32 i32 i32 ->");
def(0xfc0d, "elem.drop", "elem", "->");
def(0xfc0e, "table.copy", "table_table", "i32 i32 i32 ->");
def(0xfc0f, "table.grow", "table", null);
def(0xfc10, "table.size", "table", "-> i32");
def(0xfc11, "table.fill", "table", null);

/** Every instruction, in the order of the specification's index of instructions. */
export const opcodes: readonly Opcode[] = table;

const byCode = new Map<number, Opcode>(table.map((opcode) => [opcode.code, opcode]));
const byName = new Map<string, Opcode>(table.map((opcode) => [opcode.name, opcode]));

/** The entry of an opcode, or `undefined` for one that is not in WebAssembly 2.0 (or is SIMD). */
export function opcodeOf(code: number): Opcode | undefined {
  return byCode.get(code);
}

/** The opcode of an instruction's name: `op("i32.add")` is `0x6a`. */
export function op(name: string): number {
  const opcode = byName.get(name);
  if (opcode === undefined) throw new RangeError(`no instruction is named "${name}"`);
  return opcode.code;
}
