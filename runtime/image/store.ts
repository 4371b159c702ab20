/**
 * The bodies of the `header` and `store` sections: everything of a snapshot but its frames, the state of
 * host extensions, and the contents of memories.
 *
 * @module
 */
import { ValType, type ValTypeName } from "../../compiler/types.ts";
import { columnBytes, type Field } from "./field.ts";
import { DIGEST_BYTES, type ImageLimits, MAX_WASM_PAGES, WASM_PAGE_BYTES } from "./format.ts";
import { ReferenceReader, type ReferenceWriter } from "./references.ts";
import {
  type Snapshot,
  type SnapshotGlobal,
  type SnapshotImport,
  type SnapshotInstance,
  type SnapshotModule,
  type SnapshotTable,
  WORDS,
} from "./snapshot.ts";
import type { SnapshotOutline } from "./validity.ts";

const typeNames = Object.keys(ValType) as ValTypeName[];

/** `value` without the fields that are `undefined`, which msgpack does not know. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

export type Header = Pick<Snapshot, "producer" | "wallTime" | "policy" | "modules">;

/** The body of the `header` section. */
export function headerBody({ producer, wallTime, policy, modules }: Header): object {
  return {
    producer,
    wallTime,
    policy,
    modules: modules.map(({ sha256, byteLength, name }) => present({ sha256, byteLength, name })),
  };
}

/** Reads the body of the `header` section. */
export function readHeader(body: Field): Header {
  return {
    producer: body.get("producer").text(),
    wallTime: body.get("wallTime").text(),
    policy: body.get("policy").text(),
    modules: body.get("modules").list().map((module): SnapshotModule =>
      present({
        sha256: module.get("sha256").bytes(DIGEST_BYTES).slice(),
        byteLength: module.get("byteLength").uint(),
        name: module.optional("name")?.text(),
      })
    ),
  };
}

/** The bits of a number as little-endian bytes. */
function bitsBytes(bits: bigint, type: ValTypeName): Uint8Array {
  return Uint8Array.from(
    { length: 4 * WORDS[ValType[type]] },
    (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn),
  );
}

function readBits(field: Field, type: ValTypeName): bigint {
  const bytes = field.bytes(4 * WORDS[ValType[type]]);
  return bytes.reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}

function instanceBody(instance: SnapshotInstance): object {
  return {
    module: instance.module,
    imports: instance.imports.map((each) =>
      each.kind === "host"
        ? { kind: each.kind, module: each.module, name: each.name }
        : { kind: each.kind, instance: each.instance, func: each.func }
    ),
    memories: instance.memories,
    tables: instance.tables,
    globals: instance.globals,
    droppedElements: instance.droppedElements,
    droppedDatas: instance.droppedDatas,
  };
}

/** The body of the `store` section. */
export function storeBody(
  snapshot: Pick<SnapshotOutline, "instances" | "memories" | "tables" | "globals">,
  references: ReferenceWriter,
): object {
  return {
    references: references.body(),
    instances: snapshot.instances.map(instanceBody),
    memories: snapshot.memories.map(({ pages, maxPages }) => present({ pages, maxPages })),
    tables: snapshot.tables.map(({ type, max, elements }) =>
      present({ type, max, elements: columnBytes(elements.map((ref) => references.number(ref))) })
    ),
    globals: snapshot.globals.map(({ type, mutable, value }) =>
      typeof value === "bigint"
        ? { type, mutable, bits: bitsBytes(value, type) }
        : { type, mutable, reference: references.number(value) }
    ),
  };
}

const uints = (field: Field) => field.list().map((each) => each.uint());

function readInstance(instance: Field): SnapshotInstance {
  return {
    module: instance.get("module").uint(),
    imports: instance.get("imports").list().map((each): SnapshotImport => {
      const kind = each.get("kind").oneOf(["host", "instance"]);
      return kind === "host"
        ? { kind, module: each.get("module").text(), name: each.get("name").text() }
        : { kind, instance: each.get("instance").uint(), func: each.get("func").uint() };
    }),
    memories: uints(instance.get("memories")),
    tables: uints(instance.get("tables")),
    globals: uints(instance.get("globals")),
    droppedElements: uints(instance.get("droppedElements")),
    droppedDatas: uints(instance.get("droppedDatas")),
  };
}

function readTable(table: Field, references: ReferenceReader): SnapshotTable {
  const elements = table.get("elements");
  return present({
    type: table.get("type").oneOf(["funcref", "externref"] as const),
    max: table.optional("max")?.uint(),
    elements: Array.from(elements.column(), (number) => references.ref(number, elements)),
  });
}

function readGlobal(global: Field, references: ReferenceReader): SnapshotGlobal {
  const type = global.get("type").oneOf(typeNames);
  const mutable = global.get("mutable").bool();
  if (type !== "funcref" && type !== "externref") {
    return { type, mutable, value: readBits(global.get("bits"), type) };
  }
  const reference = global.get("reference");
  return { type, mutable, value: references.ref(reference.uint(), reference) };
}

/** What the `store` section says, with the references that frames name by number. */
export type Store = Pick<SnapshotOutline, "instances" | "memories" | "tables" | "globals"> & {
  readonly references: ReferenceReader;
};

/** Reads the body of the `store` section. */
export function readStore(body: Field, limits: ImageLimits): Store {
  const references = new ReferenceReader(body.get("references"));
  const memories = body.get("memories").list().map((memory) =>
    present({
      pages: memory.get("pages").uint(MAX_WASM_PAGES),
      maxPages: memory.optional("maxPages")?.uint(MAX_WASM_PAGES),
    })
  );
  const memoryBytes = memories.reduce((sum, { pages }) => sum + pages * WASM_PAGE_BYTES, 0);
  if (memoryBytes > limits.memoryBytes) {
    body.get("memories").refuse(`are ${memoryBytes} bytes, over the limit of ${limits.memoryBytes}`, "limit");
  }
  const tables = body.get("tables");
  const elements = tables.list().reduce((sum, table) => sum + table.get("elements").bytes().length / 4, 0);
  if (elements > limits.tableElements) {
    tables.refuse(`have ${elements} elements, over the limit of ${limits.tableElements}`, "limit");
  }
  return {
    references,
    instances: body.get("instances").list().map(readInstance),
    memories,
    tables: tables.list().map((table) => readTable(table, references)),
    globals: body.get("globals").list().map((global) => readGlobal(global, references)),
  };
}
