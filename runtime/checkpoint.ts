/**
 * From a stopped store to a snapshot: the store's objects get addresses, host pointers become indices.
 *
 * @module
 */
import { MvvmError } from "../compiler/errors.ts";
import { entryOffset, localTypes } from "../compiler/sites.ts";
import {
  type ExternKind,
  type Module,
  type ValType,
  type ValTypeName,
  valTypeName,
} from "../compiler/types.ts";
import type { Frame as HeapFrame } from "./frame.ts";
import { Func } from "./func.ts";
import type { Global } from "./global.ts";
import type { Frame, Ref, Snapshot, SnapshotImport, Value } from "./image/snapshot.ts";
import { packFrame } from "./image/snapshot.ts";
import type { Instance } from "./instance.ts";
import type { Memory } from "./memory.ts";
import type { Store } from "./store.ts";
import type { Table } from "./table.ts";
import { type Bits, bitsAt, rawLength, rawSize } from "./value.ts";

/** A value that cannot be written into an image. */
export class CheckpointError extends MvvmError {
  override readonly name = "CheckpointError";
}

export interface SnapshotOptions {
  /** SHA-256 of every module in the store. */
  readonly hashes: ReadonlyMap<Module, Uint8Array>;
  /** State of host extensions by name. */
  readonly host?: Readonly<Record<string, unknown>>;
  readonly producer: string;
  readonly now?: Date;
}

/** Numbers objects in the order in which they are first met. */
class Addresses<T> {
  readonly items: T[] = [];
  readonly #numbers = new Map<T, number>();

  of(item: T): number {
    let number = this.#numbers.get(item);
    if (number === undefined) {
      this.#numbers.set(item, number = this.items.length);
      this.items.push(item);
    }
    return number;
  }
}

/**
 * Takes a snapshot of a store whose thread is stopped. Memories are not copied: the snapshot shows them
 * as they are until the store runs on.
 *
 * @throws {CheckpointError} An `externref` holds something that is not plain data.
 */
export function takeSnapshot(store: Store, options: SnapshotOptions): Snapshot {
  const modules = new Addresses<Module>();
  const memories = new Addresses<Memory>();
  const tables = new Addresses<Table>();
  const globals = new Addresses<Global>();
  const instances = store.instances.map((instance) => ({
    module: modules.of(instance.module),
    imports: instance.funcs.slice(0, instance.module.imported.funcs).map((func, i) =>
      importOf(instance, func, i)
    ),
    memories: instance.memories.map((memory) => memories.of(memory)),
    tables: instance.tables.map((table) => tables.of(table)),
    globals: instance.globals.map((global) => globals.of(global)),
    droppedElements: [...instance.droppedElements].sort((a, b) => a - b),
    droppedDatas: instance.datas.dropped,
  }));
  return {
    modules: modules.items.map((module) => ({
      sha256: options.hashes.get(module)!,
      byteLength: module.bytes.length,
      ...(module.names.module === undefined ? {} : { name: module.names.module }),
    })),
    instances,
    memories: memories.items.map(({ pages, type, buffer }) => ({
      pages,
      buffer,
      ...(type.limits.max === undefined ? {} : { maxPages: type.limits.max }),
    })),
    tables: tables.items.map(({ type, e }) => ({
      type: valTypeName(type.element) as "funcref" | "externref",
      elements: e.map(refOf),
      ...(type.limits.max === undefined ? {} : { max: type.limits.max }),
    })),
    globals: globals.items.map(({ type: { type, mutable }, v, h }) => {
      const name = valTypeName(type) as ValTypeName;
      const bits = bitsAt([v, h], 0, type);
      const value = name === "funcref" || name === "externref"
        ? refOf(bits)
        : BigInt(bits as number | bigint);
      return { type: name, mutable, value };
    }),
    stack: store.thread.frames.map(frameOf),
    policy: store.instances[0]?.program.options.policy ?? "none",
    wallTime: (options.now ?? new Date()).toISOString(),
    producer: options.producer,
    host: options.host ?? {},
  };
}

/** Module and name of an instance's imported function. */
export function importName(
  { module }: Instance,
  func: number,
  kind: ExternKind = "func",
): { module: string; name: string } {
  const { module: from, name } = module.imports.filter((each) => each.kind === kind)[func];
  return { module: from, name };
}

function importOf(instance: Instance, func: Func, index: number): SnapshotImport {
  return func.isHost
    ? { kind: "host", ...importName(instance, index) }
    : { kind: "instance", instance: func.instance.index, func: func.index };
}

function refOf(ref: unknown): Ref {
  if (ref === null || ref === undefined) return null;
  if (ref instanceof Func) {
    return ref.isHost
      ? { kind: "host", ...importName(ref.instance, ref.index) }
      : { kind: "func", instance: ref.instance.index, func: ref.index };
  }
  if (typeof ref === "function" || typeof ref === "symbol") {
    throw new CheckpointError(
      `an externref holds a ${typeof ref}, which no image can carry: keep plain data in externrefs`,
    );
  }
  return { kind: "extern", value: ref };
}

function frameOf({ func, values, operands, fresh, site }: HeapFrame): Frame {
  const { instance, index } = func;
  const types = func.isHost ? func.type.params : localTypes(instance.module, index);
  return packFrame({
    instance: instance.index,
    func: index,
    site: func.isHost ? 0 : fresh ? entryOffset(instance.module, index) : site,
    locals: valuesOf(values, types),
    operands: valuesOf(values.slice(rawLength(types)), operands),
  });
}

/** The values of some types at the start of `raw`; those that are not there are zero or null. */
function valuesOf(raw: readonly unknown[], types: readonly ValType[]): Value[] {
  let at = 0;
  return types.map((type): Value => {
    const present = at < raw.length;
    const name = valTypeName(type) as ValTypeName;
    const bits: Bits = present ? bitsAt(raw, at, type) : undefined;
    at += rawSize(type);
    if (name === "funcref" || name === "externref") return { type: name, ref: refOf(bits) };
    if (name === "i32" || name === "f32") return { type: name, bits: (bits ?? 0) as number };
    return { type: name as "i64", bits: (bits ?? 0n) as bigint };
  });
}
