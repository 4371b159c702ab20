/**
 * The msgpack of a record's head. It is a function of its own beside `msgpack.ts` because it uses nothing
 * but its parameters: its text can be sent to a thread that has no files to import from.
 *
 * @module
 */

/**
 * Encodes a map of strings, booleans, integers from 0 to 2^32 - 1, bytes, and arrays and maps of those, in
 * the shortest form of each. Fields that are `undefined` are left out.
 */
export function packHead(head: object): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(256);
  let length = 0;
  const push = (...more: number[]) => {
    if (length + more.length > bytes.length) grow(more.length);
    for (const byte of more) bytes[length++] = byte;
  };
  const grow = (by: number) => {
    const larger = new Uint8Array(2 * bytes.length + by);
    larger.set(bytes);
    bytes = larger;
  };
  /** A type byte and a big-endian number behind it. */
  const number = (type: number, size: number, value: number) => {
    push(type);
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) push((value >>> shift) & 255);
  };
  const raw = (data: Uint8Array) => {
    if (length + data.length > bytes.length) grow(data.length);
    bytes.set(data, length);
    length += data.length;
  };
  /** A length; types of 1, 2 and 4 bytes follow each other, and short lengths may be in the type byte. */
  const size = (count: number, short: number, limit: number, type8: number, type16: number) => {
    if (count < limit) push(short | count);
    else if (count < 1 << 8 && type8 > 0) number(type8, 1, count);
    else if (count < 1 << 16) number(type16, 2, count);
    else number(type16 + 1, 4, count);
  };
  const write = (value: unknown) => {
    if (typeof value === "boolean") push(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") size(value, 0, 128, 0xcc, 0xcd);
    else if (typeof value === "string") {
      const text = new TextEncoder().encode(value);
      size(text.length, 0xa0, 32, 0xd9, 0xda);
      raw(text);
    } else if (value instanceof Uint8Array) {
      size(value.length, 0, 0, 0xc4, 0xc5);
      raw(value);
    } else if (Array.isArray(value)) {
      size(value.length, 0x90, 16, 0, 0xdc);
      for (const each of value) write(each);
    } else {
      const fields = Object.entries(value as object).filter(([, each]) => each !== undefined);
      size(fields.length, 0x80, 16, 0, 0xde);
      for (const [name, each] of fields) {
        write(name);
        write(each);
      }
    }
  };
  write(head);
  return bytes.slice(0, length);
}
