/**
 * Modules that are almost right: changes to the tree, which mostly stay well-formed and may be invalid, and changes
 * to the bytes, which may be malformed.
 *
 * @module
 */

import { opcodes } from "../../compiler/opcodes.ts";
import { ValType } from "../../compiler/types.ts";
import { encode, type Encoded } from "./encode.ts";
import { type Instr, instr, mapModule, type ModuleIr, opcodeOfInstr } from "./ir.ts";
import { sectionsOf, splice, spliceSized, u32Bytes } from "./layout.ts";
import type { Random } from "./random.ts";
import { randomNumber } from "./values.ts";

/** A change of a tree. */
type TreeChange = (module: ModuleIr, random: Random) => ModuleIr;
/** A change of bytes, which may look at the places of a module's opcodes and integers. */
type ByteChange = (encoded: Encoded, random: Random) => Uint8Array<ArrayBuffer>;

const anyType = [...Object.values(ValType), 0x40, 0x00, 0x6e] as ValType[];

/** A copy of a list with one item, if there is one, replaced by the items that `change` makes of it. */
function spreadOne<T>(list: readonly T[], random: Random, change: (item: T) => T[]): T[] {
  const chosen = random.below(list.length);
  return list.flatMap((item, i) => i === chosen ? change(item) : [item]);
}

/** A copy of a list with one item, if there is one, replaced by what `change` makes of it. */
function changeOne<T>(list: readonly T[], random: Random, change: (item: T) => T): T[] {
  return spreadOne(list, random, (item) => [change(item)]);
}

/** A number near another one, or one that is far out. */
function nudge(random: Random, value: number | bigint): number | bigint {
  if (typeof value === "bigint") return randomNumber(random, ValType.i64);
  return random.pick([value + 1, Math.max(0, value - 1), 0, 1, random.below(100), 0xffff_ffff, 0x8000_0000]);
}

function randomInstr(random: Random): Instr {
  const opcode = random.pick(opcodes.filter((opcode) => !["end", "else"].includes(opcode.name)));
  const small = () => random.below(random.pick([2, 5]));
  const args = opcode.immediate === "none" || opcode.immediate === "memory"
    ? []
    : opcode.immediate === "select" || opcode.immediate === "reftype"
    ? [random.pick(anyType)]
    : opcode.immediate === "block"
    ? [random.pick([-0x40, 0, 1, ...anyType.slice(0, 7).map((type) => type - 0x80)])]
    : opcode.immediate.startsWith("i64") || /^f/.test(opcode.immediate) && opcode.immediate !== "func"
    ? [random.u64()]
    : [small(), small()].slice(0, /_|memarg|labels/.test(opcode.immediate) ? 2 : 1);
  return { code: opcode.code, args, body: opcode.immediate === "block" ? [] : undefined };
}

/** A change of the instructions of one list, somewhere in a function body. */
function changeList(random: Random, list: readonly Instr[]): Instr[] {
  const at = random.below(list.length + 1);
  const edit = (remove: number, ...insert: Instr[]) => list.toSpliced(at, remove, ...insert);
  switch (random.below(7)) {
    case 0:
      return edit(1);
    case 1:
      return edit(0, randomInstr(random));
    case 2:
      return edit(1, randomInstr(random));
    case 3:
      return edit(0, ...list.slice(at, at + random.between(1, 3)));
    case 4:
      return at + 1 < list.length ? edit(2, list[at + 1], list[at]) : edit(0, instr("unreachable"));
    case 5:
      return edit(0, instr(random.pick(["unreachable", "return", "drop", "select"])));
    default:
      return changeOne(list, random, (instr) => ({
        ...instr,
        args: opcodeOfInstr(instr).immediate === "block"
          ? [random.pick([-0x40, 0, 1, 2, -1, -2, -3, -4, -16, -17])]
          : changeOne(instr.args, random, (arg) => nudge(random, arg)),
      }));
  }
}

/** Changes one list at any depth: deeper ones are reached by choosing a block in the list. */
function changeSomewhere(random: Random, list: readonly Instr[]): Instr[] {
  const blocks = [...list.keys()].filter((i) => list[i].body !== undefined);
  if (blocks.length === 0 || random.chance(0.4)) return changeList(random, list);
  const chosen = random.pick(blocks);
  return list.map((instr, i) => {
    if (i !== chosen) return instr;
    if (instr.otherwise && random.chance(0.5)) {
      return { ...instr, otherwise: changeSomewhere(random, instr.otherwise) };
    }
    return { ...instr, body: changeSomewhere(random, instr.body!) };
  });
}

const retype = (random: Random, types: readonly ValType[]) =>
  random.chance(0.5)
    ? changeOne(types, random, () => random.pick(anyType))
    : [...types, random.pick(anyType)].slice(random.below(2));

const limits = (random: Random) => ({
  min: random.pick([0, 1, 2, 65536, 65537, 0xffff_ffff]),
  max: random.pick([undefined, 0, 1, 65535, 65536, 65537, 0xffff_ffff]),
});

const inBody: TreeChange = (module, random) => ({
  ...module,
  funcs: changeOne(module.funcs, random, (func) => ({ ...func, body: changeSomewhere(random, func.body) })),
});

const treeChanges: readonly TreeChange[] = [
  ...Array.from({ length: 24 }, () => inBody),
  (module, random) => ({
    ...module,
    types: changeOne(
      module.types,
      random,
      (type) =>
        random.chance(0.5)
          ? { ...type, params: retype(random, type.params) }
          : { ...type, results: retype(random, type.results) },
    ),
  }),
  (module, random) => ({
    ...module,
    funcs: changeOne(module.funcs, random, (func) => ({ ...func, locals: retype(random, func.locals) })),
  }),
  (module, random) => ({
    ...module,
    funcs: changeOne(module.funcs, random, (func) => ({ ...func, type: Number(nudge(random, func.type)) })),
  }),
  (module, random) => ({
    ...module,
    globals: changeOne(
      module.globals,
      random,
      (global) =>
        random.chance(0.5)
          ? { ...global, type: { ...global.type, mutable: !global.type.mutable } }
          : { ...global, init: changeList(random, global.init) },
    ),
  }),
  (module, random) => ({
    ...module,
    exports: spreadOne(module.exports, random, (entry) => {
      const kind = random.pick(["func", "global"] as const);
      return random.chance(0.5)
        ? [entry, entry]
        : [{ ...entry, index: Number(nudge(random, entry.index)), kind }];
    }),
  }),
  (module, random) => ({ ...module, start: random.below(12) }),
  (module, random) => ({ ...module, memories: [...module.memories, { limits: limits(random) }] }),
  (module, random) => ({
    ...module,
    memories: changeOne(module.memories, random, () => ({ limits: limits(random) })),
  }),
  (module) => ({ ...module, memories: [] }),
  (module, random) => ({
    ...module,
    tables: changeOne(module.tables, random, (table) => ({
      element: random.pick([ValType.funcref, ValType.externref]),
      limits: random.chance(0.5) ? table.limits : limits(random),
    })),
  }),
  (module, random) => ({
    ...module,
    elements: spreadOne(module.elements, random, (element) => {
      const { mode } = element;
      if (random.chance(0.3)) return [];
      if (random.chance(0.5)) {
        return [{ ...element, init: changeOne(element.init, random, (init) => changeList(random, init)) }];
      }
      return mode.kind === "active"
        ? [{ ...element, mode: { ...mode, offset: changeList(random, mode.offset), index: random.below(4) } }]
        : [{ ...element, type: random.pick([ValType.funcref, ValType.externref]) }];
    }),
  }),
  (module, random) => ({
    ...module,
    datas: spreadOne(module.datas, random, (data) => {
      const { mode } = data;
      if (mode.kind !== "active") return [];
      const offset = changeList(random, mode.offset);
      return [{ ...data, mode: { ...mode, offset, index: random.below(2) } }];
    }),
  }),
  (module) => ({ ...module, dataCount: !module.dataCount }),
  (module, random) =>
    mapModule(
      module,
      (instr) =>
        instr.args.length === 1 && random.chance(0.005)
          ? { ...instr, args: [nudge(random, instr.args[0])] }
          : instr,
    ),
];

const anywhere = (encoded: Encoded, random: Random) => random.below(encoded.bytes.length);
const interesting = [0x00, 0x01, 0x0b, 0x05, 0x40, 0x60, 0x70, 0x6f, 0x7b, 0x7f, 0x80, 0xfc, 0xfd, 0xff];

/** Puts bytes somewhere, with the sizes around them made right or left wrong. */
function put(random: Random, bytes: Uint8Array, at: number, remove: number, insert: readonly number[]) {
  return (random.chance(0.7) ? spliceSized : splice)(bytes, at, remove, insert);
}

const byteChanges: readonly ByteChange[] = [
  (encoded, random) => {
    const bytes = encoded.bytes.slice();
    bytes[anywhere(encoded, random)] ^= 1 << random.below(8);
    return bytes;
  },
  (encoded, random) => {
    const bytes = encoded.bytes.slice();
    bytes[anywhere(encoded, random)] = random.chance(0.5) ? random.pick(interesting) : random.below(256);
    return bytes;
  },
  (encoded, random) => put(random, encoded.bytes, anywhere(encoded, random), 0, [random.pick(interesting)]),
  (encoded, random) => {
    const at = anywhere(encoded, random);
    return put(random, encoded.bytes, at, Math.min(random.between(1, 8), encoded.bytes.length - at), []);
  },
  (encoded, random) => {
    const at = anywhere(encoded, random);
    const copy = encoded.bytes.subarray(at, at + random.between(1, 30));
    return put(random, encoded.bytes, at, 0, [...copy]);
  },
  (encoded, random) => encoded.bytes.slice(0, anywhere(encoded, random)),
  (encoded, random) => { // an opcode for another one
    const mark = random.pick(encoded.marks.filter((mark) => mark.kind === "opcode"));
    const code = random.pick(opcodes).code;
    const opcode = random.chance(0.3) ? [random.below(256)] : code > 0xff ? [code >> 8, code & 0xff] : [code];
    return spliceSized(encoded.bytes, mark.offset, mark.length, opcode);
  },
  ...Array.from({ length: 3 }, (): ByteChange => (encoded, random) => { // an integer in another form
    const mark = random.pick(encoded.marks.filter((mark) => mark.kind === "leb"));
    const old = [...encoded.bytes.subarray(mark.offset, mark.offset + mark.length)];
    const last = old.pop()!;
    const sign = last & 0x40 ? 0x7f : 0x00;
    const pad = Array.from({ length: random.below(6) }, () => sign | 0x80);
    const leb = random.pick([
      [...old, last | 0x80, ...pad, sign],
      [...old, last | 0x80, ...pad, random.below(128)],
      [...old, last ^ (1 << random.below(7))],
      u32Bytes(random.pick([0, 1, 127, 128, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])),
      [0xff, 0xff, 0xff, 0xff, random.pick([0x0f, 0x7f, 0x07, 0x1f, 0x70])],
    ]);
    return put(random, encoded.bytes, mark.offset, mark.length, leb);
  }),
  (encoded, random) => { // sections moved, doubled, lost
    const sections = sectionsOf(encoded.bytes).map(({ at, end }) => encoded.bytes.subarray(at, end));
    const from = random.below(sections.length);
    const [section] = sections.splice(from, 1);
    const copies = random.below(3);
    for (let i = 0; i < copies; i++) sections.splice(random.below(sections.length + 1), 0, section);
    return Uint8Array.from([...encoded.bytes.subarray(0, 8), ...sections.flatMap((section) => [...section])]);
  },
  (encoded, random) => { // a custom section, whose name may be broken
    const { at } = random.pick(sectionsOf(encoded.bytes));
    const name = random.pick([[], [0x6e, 0x61, 0x6d, 0x65], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [
      0xc3,
      0xa9,
    ]]);
    const rest = Array.from({ length: random.below(12) }, () => random.pick([0, 1, 2, 3, 0x7f, 0xff]));
    const contents = [random.chance(0.1) ? name.length + rest.length + 1 : name.length, ...name, ...rest];
    return splice(encoded.bytes, at, 0, [0, contents.length, ...contents]);
  },
];

/** A mutant: the tree, if the change was one of the tree, and the bytes. */
export interface Mutant {
  readonly module?: ModuleIr;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A module with one or a few things changed. */
export function mutate(module: ModuleIr, random: Random): Mutant {
  if (random.chance(0.5)) {
    for (let i = random.pick([1, 1, 1, 2, 3]); i > 0; i--) module = random.pick(treeChanges)(module, random);
    return { module, bytes: encode(module).bytes };
  }
  let encoded = encode(module, random.chance(0.3) ? random.fork() : undefined);
  const count = random.pick([1, 1, 1, 2, 3]);
  for (let i = 0; i < count; i++) {
    const bytes = random.pick(i === 0 ? byteChanges : byteChanges.slice(0, 6))(encoded, random);
    encoded = { bytes, marks: encoded.marks };
    if (bytes.length === 0) break;
  }
  return { bytes: encoded.bytes };
}
