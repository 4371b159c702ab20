/**
 * Rewritten functions as text: one line for each instruction, by our own table of opcodes, which knows nothing of
 * several memories.
 *
 * @module
 */
import { type Opcode, opcodeOf } from "../../compiler/opcodes.ts";
import type { Program } from "../../compiler/program.ts";
import { Reader } from "../../compiler/reader.ts";
import { Extras, Helper, savingCount, stateNames } from "../../compiler/rewrite/extras.ts";
import { type Module, ValType, valTypeName } from "../../compiler/types.ts";

/** Bit of the alignment: a memory's index follows. */
const hasMemory = 0x40;

class Listing {
  readonly #extras: Extras;
  readonly #lines: string[] = [];
  #depth = 1;

  constructor(private readonly reader: Reader, private readonly module: Module) {
    this.#extras = Extras.of(module);
  }

  /** @param unlikely Offsets of branches that are hinted at, from `start` on. */
  body(start: number, unlikely: ReadonlySet<number>): string {
    const { reader } = this;
    for (let count = reader.u32(); count > 0; count--) {
      this.#lines.push(
        `  (local ${Array(reader.u32()).fill(valTypeName(reader.u8() as ValType)).join(" ")})`,
      );
    }
    return this.instructions(start, unlikely);
  }

  instructions(start: number, unlikely: ReadonlySet<number>): string {
    const { reader } = this;
    while (reader.position < reader.end) {
      const offset = reader.position - start;
      const opcode = this.#opcode();
      const { name } = opcode;
      if (name === "end" || name === "else") this.#depth--;
      const words = [name, ...this.#immediates(opcode), ...unlikely.has(offset) ? [";; unlikely"] : []];
      this.#lines.push("  ".repeat(Math.max(this.#depth, 0)) + words.join(" "));
      if (["block", "loop", "if", "else"].includes(name)) this.#depth++;
    }
    return this.#lines.join("\n");
  }

  #opcode(): Opcode {
    const byte = this.reader.u8();
    return opcodeOf(byte === 0xfc ? 0xfc00 | this.reader.u32() : byte)!;
  }

  #immediates({ immediate }: Opcode): unknown[] {
    const { reader } = this;
    switch (immediate) {
      case "none":
        return [];
      case "block": {
        const type = reader.s33();
        if (type === -64) return [];
        return [type < 0 ? `(result ${valTypeName((type + 0x80) as ValType)})` : `(type ${type})`];
      }
      case "labels":
        return Array.from({ length: reader.u32() + 1 }, () => reader.u32());
      case "global":
        return [this.#global(reader.u32())];
      case "func":
        return [this.#func(reader.u32())];
      case "call_indirect": {
        const [type, table] = [reader.u32(), reader.u32()];
        return [table === this.#extras.helpers ? "$helpers" : table, `(type ${type})`];
      }
      case "memarg":
        return this.#access();
      case "i32":
        return [reader.s32()];
      case "i64":
        return [reader.s64()];
      case "f32":
        return [`0x${reader.f32Bits().toString(16)}`];
      case "f64":
        return [`0x${reader.f64Bits().toString(16)}`];
      case "memory": {
        const memory = reader.u8();
        return memory === 0 ? [] : [this.#memory(memory)];
      }
      case "memory_memory":
        return [reader.u8(), reader.u8()];
      default:
        return [reader.u32()];
    }
  }

  #access(): string[] {
    const { reader } = this;
    const flags = reader.u32();
    const memory = flags & hasMemory ? [this.#memory(reader.u32())] : [];
    const offset = reader.u32();
    return offset === 0 ? memory : [...memory, `offset=${offset}`];
  }

  #memory(index: number): string {
    const { control, frames } = this.#extras;
    return index === control ? "$control" : index === frames ? "$frames" : String(index);
  }
  #global(index: number): string {
    const state = index - this.module.globalTypes.length;
    return state < 0 ? String(index) : `$${stateNames[state]}`;
  }
  #func(index: number): string {
    const saving = index - this.#extras.saving;
    return saving >= 0 && saving < savingCount ? `$save${saving}` : String(index);
  }
}

/** The contents of a section, custom ones by name. */
export function section(bytes: Uint8Array, wanted: number | string): Reader {
  const reader = new Reader(bytes, 8);
  for (;;) {
    const id = reader.u8();
    const end = reader.u32() + reader.position;
    const contents = new Reader(bytes, reader.position, end);
    if (id === wanted) return contents;
    if (id === 0 && contents.name() === wanted) return contents;
    reader.position = end;
  }
}

/** Offsets in functions of the branches that are hinted at as unlikely. */
export function branchHints(bytes: Uint8Array): Map<number, Set<number>> {
  const hints = section(bytes, "metadata.code.branch_hint");
  const found = new Map<number, Set<number>>();
  for (let funcs = hints.u32(); funcs > 0; funcs--) {
    const offsets = new Set<number>();
    found.set(hints.u32(), offsets);
    for (let count = hints.u32(); count > 0; count--) {
      offsets.add(hints.u32());
      if (hints.u8() !== 1 || hints.u8() !== 0) throw new Error("a hint is one byte that says: unlikely");
    }
  }
  return found;
}

/** Every function that the original defines, rewritten, and the inner ones. */
export function listing({ module, rewritten }: Program): string {
  const { bytes, original } = rewritten!;
  const hints = branchHints(bytes);
  const code = section(bytes, 10);
  const saving = module.funcTypes.length;
  return Array.from({ length: code.u32() }, (_, i) => {
    const func = module.imported.funcs + i;
    const end = code.u32() + code.position;
    const body = new Listing(new Reader(bytes, code.position, end), module)
      .body(code.position, hints.get(func) ?? new Set());
    code.position = end;
    if (func >= saving && func < saving + savingCount) return "";
    const isInner = func > saving;
    // An empty one.
    if (isInner && original(func) === func) return "";
    const originalFunc = original(func) ?? func;
    const { params, results } = module.funcTypes[originalFunc];
    const types = (name: string, list: readonly ValType[]) =>
      list.length === 0 ? "" : ` (${name} ${list.map(valTypeName).join(" ")})`;
    const all = isInner ? [...params, ValType.i32] : params;
    const name = isInner ? `${func}, inside ${originalFunc}` : String(func);
    return `func ${name}${types("param", all)}${types("result", results)}\n${body}\n`;
  }).filter((text) => text !== "").join("\n");
}

/** The last function of a module, which is plain WebAssembly. */
export function bodyText(module: Module): string {
  const { bodyStart, end } = module.codes[module.codes.length - 1];
  const listing = new Listing(new Reader(module.bytes, bodyStart, end), module);
  return listing.instructions(bodyStart, new Set());
}

/** What a helper's number in a listing means. */
export const helperNames: string = Object.entries(Helper).map(([name, i]) => `${i} ${name}`).join(", ");
