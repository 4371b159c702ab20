/**
 * Tables (spec 4.2.7).
 *
 * @module
 */
import type { TableType } from "../compiler/types.ts";
import type { Func } from "./func.ts";
import { Trap, TrapKind } from "./trap.ts";

/** A reference: a function, any host value (`externref`), or null. */
export type Ref = Func | null | unknown;

/** More elements than this are refused, as engines do, because each takes a word. */
const maxElements = 10_000_000;

/** A table instance. Generated code indexes `e` and calls the methods. */
export class Table {
  /** The elements. */
  e: Ref[];

  /** @throws {RangeError} The minimum is more than this engine allows. */
  constructor(readonly type: TableType, init: Ref = null) {
    if (type.limits.min > maxElements) {
      throw new RangeError(`a table of ${type.limits.min} elements is too large (at most ${maxElements})`);
    }
    this.e = Array.from({ length: type.limits.min }, () => init);
  }

  get size(): number {
    return this.e.length;
  }

  get(index: number): Ref {
    this.#range(index, 1);
    return this.e[index >>> 0];
  }

  set(index: number, ref: Ref): void {
    this.e[this.#range(index, 1)] = ref;
  }

  /** `table.grow`: the old size, or -1. */
  grow(delta: number, init: Ref): number {
    const old = this.e.length;
    const size = old + (delta >>> 0);
    if (size > Math.min(this.type.limits.max ?? maxElements, maxElements)) return -1;
    for (let i = old; i < size; i++) this.e.push(init);
    return old;
  }

  fill(at: number, ref: Ref, length: number): void {
    const start = this.#range(at, length);
    this.e.fill(ref, start, start + (length >>> 0));
  }

  /** Writes `refs[from..from+length]` at `to`; both ranges are checked first. */
  init(refs: readonly Ref[], to: number, from: number, length: number): void {
    from >>>= 0;
    length >>>= 0;
    if (from + length > refs.length) throw new Trap(TrapKind.tableBounds);
    const start = this.#range(to, length);
    // The source may be this very table.
    const part = refs.slice(from, from + length);
    for (let i = 0; i < length; i++) this.e[start + i] = part[i];
  }

  #range(start: number, length: number): number {
    start >>>= 0;
    if (start + (length >>> 0) > this.e.length) throw new Trap(TrapKind.tableBounds);
    return start;
  }
}
