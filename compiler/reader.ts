/**
 * Reading the primitive values of the binary format (WebAssembly 2.0, section 5.2) from a byte array.
 *
 * @module
 */

import { MalformedError } from "./errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A cursor over `bytes` that never reads past `end`. Every method reads one value and moves `position` behind
 * it; broken encodings throw `MalformedError` with the byte offset and the reader's `where`.
 *
 * ```ts
 * import { Reader } from "./reader.ts";
 * const reader = new Reader(new Uint8Array([0xe5, 0x8e, 0x26, 0x7f]));
 * reader.u32(); // 624485
 * reader.s32(); // -1
 * ```
 */
export class Reader {
  /** What is being read, for error messages, for example `type section`. */
  part: string | undefined;
  /** The index of the function in it. */
  func: number | undefined;

  /**
   * @param position File offset of the next byte.
   * @param end File offset just past the last byte that may be read.
   */
  constructor(readonly bytes: Uint8Array, public position = 0, public end = bytes.length) {}

  /** The part, and the function in it. */
  get where(): string | undefined {
    return this.func === undefined ? this.part : `${this.part}, function ${this.func}`;
  }

  /** Throws `MalformedError`; without an offset, at the current position. */
  fail(reason: string, offset = this.position): never {
    throw new MalformedError(reason, offset, this.where);
  }

  /** Throws because the bytes end too early. */
  failEnd(): never {
    this.fail(
      this.part === undefined ? "unexpected end" : "unexpected end of section or function",
      this.end,
    );
  }

  /** One byte, 0 to 255. */
  u8(): number {
    if (this.position >= this.end) this.failEnd();
    return this.bytes[this.position++];
  }

  /** An unsigned 32-bit LEB128 (5.2.2). */
  u32(): number {
    const position = this.position;
    if (position < this.end) {
      const byte = this.bytes[position];
      if (byte < 0x80) {
        this.position = position + 1;
        return byte;
      }
    }
    return this.#unsigned32();
  }

  /** A signed 32-bit LEB128. */
  s32(): number {
    const position = this.position;
    if (position < this.end) {
      const byte = this.bytes[position];
      if (byte < 0x80) {
        this.position = position + 1;
        return (byte << 25) >> 25;
      }
    }
    return this.#signed(32) | 0;
  }

  /** A signed 33-bit LEB128, the encoding of block types (5.4.1). */
  s33(): number {
    return this.#signed(33);
  }

  /** A signed 64-bit LEB128. */
  s64(): bigint {
    const start = this.position;
    this.skipS64();
    const length = this.position - start;
    if (length <= 4) {
      let value = 0;
      for (let i = 0; i < length; i++) value |= (this.bytes[start + i] & 0x7f) << (7 * i);
      const unused = 32 - 7 * length;
      return BigInt((value << unused) >> unused);
    }
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 7n) | BigInt(this.bytes[start + i] & 0x7f);
    return BigInt.asIntN(Math.min(7 * length, 64), value);
  }

  /** Checks and skips a signed 64-bit LEB128 without making a BigInt. */
  skipS64(): void {
    for (let bits = 64;; bits -= 7) {
      const byte = this.u8();
      if (bits < 7) this.#checkUnused(byte, bits, true);
      if (byte < 0x80) return;
      if (bits <= 7) this.fail("integer representation too long");
    }
  }

  /** The raw bits of an `f32` (5.2.3) as an unsigned number. */
  f32Bits(): number {
    const at = this.#take(4);
    const b = this.bytes;
    return (b[at] | b[at + 1] << 8 | b[at + 2] << 16 | b[at + 3] << 24) >>> 0;
  }

  /** The raw bits of an `f64` as an unsigned BigInt. */
  f64Bits(): bigint {
    const low = this.f32Bits();
    return BigInt(this.f32Bits()) << 32n | BigInt(low);
  }

  /** The count of a vector (5.1.3) whose elements take at least one byte each. */
  count(): number {
    const offset = this.position;
    const count = this.u32();
    if (count > this.bytes.length - this.position) this.fail("length out of bounds", offset);
    return count;
  }

  /** A name: a length in bytes, then strict UTF-8 (5.2.4). */
  name(): string {
    const length = this.count();
    const start = this.#take(length);
    try {
      // A copy: decoders refuse shared memory.
      return utf8.decode(this.bytes.slice(start, start + length));
    } catch {
      this.fail("malformed UTF-8 encoding", start);
    }
  }

  /** Skips `count` bytes. */
  skip(count: number): void {
    this.#take(count);
  }

  /** Moves behind `count` bytes and returns where they start. */
  #take(count: number): number {
    const start = this.position;
    if (count > this.end - start) this.failEnd();
    this.position = start + count;
    return start;
  }

  #unsigned32(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.u8();
      if (shift === 28) {
        this.#checkUnused(byte, 4, false);
        if (byte >= 0x80) this.fail("integer representation too long");
      }
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** `width` is 32 or 33: the fifth byte holds the last 4 or 5 bits. */
  #signed(width: 32 | 33): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        const unused = 25 - shift;
        return (value << unused) >> unused;
      }
    }
    const byte = this.u8();
    this.#checkUnused(byte, width - 28, true);
    if (byte >= 0x80) this.fail("integer representation too long");
    return ((byte << 25) >> 25) * 0x1000_0000 + value;
  }

  /** In a last byte that holds `bits` bits of the value, the others must be zero, or the sign's copies. */
  #checkUnused(byte: number, bits: number, signed: boolean): void {
    const unused = (byte & 0x7f) >> (signed ? bits - 1 : bits);
    if (unused !== 0 && !(signed && unused === 0x7f >> (bits - 1))) {
      this.fail("integer too large", this.position - 1);
    }
  }
}
