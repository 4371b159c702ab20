/**
 * Looking for memory that nobody has written. As text, it is part of the thread that writes images, so it uses
 * nothing but its parameters.
 *
 * @module
 */

/** Whether `words` are all zero from `start` up to `end`; a whole number of eights. */
export function isZero(words: Int32Array, start: number, end: number): boolean {
  for (let i = start; i < end; i += 8) {
    const any = words[i] | words[i + 1] | words[i + 2] | words[i + 3] |
      words[i + 4] | words[i + 5] | words[i + 6] | words[i + 7];
    if (any !== 0) return false;
  }
  return true;
}
