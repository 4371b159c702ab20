/**
 * Data instances (spec 4.2.10): of one module instance, all.
 *
 * @module
 */
import type { Module } from "../compiler/types.ts";

const empty = new Uint8Array(0);

/** The segments stay where the module's binary has them. Some programs have tens of thousands. */
export class DataSegments {
  readonly #module: Module;
  readonly #dropped: Uint8Array;

  constructor(module: Module) {
    this.#module = module;
    this.#dropped = new Uint8Array(module.datas.length);
  }

  /** The bytes of a segment; a dropped one has none. */
  bytes(segment: number): Uint8Array {
    if (this.#dropped[segment]) return empty;
    const { start, end } = this.#module.datas[segment];
    return this.#module.bytes.subarray(start, end);
  }

  drop(segment: number): void {
    this.#dropped[segment] = 1;
  }

  /** Which segments are dropped, in ascending order. */
  get dropped(): number[] {
    const found: number[] = [];
    this.#dropped.forEach((isDropped, segment) => isDropped && found.push(segment));
    return found;
  }

  /** For {@linkcode DataSegments.reset}: which are dropped now. */
  mark(): Uint8Array {
    return this.#dropped.slice();
  }

  /** Goes back to a mark. */
  reset(mark: Uint8Array): void {
    this.#dropped.set(mark);
  }
}
