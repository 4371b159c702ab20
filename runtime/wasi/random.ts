/**
 * `random_get`: from the host, or for a deterministic run from a generator whose state is part of the
 * guest's and goes on exactly after a restore.
 *
 * @module
 */
import type { Context, Functions } from "./context.ts";
import { Errno } from "./errno.ts";
import type { WasiHost } from "./host.ts";

/** Bytes asked of the host at a time (the most that `crypto.getRandomValues` gives). */
const CHUNK = 65536;

/** Fills a buffer; `state` is what a seeded generator saves. */
export interface Random {
  fill(buffer: Uint8Array): void;
  readonly state?: RandomState;
}
/** Four 32-bit numbers of xoshiro128**, not all 0. */
export type RandomState = [number, number, number, number];

/** Fresh bytes, never the same twice: nothing to save. */
export class HostRandom implements Random {
  constructor(readonly host: WasiHost) {}

  fill(buffer: Uint8Array): void {
    for (let at = 0; at < buffer.length; at += CHUNK) this.host.random(buffer.subarray(at, at + CHUNK));
  }
}

/** xoshiro128** (Blackman and Vigna, 2018). Deterministic, so not for secrets. */
export class SeededRandom implements Random {
  readonly state: RandomState;

  constructor(state: RandomState) {
    this.state = [...state];
  }

  /** A generator for a seed: splitmix32 spreads the seed's bits over the state. */
  static fromSeed(seed: number): SeededRandom {
    let x = seed | 0;
    const next = () => {
      x = (x + 0x9e3779b9) | 0;
      let z = x ^ (x >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    const state: RandomState = [next(), next(), next(), next()];
    // Seeds beyond 32 bits differ in their upper half too.
    state[3] = (state[3] ^ Math.floor(seed / 0x1_0000_0000)) >>> 0;
    return new SeededRandom(state);
  }

  #next(): number {
    const s = this.state;
    const x = Math.imul(s[1], 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  fill(buffer: Uint8Array): void {
    for (let at = 0; at < buffer.length; at += 4) {
      let word = this.#next();
      for (let i = at; i < at + 4 && i < buffer.length; i++, word >>>= 8) buffer[i] = word;
    }
  }
}

export function randomFunctions({ memory, random }: Context): Functions {
  return {
    random_get(buffer: number, length: number): number {
      random.fill(memory.slice(buffer >>> 0, length >>> 0));
      return Errno.success;
    },
  };
}
