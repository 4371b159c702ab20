/**
 * What function bodies may refer to: the module's declarations, as they stand before any code is written.
 *
 * @module
 */

import type { FuncType, GlobalType, RefType, ValType } from "../../compiler/types.ts";
import type { Random } from "./random.ts";

/** Consecutive slots of a table whose functions have one type; `count` is a power of two. */
export interface Targets {
  readonly start: number;
  readonly count: number;
  readonly type: number;
}

export interface TableScope {
  readonly element: RefType;
  readonly size: number;
  readonly bounded: boolean;
  readonly targets: readonly Targets[];
  /** Slots from here on may be written to; the ones before are called through. */
  readonly free: number;
}

export interface Segment {
  readonly type?: RefType;
  readonly length: number;
  /** Passive, and no code drops it. */
  readonly lasting: boolean;
}

/** Global 0 is the fuel: an `i32` that every loop and every function entry pays from. */
export const fuelGlobal = 0;
/** Global 1 is the digest: an `i64` into which code mixes what it has computed, so that no difference is lost. */
export const digestGlobal = 1;

export class Scope {
  readonly types: FuncType[] = [];
  /** Type index of every function, imported ones first. */
  readonly funcs: number[] = [];
  imported = 0;
  readonly globals: GlobalType[] = [];
  readonly tables: TableScope[] = [];
  /** Size of the memory in bytes at the start, if there is one. */
  memory?: { readonly size: number; readonly bounded: boolean };
  readonly datas: Segment[] = [];
  readonly elements: Segment[] = [];
  /** Functions that `ref.func` names, which a declarative segment has to list. */
  readonly declared = new Set<number>();

  /**
   * @param risk How likely each dangerous choice is made: an address, divisor or index that may trap.
   * @param plain Without references, without code that changes tables or segments, with nothing exported but
   * functions and memory: some engines have another way for such modules.
   */
  constructor(readonly random: Random, readonly risk: number, readonly plain: boolean) {}

  /** The index of a function type, which is added if need be. */
  typeIndex(params: readonly ValType[], results: readonly ValType[]): number {
    const same = (a: readonly ValType[], b: readonly ValType[]) =>
      a.length === b.length && a.every((type, i) => type === b[i]);
    const found = this.types.findIndex((type) => same(type.params, params) && same(type.results, results));
    return found >= 0 ? found : this.types.push({ params: [...params], results: [...results] }) - 1;
  }

  funcType(index: number): FuncType {
    return this.types[this.funcs[index]];
  }

  /** Whether to write an access of the memory here; one of an empty memory always traps. */
  usesMemory(): boolean {
    return this.memory !== undefined && (this.memory.size > 0 || this.random.chance(0.05));
  }

  /** Indices of the globals of a type. */
  globalsOf(type: ValType, mutable: boolean): number[] {
    return [...this.globals.keys()].filter((i) =>
      i > digestGlobal && this.globals[i].type === type && (this.globals[i].mutable || !mutable)
    );
  }

  tablesOf(element: RefType): number[] {
    return [...this.tables.keys()].filter((i) => this.tables[i].element === element);
  }
}
