/**
 * Reading the primitive values of DWARF (version 5, section 7) from bytes that nobody trusts.
 *
 * @module
 */

/** Debug information that is broken, or asks for too much. It never makes a module unusable. */
export class DwarfError extends Error {
  override readonly name = "DwarfError";
}

/**
 * What debug information may cost. Its parts refer to each other, so a small file can describe endless
 * work; each step and each thing kept is paid for here.
 */
export class Budget {
  constructor(private steps = 1 << 26, private room = 1 << 22) {}

  /** @throws {DwarfError} */
  spend(steps: number): void {
    this.steps -= steps;
    if (this.steps < 0) throw new DwarfError("it takes too long to read");
  }

  /** Pays for numbers that stay in memory. @throws {DwarfError} */
  keep(numbers: number): void {
    this.spend(numbers);
    this.room -= numbers;
    if (this.room < 0) throw new DwarfError("it takes too much memory to read");
  }
}

/** What the last byte of a LEB128 is multiplied with, at most: numbers may be padded, but they end. */
const LARGEST_SCALE = 2 ** 105;
/** The longest name that is shown, in bytes. */
const LONGEST_NAME = 4096;
const utf8 = new TextDecoder();

/** Bytes as text for people: cut at the first zero, and nothing in it that a terminal would obey. */
function nameOf(bytes: Uint8Array): string {
  // A copy: decoders refuse shared memory.
  // deno-lint-ignore no-control-regex
  return utf8.decode(bytes.slice()).replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

/** A cursor over a part of `bytes`; reading past its end throws. Integers are little-endian, as in Wasm. */
export class DwarfReader {
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array, public position: number, public end: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves behind `count` bytes. @returns Where they start. */
  skip(count: number): number {
    const start = this.position;
    if (!(count >= 0 && count <= this.end - start)) {
      throw new DwarfError(`it ends in the middle of a value, at ${start}`);
    }
    this.position = start + count;
    return start;
  }

  /** An unsigned integer of 1, 2, 3, 4 or 8 bytes; over 2^53 it is not exact. */
  uint(size: number): number {
    const at = this.skip(size);
    if (size === 1) return this.bytes[at];
    if (size === 2) return this.#view.getUint16(at, true);
    if (size === 4) return this.#view.getUint32(at, true);
    if (size === 8) return this.#view.getUint32(at, true) + 2 ** 32 * this.#view.getUint32(at + 4, true);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.bytes[at + i];
    return value;
  }

  int8(): number {
    return this.#view.getInt8(this.skip(1));
  }

  /** An unsigned LEB128 (7.6); over 2^53 it is not exact. */
  uleb(): number {
    return this.#leb(false);
  }

  /** A signed LEB128. */
  sleb(): number {
    return this.#leb(true);
  }

  #leb(signed: boolean): number {
    let value = 0;
    for (let scale = 1; scale <= LARGEST_SCALE; scale *= 128) {
      const byte = this.bytes[this.skip(1)];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return signed && byte & 0x40 ? value - 128 * scale : value;
    }
    throw new DwarfError(`a number at ${this.position} is too long`);
  }

  /** An initial length (7.4): of what follows it, and the size of offsets in it. */
  initialLength(): { end: number; offsetSize: 4 | 8 } {
    const short = this.uint(4);
    const offsetSize = short === 0xffff_ffff ? 8 : 4;
    const length = offsetSize === 8 ? this.uint(8) : short;
    if (length > this.end - this.position) throw new DwarfError(`a part of ${length} bytes ends too late`);
    return { end: this.position + length, offsetSize };
  }

  /** Moves behind a string that ends with a zero. @returns Where it starts. */
  skipString(): number {
    const start = this.position;
    const zero = this.bytes.indexOf(0, start);
    if (zero < 0 || zero >= this.end) throw new DwarfError(`a string at ${start} does not end`);
    this.position = zero + 1;
    return start;
  }

  /** The string here, to its zero; a very long one is cut. The cursor stays. */
  string(): string {
    const bytes = this.bytes.subarray(this.position, Math.min(this.end, this.position + LONGEST_NAME));
    const zero = bytes.indexOf(0);
    return nameOf(zero < 0 ? bytes : bytes.subarray(0, zero));
  }
}
