/**
 * Which locals are still wanted at each site. A frame need not save the others, and V8 need not keep
 * them while a loop runs that could be stopped.
 *
 * @module
 */
import { op } from "./opcodes.ts";
import { passOver, Scan, u32At } from "./passing.ts";
import type { Module } from "./types.ts";

/** Live locals by the file offset of a `loop` or a call: at the loop's header, behind the call. */
export type Liveness = ReadonlyMap<number, Int32Array>;

/** Whether a local is in a set. */
export function isLive(set: Int32Array, local: number): boolean {
  return (set[local >> 5] >>> (local & 31) & 1) === 1;
}

// What matters of an instruction.
const Event = {
  get: 1,
  set: 2,
  call: 3,
  block: 4,
  if: 5,
  loop: 6,
  else: 7,
  end: 8,
  br: 9,
  brIf: 10,
  brTable: 11,
  stop: 12,
} as const;

/** By opcode. */
const events = new Uint8Array(0x100);
for (
  const [event, ...names] of [
    [Event.get, "local.get"],
    [Event.set, "local.set", "local.tee"],
    [Event.call, "call", "call_indirect"],
    [Event.block, "block"],
    [Event.if, "if"],
    [Event.loop, "loop"],
    [Event.else, "else"],
    [Event.end, "end"],
    [Event.br, "br"],
    [Event.brIf, "br_if"],
    [Event.brTable, "br_table"],
    [Event.stop, "return", "unreachable"],
  ] as const
) {
  for (const name of names) events[op(name)] = event;
}

/** The instructions of a body that change what is live. It need not be valid yet; then nothing means anything. */
class Steps {
  count = 0;
  events = new Uint8Array(1024);
  /** Of each: a local, the index of a label, or of a point; at a loop's end that of the loop, and -1 at other ends. */
  args = new Int32Array(1024);
  /** File offsets of the loops, and of the calls if they are wanted. */
  readonly points: number[] = [];
  /** The first step that is a point, and how many blocks there are at most, each in the next, and loops. */
  first = 0;
  mostBlocks = 0;
  mostLoops = 0;
  #open: number[] = [];
  #loops = 0;

  /** Begins again, with a body. */
  read({ bytes, codes }: Module, definedIndex: number, withCalls: boolean): void {
    const { bodyStart, end } = codes[definedIndex];
    this.count = 0;
    this.mostBlocks = 0;
    this.mostLoops = 0;
    this.#loops = 0;
    this.points.length = 0;
    this.#open.length = 0;
    // No instruction is more steps than it has bytes.
    if (end - bodyStart > this.events.length) {
      this.events = new Uint8Array(2 * (end - bodyStart));
      this.args = new Int32Array(2 * (end - bodyStart));
    }
    passOver(bytes, bodyStart, end, events, (opcode, at) => {
      const event = events[opcode];
      switch (event) {
        case Event.get:
        case Event.set:
        case Event.br:
        case Event.brIf:
          return this.#add(event, u32At(bytes, at + 1));
        case Event.block:
        case Event.if:
          this.#enter(-1);
          return this.#add(event, 0);
        case Event.loop:
          this.#loops++;
          this.mostLoops = Math.max(this.mostLoops, this.#loops);
          this.#enter(this.points.length);
          return this.#addPoint(event, at);
        case Event.end: {
          const point = this.#open.pop() ?? -1;
          if (point >= 0) this.#loops--;
          return this.#add(event, point);
        }
        case Event.call:
          return withCalls ? this.#addPoint(event, at) : undefined;
        case Event.brTable:
          return this.#addTable(new Scan(bytes, at + 1, end));
        default:
          return this.#add(event, 0);
      }
    });
  }

  #add(event: number, arg: number): void {
    this.events[this.count] = event;
    this.args[this.count++] = arg;
  }

  #addPoint(event: number, at: number): void {
    if (this.points.length === 0) this.first = this.count;
    this.#add(event, this.points.push(at) - 1);
  }

  #enter(point: number): void {
    this.mostBlocks = Math.max(this.mostBlocks, this.#open.push(point));
  }

  /** Like so many `br_if`, and a `br` for the last label. */
  #addTable(labels: Scan): void {
    for (let left = labels.u32(); left >= 0 && !labels.ended; left--) {
      this.#add(left === 0 ? Event.br : Event.brIf, labels.u32());
    }
  }
}

/** Used again: there are many bodies. */
const steps = new Steps();

/**
 * Finds what is live at the sites of one defined function, going backwards until nothing changes: 32 locals at a time.
 *
 * @param withCalls Whether calls are wanted, too.
 */
export function livenessOf(module: Module, definedIndex: number, locals: number, withCalls = true): Liveness {
  steps.read(module, definedIndex, withCalls);
  const { points } = steps;
  if (points.length === 0) return new Map();
  const words = (locals + 31) >> 5;
  const sets = points.map(() => new Int32Array(words));
  for (let word = 0; word < words; word++) findWord(sets, word);
  return new Map(sets.map((set, point) => [points[point], set]));
}

/** Fills in one word of the sets at all points. */
function findWord(sets: readonly Int32Array[], word: number): void {
  const { count, events, args, first, mostBlocks, mostLoops } = steps;
  // Of each open block, as it is seen from its end: what is live behind it, at the start of its else-arm, and where
  // branches to it go.
  const behind = new Int32Array(mostBlocks + 1);
  const otherwise = new Int32Array(mostBlocks + 1);
  const target = new Int32Array(mostBlocks + 1);
  // Going backwards, a loop's end is met first: what its header needs is known from the pass before. So each pass
  // settles one more level of nested loops.
  for (let changed = true, passes = 0; changed && passes <= mostLoops; passes++) {
    changed = false;
    let live = 0;
    let open = 0;
    for (let i = count - 1; i >= first; i--) {
      const arg = args[i];
      switch (events[i]) {
        case Event.get:
          if (arg >> 5 === word) live |= 1 << (arg & 31);
          break;
        case Event.set:
          if (arg >> 5 === word) live &= ~(1 << (arg & 31));
          break;
        case Event.call:
          sets[arg][word] = live;
          break;
        case Event.end:
          behind[open] = otherwise[open] = live;
          target[open++] = arg < 0 ? live : sets[arg][word];
          break;
        case Event.else:
          otherwise[open - 1] = live;
          live = behind[open - 1];
          break;
        case Event.block:
          open--;
          break;
        case Event.if:
          live |= otherwise[--open];
          break;
        case Event.loop:
          open--;
          if (sets[arg][word] !== live) {
            sets[arg][word] = live;
            changed = true;
          }
          break;
        case Event.br:
          live = target[open - 1 - arg];
          break;
        case Event.brIf:
          live |= target[open - 1 - arg];
          break;
        case Event.stop:
          live = 0;
      }
    }
  }
}
