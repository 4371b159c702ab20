/**
 * A seeded source of random choices: the same seed makes the same choices on every machine.
 *
 * @module
 */

/**
 * Chris Doty-Humphrey's sfc32, seeded through 12 warm-up rounds.
 *
 * ```ts
 * const random = new Random(42);
 * random.below(6); // an integer from 0 to 5
 * ```
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed A non-negative safe integer. */
  constructor(readonly seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = seed | 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** 32 random bits, as an unsigned number. */
  u32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** 64 random bits, as an unsigned BigInt. */
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** An integer in `[0, limit)`. */
  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit);
  }

  /** An integer in `[low, high]`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.u32() / 2 ** 32 < probability;
  }

  /** One of the items; there must be at least one. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** One of the items, in proportion to its `weight`. */
  weighted<T extends { readonly weight: number }>(items: readonly T[]): T {
    let left = 0;
    for (const item of items) left += item.weight;
    left *= this.u32() / 2 ** 32;
    for (const item of items) {
      left -= item.weight;
      if (left < 0) return item;
    }
    return items[items.length - 1];
  }

  /** An independent generator, so that one consumer's choices do not shift another's. */
  fork(): Random {
    return new Random(this.u32() * 2 ** 20 + (this.u32() >>> 12));
  }
}
