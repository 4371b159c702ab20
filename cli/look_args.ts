/**
 * What of a command line says which parts of an image to show, and which to change.
 *
 * @module
 */
import { UsageError } from "./usage.ts";

/** Some bytes of a memory. */
export interface MemoryRange {
  /** Store address of the memory. */
  readonly memory: number;
  readonly address: number;
  readonly length: number;
}

/** What `inspect` shows instead of everything. */
export interface LookArgs {
  /** Counted from the innermost, which is 0. */
  readonly frame?: number;
  readonly ranges: readonly MemoryRange[];
  /** The fewest characters of a string. */
  readonly strings?: number;
}

/** A file's new path. */
export interface Renamed {
  readonly from: string;
  readonly to: string;
}

/** What `image edit` changes besides arguments, environment and directories. */
export interface EditArgs {
  /** Names of environment variables that go. */
  readonly unset: readonly string[];
  readonly paths: readonly Renamed[];
}

/** How the values of options are asked for. */
export interface Given {
  all(name: string): readonly string[];
  whole(name: string, min: number, max: number): number | undefined;
}

export function lookArgs(given: Given): LookArgs {
  return {
    frame: given.whole("frame", 0, Number.MAX_SAFE_INTEGER),
    ranges: given.all("memory").map(memoryRange),
    strings: given.whole("strings", 1, 1 << 16),
  };
}

function memoryRange(text: string): MemoryRange {
  const number = String.raw`(0x[\da-f]{1,9}|\d{1,10})`;
  const [, memory = "0", address, length] =
    new RegExp(`^(?:(\\d{1,9}):)?${number},${number}$`, "i").exec(text) ?? [];
  if (address === undefined) {
    throw new UsageError(`--memory takes ADDRESS,BYTES (for example 0x1000,64), not ${JSON.stringify(text)}`);
  }
  return { memory: Number(memory), address: Number(address), length: Number(length) };
}

export function editArgs(given: Given): EditArgs {
  return {
    unset: given.all("unset-env"),
    paths: given.all("path").map((text) => {
      const [from, to, ...more] = text.split("::");
      if (!from || !to || more.length > 0) {
        throw new UsageError(`--path takes OLD::NEW, not ${JSON.stringify(text)}`);
      }
      return { from, to };
    }),
  };
}
