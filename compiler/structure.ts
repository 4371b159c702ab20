/**
 * One quick pass over a validated body that finds out what the lowering must know in advance: where
 * blocks end, which of them are branched to, and what a function calls.
 *
 * @module
 */
import { passed } from "./passing.ts";
import { Reader } from "./reader.ts";
import type { Module } from "./types.ts";

/** A `block`, `loop` or `if`, by file offsets. */
export interface Block {
  /** Offset of the opcode that opens it; -1 for the function body. */
  readonly start: number;
  readonly opcode: number;
  /** Offset of its `else`, if it has one. */
  otherwise: number;
  /** Offset of its `end`. */
  end: number;
  /** Whether any branch names it. */
  targeted: boolean;
  /** Whether it holds a call to a function for which `mayUnwind` holds. */
  calls: boolean;
  readonly parent: Block | undefined;
  /** Nesting depth of branched-to blocks, itself included. */
  depth: number;
  /** How many branches name it. */
  branches: number;
  /** Set for a loop that counts a local up or down to a bound, and whose only back edge is at its end. */
  counted: CountedLoop | undefined;
}

/** `do { ... } while ((local += step) != bound)`, where nothing else in the loop changes the two. */
export interface CountedLoop {
  readonly local: number;
  readonly step: number;
  readonly bound: { readonly local: number } | { readonly constant: number };
}

/** Reads an opcode, prefix included. */
export function readOpcode(reader: Reader): number {
  const byte = reader.u8();
  return byte === 0xfc ? 0xfc00 | reader.u32() : byte;
}

/** Skips the immediates of an instruction in a validated body. */
export function skipImmediates(reader: Reader, opcode: number): void {
  reader.position = passed(reader.bytes, reader.position, opcode, reader.end);
}

/** What is gained by keeping the i64s of an instruction whole, by opcode: add, sub, mul, shifts, rotations. */
const wideGain: Readonly<Record<number, number>> = {
  0x7c: 1,
  0x7d: 1,
  0x7e: 4,
  0x86: 1,
  0x87: 1,
  0x88: 1,
  0x89: 1,
  0x8a: 1,
};
const widePays = 4;

/** What the lowering must know in advance about one body. */
export interface Structure {
  /** By the offset of their opcode; the body itself is at -1. */
  readonly blocks: ReadonlyMap<number, Block>;
  /** Loads and stores. */
  readonly accesses: number;
  /** Loads and stores of f32s. */
  readonly singles: number;
  /** Calls of any kind. */
  readonly calls: number;
  /** Loops and calls that may unwind: about as many sites. */
  readonly sites: number;
  /** How deeply blocks that become JavaScript statements are nested. */
  readonly depth: number;
  /** Locals that hold addresses more often than they change: it pays to keep them as unsigned, too. */
  readonly pointers: ReadonlySet<number>;
  /** Whether it pays to keep its i64s whole: it multiplies some, or computes with many, in loops. */
  readonly prefersWide: boolean;
}

/** Finds the structure of one defined function. */
export function structureOf(
  module: Module,
  definedIndex: number,
  mayUnwind: (func: number) => boolean,
): Structure {
  const { bodyStart, end } = module.codes[definedIndex];
  const reader = new Reader(module.bytes, bodyStart, end);
  const body: Block = open(-1, 0x02, undefined);
  const blocks = new Map([[-1, body]]);
  const stack = [body];
  const target = (label: number) => {
    const block = stack[stack.length - 1 - label];
    block.targeted = true;
    block.branches++;
  };
  const window = new Window();
  let sites = 0;
  let accesses = 0;
  let singles = 0;
  let calls = 0;
  let loops = 0;
  let wideScore = 0;
  // By local: loads straight from it, less its changes.
  const pointerScore: number[] = [];
  const score = (local: number, change: number) => pointerScore[local] = (pointerScore[local] ?? -1) + change;
  let lastGet = -1;
  while (reader.position < end) {
    const start = reader.position;
    const opcode = readOpcode(reader);
    if (opcode >= 0x20 && opcode <= 0x22) {
      const local = reader.u32();
      window.add(opcode, local);
      if (opcode !== 0x20) score(local, -1);
      lastGet = opcode === 0x21 ? -1 : local;
      continue;
    }
    if (loops > 0) wideScore += wideGain[opcode] ?? 0;
    if (opcode >= 0x28 && opcode <= 0x3e) {
      accesses++;
      if (opcode === 0x2a || opcode === 0x38) singles++;
    } else if (opcode === 0x10 || opcode === 0x11) calls++;
    if (lastGet >= 0 && opcode >= 0x28 && opcode <= 0x35) score(lastGet, 1);
    lastGet = -1;
    if (opcode === 0x41) {
      window.add(opcode, reader.s32());
      continue;
    }
    const current = stack[stack.length - 1];
    switch (opcode) {
      case 0x02:
      case 0x03:
      case 0x04: {
        const type = reader.bytes[reader.position];
        skipImmediates(reader, opcode);
        if (opcode === 0x03) {
          sites++;
          loops++;
          window.startLoop(type === 0x40);
        }
        const block = open(start, opcode, current);
        blocks.set(start, block);
        stack.push(block);
        break;
      }
      case 0x05:
        current.otherwise = start;
        break;
      case 0x0b:
        current.end = start;
        if (current.opcode === 0x03 && current.branches === 1) current.counted = window.countedLoop();
        if (current.opcode === 0x03) loops--;
        stack.pop();
        if (current.calls && current.parent) current.parent.calls = true;
        break;
      case 0x0c:
      case 0x0d: {
        const label = reader.u32();
        target(label);
        window.add(opcode, label);
        break;
      }
      case 0x0e:
        for (let count = reader.u32(); count >= 0; count--) target(reader.u32());
        break;
      case 0x10:
        if (mayUnwind(reader.u32())) {
          current.calls = true;
          sites++;
        }
        break;
      case 0x11:
        current.calls = true;
        sites++;
        skipImmediates(reader, opcode);
        break;
      default:
        window.add(opcode, 0);
        skipImmediates(reader, opcode);
    }
  }
  let depth = 0;
  for (const block of blocks.values()) {
    if (block.parent) block.depth = block.parent.depth + (block.targeted || block.opcode !== 0x02 ? 1 : 0);
    depth = Math.max(depth, block.depth);
  }
  const pointers = new Set<number>();
  pointerScore.forEach((value, local) => value > 0 && pointers.add(local));
  return { blocks, accesses, singles, calls, sites, depth, pointers, prefersWide: wideScore >= widePays };
}

function open(start: number, opcode: number, parent: Block | undefined): Block {
  return {
    start,
    opcode,
    otherwise: -1,
    end: -1,
    targeted: false,
    calls: false,
    parent,
    depth: 0,
    branches: 0,
    counted: undefined,
  };
}

const [localGet, localTee, i32Const, i32Add, i32Ne, brIf] = [0x20, 0x22, 0x41, 0x6a, 0x47, 0x0d];

/** The last instructions of the innermost loop, and how often it changes each local. */
class Window {
  #opcodes: number[] = [];
  #immediates: number[] = [];
  #changes = new Map<number, number>();
  #open = false;

  startLoop(plain: boolean): void {
    this.#opcodes.length = this.#immediates.length = 0;
    this.#changes.clear();
    this.#open = plain;
  }

  add(opcode: number, immediate: number): void {
    if (!this.#open) return;
    this.#opcodes.push(opcode);
    this.#immediates.push(immediate);
    if (opcode === 0x21 || opcode === localTee) {
      this.#changes.set(immediate, (this.#changes.get(immediate) ?? 0) + 1);
    }
  }

  /** At the end of a loop: what it counts. The loop around it is none that the window has seen whole. */
  countedLoop(): CountedLoop | undefined {
    const found = this.#open ? this.#match() : undefined;
    this.#open = false;
    return found;
  }

  #match(): CountedLoop | undefined {
    let at = this.#opcodes.length - 1;
    const opcode = (back: number) => this.#opcodes[at - back];
    const immediate = (back: number) => this.#immediates[at - back];
    const bound = (back: number): CountedLoop["bound"] | undefined =>
      opcode(back) === localGet
        ? { local: immediate(back) }
        : opcode(back) === i32Const
        ? { constant: immediate(back) }
        : undefined;
    if (opcode(0) !== brIf || immediate(0) !== 0) return undefined;
    at--;
    let limit: CountedLoop["bound"] | undefined = { constant: 0 };
    if (opcode(0) === i32Ne) {
      at--;
      limit = opcode(0) === localTee ? bound(4) : bound(0);
      if (opcode(0) !== localTee) at--;
    }
    if (opcode(0) !== localTee || opcode(1) !== i32Add || opcode(2) !== i32Const || opcode(3) !== localGet) {
      return undefined;
    }
    const local = immediate(0);
    const step = immediate(2);
    if (limit === undefined || immediate(3) !== local || step === 0 || this.#changes.get(local) !== 1) {
      return undefined;
    }
    if ("local" in limit && this.#changes.has(limit.local)) return undefined;
    return { local, step, bound: limit };
  }
}
