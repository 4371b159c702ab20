/**
 * What a comparison of two builds has found.
 *
 * @module
 */

/** One thing that was compared, and whether the new module can go on with it. */
export interface Finding {
  /** For example `global 0 (__stack_pointer)`. */
  readonly subject: string;
  readonly fits: boolean;
  /** What was found; a reason if it does not fit. */
  readonly text: string;
}

/** An address as it is shown: `0x1f40`. */
export const hex = (address: number): string => `0x${address.toString(16)}`;

/** The first few of many, and how many more there are. */
export function few(items: readonly string[], shown = 5): string {
  const more = items.length - shown;
  return items.slice(0, shown).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** `1 frame`, `2 frames`. */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
