/**
 * Snapshots to write: small ones by hand, random ones by seed.
 *
 * @module
 */
import { ValType, type ValTypeName } from "../../compiler/types.ts";
import {
  type ExternRef,
  type Frame,
  frameValues,
  packFrame,
  type Ref,
  type Snapshot,
  type SnapshotTable,
  type Value,
} from "../../runtime/image/snapshot.ts";

/** A seeded generator (mulberry32): numbers from 0 up to, and without, `below`. */
export function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Nothing in it, but valid. */
export const emptySnapshot: Snapshot = {
  modules: [],
  instances: [],
  memories: [],
  tables: [],
  globals: [],
  stack: [],
  policy: "loop",
  wallTime: "2026-01-02T03:04:05.678Z",
  producer: "mvvm test",
  host: {},
};

/** A little of everything; the golden images hold exactly this. */
export function smallSnapshot(): Snapshot {
  const memory = new Uint8Array(2 * 65536);
  memory.set(new TextEncoder().encode("hello, image"), 0x1234);
  for (let i = 0; i < 4096; i++) memory[0x8000 + i] = memory[0xb000 + i] = i * 7;
  memory.fill(0xff, 0x18000, 0x1c000);
  memory[memory.length - 1] = 1;
  const extern: ExternRef = {
    kind: "extern",
    value: { id: 7, tags: ["a", null, true], bytes: Uint8Array.of(1, 2) },
  };
  const host: Ref = { kind: "host", module: "env", name: "log" };
  return {
    modules: [{ sha256: new Uint8Array(32).fill(0xab), byteLength: 1234, name: "small" }, {
      sha256: new Uint8Array(32).fill(0xcd),
      byteLength: 99,
    }],
    instances: [
      {
        module: 1,
        imports: [{ kind: "host", module: "env", name: "log" }],
        memories: [1],
        tables: [],
        globals: [4],
        droppedElements: [],
        droppedDatas: [],
      },
      {
        module: 0,
        imports: [{ kind: "host", module: "wasi_snapshot_preview1", name: "fd_write" }, {
          kind: "instance",
          instance: 0,
          func: 1,
        }],
        memories: [0],
        tables: [0, 1],
        globals: [0, 1, 2, 3, 4, 5],
        droppedElements: [0, 2],
        droppedDatas: [1],
      },
    ],
    memories: [{ pages: 2, maxPages: 16, buffer: memory.buffer }, { pages: 0, buffer: new ArrayBuffer(0) }],
    tables: [
      { type: "funcref", max: 10, elements: [null, { kind: "func", instance: 1, func: 3 }, host] },
      { type: "externref", elements: [extern, null, extern] },
    ],
    globals: [
      { type: "i32", mutable: true, value: 0xfffffff0n },
      { type: "i64", mutable: true, value: 0x8000000000000001n },
      { type: "f32", mutable: false, value: 0x7fa00001n }, // a signalling NaN
      { type: "f64", mutable: true, value: 0xfff0000000000001n },
      { type: "externref", mutable: true, value: extern },
      { type: "funcref", mutable: false, value: null },
    ],
    stack: [
      packFrame({ instance: 1, func: 2, site: 100, locals: [{ type: "i32", bits: 42 }], operands: [] }),
      packFrame({
        instance: 1,
        func: 7,
        site: 420,
        locals: [
          { type: "i64", bits: 0xfedcba9876543210n },
          { type: "f32", bits: 0x7fa00001 },
          { type: "funcref", ref: host },
          { type: "externref", ref: extern },
          { type: "externref", ref: null },
        ],
        operands: [{ type: "f64", bits: 0x7ff0000000000001n }, { type: "v128", bits: (1n << 127n) | 5n }],
      }),
      packFrame({ instance: 0, func: 1, site: 0, locals: [], operands: [] }),
    ],
    policy: "loop",
    wallTime: "2026-01-02T03:04:05.678Z",
    producer: "mvvm test",
    host: {
      wasi: {
        args: ["small", "-n10"],
        env: { HOME: "/" },
        offset: 2 ** 40,
        ratio: 0.5,
        pending: Uint8Array.of(9, 8, 7),
      },
      "my extension": null,
    },
  };
}

/** The snapshot's own fields, with memories as bytes and msgpack's plain objects. */
export function comparable(snapshot: Snapshot): unknown {
  const { modules, instances, tables, globals, stack, policy, wallTime, producer, host } = snapshot;
  return {
    ...{ modules, instances, tables, globals, policy, wallTime, producer, host },
    stack: stack.map((frame) => ({
      ...{ instance: frame.instance, func: frame.func, site: frame.site, ...frameValues(frame) },
    })),
    memories: snapshot.memories.map(({ buffer, ...rest }) => ({
      ...rest,
      bytes: new Uint8Array(buffer, 0, rest.pages * 65536),
    })),
  };
}

const numberTypes = ["i32", "i64", "f32", "f64", "v128"] as const;
const bits = { i32: 32, f32: 32, i64: 64, f64: 64, v128: 128 };

/** A random snapshot with up to about 20 frames and a few pages of memory. */
export function randomSnapshot(seed: number): Snapshot {
  const next = random(seed);
  const times = <T>(below: number, make: (i: number) => T) =>
    Array.from({ length: next(below) }, (_, i) => make(i));
  const pick = <T>(list: readonly T[]) => list[next(list.length)];
  const big = (size: number) => {
    if (next(4) === 0) return pick([0n, (1n << BigInt(size)) - 1n, 1n << BigInt(size - 1)]);
    let value = 0n;
    for (let i = 0; i < size; i += 32) value = (value << 32n) | BigInt(next(2 ** 32));
    return value;
  };
  const text = () => pick(["", "a", "env", "grün", "\u{1f41f} fish", "x".repeat(next(300))]) + next(100);
  const externs: ExternRef[] = times(4, (i) => ({ kind: "extern", value: [i, text()] }));
  const modules = times(4, () => ({
    sha256: Uint8Array.from({ length: 32 }, () => next(256)),
    byteLength: next(2 ** 32),
    ...(next(2) ? { name: text() } : {}),
  }));
  const memories = times(3, () => ({ ...(next(2) ? { maxPages: 40 } : {}), ...randomMemory(next, next(5)) }));
  const instanceCount = modules.length === 0 ? 0 : next(5);
  const ref = (type: string): Ref => {
    const kind = next(4);
    if (kind === 0 || instanceCount === 0) return null;
    if (kind === 1 && type === "externref" && externs.length > 0) return pick(externs);
    if (kind === 2) return { kind: "host", module: text(), name: text() };
    return { kind: "func", instance: next(instanceCount), func: next(3) ? next(100) : next(2 ** 32) };
  };
  const value = (): Value => {
    const type = pick([...numberTypes, "funcref", "externref"] as ValTypeName[]);
    if (type === "funcref" || type === "externref") return { type, ref: ref(type) };
    const all = big(bits[type]);
    return (type === "i32" || type === "f32" ? { type, bits: Number(all) } : { type, bits: all }) as Value;
  };
  const tables = times(4, (): SnapshotTable => {
    const type = pick(["funcref", "externref"] as const);
    return { type, ...(next(2) ? { max: 1000 } : {}), elements: times(200, () => ref(type)) };
  });
  const globals = times(20, () => {
    const type = pick(Object.keys(ValType) as ValTypeName[]);
    const isRef = type === "funcref" || type === "externref";
    return { type, mutable: next(2) === 1, value: isRef ? ref(type) : big(bits[type]) };
  });
  const addresses = (list: readonly unknown[]) => list.length === 0 ? [] : times(4, () => next(list.length));
  const ascending = () => times(10, (i) => 3 * i + next(3));
  const frame = (): Frame =>
    packFrame({
      instance: next(instanceCount),
      func: next(2 ** 32),
      site: next(2 ** 32),
      locals: times(12, value),
      operands: times(6, value),
    });
  return {
    modules,
    instances: Array.from({ length: instanceCount }, (_, i) => ({
      module: next(modules.length),
      imports: times(
        6,
        () =>
          i > 0 && next(2)
            ? { kind: "instance" as const, instance: next(i), func: next(50) }
            : { kind: "host" as const, module: text(), name: text() },
      ),
      memories: addresses(memories),
      tables: addresses(tables),
      globals: addresses(globals),
      droppedElements: ascending(),
      droppedDatas: ascending(),
    })),
    memories,
    tables,
    globals,
    stack: instanceCount === 0 ? [] : times(20, frame),
    policy: text(),
    wallTime: new Date(next(2 ** 32) * 1000).toISOString(),
    producer: text(),
    host: Object.fromEntries(times(4, (i) => [`${text()} ${i}`, plain(next, 4)])),
  };
}

/** Any plain data. */
function plain(next: (below: number) => number, depth: number): unknown {
  const many = () => Array.from({ length: next(5) }, () => plain(next, depth - 1));
  switch (next(depth === 0 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return next(2) === 1;
    case 2:
      return next(2 ** 32) * (next(2) ? 1 : -1);
    case 3:
      return (next(2) ? 1 : -1) * (next(2 ** 21) * 2 ** 32 + next(2 ** 32));
    case 4:
      return "ä".repeat(next(60));
    case 5:
      return Uint8Array.from({ length: next(300) }, () => next(256));
    case 6:
      return many();
    default:
      return Object.fromEntries(many().map((each, i) => [`key ${i}`, each]));
  }
}

/** Pages that are zero, repeated, constant, sparse or noise. */
export function randomMemory(
  next: (below: number) => number,
  pages: number,
): { pages: number; buffer: ArrayBuffer } {
  const bytes = new Uint8Array(pages * 65536);
  for (let at = 0; at < bytes.length; at += 4096) {
    const page = bytes.subarray(at, at + 4096);
    switch (next(7)) {
      case 0:
      case 1:
        break;
      case 2:
        page.fill(1 + next(3));
        break;
      case 3:
        if (at > 0) page.set(bytes.subarray(next(at / 4096) * 4096).subarray(0, 4096));
        break;
      case 4:
        page[next(4096)] = 1 + next(255);
        break;
      case 5:
        if (at > 8192) page.set(bytes.subarray(at - 8192, at - 4096));
        break;
      default:
        for (let i = 0; i < 4096; i++) page[i] = next(256);
    }
  }
  return { pages, buffer: bytes.buffer };
}
