/**
 * Which locals are still wanted at each site. A frame need not save the others, and V8 need not keep
 * them while a loop runs that could be stopped.
 *
 * @module
 */
import { Scan } from "./passing.ts";
import type { Module } from "./types.ts";

/** Live locals by the file offset of a `loop` or a call: at the loop's header, behind the call. */
export type Liveness = ReadonlyMap<number, Uint32Array>;

/** Whether a local is in a set. */
export function isLive(set: Uint32Array, local: number): boolean {
  return (set[local >> 5] >>> (local & 31) & 1) === 1;
}

// What matters of an instruction.
const Event = {
  get: 0,
  set: 1,
  call: 2,
  block: 3,
  if: 4,
  loop: 5,
  else: 6,
  end: 7,
  br: 8,
  brIf: 9,
  stop: 10,
} as const;

/** The instructions of a body that change what is live. */
interface Steps {
  readonly count: number;
  readonly events: Uint8Array;
  /** Of each: a local, an offset, or a label index. */
  readonly args: Int32Array;
}

const events = new Uint8Array(0x100).fill(255);
events[0x20] = Event.get;
events[0x21] = events[0x22] = Event.set;
events[0x0c] = Event.br;
events[0x0d] = Event.brIf;
events[0x00] = events[0x0f] = Event.stop;
events[0x02] = Event.block;
events[0x04] = Event.if;
events[0x03] = Event.loop;
events[0x05] = Event.else;
events[0x0b] = Event.end;
events[0x10] = events[0x11] = Event.call;

/**
 * One pass over a body, without a `Reader`: this is done for many functions of a program that starts. The body need
 * not be valid yet; then what comes out means nothing.
 */
function stepsOf({ bytes, codes }: Module, definedIndex: number): Steps {
  const { bodyStart, end } = codes[definedIndex];
  // No instruction is more steps than it has bytes.
  const list = { count: 0, events: new Uint8Array(end - bodyStart), args: new Int32Array(end - bodyStart) };
  const add = (event: number, arg: number) => {
    list.events[list.count] = event;
    list.args[list.count++] = arg;
  };
  const scan = new Scan(bytes, bodyStart, end);
  while (!scan.ended) {
    const offset = scan.at;
    const opcode = scan.opcode();
    const event = opcode > 0xff ? 255 : events[opcode];
    if (event === Event.get || event === Event.set || event === Event.br || event === Event.brIf) {
      add(event, scan.u32());
    } else if (opcode === 0x0e) {
      // Like so many `br_if`, and a `br` for the last label.
      for (let count = scan.u32(); count >= 0 && !scan.ended; count--) {
        add(count === 0 ? Event.br : Event.brIf, scan.u32());
      }
    } else {
      if (event !== 255) add(event, offset);
      scan.immediates(opcode);
    }
  }
  return list;
}

/** Sets of locals, in one array; by number. */
class Sets {
  #bits: Uint32Array;
  constructor(private readonly words: number, capacity: number) {
    this.#bits = new Uint32Array(words * capacity);
  }

  #room(set: number): void {
    if ((set + 1) * this.words <= this.#bits.length) return;
    const grown = new Uint32Array(Math.max(2 * this.#bits.length, (set + 1) * this.words));
    grown.set(this.#bits);
    this.#bits = grown;
  }

  clear(set: number): void {
    this.#bits.fill(0, set * this.words, (set + 1) * this.words);
  }

  add(set: number, local: number): void {
    this.#bits[set * this.words + (local >> 5)] |= 1 << (local & 31);
  }

  remove(set: number, local: number): void {
    this.#bits[set * this.words + (local >> 5)] &= ~(1 << (local & 31));
  }

  /** Makes a set another's equal, and says whether it was not. */
  copy(to: number, from: number): boolean {
    this.#room(to);
    let changed = false;
    for (let i = 0; i < this.words; i++) {
      const word = this.#bits[from * this.words + i];
      if (this.#bits[to * this.words + i] === word) continue;
      this.#bits[to * this.words + i] = word;
      changed = true;
    }
    return changed;
  }

  unite(to: number, from: number): void {
    for (let i = 0; i < this.words; i++) this.#bits[to * this.words + i] |= this.#bits[from * this.words + i];
  }

  of(set: number): Uint32Array {
    return this.#bits.slice(set * this.words, (set + 1) * this.words);
  }
}

/**
 * Finds what is live at the sites of one defined function, going backwards until nothing changes.
 *
 * @param withCalls Whether calls are wanted, too.
 */
export function livenessOf(module: Module, definedIndex: number, locals: number, withCalls = true): Liveness {
  const steps = stepsOf(module, definedIndex);
  const found = new Map<number, Uint32Array>();
  // Going backwards, a loop's end is met first: what its header needs is known from the pass before.
  const headers = loopsByEnd(steps);
  const loops = new Map([...headers.values()].map((offset, i) => [offset, i]));
  // What is live here; what was at the headers of loops; of each open block, as it is seen from its end: what is
  // live behind it, at the start of its else-arm, and where branches to it go.
  const live = 0;
  const header = (offset: number) => 1 + loops.get(offset)!;
  const behind = (depth: number) => 1 + loops.size + 3 * depth;
  const otherwise = (depth: number) => behind(depth) + 1;
  const target = (depth: number) => behind(depth) + 2;
  const sets = new Sets((locals + 31) >> 5, 1 + loops.size + 3 * 16);
  const hasElse: boolean[] = [];
  // In valid code, each pass settles one more level of nested loops.
  for (let changed = true, passes = 0; changed && passes <= loops.size; passes++) {
    changed = false;
    sets.clear(live);
    let open = 0;
    for (let i = steps.count - 1; i >= 0; i--) {
      const arg = steps.args[i];
      switch (steps.events[i]) {
        case Event.get:
          sets.add(live, arg);
          break;
        case Event.set:
          sets.remove(live, arg);
          break;
        case Event.call:
          if (withCalls) found.set(arg, sets.of(live));
          break;
        case Event.end: {
          const loop = headers.get(i);
          sets.copy(behind(open), live);
          sets.copy(target(open), loop === undefined ? live : header(loop));
          hasElse[open++] = false;
          break;
        }
        case Event.else:
          sets.copy(otherwise(open - 1), live);
          hasElse[open - 1] = true;
          sets.copy(live, behind(open - 1));
          break;
        case Event.block:
          open--;
          break;
        case Event.if:
          open--;
          sets.unite(live, hasElse[open] ? otherwise(open) : behind(open));
          break;
        case Event.loop:
          open--;
          if (sets.copy(header(arg), live)) changed = true;
          break;
        case Event.br:
          sets.copy(live, target(open - 1 - arg));
          break;
        case Event.brIf:
          sets.unite(live, target(open - 1 - arg));
          break;
        case Event.stop:
          sets.clear(live);
      }
    }
  }
  for (const offset of loops.keys()) found.set(offset, sets.of(header(offset)));
  return found;
}

/** The offset of each loop by the index of the step that ends it. */
function loopsByEnd({ count, events, args }: Steps): Map<number, number> {
  const ends = new Map<number, number>();
  const open: number[] = [];
  for (let i = 0; i < count; i++) {
    const event = events[i];
    if (event === Event.block || event === Event.if || event === Event.loop) open.push(i);
    else if (event === Event.end) {
      const opened = open.pop();
      if (opened !== undefined && events[opened] === Event.loop) ends.set(i, args[opened]);
    }
  }
  return ends;
}
