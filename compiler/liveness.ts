/**
 * Which locals are still wanted at each site. A frame need not save the others, and V8 need not keep
 * them while a loop runs that could be stopped.
 *
 * @module
 */
import { Reader } from "./reader.ts";
import { readOpcode, skipImmediates } from "./structure.ts";
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

/** One instruction that changes what is live. `arg` is a local, an offset, or a label index. */
interface Step {
  readonly event: number;
  readonly arg: number;
}

/** A block around the current instruction, seen from its end. */
interface Open {
  /** Live behind the block. */
  readonly behind: Uint32Array;
  /** Live at the start of the else-arm. */
  otherwise: Uint32Array | undefined;
  /** Where branches to it go: behind it, or to the header of a loop. */
  target: Uint32Array;
}

function steps(module: Module, definedIndex: number): Step[] {
  const { bodyStart, end } = module.codes[definedIndex];
  const reader = new Reader(module.bytes, bodyStart, end);
  const out: Step[] = [];
  const add = (event: number, arg = 0) => out.push({ event, arg });
  while (reader.position < end) {
    const offset = reader.position;
    const opcode = readOpcode(reader);
    switch (opcode) {
      case 0x20:
        add(Event.get, reader.u32());
        continue;
      case 0x21:
      case 0x22:
        add(Event.set, reader.u32());
        continue;
      case 0x0c:
        add(Event.br, reader.u32());
        continue;
      case 0x0d:
        add(Event.brIf, reader.u32());
        continue;
      case 0x0e:
        // Like so many `br_if`, and a `br` for the last label.
        for (let count = reader.u32(); count >= 0; count--) {
          add(count === 0 ? Event.br : Event.brIf, reader.u32());
        }
        continue;
      case 0x00:
      case 0x0f:
        add(Event.stop);
        break;
      case 0x02:
        add(Event.block);
        break;
      case 0x04:
        add(Event.if);
        break;
      case 0x03:
        add(Event.loop, offset);
        break;
      case 0x05:
        add(Event.else);
        break;
      case 0x0b:
        add(Event.end);
        break;
      case 0x10:
      case 0x11:
        add(Event.call, offset);
    }
    skipImmediates(reader, opcode);
  }
  return out;
}

/** Finds what is live at the sites of one defined function, going backwards until nothing changes. */
export function livenessOf(module: Module, definedIndex: number, locals: number): Liveness {
  const list = steps(module, definedIndex);
  const words = (locals + 31) >> 5;
  const none: Uint32Array = new Uint32Array(words);
  const found = new Map<number, Uint32Array>();
  const union = (a: Uint32Array, b: Uint32Array) => a.map((word, i) => word | b[i]);
  const same = (a: Uint32Array, b: Uint32Array) => a.every((word, i) => word === b[i]);
  // Going backwards, a loop's end is met first: what its header needs is known from the pass before.
  const headers = loopsByEnd(list);
  for (let changed = true; changed;) {
    changed = false;
    let live: Uint32Array = none;
    const open: Open[] = [];
    for (let i = list.length - 1; i >= 0; i--) {
      const { event, arg } = list[i];
      const innermost = open[open.length - 1];
      switch (event) {
        case Event.get:
          if (!isLive(live, arg)) {
            live = live.slice();
            live[arg >> 5] |= 1 << (arg & 31);
          }
          break;
        case Event.set:
          if (isLive(live, arg)) {
            live = live.slice();
            live[arg >> 5] &= ~(1 << (arg & 31));
          }
          break;
        case Event.call:
          found.set(arg, live);
          break;
        case Event.end: {
          const header = headers.get(i);
          const target = header === undefined ? live : found.get(header) ?? none;
          open.push({ behind: live, otherwise: undefined, target });
          break;
        }
        case Event.else:
          innermost.otherwise = live;
          live = innermost.behind;
          break;
        case Event.block:
          open.pop();
          break;
        case Event.if:
          open.pop();
          live = union(live, innermost.otherwise ?? innermost.behind);
          break;
        case Event.loop:
          open.pop();
          if (!same(found.get(arg) ?? none, live)) changed = true;
          found.set(arg, live);
          break;
        case Event.br:
          live = open[open.length - 1 - arg].target;
          break;
        case Event.brIf:
          live = union(live, open[open.length - 1 - arg].target);
          break;
        case Event.stop:
          live = none;
      }
    }
  }
  return found;
}

/** The offset of each loop by the index of the step that ends it. */
function loopsByEnd(list: readonly Step[]): Map<number, number> {
  const ends = new Map<number, number>();
  const open: Step[] = [];
  list.forEach((step, i) => {
    if (step.event === Event.block || step.event === Event.if || step.event === Event.loop) open.push(step);
    else if (step.event === Event.end) {
      const opened = open.pop();
      if (opened?.event === Event.loop) ends.set(i, opened.arg);
    }
  });
  return ends;
}
