/**
 * The `redactions` section: values that were kept out of an image, by the names of their environment
 * variables, and the places to which they belong. In the image there are zeros.
 *
 * @module
 */
import { ImageError } from "./error.ts";
import { columnBytes, type Field } from "./field.ts";
import { WASM_PAGE_BYTES } from "./format.ts";
import type { SnapshotOutline } from "./validity.ts";

/** One value that is not in the image. */
export interface Redaction {
  /** The environment variable that had it. */
  readonly name: string;
  /** Length of the value in UTF-8. */
  readonly byteLength: number;
  readonly memories: readonly {
    /** Store address. */
    readonly memory: number;
    /** Where pieces of the value begin; ascending, without overlaps. */
    readonly offsets: Uint32Array;
    /** For each piece, where in the value it begins, and its length in bytes. */
    readonly starts: Uint32Array;
    readonly lengths: Uint32Array;
  }[];
  /** Places in the state of host extensions. */
  readonly host: readonly {
    /** Name of the extension, then keys and indices, down to a string or bytes. */
    readonly path: readonly (string | number)[];
    /** In bytes; in a string, of its UTF-8. */
    readonly offset: number;
    readonly start: number;
    readonly length: number;
  }[];
}

/** The body of the section. */
export function redactionsBody(redactions: readonly Redaction[]): unknown {
  return {
    redactions: redactions.map(({ name, byteLength, memories, host }) => ({
      name,
      byteLength,
      memories: memories.map(({ memory, offsets, starts, lengths }) => ({
        memory,
        offsets: columnBytes(offsets),
        starts: columnBytes(starts),
        lengths: columnBytes(lengths),
      })),
      host: host.map(({ path, offset, start, length }) => ({ path: [...path], offset, start, length })),
    })),
  };
}

/** Reads the body; `checkRedactions` checks the places. */
export function readRedactions(body: Field): Redaction[] {
  return body.get("redactions").list().map((field) => ({
    name: field.get("name").text(),
    byteLength: field.get("byteLength").uint(),
    memories: field.get("memories").list().map((each) => {
      const offsets = each.get("offsets").column();
      const [starts, lengths] = ["starts", "lengths"].map((name) => each.get(name).column(offsets.length));
      return { memory: each.get("memory").uint(), offsets, starts, lengths };
    }),
    host: field.get("host").list().map((each) => ({
      path: each.get("path").list().map((key) => typeof key.value === "string" ? key.value : key.uint()),
      offset: each.get("offset").uint(),
      start: each.get("start").uint(),
      length: each.get("length").uint(),
    })),
  }));
}

/** The string or bytes at a path in the state of host extensions; `undefined` if there are none. */
export function atPath(
  host: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): string | Uint8Array | undefined {
  let at: unknown = host;
  for (const key of path) {
    if (typeof at !== "object" || at === null || at instanceof Uint8Array || !Object.hasOwn(at, key)) {
      return undefined;
    }
    at = (at as Record<string | number, unknown>)[key];
  }
  return typeof at === "string" || at instanceof Uint8Array ? at : undefined;
}

const utf8 = new TextEncoder();

/** Whether an environment variable of this name can be redacted: no `=`, nothing that a terminal would obey. */
export function isVariableName(name: string): boolean {
  return /^[^=\p{Cc}]+$/u.test(name);
}

/** @throws ImageError of kind `invalid` if a place does not exist. */
export function checkRedactions(whole: SnapshotOutline): void {
  const names = new Set<string>();
  // Many places may be in one long string.
  const lengths = new Map<unknown, number>();
  const lengthOf = (leaf: string | Uint8Array | undefined) => {
    if (typeof leaf !== "string") return leaf?.length ?? -1;
    if (!lengths.has(leaf)) lengths.set(leaf, utf8.encode(leaf).length);
    return lengths.get(leaf)!;
  };
  for (const [i, { name, byteLength, memories, host }] of (whole.redactions ?? []).entries()) {
    const refuse = (what: string): never => {
      throw new ImageError("invalid", `redactions[${i}] ${what}`);
    };
    if (!isVariableName(name) || names.has(name)) {
      refuse(`has the name ${JSON.stringify(name)}, which is none or stands there twice`);
    }
    names.add(name);
    const checkPiece = (start: number, length: number) => {
      if (length === 0 || start + length > byteLength) {
        refuse(`has a piece of ${length} bytes from byte ${start} of a value of ${byteLength} bytes`);
      }
    };
    let last = -1;
    for (const { memory, offsets, starts, lengths } of memories) {
      if (memory <= last || memory >= whole.memories.length) {
        refuse(`names memory ${memory}, behind memory ${last} of ${whole.memories.length}`);
      }
      last = memory;
      let end = 0;
      for (const [k, offset] of offsets.entries()) {
        checkPiece(starts[k], lengths[k]);
        if (offset < end) refuse(`has places that overlap, at ${offset} in memory ${memory}`);
        end = offset + lengths[k];
      }
      if (end > whole.memories[memory].pages * WASM_PAGE_BYTES) {
        refuse(`has a place that ends behind memory ${memory}`);
      }
    }
    for (const { path, offset, start, length } of host) {
      checkPiece(start, length);
      if (offset + length > lengthOf(atPath(whole.host, path))) {
        refuse(`has a place that does not exist, ${path.join(".")}`);
      }
    }
  }
}
