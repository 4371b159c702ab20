/**
 * Where the sections and the function bodies of a binary lie, and edits that keep the sizes around them right.
 *
 * @module
 */

/** A run of bytes with its length before it: a section or a function body. */
interface Sized {
  /** Of the size. */
  readonly sizeAt: number;
  /** Of the contents. */
  readonly start: number;
  readonly end: number;
}
export interface Section extends Sized {
  readonly id: number;
  /** Of the section id. */
  readonly at: number;
  /** The function bodies, if it is the code section. */
  readonly bodies: readonly Sized[];
}

function readU32(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let shift = 0;; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80 || shift === 28) return { value, next: at };
  }
}

export function u32Bytes(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}

function readSized(bytes: Uint8Array, sizeAt: number): Sized {
  const { value, next } = readU32(bytes, sizeAt);
  return { sizeAt, start: next, end: Math.min(next + value, bytes.length) };
}

/** The sections of a binary, as far as they can be made out. */
export function sectionsOf(bytes: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let at = 8; at < bytes.length;) {
    const sized = readSized(bytes, at + 1);
    sections.push({ id: bytes[at], at, ...sized, bodies: bytes[at] === 10 ? bodiesOf(bytes, sized) : [] });
    at = sized.end;
  }
  return sections;
}

function bodiesOf(bytes: Uint8Array, section: Sized): Sized[] {
  const bodies: Sized[] = [];
  for (let at = readU32(bytes, section.start).next; at < section.end;) {
    const body = readSized(bytes, at);
    bodies.push(body);
    at = body.end;
  }
  return bodies;
}

/** Replaces `remove` bytes at `at` by `insert`. */
export function splice(bytes: Uint8Array, at: number, remove: number, insert: Iterable<number>) {
  return Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)]);
}

/** The same, with the sizes of the function body and the section around it made right. */
export function spliceSized(bytes: Uint8Array, at: number, remove: number, insert: readonly number[]) {
  const grown = insert.length - remove;
  const around = (sized: Sized) => sized.start <= at && at + remove <= sized.end;
  const section = sectionsOf(bytes).find(around);
  const body = section?.bodies.find(around);
  let result = splice(bytes, at, remove, insert);
  let change = grown;
  for (const sized of [body, section]) {
    if (sized === undefined) continue;
    const size = u32Bytes(Math.max(0, sized.end - sized.start + change));
    result = splice(result, sized.sizeAt, sized.start - sized.sizeAt, size);
    change += size.length - (sized.start - sized.sizeAt);
  }
  return result;
}
