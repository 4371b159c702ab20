/**
 * The guest's linear memory as WASI sees it: every pointer and length is checked here, before a
 * function has any effect, and a bad one is `errno::fault`.
 *
 * @module
 */
import { Errno, fail } from "./errno.ts";
import { IOVEC_SIZE } from "./abi.ts";

/** Anything with a buffer, such as a `WebAssembly.Memory`. */
export interface MemoryLike {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** How many bytes of `buffer` are the memory; all if not given. */
  readonly byteLength?: number;
}

/** The most buffers that one call may name (POSIX's usual `IOV_MAX`). */
const IOV_MAX = 1024;
/** Several buffers of no more than this in all go through one buffer of ours and one call to the host. */
const GATHER_LIMIT = 65536;

/** Strings of no more bytes than this are first tried as ASCII. */
const SHORT = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NO_MEMORY: MemoryLike = { buffer: new ArrayBuffer(0) };

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

export class GuestMemory {
  #source: MemoryLike = NO_MEMORY;
  #buffer: ArrayBufferLike = NO_MEMORY.buffer;
  #view: DataView = new DataView(NO_MEMORY.buffer);
  #bytes: Uint8Array = new Uint8Array(NO_MEMORY.buffer);
  #scratch: Uint8Array | undefined;
  /** The view made last: programs read and write through the same buffer again and again. */
  #recent: Uint8Array = this.#bytes;

  get source(): MemoryLike | undefined {
    return this.#source === NO_MEMORY ? undefined : this.#source;
  }
  set source(memory: MemoryLike | undefined) {
    this.#source = memory ?? NO_MEMORY;
    this.#renew();
  }

  #renew(): void {
    const { buffer, byteLength = buffer.byteLength } = this.#source;
    this.#buffer = buffer;
    this.#view = new DataView(buffer, 0, byteLength);
    this.#bytes = this.#recent = new Uint8Array(buffer, 0, byteLength);
  }

  /** Whether the memory has grown since its views were made. */
  get #isStale(): boolean {
    const { buffer, byteLength = buffer.byteLength } = this.#source;
    return buffer !== this.#buffer || byteLength !== this.#bytes.length;
  }

  /** A view of bytes that have been checked. */
  #window(start: number, end: number): Uint8Array {
    const recent = this.#recent;
    if (recent.byteOffset === start && recent.length === end - start) return recent;
    return this.#recent = this.#bytes.subarray(start, end);
  }

  /** Refuses `[pointer, pointer + length)` unless it lies in memory. Both are unsigned 32-bit numbers. */
  check(pointer: number, length: number): void {
    if (this.#isStale) this.#renew();
    if (pointer + length > this.#bytes.length) fail(Errno.fault);
  }
  /** As {@link check}, for `count` records of `size` bytes. */
  checkArray(pointer: number, count: number, size: number): void {
    this.check(pointer, count * size);
  }

  /** A view of `length` bytes; checked. */
  slice(pointer: number, length: number): Uint8Array {
    this.check(pointer, length);
    return this.#bytes.subarray(pointer, pointer + length);
  }

  u8(pointer: number): number {
    return this.#view.getUint8(pointer);
  }
  u16(pointer: number): number {
    return this.#view.getUint16(pointer, true);
  }
  u32(pointer: number): number {
    return this.#view.getUint32(pointer, true);
  }
  u64(pointer: number): bigint {
    return this.#view.getBigUint64(pointer, true);
  }
  setU8(pointer: number, value: number): void {
    this.#view.setUint8(pointer, value);
  }
  setU16(pointer: number, value: number): void {
    this.#view.setUint16(pointer, value, true);
  }
  setU32(pointer: number, value: number): void {
    this.#view.setUint32(pointer, value, true);
  }
  setU64(pointer: number, value: bigint): void {
    this.#view.setBigUint64(pointer, value, true);
  }
  /** A whole number from 0 to 2^53 as a 64-bit one, without a BigInt. */
  setSize(pointer: number, value: number): void {
    this.#view.setUint32(pointer, value >>> 0, true);
    this.#view.setUint32(pointer + 4, (value / 0x1_0000_0000) >>> 0, true);
  }
  /** Copies bytes in; checked. */
  write(pointer: number, bytes: Uint8Array): void {
    this.check(pointer, bytes.length);
    this.#bytes.set(bytes, pointer);
  }

  /** A string of the guest: UTF-8, or `errno::ilseq`. */
  string(pointer: number, length: number): string {
    this.check(pointer, length);
    if (length <= SHORT) {
      const text = this.#ascii(pointer, length);
      if (text !== undefined) return text;
    }
    const bytes = this.#bytes.subarray(pointer, pointer + length);
    try {
      // A TextDecoder refuses shared memory, so that is copied first.
      return decoder.decode(
        bytes.buffer instanceof ArrayBuffer ? bytes as Uint8Array<ArrayBuffer> : bytes.slice(),
      );
    } catch {
      fail(Errno.ilseq);
    }
  }

  /** For short names, faster than a decoder; `undefined` if there is more than ASCII. */
  #ascii(pointer: number, length: number): string | undefined {
    let text = "";
    for (const end = pointer + length; pointer < end; pointer++) {
      const byte = this.#bytes[pointer];
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /**
   * The buffers of an iovec array, empty ones left out and neighbours joined. All of them are checked
   * before the first is used.
   */
  iovecs(pointer: number, count: number): Uint8Array[] {
    if (count > IOV_MAX) fail(Errno.inval);
    this.checkArray(pointer, count, IOVEC_SIZE);
    const list: Uint8Array[] = [];
    let start = 0;
    let end = 0;
    let total = 0;
    for (let i = 0; i < count; i++, pointer += IOVEC_SIZE) {
      const buffer = this.u32(pointer);
      const length = this.u32(pointer + 4);
      if (buffer + length > this.#bytes.length) fail(Errno.fault);
      if (length === 0) continue;
      total += length;
      if (buffer !== end || end === start) {
        if (end > start) list.push(this.#window(start, end));
        start = buffer;
        end = buffer;
      }
      end += length;
    }
    // The count of bytes is returned in 32 bits; overlapping buffers could exceed them.
    if (total > 0xffff_ffff) fail(Errno.inval);
    if (end > start) list.push(this.#window(start, end));
    return list;
  }

  /** Several buffers as one, if they are small: a copy, made in a buffer that the next call reuses. */
  gather(list: readonly Uint8Array[]): Uint8Array | undefined {
    const total = size(list);
    if (total > GATHER_LIMIT) return undefined;
    const scratch = this.#scratch ??= new Uint8Array(GATHER_LIMIT);
    let at = 0;
    for (const bytes of list) {
      scratch.set(bytes, at);
      at += bytes.length;
    }
    return scratch.subarray(0, total);
  }
  /** Room to read into for several small buffers, to be given to {@link scatter}. */
  room(list: readonly Uint8Array[]): Uint8Array | undefined {
    const total = size(list);
    if (total > GATHER_LIMIT) return undefined;
    return (this.#scratch ??= new Uint8Array(GATHER_LIMIT)).subarray(0, total);
  }
  /** Spreads `bytes` over the buffers, in order. */
  scatter(bytes: Uint8Array, list: readonly Uint8Array[]): void {
    let at = 0;
    for (const target of list) {
      if (at >= bytes.length) return;
      target.set(bytes.subarray(at, at + target.length));
      at += target.length;
    }
  }
}

function size(list: readonly Uint8Array[]): number {
  let total = 0;
  for (const bytes of list) total += bytes.length;
  return total;
}
