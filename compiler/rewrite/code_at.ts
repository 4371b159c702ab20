/**
 * Which function an offset of a binary is in.
 *
 * @module
 */
import { Reader } from "../reader.ts";

const codeSection = 10;

/** The index among the defined functions of the one whose code has a file offset; -1 if none has. */
export function codeAt(bytes: Uint8Array, offset: number): number {
  const reader = new Reader(bytes, 8);
  while (reader.position < bytes.length) {
    const id = reader.u8();
    const size = reader.u32();
    if (id !== codeSection) {
      reader.skip(size);
      continue;
    }
    const count = reader.u32();
    for (let i = 0; i < count; i++) {
      const length = reader.u32();
      reader.skip(length);
      if (offset < reader.position) return i;
    }
    break;
  }
  return -1;
}
