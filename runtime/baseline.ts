/**
 * The state that a restored store begins with, kept to begin there again.
 *
 * @module
 */
import type { Frame } from "./frame.ts";
import type { Global } from "./global.ts";
import type { Instance } from "./instance.ts";
import type { Memory } from "./memory.ts";
import type { MemoryTemplate } from "./memory_template.ts";
import type { Store } from "./store.ts";
import type { Ref, Table } from "./table.ts";

/** The objects of each kind that a store has, each once. */
function distinct<T>(store: Store, of: (instance: Instance) => readonly T[]): T[] {
  return [...new Set(store.instances.flatMap(of))];
}

export class Baseline {
  readonly #store: Store;
  readonly #frames: readonly Frame[];
  readonly #memories: readonly (readonly [Memory, MemoryTemplate])[];
  readonly #tables: readonly (readonly [Table, readonly Ref[]])[];
  readonly #globals: readonly (readonly [Global, v: unknown, h: number])[];
  /** Dropped segments of each instance, and what the others hold. */
  readonly #segments: readonly (readonly [Instance, Segments])[];

  /**
   * @param store Just restored.
   * @param templates What its memories hold, by what they were restored with.
   */
  constructor(store: Store, templates: ReadonlyMap<ArrayBuffer, MemoryTemplate>) {
    this.#store = store;
    this.#frames = [...store.thread.frames];
    this.#memories = distinct(store, ({ memories }) => memories).map((memory) => [
      memory,
      templates.get(memory.buffer)!,
    ]);
    this.#tables = distinct(store, ({ tables }) => tables).map((table) => [table, [...table.e]]);
    this.#globals = distinct(store, ({ globals }) => globals)
      .filter(({ type }) => type.mutable)
      .map((global) => [global, global.v, global.h]);
    this.#segments = store.instances.map((instance) => [instance, segmentsOf(instance)]);
  }

  /** Puts everything back. The store must not be running. */
  reset(): void {
    for (const [memory, template] of this.#memories) template.reset(memory);
    for (const [table, elements] of this.#tables) restoreList(table.e, elements);
    for (const [global, v, h] of this.#globals) [global.v, global.h] = [v, h];
    for (const [instance, segments] of this.#segments) {
      restoreList(instance.elements, segments.elements);
      instance.datas.reset(segments.datas);
      restoreSet(instance.droppedElements, segments.droppedElements);
    }
    this.#store.thread.reset(this.#frames);
  }
}

function segmentsOf({ elements, datas, droppedElements }: Instance) {
  return { elements: [...elements], datas: datas.mark(), droppedElements: new Set(droppedElements) };
}

type Segments = ReturnType<typeof segmentsOf>;

function restoreList<T>(list: T[], saved: readonly T[]): void {
  list.length = saved.length;
  for (let i = 0; i < saved.length; i++) if (list[i] !== saved[i]) list[i] = saved[i];
}

/** What is dropped stays dropped, so such a set only grows. */
function restoreSet<T>(set: Set<T>, saved: ReadonlySet<T>): void {
  if (set.size === saved.size) return;
  set.clear();
  for (const item of saved) set.add(item);
}
