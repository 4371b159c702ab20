/**
 * WebAssembly core dumps, as the tool conventions describe them ("Coredump.md"): a file in the binary format of
 * modules, with the stack in custom sections and memories and globals in their usual ones. It is made to be
 * looked at, not to be instantiated.
 *
 * @module
 */
import { MvvmError } from "../../compiler/errors.ts";
import { isZero } from "../zero.ts";
import { ValType } from "../../compiler/types.ts";
import type { ImageSink } from "../image/record.ts";
import type { SnapshotGlobal, SnapshotMemory, Value } from "../image/snapshot.ts";
import { BinaryWriter } from "./binary.ts";

/** An activation. */
export interface DumpFrame {
  /** Index of the instance. */
  readonly instance: number;
  /** Function index in its module. */
  readonly func: number;
  /** Bytes from the start of the function's code (its local declarations); 0 if that is not known. */
  readonly codeOffset: number;
  /** `undefined` for a value that is not known. */
  readonly locals: readonly (Value | undefined)[];
  readonly operands: readonly (Value | undefined)[];
}

export interface CoreDump {
  /** What was run. */
  readonly executable: string;
  /** The modules' names. */
  readonly modules: readonly string[];
  readonly instances: readonly {
    readonly module: number;
    /** Indices in `memories` and `globals`. */
    readonly memories: readonly number[];
    readonly globals: readonly number[];
  }[];
  readonly memories: readonly SnapshotMemory[];
  readonly globals: readonly SnapshotGlobal[];
  /** Innermost first. */
  readonly stack: readonly DumpFrame[];
}

/** A dump cannot be written. */
export class CoreDumpError extends MvvmError {
  override readonly name = "CoreDumpError";
}

const WASM_PAGE_BYTES = 65536;
const Section = { memory: 5, global: 6, data: 11 } as const;
/** In place of a value's type: the value is missing. */
const MISSING = 0x01;
const THREAD = "main";

/**
 * Writes a core dump. Memories are not copied: pages of 64 KiB that hold only zeros are left out, the others
 * are active data segments.
 *
 * @returns Bytes written.
 * @throws {CoreDumpError} The memories are too large for the format.
 */
export async function writeCoreDump(dump: CoreDump, sink: ImageSink): Promise<number> {
  const head = new BinaryWriter();
  for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) head.u8(byte);
  head.custom("core", new BinaryWriter().u8(0).name(dump.executable));
  head.custom("coremodules", vector(dump.modules, (out, name) => out.u8(0).name(name)));
  head.custom(
    "coreinstances",
    vector(dump.instances, (out, { module, memories, globals }) => {
      out.u8(0).u32(module);
      for (const list of [memories, globals]) out.raw(vector(list, (own, index) => own.u32(index)).bytes());
    }),
  );
  const thread = new BinaryWriter().u8(0).name(THREAD);
  head.custom("corestack", thread.raw(vector(dump.stack, writeFrame).bytes()));
  head.section(Section.memory, vector(dump.memories, writeLimits));
  head.section(Section.global, vector(dump.globals, writeGlobal));
  let written = head.length;
  await sink.write(head.bytes());
  for await (const bytes of dataSection(dump.memories)) {
    written += bytes.length;
    await sink.write(bytes);
  }
  return written;
}

function vector<T>(items: readonly T[], write: (out: BinaryWriter, item: T) => void): BinaryWriter {
  const out = new BinaryWriter().u32(items.length);
  for (const item of items) write(out, item);
  return out;
}

function writeFrame(out: BinaryWriter, { instance, func, codeOffset, locals, operands }: DumpFrame): void {
  out.u8(0).u32(instance).u32(func).u32(codeOffset);
  for (const list of [locals, operands]) out.raw(vector(list, writeValue).bytes());
}

/** A value with its type; the format has numbers only. */
function writeValue(out: BinaryWriter, value: Value | undefined): void {
  if (value === undefined || "ref" in value || value.type === "v128") {
    out.u8(MISSING);
    return;
  }
  writeNumber(out.u8(ValType[value.type]), value.type, BigInt(value.bits));
}

function writeNumber(out: BinaryWriter, type: "i32" | "i64" | "f32" | "f64", bits: bigint): void {
  if (type === "i32") out.signed(bits, 32);
  else if (type === "i64") out.signed(bits, 64);
  else out.fixed(bits, type === "f32" ? 4 : 8);
}

function writeLimits(out: BinaryWriter, { pages, maxPages }: SnapshotMemory): void {
  if (maxPages === undefined) out.u8(0).u32(pages);
  else out.u8(1).u32(pages).u32(maxPages);
}

const Op = { end: 0x0b, refNull: 0xd0, v128Const: [0xfd, 0x0c] } as const;
const CONST = { i32: 0x41, i64: 0x42, f32: 0x43, f64: 0x44 } as const;

/** An immutable global; a reference that is not null cannot be said, because there are no functions. */
function writeGlobal(out: BinaryWriter, { type, value }: SnapshotGlobal): void {
  out.u8(ValType[type]).u8(0);
  if (type === "funcref" || type === "externref") out.u8(Op.refNull).u8(ValType[type]);
  else if (type === "v128") Op.v128Const.reduce((out, byte) => out.u8(byte), out).fixed(value as bigint, 16);
  else writeNumber(out.u8(CONST[type]), type, value as bigint);
  out.u8(Op.end);
}

const PAGE_WORDS = WASM_PAGE_BYTES / 4;

/** Pages in a row that are not all zero. */
interface Run {
  readonly memory: number;
  readonly page: number;
  count: number;
}

function runsOf(memories: readonly SnapshotMemory[]): Run[] {
  const runs: Run[] = [];
  memories.forEach(({ buffer, pages }, memory) => {
    const words = new Int32Array(buffer, 0, pages * WASM_PAGE_BYTES / 4);
    for (let page = 0; page < pages; page++) {
      if (isZero(words, page * PAGE_WORDS, (page + 1) * PAGE_WORDS)) continue;
      const last = runs.at(-1);
      if (last?.memory === memory && last.page + last.count === page) last.count++;
      else runs.push({ memory, page, count: 1 });
    }
  });
  return runs;
}

/** The data section, in pieces: its length stands in front, so it is known before the contents are read. */
function* dataSection(memories: readonly SnapshotMemory[]): Generator<Uint8Array<ArrayBuffer>> {
  const runs = runsOf(memories);
  const count = new BinaryWriter().u32(runs.length).bytes();
  const heads = runs.map(({ memory, page, count }) => {
    const head = new BinaryWriter();
    if (memory === 0) head.u8(0);
    else head.u8(2).u32(memory);
    head.u8(CONST.i32).signed(BigInt(page * WASM_PAGE_BYTES), 32).u8(Op.end);
    return head.u32(count * WASM_PAGE_BYTES);
  });
  const length = runs.reduce(
    (sum, { count }, i) => sum + heads[i].length + count * WASM_PAGE_BYTES,
    count.length,
  );
  if (length >= 2 ** 32) {
    throw new CoreDumpError(`the memories have ${length} bytes to write, and a core dump ends at 4 GiB`);
  }
  yield new BinaryWriter().u8(Section.data).u32(length).raw(count).bytes();
  for (const [i, { memory, page, count }] of runs.entries()) {
    yield heads[i].bytes();
    for (let at = page; at < page + count; at++) {
      const { buffer } = memories[memory];
      const bytes = new Uint8Array(buffer, at * WASM_PAGE_BYTES, WASM_PAGE_BYTES);
      yield buffer instanceof ArrayBuffer ? bytes as Uint8Array<ArrayBuffer> : bytes.slice();
    }
  }
}
