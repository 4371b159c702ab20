/**
 * Writing the primitive values of WebAssembly's binary format (WebAssembly 2.0, section 5.2).
 *
 * @module
 */
const utf8 = new TextEncoder();

/** Bytes that grow. */
export class BinaryWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length + count);
    larger.set(this.bytes());
    this.#bytes = larger;
  }

  u8(byte: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = byte;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(value: number): this {
    for (; value >= 0x80; value = Math.floor(value / 128)) this.u8(value % 128 | 0x80);
    return this.u8(value);
  }

  /** A signed LEB128 of a number's lowest `width` bits. */
  signed(value: bigint, width: 32 | 64): this {
    let rest = BigInt.asIntN(width, value);
    for (;;) {
      const byte = Number(rest & 0x7fn);
      rest >>= 7n;
      if (rest === (byte & 0x40 ? -1n : 0n)) return this.u8(byte);
      this.u8(byte | 0x80);
    }
  }

  /** A number's lowest bytes, little-endian. */
  fixed(value: bigint, bytes: number): this {
    for (let i = 0; i < bytes; i++) this.u8(Number(value >> BigInt(8 * i) & 0xffn));
    return this;
  }

  name(text: string): this {
    const bytes = utf8.encode(text);
    return this.u32(bytes.length).raw(bytes);
  }

  /** A section, or whatever else has its length in bytes in front. */
  section(id: number, contents: BinaryWriter): this {
    return this.u8(id).u32(contents.length).raw(contents.bytes());
  }

  /** A custom section. */
  custom(name: string, contents: BinaryWriter): this {
    return this.section(0, new BinaryWriter().name(name).raw(contents.bytes()));
  }
}
