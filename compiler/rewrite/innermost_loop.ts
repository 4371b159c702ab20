/**
 * What is known of a loop before it is rewritten, from one look ahead.
 *
 * @module
 */
import { Scan } from "../passing.ts";
import { Reader } from "../reader.ts";
import { readOpcode, skipImmediates } from "../structure.ts";

/** A loop in which there is no other, and no call. */
export interface InnermostLoop {
  /** Set for `do { ... } while ((local += step) != bound)` where nothing else changes the two or goes on. */
  readonly counted: Counted | undefined;
  /** Of its body, in bytes. */
  readonly length: number;
}

export interface Counted {
  readonly local: number;
  readonly step: number;
  readonly bound: { readonly local: number } | { readonly constant: number };
  /** File offsets of the instruction that gives the bound; empty if it is compared with zero by `br_if` alone. */
  readonly boundStart: number;
  readonly boundEnd: number;
}

/** Larger steps could go all the way around the integers between two looks. */
const maxStep = 4096;

const [block, loop, ifOp, end, br, brIf, brTable] = [0x02, 0x03, 0x04, 0x0b, 0x0c, 0x0d, 0x0e];
const [call, callIndirect, memoryGrow] = [0x10, 0x11, 0x40];
const [localGet, localSet, localTee, i32Const, i32Add, i32Ne] = [0x20, 0x21, 0x22, 0x41, 0x6a, 0x47];

/** Offsets of the last instructions that were passed: as many as the end of a counted loop can have. */
const recent = new Int32Array(8);

/**
 * Looks at the body of a loop.
 *
 * @param start File offset of its first instruction.
 * @param limit File offset of the function's end.
 * @returns `undefined` if there is a loop or a call in it (or if it is malformed: validation will tell).
 */
export function innermostLoop(bytes: Uint8Array, start: number, limit: number): InnermostLoop | undefined {
  const body = new Scan(bytes, start, limit);
  let count = 0;
  let nesting = 0;
  let backEdges = 0;
  const label = (to: number) => {
    if (to === nesting) backEdges++;
  };
  for (;;) {
    if (body.ended) return undefined;
    recent[count++ & 7] = body.at;
    const opcode = body.opcode();
    if (opcode === loop || isCall(opcode)) return undefined;
    if (opcode === end) {
      if (nesting-- === 0) break;
    } else if (opcode === br || opcode === brIf) label(body.u32());
    else if (opcode === brTable) {
      for (let left = body.u32(); left >= 0 && !body.ended; left--) label(body.u32());
    } else {
      if (opcode === block || opcode === ifOp) nesting++;
      body.immediates(opcode);
    }
  }
  const length = body.at - start;
  if (backEdges !== 1) return { counted: undefined, length };
  // The last that was passed is the `end`.
  const offsets = Array.from(
    { length: Math.min(count, 8) - 1 },
    (_, i) => recent[(count - 2 - i) & 7],
  );
  const last = offsets.map((offset) => instructionAt(bytes, offset));
  return { counted: countedLoop(bytes, start, last), length };
}

interface Instruction {
  readonly opcode: number;
  readonly immediate: number;
  readonly start: number;
  readonly end: number;
}

function instructionAt(bytes: Uint8Array, start: number): Instruction {
  const reader = new Reader(bytes, start);
  const opcode = readOpcode(reader);
  let immediate = 0;
  if (opcode === i32Const) immediate = reader.s32();
  else if (opcode === brIf || opcode === localGet || opcode === localSet || opcode === localTee) {
    immediate = reader.u32();
  } else skipImmediates(reader, opcode);
  return { opcode, immediate, start, end: reader.position };
}

/** Matches the end of a loop. @param last Its last instructions, the very last first. */
function countedLoop(bytes: Uint8Array, start: number, last: readonly Instruction[]): Counted | undefined {
  const [branch] = last;
  if (branch?.opcode !== brIf || branch.immediate !== 0) return undefined;
  let at = 1;
  let bound: Counted["bound"] = { constant: 0 };
  let [boundStart, boundEnd] = [branch.start, branch.start];
  if (last[at]?.opcode === i32Ne) {
    at++;
    // The bound comes last, or before the sum.
    const isBefore = last[at]?.opcode === localTee;
    const given = last[isBefore ? at + 4 : at];
    if (given?.opcode !== localGet && given?.opcode !== i32Const) return undefined;
    bound = given.opcode === localGet ? { local: given.immediate } : { constant: given.immediate };
    [boundStart, boundEnd] = [given.start, given.end];
    if (!isBefore) at++;
  }
  const [tee, add, step, get] = last.slice(at);
  const counts = tee?.opcode === localTee && add?.opcode === i32Add && step?.opcode === i32Const &&
    get?.opcode === localGet && get.immediate === tee.immediate;
  if (!counts || step.immediate === 0 || Math.abs(step.immediate) > maxStep) return undefined;
  const local = tee.immediate;
  if (changesOf(bytes, start, branch.start, local) !== 1) return undefined;
  if ("local" in bound && changesOf(bytes, start, branch.start, bound.local) !== 0) return undefined;
  return { local, step: step.immediate, bound, boundStart, boundEnd };
}

/** How many instructions change a local. */
function changesOf(bytes: Uint8Array, start: number, limit: number, local: number): number {
  const body = new Scan(bytes, start, limit);
  let changes = 0;
  while (!body.ended) {
    const opcode = body.opcode();
    if (opcode === localSet || opcode === localTee) {
      if (body.u32() === local) changes++;
    } else body.immediates(opcode);
  }
  return changes;
}

/** Loops with more code are large. In bytes. */
const largeSize = 4000;

/** Whether there is a loop in a loop, or much code. @param start File offset of its first instruction. */
export function isLargeLoop(bytes: Uint8Array, start: number): boolean {
  return holds(bytes, start, Math.min(start + largeSize, bytes.length), (opcode) => opcode === loop);
}

/** Whether something is called in a loop. @param start As before. */
export function hasCalls(bytes: Uint8Array, start: number): boolean {
  return holds(bytes, start, bytes.length, isCall);
}

function isCall(opcode: number): boolean {
  return opcode === call || opcode === callIndirect || opcode === memoryGrow;
}

/** Whether there is such an instruction in a block, or its end is not before `limit`. */
function holds(
  bytes: Uint8Array,
  start: number,
  limit: number,
  isWanted: (opcode: number) => boolean,
): boolean {
  const body = new Scan(bytes, start, limit);
  for (let nesting = 0; nesting >= 0;) {
    if (body.ended) return true;
    const opcode = body.opcode();
    if (isWanted(opcode)) return true;
    if (opcode === block || opcode === loop || opcode === ifOp) nesting++;
    else if (opcode === end) nesting--;
    body.immediates(opcode);
  }
  return false;
}
