/**
 * Finding a value in memory, whole or in pieces: an allocator writes its lists over the beginning of what was
 * freed, and a shorter string over the beginning of a longer one.
 *
 * @module
 */

/** A part of a value, and where it stands. */
export interface Piece {
  /** Address of its first byte. */
  readonly offset: number;
  /** Its place in the value, and its length, in bytes. */
  readonly start: number;
  readonly length: number;
}

/** Shorter pieces are not looked for: such bytes stand everywhere by chance. */
export const MIN_PIECE_BYTES = 8;

const hash = (word: number) => Math.imul(word, 0x9e3779b1) >>> 16;

/** Finds all pieces of one value. */
export class PieceFinder {
  /** Where four bytes stand in the value. */
  readonly #starts = new Map<number, number[]>();
  /** Whether the hash of four bytes is one of them; most of a memory gets no further. */
  readonly #filter = new Uint8Array(1 << 16);

  /** @param value At least `MIN_PIECE_BYTES` long. */
  constructor(readonly value: Uint8Array) {
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    for (let start = 0; start + 4 <= value.length; start++) {
      const word = view.getInt32(start, true);
      this.#filter[hash(word)] = 1;
      const starts = this.#starts.get(word);
      if (starts) starts.push(start);
      else this.#starts.set(word, [start]);
    }
  }

  /**
   * The pieces in `bytes`, ascending and without overlaps. Without them no eight consecutive bytes of the value are
   * left, but for the same byte eight times.
   *
   * @param bytes Begin at a multiple of 4 in their buffer, and have a multiple of 4 as length.
   */
  find(bytes: Uint8Array): Piece[] {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const filter = this.#filter;
    const pieces: Piece[] = [];
    let end = 0;
    // Eight bytes hold four that stand at a multiple of four, wherever they begin.
    for (let i = 0; i < words.length; i++) {
      if (filter[hash(words[i])] === 0) continue;
      const piece = this.#around(bytes, 4 * i, words[i], end);
      if (piece === undefined) continue;
      pieces.push(piece);
      end = piece.offset + piece.length;
      i = Math.ceil(end / 4) - 1;
    }
    return pieces;
  }

  /** The longest piece around the four bytes at `at`, which begins no earlier than `from`. */
  #around(bytes: Uint8Array, at: number, word: number, from: number): Piece | undefined {
    const { value } = this;
    let best: Piece | undefined;
    for (const start of this.#starts.get(word) ?? []) {
      let left = 0;
      const most = Math.min(start, at - from);
      while (left < most && bytes[at - left - 1] === value[start - left - 1]) left++;
      let right = 4;
      const last = Math.min(value.length - start, bytes.length - at);
      while (right < last && bytes[at + right] === value[start + right]) right++;
      const length = left + right;
      if (length < MIN_PIECE_BYTES || best && length <= best.length) continue;
      if (length === value.length) return { offset: at - left, start: 0, length };
      if (!this.#isMonotonous(start - left, length)) {
        best = { offset: at - left, start: start - left, length };
      }
    }
    return best;
  }

  /** Whether a part of the value is one byte over and over: nobody learns from that. */
  #isMonotonous(start: number, length: number): boolean {
    const part = this.value.subarray(start, start + length);
    return part.every((byte) => byte === part[0]);
  }
}
