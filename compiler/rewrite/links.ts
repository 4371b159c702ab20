/**
 * What rewritten modules share with the runtime and with each other.
 *
 * @module
 */
import type { Module } from "../types.ts";
import type { ByteWriter } from "./bytes.ts";
import { importOf, limits } from "./sections.ts";

/** Names of what a rewritten module imports, all from the module `""`, and exports. */
export const linkNames = {
  memory: "m",
  control: "c",
  helpers: "h",
  funcs: "f",
  frames: "r",
  globals: "g",
  /** Followed by the place of a function in `savingTypes`. */
  saving: "n",
  /** Followed by the index of a table of the original. */
  table: "t",
  /** Followed by the place of a name in `stateNames`. */
  state: "x",
} as const;

/** The memory of control words: one page, shared. */
const controlLimits = [3, 1, 1] as const;

/** The memories that every one imports, in this order: the original's, if there is one, and the control words. */
export function importMemories(to: ByteWriter, memories: Module["memories"]): void {
  for (const { limits: given } of memories) {
    importOf(to, linkNames.memory, "memory");
    limits(to, given);
  }
  importOf(to, linkNames.control, "memory");
  to.bytes(...controlLimits);
}

export const framesLimits = { min: 1 } as const;
export const globalsLimits = { min: 1, max: 1 } as const;
