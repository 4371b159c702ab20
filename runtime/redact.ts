/**
 * Keeping the values of environment variables out of images, and putting them back.
 *
 * A value is looked for in all memories and in the state of host extensions (environment, arguments, contents
 * and names of files, pending input), whole and in pieces. What a program made of it, for example its base64 or its
 * hash, is not found; nor are numbers in locals, globals and operands.
 *
 * @module
 */
import { MvvmError } from "../compiler/errors.ts";
import { isVariableName, type Redaction } from "./image/redactions.ts";
import type { Snapshot } from "./image/snapshot.ts";
import { type Leaf, mapLeaves, mapLeavesAt, type Path } from "./leaves.ts";
import { MIN_PIECE_BYTES, type Piece, PieceFinder } from "./pieces.ts";

/** A value cannot be kept out, or cannot be put back. */
export class RedactError extends MvvmError {
  override readonly name = "RedactError";
}

/** Shorter values would be found everywhere by chance, and guessed. */
export const MIN_SECRET_BYTES = MIN_PIECE_BYTES;
/** The most pieces of one value in a memory. */
const MAX_PLACES = 1 << 24;

const utf8 = new TextEncoder();

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
  const secrets = [...new Set(names)].map((name) => new Secret(name, env[name]))
    .sort((a, b) => b.value.length - a.value.length);
  const memories = snapshot.memories.map(({ buffer, pages }) => new Uint8Array(buffer, 0, pages * 65536));
  const host = mapLeaves(snapshot.host, (path, leaf) => {
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
  const visits = redactions.flatMap(({ host }, i) =>
    host.map(({ path, offset, start, length }) => ({
      path,
      visit: (leaf: Leaf) => leaf.write(secrets[i].subarray(start, start + length), offset),
    }))
  );
  let host: Host;
  try {
    host = mapLeavesAt(snapshot.host, visits) as Host;
  } catch {
    throw new RedactError("a value that is put back would cut a character of a string in pieces");
  }
  redactions.forEach((redaction, i) => write(snapshot, redaction, secrets[i]));
  return { ...rest, host } as unknown as T;
}

function write({ memories }: Snapshot, redaction: Redaction, value: Uint8Array): void {
  for (const { memory, offsets, starts, lengths } of redaction.memories) {
    const bytes = new Uint8Array(memories[memory].buffer);
    offsets.forEach((offset, i) => bytes.set(value.subarray(starts[i], starts[i] + lengths[i]), offset));
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

type Host = Snapshot["host"];

/** One value, and where it was found. */
class Secret {
  readonly #memories: { memory: number; pieces: readonly Piece[] }[] = [];
  readonly #host: (Piece & { path: Path })[] = [];
  readonly #finder: PieceFinder;
  readonly #zeros: Uint8Array;
  /** Its entry in the environment. */
  readonly #entry: string;

  constructor(readonly name: string, value: string) {
    this.#entry = `${name}=${value}`;
    this.#finder = new PieceFinder(utf8.encode(value));
    this.#zeros = new Uint8Array(this.value.length);
  }

  get value(): Uint8Array {
    return this.#finder.value;
  }

  takeFromMemory(bytes: Uint8Array, memory: number): void {
    const pieces = this.#finder.find(bytes);
    if (pieces.length > MAX_PLACES) {
      throw new RedactError(`the value of ${this.name} stands in more than ${MAX_PLACES} places of a memory`);
    }
    if (pieces.length === 0) return;
    for (const { offset, length } of pieces) bytes.fill(0, offset, offset + length);
    this.#memories.push({ memory, pieces });
  }

  putBack(memories: readonly Uint8Array[]): void {
    for (const { memory, pieces } of this.#memories) {
      for (const { offset, start, length } of pieces) {
        memories[memory].set(this.value.subarray(start, start + length), offset);
      }
    }
  }

  takeFromVariable(path: Path, leaf: Leaf): void {
    const [extension, list] = path;
    if (extension !== "wasi" || list !== "env" || leaf.original !== this.#entry) return;
    const { length } = this.value;
    this.#take(path, leaf, { offset: leaf.bytes.length - length, start: 0, length });
  }

  takeFromLeaf(path: Path, leaf: Leaf): void {
    if (leaf.bytes.length < MIN_PIECE_BYTES) return;
    const padded = new Uint8Array(Math.ceil(leaf.bytes.length / 4) * 4);
    padded.set(leaf.bytes);
    for (const piece of this.#finder.find(padded)) this.#take(path, leaf, piece);
  }

  #take(path: Path, leaf: Leaf, found: Piece): void {
    const piece = leaf.wholeCharacters(found);
    if (piece.length === 0) return;
    this.#host.push({ path, ...piece });
    leaf.write(this.#zeros.subarray(0, piece.length), piece.offset);
  }

  redaction(): Redaction {
    const column = (pieces: readonly Piece[], field: keyof Piece) =>
      Uint32Array.from(pieces, (piece) => piece[field]);
    return {
      name: this.name,
      byteLength: this.value.length,
      memories: this.#memories.map(({ memory, pieces }) => ({
        memory,
        offsets: column(pieces, "offset"),
        starts: column(pieces, "start"),
        lengths: column(pieces, "length"),
      })),
      host: this.#host,
    };
  }
}
