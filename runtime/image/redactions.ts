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
    /** Where the value begins, each time; ascending, without overlaps. */
    readonly offsets: Uint32Array;
  }[];
  /** Places in the state of host extensions. */
  readonly host: readonly {
    /** Name of the extension, then keys and indices, down to a string or bytes. */
    readonly path: readonly (string | number)[];
    /** In bytes; in a string, of its UTF-8. */
    readonly offset: number;
  }[];
}

/** The body of the section. */
export function redactionsBody(redactions: readonly Redaction[]): unknown {
  return {
    redactions: redactions.map(({ name, byteLength, memories, host }) => ({
      name,
      byteLength,
      memories: memories.map(({ memory, offsets }) => ({ memory, offsets: columnBytes(offsets) })),
      host: host.map(({ path, offset }) => ({ path: [...path], offset })),
    })),
  };
}

/** Reads the body; `checkRedactions` checks the places. */
export function readRedactions(body: Field): Redaction[] {
  return body.get("redactions").list().map((field) => ({
    name: field.get("name").text(),
    byteLength: field.get("byteLength").uint(),
    memories: field.get("memories").list().map((each) => ({
      memory: each.get("memory").uint(),
      offsets: each.get("offsets").column(),
    })),
    host: field.get("host").list().map((each) => ({
      path: each.get("path").list().map((key) => typeof key.value === "string" ? key.value : key.uint()),
      offset: each.get("offset").uint(),
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
    if (byteLength === 0) refuse("has a value of no bytes");
    let last = -1;
    for (const { memory, offsets } of memories) {
      if (memory <= last || memory >= whole.memories.length) {
        refuse(`names memory ${memory}, behind memory ${last} of ${whole.memories.length}`);
      }
      last = memory;
      let end = 0;
      for (const offset of offsets) {
        if (offset < end) refuse(`has places that overlap, at ${offset} in memory ${memory}`);
        end = offset + byteLength;
      }
      if (end > whole.memories[memory].pages * WASM_PAGE_BYTES) {
        refuse(`has a place that ends behind memory ${memory}`);
      }
    }
    for (const { path, offset } of host) {
      if (offset + byteLength > lengthOf(atPath(whole.host, path))) {
        refuse(`has a place that does not exist, ${path.join(".")}`);
      }
    }
  }
}
