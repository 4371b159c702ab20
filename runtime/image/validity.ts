/**
 * The rules that a snapshot keeps by itself: every index points at something, every value has a type it
 * can have. One place for the writer and the reader. What depends on the module (does the site exist, do
 * the types fit the function) is the engine's to check.
 *
 * @module
 */
import { isRefType, ValType, type ValTypeName } from "../../compiler/types.ts";
import { ImageError } from "./error.ts";
import { DIGEST_BYTES, MAX_INSTANCES, MAX_WASM_PAGES, WASM_PAGE_BYTES } from "./format.ts";
import { checkRedactions } from "./redactions.ts";
import {
  type Frame,
  type Ref,
  type Snapshot,
  type SnapshotGlobal,
  type SnapshotInstance,
  type SnapshotMemory,
  type SnapshotModule,
  type SnapshotTable,
  WORDS,
} from "./snapshot.ts";

/** A snapshot whose memories have sizes and no contents yet. */
export type SnapshotOutline = Omit<Snapshot, "memories"> & {
  readonly memories: readonly Omit<SnapshotMemory, "buffer">[];
};

function refuse(path: string, what: string): never {
  throw new ImageError("invalid", `${path} ${what}`);
}

function checkIndex(index: number, count: number, path: string, of: string): void {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    refuse(path, `is ${index}, and there are ${count} ${of}`);
  }
}

function checkUint(value: number, path: string, max = 0xffffffff): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    refuse(path, `is ${value}, not an integer from 0 to ${max}`);
  }
}

function checkRef(ref: Ref, type: number, instances: number, path: string): void {
  if (ref === null) return;
  if (ref.kind === "func") {
    checkIndex(ref.instance, instances, `${path}.instance`, "instances");
    checkUint(ref.func, `${path}.func`);
  } else if (ref.kind === "extern" && type === ValType.funcref) {
    refuse(path, "is a funcref and holds a host value that is no function");
  }
}

function checkModule(module: SnapshotModule, path: string): void {
  if (module.sha256.length !== DIGEST_BYTES) refuse(`${path}.sha256`, `is not ${DIGEST_BYTES} bytes long`);
  checkUint(module.byteLength, `${path}.byteLength`);
}

function checkInstance(instance: SnapshotInstance, own: number, whole: SnapshotOutline, path: string): void {
  checkIndex(instance.module, whole.modules.length, `${path}.module`, "modules");
  instance.imports.forEach((each, i) => {
    if (each.kind !== "instance") return;
    checkIndex(each.instance, own, `${path}.imports[${i}].instance`, "instances before it");
    checkUint(each.func, `${path}.imports[${i}].func`);
  });
  for (const space of ["memories", "tables", "globals"] as const) {
    instance[space].forEach((address, i) =>
      checkIndex(address, whole[space].length, `${path}.${space}[${i}]`, space)
    );
  }
  for (const list of ["droppedElements", "droppedDatas"] as const) {
    instance[list].forEach((index, i) => {
      checkUint(index, `${path}.${list}[${i}]`);
      if (i > 0 && index <= instance[list][i - 1]) refuse(`${path}.${list}`, "is not ascending");
    });
  }
}

function checkMemory(memory: SnapshotOutline["memories"][number], path: string): void {
  checkUint(memory.pages, `${path}.pages`, MAX_WASM_PAGES);
  if (memory.maxPages === undefined) return;
  checkUint(memory.maxPages, `${path}.maxPages`, MAX_WASM_PAGES);
  if (memory.maxPages < memory.pages) refuse(`${path}.maxPages`, `is less than its ${memory.pages} pages`);
}

function checkTable(table: SnapshotTable, instances: number, path: string): void {
  const type = ValType[table.type];
  if (!isRefType(type)) refuse(`${path}.type`, "is not a reference type");
  if (table.max !== undefined) {
    checkUint(table.max, `${path}.max`);
    if (table.max < table.elements.length) {
      refuse(`${path}.max`, `is less than its ${table.elements.length} elements`);
    }
  }
  table.elements.forEach((ref, i) => {
    if (ref !== null) checkRef(ref, type, instances, `${path}.elements[${i}]`);
  });
}

function checkGlobal(global: SnapshotGlobal, instances: number, path: string): void {
  const type = ValType[global.type as ValTypeName];
  if (type === undefined) refuse(`${path}.type`, "is not a value type");
  if (typeof global.value !== "bigint") {
    if (!isRefType(type)) refuse(path, `is of type ${global.type} and holds a reference`);
    checkRef(global.value, type, instances, `${path}.value`);
  } else if (isRefType(type)) {
    refuse(path, `is of type ${global.type} and holds a number`);
  } else if (global.value < 0n || global.value >> BigInt(32 * WORDS[type]) !== 0n) {
    refuse(path, `holds more than the ${32 * WORDS[type]} bits of its type`);
  }
}

function checkFrame(frame: Frame, instances: number, index: number): void {
  const path = `stack[${index}]`;
  checkIndex(frame.instance, instances, `${path}.instance`, "instances");
  checkUint(frame.func, `${path}.func`);
  checkUint(frame.site, `${path}.site`);
  if (frame.localCount > frame.types.length) refuse(path, "has more locals than types");
  let at = 0;
  for (const type of frame.types) {
    if (WORDS[type] === 0) refuse(path, `has a value of the unknown type 0x${type.toString(16)}`);
    if (isRefType(type) && at < frame.words.length && frame.words[at] !== 0) {
      const word = frame.words[at];
      if (word > frame.refs.length) refuse(path, `names reference ${word} and has ${frame.refs.length}`);
      checkRef(frame.refs[word - 1], type, instances, `${path}.refs[${word - 1}]`);
    }
    at += WORDS[type];
  }
  if (at !== frame.words.length) {
    refuse(path, `needs ${at} words for its values and has ${frame.words.length}`);
  }
}

/** @throws ImageError of kind `invalid` that names the first field that breaks a rule. */
export function checkSnapshot(whole: SnapshotOutline): void {
  const instances = whole.instances.length;
  if (instances > MAX_INSTANCES) {
    refuse("instances", `are ${instances}, and at most ${MAX_INSTANCES} can be named`);
  }
  whole.modules.forEach((module, i) => checkModule(module, `modules[${i}]`));
  whole.instances.forEach((instance, i) => checkInstance(instance, i, whole, `instances[${i}]`));
  whole.memories.forEach((memory, i) => checkMemory(memory, `memories[${i}]`));
  whole.tables.forEach((table, i) => checkTable(table, instances, `tables[${i}]`));
  whole.globals.forEach((global, i) => checkGlobal(global, instances, `globals[${i}]`));
  whole.stack.forEach((frame, i) => checkFrame(frame, instances, i));
  checkRedactions(whole);
}

/** Also that every memory's buffer holds its pages. */
export function checkWholeSnapshot(whole: Snapshot): void {
  checkSnapshot(whole);
  whole.memories.forEach(({ pages, buffer }, i) => {
    if (buffer.byteLength < pages * WASM_PAGE_BYTES) {
      refuse(
        `memories[${i}].buffer`,
        `has ${buffer.byteLength} bytes for ${pages} pages of ${WASM_PAGE_BYTES}`,
      );
    }
  });
}
