/**
 * What functions do, as far as the call graph and the policies are concerned: one quick pass over all bodies of
 * a module.
 *
 * @module
 */
import { Passing, passings } from "./passing.ts";
import type { Module } from "./types.ts";

export interface Facts {
  /** Function indices called directly, without repeats. */
  readonly callees: readonly number[];
  /** Type indices of `call_indirect`, without repeats. */
  readonly indirect: readonly number[];
  readonly loops: boolean;
  /** Whether it has a `memory.grow`. */
  readonly grows: boolean;
}

/**
 * The facts of all defined functions of a module. Bodies need not be valid; then the facts mean nothing.
 */
export function factsOf({ bytes, codes, funcTypes, types }: Module): Facts[] {
  // Which function saw a callee or a type last: a set for each would take longer than all the rest.
  const seenFuncs = new Int32Array(funcTypes.length).fill(-1);
  const seenTypes = new Int32Array(types.length).fill(-1);
  let at = 0;
  const u32 = (): number => {
    let byte = bytes[at++];
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 35; shift += 7) {
      byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
    }
    return value >>> 0;
  };
  return codes.map(({ bodyStart, end }, i): Facts => {
    const callees: number[] = [];
    const indirect: number[] = [];
    let loops = false;
    let grows = false;
    for (at = bodyStart; at < end;) {
      const opcode = bytes[at++];
      if (opcode === 0x10) {
        const func = u32();
        if (seenFuncs[func] === i) continue;
        seenFuncs[func] = i;
        if (func < funcTypes.length) callees.push(func);
        continue;
      }
      if (opcode === 0x11) {
        const type = u32();
        u32();
        if (seenTypes[type] === i) continue;
        seenTypes[type] = i;
        if (type < types.length) indirect.push(type);
        continue;
      }
      if (opcode === 0x03) loops = true;
      if (opcode === 0x40) grows = true;
      let passing = passings[opcode];
      if (passing === Passing.prefix) passing = passings[0x100 | u32() & 0xff];
      if (passing <= Passing.integers) { for (; passing > 0; passing--) while (bytes[at++] >= 0x80); }
      else if (passing === Passing.f32) at += 4;
      else if (passing === Passing.f64) at += 8;
      else if (passing === Passing.labels) { for (let count = u32(); count >= 0 && at < end; count--) u32(); }
      else {
        const count = u32();
        at += count;
      }
    }
    return { callees, indirect, loops, grows };
  });
}
