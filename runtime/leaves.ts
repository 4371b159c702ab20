/**
 * Strings and bytes deep in plain data, and copies of the data in which some of them are changed.
 *
 * @module
 */
import type { Piece } from "./pieces.ts";

/** Keys of maps and indices of lists, from the outside in. */
export type Path = readonly (string | number)[];

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A string, in UTF-8, or bytes; copied when it is changed. */
export class Leaf {
  bytes: Uint8Array;
  #isCopy: boolean;
  #changed = false;

  constructor(readonly original: string | Uint8Array) {
    this.#isCopy = typeof original === "string";
    this.bytes = typeof original === "string" ? utf8.encode(original) : original;
  }

  write(value: Uint8Array, offset: number): void {
    if (!this.#isCopy) this.bytes = this.bytes.slice();
    this.#isCopy = this.#changed = true;
    this.bytes.set(value, offset);
  }

  /** A piece of a string without the parts of characters at its ends: with zeros there it would be none. */
  wholeCharacters({ offset, start, length }: Piece): Piece {
    const inside = (at: number) => typeof this.original === "string" && (this.bytes[at] & 0xc0) === 0x80;
    for (; length > 0 && inside(offset); length--, start++) offset++;
    while (length > 0 && inside(offset + length)) length--;
    return { offset, start, length };
  }

  /** What it is now, of the kind it was. @throws TypeError if it was a string and is none any more. */
  value(): string | Uint8Array {
    if (!this.#changed) return this.original;
    return typeof this.original === "string" ? strict.decode(this.bytes) : this.bytes;
  }
}

type Container = Record<string | number, unknown>;

const copyOf = (value: object) => (Array.isArray(value) ? [...value] : { ...value }) as Container;

/** A copy of plain data, with each leaf as `visit` leaves it. */
export function mapLeaves(
  value: unknown,
  visit: (path: Path, leaf: Leaf) => void,
  path: Path = [],
): unknown {
  if (typeof value === "string" || value instanceof Uint8Array) {
    const leaf = new Leaf(value);
    visit(path, leaf);
    return leaf.value();
  }
  if (typeof value !== "object" || value === null) return value;
  const copy = copyOf(value);
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) copy[key] = mapLeaves(copy[key], visit, [...path, key]);
  return copy;
}

/** What is done at a path. */
interface Visit {
  readonly path: Path;
  readonly visit: (leaf: Leaf) => void;
}

/**
 * A copy of plain data, with some leaves changed. Each container and each leaf is copied once, however many
 * visits there are; what is not on a path is shared.
 *
 * @param visits Their paths lead to leaves.
 */
export function mapLeavesAt(value: unknown, visits: readonly Visit[], depth = 0): unknown {
  if (typeof value === "string" || value instanceof Uint8Array) {
    const leaf = new Leaf(value);
    for (const { visit } of visits) visit(leaf);
    return leaf.value();
  }
  const copy = copyOf(value as object);
  const groups = Map.groupBy(visits, ({ path }) => path[depth]);
  for (const [key, members] of groups) copy[key] = mapLeavesAt(copy[key], members, depth + 1);
  return copy;
}
