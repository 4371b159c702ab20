/**
 * The signatures of the opcode table as flat arrays, for loops that look at every instruction.
 *
 * @module
 */

import { opcodes } from "./opcodes.ts";
import { ValType } from "./types.ts";

/** Flat tables, all indexed by `signatureIndex(code)`. */
export interface Signatures {
  /**
   * Four entries per opcode: up to three operand types, the last operand first, then the result type; 0 where
   * there is none.
   */
  readonly types: Uint8Array;
  /** 1 for an opcode that has a signature and no immediates. */
  readonly plain: Uint8Array;
  /** Largest allowed alignment of a memory access, as an exponent of two, plus 1; 0 for anything else. */
  readonly alignment: Uint8Array;
}

/** The index of an opcode in the tables of `signatures()`; the 0xFC prefix has the second half. */
export function signatureIndex(code: number): number {
  return code <= 0xff ? code : 0x100 | code & 0xff;
}

let made: Signatures | undefined;

/** The tables, made on first use. */
export function signatures(): Signatures {
  return made ??= make();
}

function make(): Signatures {
  const types = new Uint8Array(4 * 0x200);
  const plain = new Uint8Array(0x200);
  const alignment = new Uint8Array(0x200);
  for (const { code, immediate, signature, width } of opcodes) {
    if (signature === null) continue;
    const index = signatureIndex(code);
    const [operands, results] = signature.split("->").map(typeList);
    types.set(operands.reverse(), 4 * index);
    types.set(results, 4 * index + 3);
    if (immediate === "none") plain[index] = 1;
    if (width !== undefined) alignment[index] = Math.log2(width) + 1;
  }
  return { types, plain, alignment };
}

function typeList(text: string): number[] {
  return text.split(" ").filter(Boolean).map((name) => ValType[name as keyof typeof ValType]);
}
