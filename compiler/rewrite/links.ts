/**
 * What rewritten modules share with the runtime and with each other.
 *
 * @module
 */

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
export const controlLimits = [3, 1, 1] as const;

export const framesLimits = { min: 1 } as const;
export const globalsLimits = { min: 1, max: 1 } as const;
