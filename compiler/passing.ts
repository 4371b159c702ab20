/**
 * How instructions are passed over, for scans of whole modules that care for a few of them.
 *
 * @module
 */
import { type Immediate, opcodes } from "./opcodes.ts";
import { signatureIndex } from "./signatures.ts";

/** What follows an opcode. Up to `integers` it is a number of LEB128 integers. */
const Passing = {
  integers: 2,
  f32: 3,
  f64: 4,
  /** A vector of labels, and one more. */
  labels: 5,
  /** A vector of value types. */
  types: 6,
} as const;

const ofImmediate: Partial<Record<Immediate, number>> = {
  none: 0,
  f32: Passing.f32,
  f64: Passing.f64,
  labels: Passing.labels,
  select: Passing.types,
  memarg: 2,
  call_indirect: 2,
  memory_memory: 2,
  data_memory: 2,
  elem_table: 2,
  table_table: 2,
};

/** Behind it stands the rest of an opcode. */
const prefix = 0xfc;

/** By `signatureIndex`. */
const passings = new Uint8Array(0x200).fill(1);
for (const { code, immediate } of opcodes) passings[signatureIndex(code)] = ofImmediate[immediate] ?? 1;

/**
 * Where the next instruction stands, given where the immediates of an opcode do. In a body that is not valid that
 * is anywhere behind, and not much behind `end`.
 */
export function passed(bytes: Uint8Array, at: number, opcode: number, end: number): number {
  let passing = passings[signatureIndex(opcode)];
  if (passing <= Passing.integers) {
    for (; passing > 0; passing--) while (bytes[at++] >= 0x80);
    return at;
  }
  if (passing === Passing.f32) return at + 4;
  if (passing === Passing.f64) return at + 8;
  const scan = new Scan(bytes, at, end);
  for (let count = scan.u32() + (passing === Passing.labels ? 1 : 0); count > 0 && !scan.ended; count--) {
    scan.u32();
  }
  return scan.at;
}

/**
 * Goes over the instructions of a body without checks.
 *
 * @param wanted By opcode; those of a prefix are never wanted.
 * @param visit Is given a wanted instruction, and where it stands: see {@linkcode u32At} for what follows.
 */
export function passOver(
  bytes: Uint8Array,
  start: number,
  end: number,
  wanted: Uint8Array,
  visit: (opcode: number, at: number) => void,
): void {
  for (let at = start; at < end;) {
    const opcode = bytes[at];
    if (opcode === prefix) {
      const scan = new Scan(bytes, at, end);
      scan.immediates(scan.opcode());
      at = scan.at;
      continue;
    }
    if (wanted[opcode] !== 0) visit(opcode, at);
    at = passed(bytes, at + 1, opcode, end);
  }
}

/** The unsigned LEB128 of 32 bits that stands somewhere. */
export function u32At(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  return byte < 0x80 ? byte : new Scan(bytes, at).u32();
}

/** A pass over a body without checks, quicker than a `Reader`. It need not be valid; then nothing it gives means anything. */
export class Scan {
  /** @param at Offset of what is next. @param end Where to end. */
  constructor(private readonly bytes: Uint8Array, public at = 0, public end = bytes.length) {}

  get ended(): boolean {
    return this.at >= this.end;
  }

  /** Passes an opcode, prefix included, and gives it. */
  opcode(): number {
    const opcode = this.bytes[this.at++];
    return opcode === prefix ? 0xfc00 | this.u32() : opcode;
  }

  /** Passes an unsigned LEB128 of 32 bits, and gives it. */
  u32(): number {
    let byte = this.bytes[this.at++];
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = this.bytes[this.at++];
      value |= (byte & 0x7f) << shift;
    }
    return value >>> 0;
  }

  /** Passes what follows an opcode. */
  immediates(opcode: number): void {
    this.at = passed(this.bytes, this.at, opcode, this.end);
  }
}
