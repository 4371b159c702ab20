/**
 * Keeping the values of environment variables out of images, and putting them back.
 *
 * A value is looked for byte by byte in all memories and in the state of host extensions (environment,
 * arguments, contents and names of files, pending input). What a program made of it, for example its
 * base64 or its hash, is not found; nor are numbers in locals, globals and operands.
 *
 * @module
 */
import { isVariableName, type Redaction } from "./image/redactions.ts";
import type { Snapshot } from "./image/snapshot.ts";

/** A value cannot be kept out, or cannot be put back. */
export class RedactError extends Error {
  override readonly name = "RedactError";
}

/** Shorter values would be found everywhere by chance, and guessed. */
export const MIN_SECRET_BYTES = 6;
/** The most places of one value in a memory. */
const MAX_PLACES = 1 << 24;

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Whether the value of a variable can be kept out of images: says so before the guest has run for long.
 *
 * @param env The guest's environment.
 * @throws {RedactError}
 */
export function checkSecret(name: string, env: Readonly<Record<string, string>>): void {
  if (!isVariableName(name) || !Object.hasOwn(env, name)) {
    throw new RedactError(
      `the guest has no environment variable ${JSON.stringify(name)} whose value could be kept out`,
    );
  }
  const { length } = utf8.encode(env[name]);
  if (length < MIN_SECRET_BYTES) {
    throw new RedactError(
      `the value of ${name} has ${length} bytes: values of less than ${MIN_SECRET_BYTES} cannot be kept out, ` +
        `because such bytes stand everywhere by chance`,
    );
  }
}

/** A snapshot without some values, until it is disposed of. */
export interface Redacted extends Disposable {
  readonly snapshot: Snapshot;
}

/**
 * Takes values out of a snapshot. They are overwritten in the memories themselves, which are not copied:
 * write the snapshot, then dispose of the result, and only then let the guest run on.
 *
 * @param names Environment variables of the guest's WASI state.
 *
 * @example
 * ```ts
 * using redacted = redact(outcome.image, ["TOKEN"]);
 * await writeImageFile("a.mvvm", redacted.snapshot);
 * ```
 * @throws {RedactError} A variable is not there, or its value is too short.
 */
export function redact(snapshot: Snapshot, names: readonly string[]): Redacted {
  if (names.length === 0) return { snapshot, [Symbol.dispose]() {} };
  const env = guestEnvironment(snapshot);
  for (const name of names) checkSecret(name, env);
  // A value that holds another one goes first.
  const secrets = [...new Set(names)].map((name) => new Secret(name, utf8.encode(env[name])))
    .sort((a, b) => b.value.length - a.value.length);
  const memories = snapshot.memories.map(({ buffer, pages }) => new Uint8Array(buffer, 0, pages * 65536));
  const host = mapLeaves(snapshot.host, [], (path, leaf) => {
    // Its own variable is each one's own place, also if two have the same value.
    for (const secret of secrets) secret.takeFromVariable(path, leaf);
    for (const secret of secrets) secret.takeFromLeaf(path, leaf);
  }) as Host;
  const undo = () => secrets.forEach((secret) => secret.putBack(memories));
  try {
    memories.forEach((bytes, memory) => secrets.forEach((secret) => secret.takeFromMemory(bytes, memory)));
  } catch (error) {
    undo();
    throw error;
  }
  const redactions = secrets.map((secret) => secret.redaction());
  return {
    snapshot: { ...snapshot, host, redactions },
    [Symbol.dispose]: undo,
  };
}

/**
 * Puts values back where `redact` took them from, in the buffers of `snapshot` itself.
 *
 * @param values By name; others than those that are missing are not looked at.
 * @returns The whole snapshot.
 * @throws {RedactError} Names all values that are missing, or the first that is not as long as it was; nothing is
 * changed then.
 */
export function fillRedactions<T extends Snapshot>(
  snapshot: T,
  values: Readonly<Record<string, string>>,
): T {
  const { redactions = [], ...rest } = snapshot;
  if (redactions.length === 0) return snapshot;
  const missing = redactions.filter(({ name }) => !Object.hasOwn(values, name)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new RedactError(
      `the image was written without ${missing.length === 1 ? "the value" : "the values"} of ` +
        `${missing.join(", ")}; give ${missing.length === 1 ? "it" : "them"} again: ` +
        missing.map((name) => `-e ${name}=...`).join(" "),
    );
  }
  const secrets = redactions.map(({ name, byteLength }) => {
    const value = utf8.encode(values[name]);
    if (value.length !== byteLength) {
      throw new RedactError(
        `the value of ${name} had ${byteLength} bytes, and the one given has ${value.length}: it must fit in the ` +
          `same places`,
      );
    }
    return value;
  });
  const root: Node = { children: new Map(), values: [] };
  redactions.forEach(({ name, host: places }, i) => {
    for (const { path, offset } of places) {
      nodeAt(root, path).values.push({ name, offset, value: secrets[i] });
    }
  });
  const host = fillNode(snapshot.host, root);
  redactions.forEach((redaction, i) => write(snapshot, redaction, secrets[i]));
  return { ...rest, host } as unknown as T;
}

function write({ memories }: Snapshot, redaction: Redaction, value: Uint8Array): void {
  for (const { memory, offsets } of redaction.memories) {
    const bytes = new Uint8Array(memories[memory].buffer);
    for (const offset of offsets) bytes.set(value, offset);
  }
}

/** The environment in a snapshot's WASI state; of what is no environment, nothing. */
export function guestEnvironment({ host }: Pick<Snapshot, "host">): Record<string, string> {
  const list = (host.wasi as { env?: unknown } | undefined)?.env;
  const entries = Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
  return Object.fromEntries(entries.map((text) => {
    const at = text.indexOf("=");
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  }));
}

type Path = readonly (string | number)[];
type Host = Snapshot["host"];

/** A string, in UTF-8, or bytes in plain data, copied when it is changed. */
class Leaf {
  bytes: Uint8Array;
  #isCopy: boolean;

  constructor(readonly original: string | Uint8Array) {
    this.#isCopy = typeof original === "string";
    this.bytes = typeof original === "string" ? utf8.encode(original) : original;
  }

  changed = false;

  write(value: Uint8Array, offset: number): void {
    if (!this.#isCopy) this.bytes = this.bytes.slice();
    this.#isCopy = this.changed = true;
    this.bytes.set(value, offset);
  }

  /** What it is now, of the kind it was. @throws TypeError if it was a string and is none any more. */
  value(): string | Uint8Array {
    if (!this.changed) return this.original;
    return typeof this.original === "string" ? strict.decode(this.bytes) : this.bytes;
  }
}

/** Plain data with some of its strings and bytes changed; what is not changed is shared. */
function mapLeaves(value: unknown, path: Path, visit: (path: Path, leaf: Leaf) => void): unknown {
  if (typeof value === "string" || value instanceof Uint8Array) {
    const leaf = new Leaf(value);
    visit(path, leaf);
    return leaf.value();
  }
  if (typeof value !== "object" || value === null) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) copy[key] = mapLeaves(copy[key], [...path, key], visit);
  return copy;
}

/** Values to be put back, by path: each list and each leaf is copied once, however many there are. */
interface Node {
  readonly children: Map<string | number, Node>;
  readonly values: { readonly name: string; readonly offset: number; readonly value: Uint8Array }[];
}

function nodeAt(root: Node, path: Path): Node {
  let node = root;
  for (const key of path) {
    let next = node.children.get(key);
    if (next === undefined) node.children.set(key, next = { children: new Map(), values: [] });
    node = next;
  }
  return node;
}

function fillNode(value: unknown, { children, values }: Node): unknown {
  if (typeof value === "string" || value instanceof Uint8Array) {
    const leaf = new Leaf(value);
    for (const { offset, value } of values) leaf.write(value, offset);
    try {
      return leaf.value();
    } catch {
      const names = [...new Set(values.map(({ name }) => name))].join(", ");
      throw new RedactError(
        `the image has a place for the value of ${names} that cuts a character in pieces`,
      );
    }
  }
  const copy = (Array.isArray(value) ? [...value] : { ...value as object }) as Record<
    string | number,
    unknown
  >;
  for (const [key, child] of children) copy[key] = fillNode(copy[key], child);
  return copy;
}

/** One value, and where it was found. */
class Secret {
  readonly #memories: { memory: number; offsets: Uint32Array }[] = [];
  readonly #host: { path: Path; offset: number }[] = [];
  readonly #search: (bytes: Uint8Array, from: number) => number;
  readonly #zeros: Uint8Array;
  /** How the entry of the environment begins that holds it. */
  readonly #front: Uint8Array;

  constructor(readonly name: string, readonly value: Uint8Array) {
    this.#search = searcher(value);
    this.#zeros = new Uint8Array(value.length);
    this.#front = utf8.encode(`${name}=`);
  }

  takeFromMemory(bytes: Uint8Array, memory: number): void {
    const offsets: number[] = [];
    for (let at = 0; (at = this.#search(bytes, at)) >= 0; at += this.value.length) {
      if (offsets.length === MAX_PLACES) {
        throw new RedactError(
          `the value of ${this.name} stands in more than ${MAX_PLACES} places of a memory`,
        );
      }
      offsets.push(at);
    }
    if (offsets.length === 0) return;
    for (const offset of offsets) bytes.set(this.#zeros, offset);
    this.#memories.push({ memory, offsets: Uint32Array.from(offsets) });
  }

  putBack(memories: readonly Uint8Array[]): void {
    for (const { memory, offsets } of this.#memories) {
      for (const offset of offsets) memories[memory].set(this.value, offset);
    }
  }

  takeFromVariable([extension, list, index]: Path, leaf: Leaf): void {
    const { length } = this.#front;
    if (extension !== "wasi" || list !== "env" || leaf.bytes.length !== length + this.value.length) return;
    const isOwn = this.#front.every((byte, i) => leaf.bytes[i] === byte);
    if (isOwn && this.#search(leaf.bytes, length) === length) {
      this.#take([extension, list, index], leaf, length);
    }
  }

  takeFromLeaf(path: Path, leaf: Leaf): void {
    for (let at = 0; (at = this.#search(leaf.bytes, at)) >= 0; at += this.value.length) {
      this.#take(path, leaf, at);
    }
  }

  #take(path: Path, leaf: Leaf, offset: number): void {
    this.#host.push({ path, offset });
    leaf.write(this.#zeros, offset);
  }

  redaction(): Redaction {
    const { name, value } = this;
    return { name, byteLength: value.length, memories: this.#memories, host: this.#host };
  }
}

/** The first place of `needle` from an offset on, or -1 (Boyer-Moore-Horspool). */
function searcher(needle: Uint8Array): (bytes: Uint8Array, from: number) => number {
  const last = needle.length - 1;
  const shifts = new Int32Array(256).fill(needle.length);
  for (let i = 0; i < last; i++) shifts[needle[i]] = last - i;
  const end = needle[last];
  return (bytes, from) => {
    for (let at = from + last; at < bytes.length; at += shifts[bytes[at]]) {
      if (bytes[at] !== end) continue;
      let i = last - 1;
      for (let j = at - 1; i >= 0 && bytes[j] === needle[i]; i--) j--;
      if (i < 0) return at - last;
    }
    return -1;
  };
}
