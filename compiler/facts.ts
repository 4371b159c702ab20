/**
 * What functions do, as far as the call graph and the policies are concerned: one quick pass over all bodies of
 * a module.
 *
 * @module
 */
import { op } from "./opcodes.ts";
import { passOver, u32At } from "./passing.ts";
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

const [loop, call, callIndirect, grow] = ["loop", "call", "call_indirect", "memory.grow"].map(op);
const wanted = new Uint8Array(0x100);
for (const opcode of [loop, call, callIndirect, grow]) wanted[opcode] = 1;

/**
 * The facts of all defined functions of a module. Bodies need not be valid; then the facts mean nothing.
 */
export function factsOf({ bytes, codes, funcTypes, types }: Module): Facts[] {
  // Which function saw a callee or a type last: a set for each would take longer than all the rest.
  const seenFuncs = new Int32Array(funcTypes.length).fill(-1);
  const seenTypes = new Int32Array(types.length).fill(-1);
  return codes.map(({ bodyStart, end }, i): Facts => {
    const callees: number[] = [];
    const indirect: number[] = [];
    let loops = false;
    let grows = false;
    passOver(bytes, bodyStart, end, wanted, (opcode, at) => {
      if (opcode === loop) loops = true;
      else if (opcode === grow) grows = true;
      else {
        const isDirect = opcode === call;
        const index = u32At(bytes, at + 1);
        const seen = isDirect ? seenFuncs : seenTypes;
        if (seen[index] === i) return;
        seen[index] = i;
        if (index < seen.length) (isDirect ? callees : indirect).push(index);
      }
    });
    return { callees, indirect, loops, grows };
  });
}
