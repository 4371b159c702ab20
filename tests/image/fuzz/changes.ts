/**
 * Changes to plain values: numbers of columns, bytes, trees, frames as columns.
 *
 * @module
 */
import type { Random } from "../../fuzz/random.ts";
import { word } from "./stacks.ts";

// What is changed may be of any shape.
// deno-lint-ignore no-explicit-any
export type Any = any;

export const column = (numbers: readonly number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);
export const numbers = (bytes: Uint8Array) => {
  const length = bytes.length - bytes.length % 4;
  return [...new Uint32Array(bytes.slice(0, length).buffer)];
};

/** Changes one number of a column. */
export function nudge(bytes: Uint8Array, random: Random): Uint8Array {
  const list = numbers(bytes);
  if (list.length === 0) return column([word(random)]);
  const at = random.below(list.length);
  const ways = [
    () => list[at] = word(random),
    () => list[at] = (list[at] + random.between(-2, 2)) >>> 0,
    () => list[at] = random.pick(list),
    () => list.splice(at, 1),
    () => list.splice(at, 0, random.pick(list)),
    () => [list[0], list[at]] = [list[at], list[0]],
  ];
  random.pick(ways)();
  return column(list);
}

export const STACK = ["instance", "func", "site", "locals", "operands", "words"] as const;
export const PATHS = [
  "",
  ".",
  "..",
  "/",
  "../secret/key.txt",
  "secret",
  "/etc/passwd",
  "a/../../secret",
  "inner",
  "log.txt",
  "archive/../../secret",
  "\0",
  "data.bin/",
  "inner//a.txt",
  "x".repeat(5000),
];

interface ForgedFrame {
  readonly head: readonly number[];
  readonly types: Uint8Array;
  readonly words: readonly number[];
}

/** Cuts columns into frames; throws if they do not fit together. */
export function framesOf(body: Any): ForgedFrame[] {
  const heads = STACK.slice(0, 5).map((key) => numbers(body[key]));
  const words = numbers(body.words);
  let [typeAt, wordAt] = [0, 0];
  return heads[0].map((_, i) => {
    const head = heads.map((list) => list[i]);
    const types = body.types.slice(typeAt, typeAt += head[3] + head[4]) as Uint8Array;
    const length = types.reduce(
      (sum, type) => sum + (type === 0x7e || type === 0x7c ? 2 : type === 0x7b ? 4 : 1),
      0,
    );
    return { head, types, words: words.slice(wordAt, wordAt += length) };
  });
}

export function columnsOf(frames: readonly ForgedFrame[]): object {
  return {
    ...Object.fromEntries(
      STACK.slice(0, 5).map((key, k) => [key, column(frames.map(({ head }) => head[k]))]),
    ),
    types: Uint8Array.from(frames.flatMap(({ types }) => [...types])),
    words: column(frames.flatMap(({ words }) => words)),
  };
}

/** Flips, takes out, puts in and copies bytes. */
export function scramble(bytes: Uint8Array, random: Random): Uint8Array {
  const out = [...bytes.subarray(0, 100_000)];
  for (let n = random.between(1, 4); n > 0; n--) {
    const at = random.below(out.length + 1);
    const ways = [
      () => out[at] = random.below(256),
      () => out[at] ^= 1 << random.below(8),
      () => out.splice(at, random.between(1, 16)),
      () => out.splice(at, 0, ...Array.from({ length: random.between(1, 16) }, () => random.below(256))),
      () => out.length = at,
      () => out.splice(at, 0, ...out.slice(at, at + random.below(64))),
    ];
    random.pick(ways)();
  }
  return Uint8Array.from(out);
}

const VALUES = [
  null,
  true,
  -1,
  0,
  1,
  2,
  255,
  65536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  -(2 ** 53 - 1),
  0.5,
  NaN,
  Infinity,
  "",
  "host",
  "wasi",
  "i64",
  "__proto__",
  [],
  {},
  new Uint8Array(0),
  new Uint8Array(32),
  [[]],
  "\0",
  ...PATHS,
];

/** Puts something else at a random place of a tree, takes it out, or gives it another name. */
export function replace(tree: Any, random: Random): void {
  for (;;) {
    if (typeof tree !== "object" || tree === null || tree instanceof Uint8Array) return;
    const keys = Object.keys(tree);
    if (keys.length === 0) return;
    const key = random.pick(keys);
    const child = tree[key];
    if (child instanceof Uint8Array && random.chance(0.5)) {
      tree[key] = scramble(child, random);
      return;
    }
    if (typeof child !== "object" || child === null || random.chance(0.2)) {
      const ways = [
        () => tree[key] = random.pick(VALUES),
        () => tree[key] = random.pick(VALUES),
        () => tree[key] = tree[random.pick(keys)],
        () =>
          typeof child === "number" ? tree[key] = child + random.between(-2, 2) : tree[key] = random.u32(),
        () => Array.isArray(tree) ? tree.splice(Number(key), 1) : delete tree[key],
        () =>
          Array.isArray(tree)
            ? tree.push(child)
            : tree[random.pick(["x", "constructor", "toString", "length"])] = child,
      ];
      random.pick(ways)();
      return;
    }
    tree = child;
  }
}
