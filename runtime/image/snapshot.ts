/**
 * A stopped program as plain data: the store of the specification (section 4.2.3) and the frames of
 * its stack. The engine makes and consumes it; the image format only carries it.
 *
 * Memories, tables and globals are named by *store address*: their index in the snapshot's lists.
 * Functions are named by instance and index in that instance's function index space. No host
 * object and no generated code is ever part of a snapshot.
 *
 * @module
 */
import type { Redaction } from "./redactions.ts";
import { isRefType, ValType, type ValTypeName, valTypeName } from "../../compiler/types.ts";

/** A function of an instance; `func` counts in the instance's function index space (imports first). */
export interface FuncRef {
  readonly kind: "func";
  readonly instance: number;
  readonly func: number;
}
/** A function of the host, by the names under which it is imported. */
export interface HostRef {
  readonly kind: "host";
  readonly module: string;
  readonly name: string;
}
/** A host value in an `externref`; `value` must survive msgpack. Equal values stay one value. */
export interface ExternRef {
  readonly kind: "extern";
  readonly value: unknown;
}
/** What a reference type's value is (spec 4.2.1): a function, a host value, or null. */
export type Ref = FuncRef | HostRef | ExternRef | null;

/** A module's identity: restoring needs a module with the same hash. */
export interface SnapshotModule {
  /** SHA-256 of the binary: 32 bytes. */
  readonly sha256: Uint8Array;
  readonly byteLength: number;
  readonly name?: string;
}

/** What an imported function was: the host's, or one of an instance made before. */
export type SnapshotImport =
  | { readonly kind: "host"; readonly module: string; readonly name: string }
  | { readonly kind: "instance"; readonly instance: number; readonly func: number };

/** A module instance (spec 4.2.5). Instances are listed in the order in which they were made. */
export interface SnapshotInstance {
  /** Index in `modules`. */
  readonly module: number;
  /** Its imported functions, in the order of the function index space. */
  readonly imports: readonly SnapshotImport[];
  /** Store addresses of its memories, imported ones first; likewise tables and globals. */
  readonly memories: readonly number[];
  readonly tables: readonly number[];
  readonly globals: readonly number[];
  /** Indices of the segments that were dropped, ascending. */
  readonly droppedElements: readonly number[];
  readonly droppedDatas: readonly number[];
}

export interface SnapshotMemory {
  /** Current size in WebAssembly pages of 64 KiB. */
  readonly pages: number;
  readonly maxPages?: number;
  /** At least `pages * 65536` bytes; what lies behind them is not part of the memory. */
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

export interface SnapshotTable {
  readonly type: "funcref" | "externref";
  readonly max?: number;
  readonly elements: readonly Ref[];
}

export interface SnapshotGlobal {
  readonly type: ValTypeName;
  readonly mutable: boolean;
  /** The raw bits of a number (unsigned; 32, 64 or 128 of them), or a reference. */
  readonly value: bigint | Ref;
}

/**
 * A stopped function call. Values are packed, because there can be hundreds of thousands of frames:
 * one type byte and one, two or four 32-bit words (the low one first) per value. `packFrame` and
 * `frameValues` are the comfortable way in and out.
 */
export interface Frame {
  readonly instance: number;
  /** Index in the instance's function index space. */
  readonly func: number;
  /** Byte offset of an instruction, counted from the start of the code section's contents. */
  readonly site: number;
  /** `ValType` of every local (parameters first), then of every operand (bottom first). */
  readonly types: Uint8Array;
  /** How many of `types` are locals. */
  readonly localCount: number;
  /** The bits of the values in the order of `types`; a reference is 0 for null, or 1 + its index in `refs`. */
  readonly words: Uint32Array;
  readonly refs: readonly NonNullable<Ref>[];
}

/** A section of an image that this version does not know; kept to be written again. */
export interface UnknownSection {
  readonly section: string;
  /** The records as they stand in the file, data as stored. */
  readonly records: readonly { readonly head: Uint8Array; readonly data: Uint8Array }[];
}

/** A whole stopped program. */
export interface Snapshot {
  readonly modules: readonly SnapshotModule[];
  readonly instances: readonly SnapshotInstance[];
  readonly memories: readonly SnapshotMemory[];
  readonly tables: readonly SnapshotTable[];
  readonly globals: readonly SnapshotGlobal[];
  /** Outermost call first. */
  readonly stack: readonly Frame[];
  /** The checkpoint policy under which the program ran, for example `"loop"`. */
  readonly policy: string;
  /** When it was stopped, in ISO 8601. */
  readonly wallTime: string;
  /** The program and version that made the snapshot. */
  readonly producer: string;
  /** State of host extensions by name, for example `wasi`; plain data that msgpack can carry. */
  readonly host: Readonly<Record<string, unknown>>;
  /** Values that were kept out of the image, and where they belong; `fillRedactions` puts them back. */
  readonly redactions?: readonly Redaction[];
  readonly unknown?: readonly UnknownSection[];
}

/** One unpacked value: raw bits, unsigned, or a reference. */
export type Value =
  | { readonly type: "i32" | "f32"; readonly bits: number }
  | { readonly type: "i64" | "f64" | "v128"; readonly bits: bigint }
  | { readonly type: "funcref" | "externref"; readonly ref: Ref };

/** How many 32-bit words a value of each `ValType` takes in `Frame.words`; 0 is not a type. */
export const WORDS: Readonly<Uint8Array> = (() => {
  const words = new Uint8Array(256);
  for (const type of [ValType.i32, ValType.f32, ValType.funcref, ValType.externref]) words[type] = 1;
  for (const type of [ValType.i64, ValType.f64]) words[type] = 2;
  words[ValType.v128] = 4;
  return words;
})();

/**
 * Packs a frame.
 *
 * @example
 * ```ts
 * packFrame({ instance: 0, func: 7, site: 420, locals: [{ type: "i32", bits: 5 }], operands: [] });
 * ```
 */
export function packFrame(
  frame: {
    readonly instance: number;
    readonly func: number;
    readonly site: number;
    readonly locals: readonly Value[];
    readonly operands: readonly Value[];
  },
): Frame {
  const values = [...frame.locals, ...frame.operands];
  const types = Uint8Array.from(values, (value) => ValType[value.type]);
  const words: number[] = [];
  const refs: NonNullable<Ref>[] = [];
  for (const value of values) {
    if ("ref" in value) {
      words.push(value.ref === null ? 0 : refs.push(value.ref));
    } else if (typeof value.bits === "number") {
      words.push(value.bits);
    } else {
      const count = WORDS[ValType[value.type]];
      for (let i = 0; i < count; i++) {
        words.push(Number((value.bits >> BigInt(32 * i)) & 0xffffffffn));
      }
    }
  }
  const { instance, func, site, locals } = frame;
  return { instance, func, site, types, localCount: locals.length, words: Uint32Array.from(words), refs };
}

/** Unpacks the values of a frame; the inverse of `packFrame`. */
export function frameValues(frame: Frame): { locals: Value[]; operands: Value[] } {
  let at = 0;
  const values = Array.from(frame.types, (code): Value => {
    const type = valTypeName(code) as ValTypeName;
    const count = WORDS[code];
    const word = frame.words[at];
    if (isRefType(code)) {
      at += 1;
      return { type, ref: word === 0 ? null : frame.refs[word - 1] } as Value;
    }
    if (count === 1) {
      at += 1;
      return { type, bits: word } as Value;
    }
    let bits = 0n;
    for (let i = count - 1; i >= 0; i--) bits = (bits << 32n) | BigInt(frame.words[at + i]);
    at += count;
    return { type, bits } as Value;
  });
  return { locals: values.slice(0, frame.localCount), operands: values.slice(frame.localCount) };
}
