/**
 * Changes to images that know the format: records, heads, bodies, columns of frames, runs of pages, the state of
 * WASI. What they make is sealed with right digests again, so that the checks behind the digests are reached.
 *
 * @module
 */
import { encode } from "@std/msgpack";
import type { Bytes } from "../../../runtime/image/codec.ts";
import { denoCodec } from "../../../runtime/image/codec_deno.ts";
import type { Random } from "../../fuzz/random.ts";
import { bodyOf, type ForgedRecord, newRecord, setBody, setData } from "../forge.ts";
import {
  type Any,
  column,
  columnsOf,
  framesOf,
  nudge,
  numbers,
  PATHS,
  replace,
  scramble,
  STACK,
} from "./changes.ts";
import { type Columns, plausibleStack, sitesOf, word } from "./stacks.ts";
import type { Subject } from "./subjects.ts";

/** An image that is being changed. */
export interface Draft {
  readonly subject: Subject;
  readonly records: ForgedRecord[];
  readonly random: Random;
}

interface Mutation {
  readonly name: string;
  readonly weight: number;
  /** May throw if there is nothing to change; then nothing was. */
  readonly apply: (draft: Draft) => void;
}

const withBody = (section: string, change: (body: Any, draft: Draft) => void) => (draft: Draft) => {
  const record = draft.random.pick(draft.records.filter(({ head }) => head.section === section));
  const body = bodyOf(record);
  change(body, draft);
  setBody(record, body);
};
const withHead =
  (section: string, change: (head: Any, draft: Draft, record: ForgedRecord) => void) => (draft: Draft) => {
    const record = draft.random.pick(draft.records.filter(({ head }) => head.section === section));
    change(record.head, draft, record);
  };

const mutations: readonly Mutation[] = [
  // Frames
  {
    name: "a number of a column of frames",
    weight: 6,
    apply: withBody("stack", (body, { random }) => {
      const field = random.pick(STACK);
      body[field] = nudge(body[field], random);
    }),
  },
  {
    name: "values of frames",
    weight: 6,
    apply: withBody("stack", (body, { random }) => {
      const words = numbers(body.words);
      for (let n = random.between(1, 8); n > 0; n--) words[random.below(words.length)] = word(random);
      body.words = column(words);
    }),
  },
  {
    name: "types of values",
    weight: 3,
    apply: withBody("stack", (body, { random }) => {
      body.types[random.below(body.types.length)] = random.pick([
        0x7f,
        0x7e,
        0x7d,
        0x7c,
        0x7b,
        0x70,
        0x6f,
        0,
        0x40,
      ]);
    }),
  },
  {
    name: "a site of the same function",
    weight: 5,
    apply: withBody("stack", (body, { random, subject }) => {
      const { module } = subject.program!;
      const [funcs, sites] = [numbers(body.func), numbers(body.site)];
      const at = random.below(sites.length);
      if (funcs[at] >= module.imported.funcs) sites[at] = random.pick(sitesOf(module, funcs[at]));
      body.site = column(sites);
    }),
  },
  {
    name: "frames taken out, doubled or swapped",
    weight: 4,
    apply: withBody("stack", (body, { random }) => {
      const frames = framesOf(body);
      const at = random.below(frames.length);
      const ways = [
        () => frames.splice(at, random.between(1, 3)),
        () => frames.splice(at, 0, ...Array(random.between(1, 40)).fill(frames[at])),
        () => [frames[0], frames[at]] = [frames[at], frames[0]],
        () => frames.splice(0, frames.length),
      ];
      random.pick(ways)();
      Object.assign(body, columnsOf(frames));
    }),
  },
  {
    name: "a stack that could have been",
    weight: 14,
    apply: withBody("stack", (body, { random, subject, records }) => {
      const { references } = bodyOf(records.find(({ head }) => head.section === "store")!);
      const count = references.functions.func.length / 4 + references.others.length;
      const { types, ...columns } = plausibleStack(subject.program!, random, count);
      for (const key of STACK) body[key] = column((columns as Columns)[key]);
      body.types = Uint8Array.from(types);
    }),
  },
  // The store
  {
    name: "table elements",
    weight: 4,
    apply: withBody("store", ({ tables }, { random }) => {
      const table = random.pick(tables) as Any;
      table.elements = nudge(table.elements, random);
    }),
  },
  {
    name: "functions that references name",
    weight: 3,
    apply: withBody("store", ({ references }, { random }) => {
      const field = random.pick(["instance", "func"]);
      references.functions[field] = nudge(references.functions[field], random);
    }),
  },
  {
    name: "a global",
    weight: 4,
    apply: withBody("store", ({ globals }, { random }) => {
      const global = random.pick(globals) as Any;
      if (global.bits) crypto.getRandomValues(global.bits);
      if (global.bits) global.bits.set(column([word(random)]).subarray(0, global.bits.length));
      else global.reference = random.below(12);
    }),
  },
  {
    name: "sizes",
    weight: 3,
    apply: withBody("store", ({ memories, tables }, { random }) => {
      const memory = random.pick(memories) as Any;
      const ways = [
        () => memory.pages = random.pick([0, 1, 2, 3, 4, 5, 65535, 65536]),
        () => memory.maxPages = random.pick([0, 1, 2, 3, 65536]),
        () => delete memory.maxPages,
        () => (random.pick(tables) as Any).max = random.below(20),
      ];
      random.pick(ways)();
    }),
  },
  {
    name: "what instances consist of",
    weight: 4,
    apply: withBody("store", (body, { random }) => {
      const instance = random.pick(body.instances) as Any;
      const field = random.pick([
        "imports",
        "memories",
        "tables",
        "globals",
        "droppedElements",
        "droppedDatas",
      ]);
      const list = instance[field];
      const ways = [
        () => list.push(random.below(6)),
        () => list.pop(),
        () => list.splice(random.below(list.length + 1), 0, ...list.slice(0, 2)),
        () => list.reverse(),
        () => body.instances.push(structuredClone(instance)),
        () => body.instances.pop(),
        () => body.instances = [],
      ];
      random.pick(ways)();
    }),
  },
  // Pages
  {
    name: "a run of pages",
    weight: 5,
    apply: withHead("pages", (head, { random }, record) => {
      const runs = head.runs as Any[];
      const run = random.pick(runs);
      const ways = [
        () => run.page = Math.max(0, run.page + random.between(-2, 2)),
        () => run.count = random.pick([0, 1, 2, 3, 2 ** 31]),
        () => run.same = random.below(run.page + 2),
        () => delete run.same,
        () => run.zero = true,
        () => runs.push({ ...run, page: run.page + run.count }),
        () => runs.reverse(),
        () => head.memory = random.below(3),
      ];
      random.pick(ways)();
      const stored = runs.reduce(
        (sum, each) => sum + (each.same === undefined && !each.zero ? each.count : 0),
        0,
      );
      if (random.chance(0.8) && stored < 64) {
        const data = new Uint8Array(stored * 4096);
        data.set(record.data.subarray(0, data.length));
        setData(record, data);
      }
    }),
  },
  {
    name: "contents of memory",
    weight: 4,
    apply: withHead("pages", (_head, { random }, record) => {
      const data = record.data.slice();
      for (let n = random.between(1, 200); n > 0; n--) data[random.below(data.length)] = random.below(256);
      setData(record, data);
    }),
  },
  // WASI
  {
    name: "the state of WASI",
    weight: 8,
    apply: withBody("host", (body, { random }) => replace(body, random)),
  },
  {
    name: "a descriptor",
    weight: 8,
    apply: withBody("host", ({ descriptors, preopens }, { random }) => {
      const each = random.pick(descriptors) as Any;
      const ways = [
        () => each.path = random.pick(PATHS),
        () => each.preopen = random.pick([-1, 0, 1, 2, 0.5]),
        () => each.fd = random.pick([-1, 0, 1, 2, 3, 4, 5, 9, 1000, 2 ** 31]),
        () => each.rights = random.pick([0, 0x1fffffff, 0x3fffffff, 2 ** 32, -1]),
        () => each.flags = random.below(64),
        () => each.kind = random.pick(["file", "directory", "stream", "socket", "listener"]),
        () => each.offset = random.pick([0, -1, 2 ** 40, Number.MAX_SAFE_INTEGER, 1.5]),
        () => descriptors.push({ ...each, fd: random.between(3, 40) }),
        () => descriptors.splice(random.below(descriptors.length), 1),
        () => (random.pick(preopens) as Any).guest = random.pick(["/", "/secret", "..", ""]),
        () => (random.pick(preopens) as Any).host = random.pick(["secret", "/", "work", ".."]),
        () => (random.pick(preopens) as Any).rights = 0x3fffffff,
        () => preopens.push({ guest: "/secret", host: "secret", rights: 0x1fffffff, inheriting: 0x1fffffff }),
      ];
      random.pick(ways)();
    }),
  },
  // Anything
  {
    name: "a value of a body",
    weight: 8,
    apply: (draft) => {
      const { records, random } = draft;
      const record = random.pick(
        records.filter(({ head }) => head.section !== "pages" && head.section !== "end"),
      );
      const body = bodyOf(record);
      replace(body, random);
      setBody(record, body);
    },
  },
  {
    name: "a value of a head",
    weight: 4,
    apply: ({ records, random }) => replace(random.pick(records).head, random),
  },
  {
    name: "bytes of a body",
    weight: 4,
    apply: ({ records, random }) => {
      const record = random.pick(records);
      setData(record, scramble(record.data, random) as Bytes);
    },
  },
  {
    name: "records moved, doubled or gone",
    weight: 3,
    apply: ({ records, random }) => {
      const at = random.below(records.length);
      const ways = [
        () => records.splice(at, 1),
        () => records.splice(at, 0, structuredClone(records[at])),
        () => records.splice(random.below(records.length), 0, ...records.splice(at, 1)),
        () => records[at].head.more = true,
      ];
      random.pick(ways)();
    },
  },
  {
    name: "a section more",
    weight: 2,
    apply: ({ records, random }) => {
      const name = random.pick([
        "x",
        "parent",
        "redactions",
        "signature",
        "host",
        "__proto__",
        "end",
        "header",
      ]);
      const own = name === "host" ? { name: random.pick(["wasi", "other", "__proto__", "constructor"]) } : {};
      const body = random.pick([{}, [], { digest: new Uint8Array(32), name: "../up" }, {
        redactions: [{ name: "A" }],
      }]);
      records.splice(
        random.below(records.length + 1),
        0,
        newRecord(name, own, encode(body) as Bytes, random.chance(0.5)),
      );
    },
  },
  {
    name: "compression, true or a lie",
    weight: 3,
    apply: ({ records, random }) => {
      const record = random.pick(records);
      const how = random.pick(["zstd", "deflate"] as const);
      const { data, head } = record;
      record.data = denoCodec.compress(random.chance(0.2) ? new Uint8Array(3 << 20) : data, how) as Bytes;
      head.compression = random.chance(0.9) ? how : random.pick(["none", "zstd", "deflate", "lz4", ""]);
      head.byteLength = random.chance(0.7)
        ? data.length
        : random.pick([0, 1, data.length + 1, 1 << 22, 2 ** 32]);
    },
  },
  {
    name: "nested, repeated and endless msgpack",
    weight: 2,
    apply: ({ records, random }) => {
      const record = random.pick(records.filter(({ head }) => head.section !== "end"));
      const deep = random.between(60, 5000);
      const bombs = [
        () => Uint8Array.of(...Array(deep).fill(0x91), 0xc0),
        () => Uint8Array.of(...Array(deep).fill([0x81, 0xa1, 0x61]).flat(), 0xc0),
        () => Uint8Array.of(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2),
        () => Uint8Array.of(random.pick([0xdd, 0xdf, 0xc6, 0xdb]), 0xff, 0xff, 0xff, random.below(256)),
        () => new Uint8Array(200_000).fill(0xc0).fill(0xdd, 0, 1).fill(3, 2, 3),
      ];
      setData(record, random.pick(bombs)() as Bytes);
    },
  },
];

/** Applies some mutations. @returns Their names. */
export function mutate(draft: Draft): string[] {
  const { random } = draft;
  const names: string[] = [];
  for (let n = random.chance(0.7) ? 1 : random.between(2, 4); n > 0; n--) {
    const { name, apply } = random.weighted(mutations);
    try {
      apply(draft);
      names.push(name);
    } catch {
      // There is no such thing in this image, or a mutation before broke it.
    }
  }
  return names;
}
