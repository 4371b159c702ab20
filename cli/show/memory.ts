/**
 * Bytes of a memory for people: hexadecimal dumps, and strings that stand in it.
 *
 * @module
 */

/** Bytes in a line of a dump. */
const WIDTH = 16;

const digits = (value: number, width: number) => value.toString(16).padStart(width, "0");
const isPrintable = (byte: number) => byte >= 0x20 && byte < 0x7f;
const character = (byte: number) => isPrintable(byte) ? String.fromCharCode(byte) : ".";

/**
 * The lines of a dump: address, bytes, characters. Lines that repeat the one before are one `*`; the last line
 * is the address behind the end.
 *
 * @param address Of the first byte.
 */
export function* hexDump(bytes: Uint8Array, address: number): Generator<string> {
  let repeated = false;
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = bytes.subarray(at, at + WIDTH);
    const before = at >= WIDTH ? bytes.subarray(at - WIDTH, at) : undefined;
    if (row.length === WIDTH && before?.every((byte, i) => byte === row[i])) {
      if (!repeated) yield "*";
      repeated = true;
      continue;
    }
    repeated = false;
    const cells = Array.from({ length: WIDTH }, (_, i) => i < row.length ? digits(row[i], 2) : "  ");
    const halves = [cells.slice(0, WIDTH / 2), cells.slice(WIDTH / 2)].map((half) => half.join(" "));
    yield `${digits(address + at, 8)}  ${halves.join("  ")}  |${Array.from(row, character).join("")}|`;
  }
  yield digits(address + bytes.length, 8);
}

/** A string that stands in a memory. */
export interface MemoryString {
  readonly address: number;
  readonly text: string;
}

/** The longest string that is given in one piece. */
const LONGEST = 1 << 16;
const TAB = 0x09;

/** Runs of at least `min` printable ASCII characters (tabs too). */
export function* stringsIn(bytes: Uint8Array, min: number): Generator<MemoryString> {
  const text = new TextDecoder();
  let start = 0;
  for (let at = 0; at <= bytes.length; at++) {
    const inside = at < bytes.length && (isPrintable(bytes[at]) || bytes[at] === TAB);
    if (inside && at - start < LONGEST) continue;
    if (at - start >= min) yield { address: start, text: text.decode(bytes.slice(start, at)) };
    start = inside ? at : at + 1;
  }
}
