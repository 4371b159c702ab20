/**
 * What functions do, as far as the call graph and the policies are concerned: one quick pass over all bodies of
 * a module.
 *
 * @module
 */
import { Scan } from "./passing.ts";
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
  const scan = new Scan(bytes);
  return codes.map(({ bodyStart, end }, i): Facts => {
    const callees: number[] = [];
    const indirect: number[] = [];
    let loops = false;
    let grows = false;
    scan.at = bodyStart;
    scan.end = end;
    while (!scan.ended) {
      const opcode = scan.opcode();
      if (opcode === 0x10) {
        const func = scan.u32();
        if (seenFuncs[func] === i) continue;
        seenFuncs[func] = i;
        if (func < funcTypes.length) callees.push(func);
      } else if (opcode === 0x11) {
        const type = scan.u32();
        scan.u32();
        if (seenTypes[type] === i) continue;
        seenTypes[type] = i;
        if (type < types.length) indirect.push(type);
      } else {
        if (opcode === 0x03) loops = true;
        if (opcode === 0x40) grows = true;
        scan.immediates(opcode);
      }
    }
    return { callees, indirect, loops, grows };
  });
}
