/**
 * What differs between two snapshots, as plain data.
 *
 * @module
 */
import { PAGE_BYTES, WASM_PAGE_BYTES } from "./format.ts";
import {
  type Frame,
  frameValues,
  type Ref,
  type Snapshot,
  type SnapshotGlobal,
  type SnapshotMemory,
  type SnapshotTable,
  type Value,
} from "./snapshot.ts";

/** A pair of what is in one and in the other. */
export interface Change<T> {
  readonly a: T;
  readonly b: T;
}
/** A change in a list; `undefined` where one of them is shorter. */
export interface IndexedChange<T> extends Change<T | undefined> {
  readonly index: number;
}

/** A frame of both stacks: the same call, further on or with other values. */
export interface FrameChange {
  /** The frames, by their numbers from the innermost (0). */
  readonly number: Change<number>;
  readonly frame: Change<Frame>;
  readonly moved: boolean;
  readonly locals: readonly IndexedChange<Value>[];
  readonly operands: readonly IndexedChange<Value>[];
}

export interface StackDifference {
  readonly depth: Change<number>;
  /** Outer frames that are the same call in both. */
  readonly shared: number;
  /** Those of them that are not equal, outermost first. */
  readonly changed: readonly FrameChange[];
  /** Inner frames of one of them only, outermost first, with their numbers. */
  readonly vanished: readonly { readonly number: number; readonly frame: Frame }[];
  readonly appeared: readonly { readonly number: number; readonly frame: Frame }[];
}

/** From the first to the last different byte of pages in a row that differ. */
export interface ChangedRange {
  /** Address of the first one. */
  readonly start: number;
  /** Just behind the last one. */
  readonly end: number;
  /** How many bytes in it differ. */
  readonly bytes: number;
}

export interface MemoryDifference {
  readonly index: number;
  /** WebAssembly pages; `undefined` if one of the images has no such memory. */
  readonly pages: Change<number | undefined>;
  readonly ranges: readonly ChangedRange[];
  /** How many pages of 4096 bytes and how many bytes differ. What one memory does not have counts as zero. */
  readonly changedPages: number;
  readonly changedBytes: number;
}

export interface TableDifference {
  readonly index: number;
  readonly size: Change<number | undefined>;
  readonly elements: readonly IndexedChange<Ref>[];
}

export interface SnapshotDifference {
  /** Whether they are of the same modules; if not, functions of one are not those of the other. */
  readonly sameModules: boolean;
  readonly stack: StackDifference;
  readonly globals: readonly IndexedChange<SnapshotGlobal>[];
  readonly tables: readonly TableDifference[];
  readonly memories: readonly MemoryDifference[];
  /** Names of host extensions whose state differs. */
  readonly host: readonly string[];
  /** Whether all parts are the same; when and by what the images were taken does not count. */
  readonly equal: boolean;
  /** Whether nothing but the state of host extensions differs. */
  readonly onlyHost: boolean;
}

/**
 * Compares two snapshots.
 *
 * @example
 * ```ts
 * const { memories } = diffSnapshots(before, after);
 * console.log(memories[0]?.changedBytes ?? 0);
 * ```
 */
export function diffSnapshots(a: Snapshot, b: Snapshot): SnapshotDifference {
  const sameModules = isSame(a.modules.map(({ sha256 }) => sha256), b.modules.map(({ sha256 }) => sha256));
  const parts = {
    stack: diffStacks(a.stack, b.stack),
    globals: changes(a.globals, b.globals),
    tables: pairs(a.tables, b.tables).flatMap(diffTables),
    memories: pairs(a.memories, b.memories).flatMap(diffMemories),
    host: [...new Set([...Object.keys(a.host), ...Object.keys(b.host)])].filter((name) =>
      !isSame(a.host[name], b.host[name])
    ),
  };
  const { stack, globals, tables, memories, host } = parts;
  const found = [stack.changed, stack.vanished, stack.appeared, globals, tables, memories];
  const sameGuest = sameModules && isSame(a.instances, b.instances) &&
    found.every(({ length }) => length === 0);
  return {
    sameModules,
    ...parts,
    equal: sameGuest && host.length === 0,
    onlyHost: sameGuest && host.length > 0,
  };
}

function pairs<T>(a: readonly T[], b: readonly T[]): IndexedChange<T>[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => ({
    index,
    a: a[index] as T | undefined,
    b: b[index] as T | undefined,
  }));
}

function changes<T>(a: readonly T[], b: readonly T[]): IndexedChange<T>[] {
  return pairs(a, b).filter((pair) => !isSame(pair.a, pair.b));
}

/** Whether two plain values are the same: each number to the bit, each key and element. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const isList = (value: object) => ArrayBuffer.isView(value) || Array.isArray(value);
  if (isList(a) || isList(b)) {
    const [left, right] = [a, b] as unknown as ArrayLike<unknown>[];
    if (a.constructor !== b.constructor || left.length !== right.length) return false;
    for (let i = 0; i < left.length; i++) if (!isSame(left[i], right[i])) return false;
    return true;
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [left, right] = [a, b] as Record<string, unknown>[];
  return keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]));
}

/** Stacks are compared from the outermost call on, as long as both are in the same functions. */
function diffStacks(a: readonly Frame[], b: readonly Frame[]): StackDifference {
  let shared = 0;
  const changed: FrameChange[] = [];
  for (; shared < Math.min(a.length, b.length); shared++) {
    const frame = { a: a[shared], b: b[shared] };
    if (frame.a.instance !== frame.b.instance || frame.a.func !== frame.b.func) break;
    if (isSame(frame.a, frame.b)) continue;
    const values = { a: frameValues(frame.a), b: frameValues(frame.b) };
    changed.push({
      number: { a: a.length - 1 - shared, b: b.length - 1 - shared },
      frame,
      moved: frame.a.site !== frame.b.site,
      locals: changes(values.a.locals, values.b.locals),
      operands: changes(values.a.operands, values.b.operands),
    });
  }
  const rest = (stack: readonly Frame[]) =>
    stack.slice(shared).map((frame, i) => ({ number: stack.length - 1 - shared - i, frame }));
  return {
    depth: { a: a.length, b: b.length },
    shared,
    changed,
    vanished: rest(a),
    appeared: rest(b),
  };
}

function diffTables({ index, a, b }: IndexedChange<SnapshotTable>): TableDifference[] {
  const elements = changes(a?.elements ?? [], b?.elements ?? []);
  if (a && b && elements.length === 0) return [];
  return [{ index, size: { a: a?.elements.length, b: b?.elements.length }, elements }];
}

function diffMemories({ index, a, b }: IndexedChange<SnapshotMemory>): MemoryDifference[] {
  const ranges: { start: number; end: number; bytes: number }[] = [];
  const size = Math.max(a?.pages ?? 0, b?.pages ?? 0) * WASM_PAGE_BYTES;
  const zeros = new Uint8Array(PAGE_BYTES);
  const view = (memory: SnapshotMemory | undefined) => {
    const bytes = new Uint8Array(
      memory?.buffer ?? new ArrayBuffer(0),
      0,
      (memory?.pages ?? 0) * WASM_PAGE_BYTES,
    );
    return (start: number) => start < bytes.length ? bytes.subarray(start, start + PAGE_BYTES) : zeros;
  };
  const [left, right] = [view(a), view(b)];
  let changedPages = 0;
  let changedBytes = 0;
  /** The page with the last difference. */
  let lastPage = -1;
  for (let start = 0; start < size; start += PAGE_BYTES) {
    const different = differentBytes(left(start), right(start));
    if (different === undefined) continue;
    const { first, last, bytes } = different;
    const range = ranges.at(-1);
    if (range !== undefined && lastPage === start - PAGE_BYTES) {
      range.end = start + last + 1;
      range.bytes += bytes;
    } else ranges.push({ start: start + first, end: start + last + 1, bytes });
    lastPage = start;
    changedPages++;
    changedBytes += bytes;
  }
  if (changedPages === 0 && a?.pages === b?.pages) return [];
  return [{ index, pages: { a: a?.pages, b: b?.pages }, ranges, changedPages, changedBytes }];
}

/** The first and the last byte in which two pages differ, and how many do. */
function differentBytes(
  a: Uint8Array,
  b: Uint8Array,
): { first: number; last: number; bytes: number } | undefined {
  const words = (page: Uint8Array) => new Int32Array(page.buffer, page.byteOffset, PAGE_BYTES / 4);
  const [left, right] = [words(a), words(b)];
  // Most pages are equal, and words are faster to compare than bytes.
  let word = 0;
  while (word < left.length && left[word] === right[word]) word++;
  if (word === left.length) return undefined;
  let [first, last, bytes] = [-1, -1, 0];
  for (let i = 4 * word; i < PAGE_BYTES; i++) {
    if (a[i] === b[i]) continue;
    if (first < 0) first = i;
    last = i;
    bytes++;
  }
  return { first, last, bytes };
}
