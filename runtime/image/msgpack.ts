/**
 * msgpack for bytes that nobody trusts: `decode` of `@std/msgpack` behind a check of the structure,
 * because a decoder allocates what a length says before it sees that the bytes are not there.
 *
 * The subset: nil, booleans, integers up to 2^53 - 1 either way, floats, UTF-8 strings, bin, arrays, and
 * maps with string keys, each key once. No extension types. `encode` and `decode` are the only
 * functions used, so that npm's and JSR's package of that name both do.
 *
 * @module
 */
import { decode, encode } from "@std/msgpack";
import { ImageError, type ImagePlace } from "./error.ts";
import type { Bytes } from "./codec.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A key that would change an object's prototype instead of being a field. */
const POISON = "__proto__";

/** `bytes` of length in a type's header, by type byte: strings, bins, arrays and maps. */
const LENGTH_BYTES: Readonly<Record<number, number>> = {
  0xc4: 1,
  0xc5: 2,
  0xc6: 4,
  0xd9: 1,
  0xda: 2,
  0xdb: 4,
  0xdc: 2,
  0xdd: 4,
  0xde: 2,
  0xdf: 4,
};
/** Bytes behind the type byte of a number. */
const NUMBER_BYTES: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

type Shape = { kind: "leaf" | "string" | "array" | "map"; length: number; at: number };

/** Decodes the type byte and length of the value at `at`; `next` bytes behind it are not yet looked at. */
function shapeAt(view: DataView, at: number, refuse: (what: string, at: number) => never): Shape {
  const end = view.byteLength;
  const type = view.getUint8(at);
  const start = at++;
  const need = (bytes: number) => {
    if (bytes > end - at) {
      refuse(`a msgpack value of ${bytes} bytes does not fit in the ${end - at} left`, start);
    }
  };
  if (type <= 0x7f || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) {
    return { kind: "leaf", length: 0, at };
  }
  if (type in NUMBER_BYTES) {
    const bytes = NUMBER_BYTES[type];
    need(bytes);
    if (type === 0xcf || type === 0xd3) {
      const high = type === 0xcf ? view.getUint32(at) : view.getInt32(at);
      if (high >= 2 ** 21 || high < -(2 ** 21)) refuse("an integer is over 53 bits", start);
    }
    return { kind: "leaf", length: 0, at: at + bytes };
  }
  const kind = type <= 0x8f || type >= 0xde && type <= 0xdf
    ? "map"
    : type <= 0x9f || type >= 0xdc && type <= 0xdd
    ? "array"
    : type <= 0xbf || type >= 0xd9 && type <= 0xdb
    ? "string"
    : type >= 0xc4 && type <= 0xc6
    ? "leaf"
    : refuse(`msgpack type 0x${type.toString(16)} is not used in images`, start);
  let length = kind === "string" ? type & 0x1f : type & 0x0f;
  if (type in LENGTH_BYTES) {
    const bytes = LENGTH_BYTES[type];
    need(bytes);
    length = bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at) : view.getUint32(at);
    at += bytes;
  }
  // Every element takes a byte at least, a key and its value two: a lying length ends here.
  need(kind === "map" ? 2 * length : length);
  return kind === "leaf" ? { kind, length: 0, at: at + length } : { kind, length, at };
}

/** What decoding may cost. */
export interface MsgpackBudget {
  /** How many values there may be; each one decoded is taken off. */
  items: number;
  /** How deep arrays and maps may be nested. */
  readonly depth: number;
}

/** Walks one value that must fill `bytes`, without allocating anything of the size it claims. */
function check(
  bytes: Uint8Array,
  budget: MsgpackBudget,
  refuse: (what: string, at: number, kind?: "limit") => never,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const open: { left: number; keys: Set<string> | undefined; key: boolean }[] = [];
  let at = 0;
  do {
    if (at >= bytes.length) refuse("a msgpack value is missing", at);
    if (--budget.items < 0) refuse("more values than the limit allows", at, "limit");
    const top = open.at(-1);
    const shape = shapeAt(view, at, refuse);
    const isKey = top?.keys !== undefined && top.key;
    let text: string | undefined;
    if (shape.kind === "string") {
      try {
        text = utf8.decode(bytes.subarray(shape.at, shape.at + shape.length));
      } catch {
        refuse("a string is not UTF-8", at);
      }
    }
    if (isKey) {
      if (text === undefined) refuse("a key of a map is not a string", at);
      if (top.keys!.has(text)) refuse(`the key ${JSON.stringify(text)} stands twice in a map`, at);
      if (text === POISON) refuse(`the key ${JSON.stringify(text)} is not allowed`, at);
      top.keys!.add(text);
    }
    if (top !== undefined) {
      top.left--;
      top.key = !top.key;
    }
    at = shape.kind === "string" ? shape.at + shape.length : shape.at;
    if (shape.kind === "array" || shape.kind === "map") {
      if (open.length >= budget.depth) refuse(`nested more than ${budget.depth} deep`, at, "limit");
      const isMap = shape.kind === "map";
      open.push({ left: shape.length * (isMap ? 2 : 1), keys: isMap ? new Set() : undefined, key: true });
    }
    while (open.length > 0 && open[open.length - 1].left === 0) open.pop();
  } while (open.length > 0);
  if (at !== bytes.length) refuse(`${bytes.length - at} bytes behind the value`, at);
}

/** JSR's decoder gives integers of 64 bits as BigInts, npm's as numbers; all of ours fit a number. */
function withoutBigints(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    const before = object[key];
    const after = withoutBigints(before);
    if (after !== before) object[key] = after;
  }
  return value;
}

/**
 * Decodes the one msgpack value that `bytes` are.
 * @throws ImageError with the place and, behind "byte", the offset in `bytes`.
 */
export function unpack(
  bytes: Uint8Array,
  budget: MsgpackBudget,
  place: ImagePlace,
): unknown {
  check(bytes, budget, (what, at, kind) => {
    throw new ImageError(kind ?? "invalid", `${what} (byte ${at} of the msgpack)`, place);
  });
  return withoutBigints(decode(bytes as Bytes));
}

/** Encodes plain data. What is not plain is named by its path, beginning with `path`. */
export function pack(value: unknown, path: string): Bytes {
  checkPlain(value, path, 0);
  return encode(value as never) as Bytes;
}

/** Refuses what would not come back from msgpack as it was: `undefined`, functions, Dates, Maps, ... */
function checkPlain(value: unknown, path: string, depth: number): void {
  const refuse = (what: string): never => {
    throw new ImageError("invalid", `${path} cannot be stored: ${what}`);
  };
  if (depth > 60) refuse("it is nested more than 60 deep (or contains itself)");
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") return value.isWellFormed() ? undefined : refuse("it is not valid Unicode");
  if (typeof value === "number") {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse(`${value} is over 53 bits`);
    return;
  }
  if (typeof value !== "object") refuse(`it is a ${typeof value}`);
  if (value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) checkPlain(value[i], `${path}[${i}]`, depth + 1);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(`it is a ${value!.constructor?.name ?? "special object"}`);
  }
  for (const [key, each] of Object.entries(value as object)) {
    if (key === POISON || !key.isWellFormed()) refuse(`the key ${JSON.stringify(key)} is not allowed`);
    checkPlain(each, `${path}.${key}`, depth + 1);
  }
}
