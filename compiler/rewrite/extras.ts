/**
 * What a rewritten module has behind the original's own: index spaces only grow at their ends, so a function, a
 * table, a global has the same index in both. (Memories of the original are imported, and the control words
 * come right behind them.)
 *
 * @module
 */
import type { FuncType, Module, ValType } from "../types.ts";
import { ValType as T } from "../types.ts";
import { typeKey } from "../callgraph.ts";

/** What the runtime does for rewritten code, by index in the table of helpers. */
export const Helper = {
  /** `() -> i32`: the attention word is set. Whether to leave. */
  poll: 0,
  /** `i32 -> i32`: the depth limit is passed. Whether to leave. */
  enter: 1,
  /** `i32 -> i32`: grows the memory, as `memory.grow` does. */
  grow: 2,
  /** `i32 i32 -> i32`: a site of a function is passed, where passages are counted. Whether to leave. */
  tick: 3,
  /** `i32 i32 i32 -> i32`: a function is at a site, has made so many turns. Whether to leave. */
  pause: 4,
  /** `() -> `: the function leaves, for a stop or because it has made so many turns. */
  leave: 5,
} as const;
export type HelperName = keyof typeof Helper;

export const helperTypes: Readonly<Record<HelperName, FuncType>> = {
  poll: { params: [], results: [T.i32] },
  enter: { params: [T.i32], results: [T.i32] },
  grow: { params: [T.i32], results: [T.i32] },
  tick: { params: [T.i32, T.i32], results: [T.i32] },
  pause: { params: [T.i32, T.i32, T.i32], results: [T.i32] },
  leave: { params: [], results: [] },
};

/** Mutable i32 globals behind the original's, in this order. */
export const stateNames = [
  /** Not 0 while the stack unwinds. */
  "unwinding",
  /** Estimated bytes of stack that are in use. */
  "depth",
  /** Where the next captured frame goes. */
  "frames",
  /** The element that an indirect call took last: says which of two traps it is. */
  "element",
  /** The table of that element. */
  "table",
  /** Whether the last conversion to an integer was of a NaN: likewise. */
  "nan",
  /** After how many turns an activation leaves a loop inside another. */
  "patience",
] as const;
export type StateName = (typeof stateNames)[number];

/** The types of a rewritten module: the original's, and more that are asked for. */
export class TypeSpace {
  readonly types: FuncType[];
  readonly #indices = new Map<string, number>();

  constructor(types: readonly FuncType[]) {
    this.types = [...types];
  }

  indexOf(type: FuncType): number {
    const key = typeKey(type);
    let index = this.#indices.get(key);
    if (index === undefined) this.#indices.set(key, index = this.types.push(type) - 1);
    return index;
  }

  /** The encoding of a block's type that takes nothing, as a number for `s32`. */
  blockType(results: readonly ValType[]): number {
    if (results.length === 0) return -64;
    return results.length === 1 ? results[0] - 0x80 : this.indexOf({ params: [], results });
  }
}

/** Indices of what is added. */
export class Extras {
  readonly types: TypeSpace;
  /** Memory with the control words. */
  readonly control: number;
  /** Memory for captured frames. */
  readonly frames: number;
  /** Memory with the values of the guest's globals that change, since JavaScript is as quick to read it. */
  readonly globals: number;
  /** Table of helpers. */
  readonly helpers: number;
  /** Table of all functions. */
  readonly funcs: number;

  /**
   * @param saving The first of the functions that save frames.
   * @param states The first of the globals that hold the state.
   */
  private constructor(
    module: Module,
    readonly saving: number,
    private readonly states: number,
    /** By index of a function: that of the inner one that it calls. */
    readonly inner: ReadonlyMap<number, number> = new Map(),
  ) {
    this.types = new TypeSpace(module.types);
    this.control = module.memories.length;
    this.frames = this.control + 1;
    this.globals = this.frames + 1;
    this.helpers = module.tables.length;
    this.funcs = this.helpers + 1;
  }

  /** Behind what the module itself has. @param withInner Functions that have an inner one. */
  static of(module: Module, withInner: readonly number[] = []): Extras {
    const saving = module.funcTypes.length;
    const inner = new Map(withInner.map((func, i) => [func, saving + savingCount + i]));
    return new Extras(module, saving, module.globalTypes.length, inner);
  }

  /** In a module that imports all of it, functions and globals first. */
  static imported(module: Module): Extras {
    return new Extras(module, 0, 0);
  }

  /** The global that holds a part of the state. */
  state(name: StateName): number {
    return this.states + stateNames.indexOf(name);
  }
}

/** How many i32s are stored by one call where a frame is saved, the most first. */
export const storedAtOnce: readonly number[] = [8, 4];

/** How many functions save frames: one that makes room, and one for each of those numbers. */
export const savingCount: number = 1 + storedAtOnce.length;

/** Bytes of each global in the memory of globals, by its index. */
export const bytesOfGlobal = 8;

/** Bytes before the values of a captured frame: function index and site number. */
export const frameHeader = 8;
