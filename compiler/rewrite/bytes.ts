/**
 * Writing the binary format (WebAssembly 2.0, section 5.2).
 *
 * @module
 */

/** Bytes that grow at their end. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes there are. */
  length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** What was written, until more is. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  #room(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    grown.set(this.written);
    this.#bytes = grown;
  }

  u8(byte: number): void {
    if (this.length === this.#bytes.length) this.#room(1);
    this.#bytes[this.length++] = byte;
  }

  bytes(...bytes: number[]): void {
    for (const byte of bytes) this.u8(byte);
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(value: number): void {
    let rest = value >>> 0;
    for (; rest > 0x7f; rest >>>= 7) this.u8(rest & 0x7f | 0x80);
    this.u8(rest);
  }

  /** A signed LEB128 of at most 32 bits. */
  s32(value: number): void {
    let rest = value | 0;
    for (; rest < -64 || rest > 63; rest >>= 7) this.u8(rest & 0x7f | 0x80);
    this.u8(rest & 0x7f);
  }

  /** A signed LEB128 of at most 64 bits. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    for (; rest < -64n || rest > 63n; rest >>= 7n) this.u8(Number(rest & 0x7fn) | 0x80);
    this.u8(Number(rest & 0x7fn));
  }

  /** The bits of a float, least significant byte first. */
  bits(bits: bigint, byteLength: number): void {
    for (let i = 0; i < byteLength; i++) this.u8(Number(bits >> BigInt(8 * i) & 0xffn));
  }

  /** A part of other bytes. */
  copy(source: Uint8Array, start = 0, end = source.length): void {
    this.#room(end - start);
    // Most parts are a few bytes, for which a call of the host costs more.
    if (end - start > 64) this.#bytes.set(source.subarray(start, end), this.length);
    else for (let i = start, to = this.length; i < end; i++) this.#bytes[to++] = source[i];
    this.length += end - start;
  }

  /** A name: its length in bytes, then UTF-8. */
  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u32(bytes.length);
    this.copy(bytes);
  }

  /** A section: its number, its length, and what `write` writes. */
  section(id: number, write: (contents: ByteWriter) => void): void {
    const contents = new ByteWriter();
    write(contents);
    this.u8(id);
    this.u32(contents.length);
    this.copy(contents.written);
  }

  /** A vector: how many there are, then each as `write` writes it. */
  vector<Item>(items: readonly Item[], write: (item: Item, index: number) => void): void {
    this.u32(items.length);
    items.forEach(write);
  }
}
