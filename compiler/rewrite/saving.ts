/**
 * Saving a frame, and the functions that are for it: what makes room, and what stores many locals, since a store
 * takes several times the machine code of an argument.
 *
 * @module
 */
import { type FuncType, type ValType, ValType as T } from "../types.ts";
import { type Extras, frameHeader, storedAtOnce } from "./extras.ts";
import { CodeWriter, I } from "./writer.ts";

/**
 * Types of the functions: the first makes room, given function, site, bytes of values; the others store so many
 * values at an address. All give where the next value goes.
 */
export const savingTypes: readonly FuncType[] = [
  { params: [T.i32, T.i32, T.i32], results: [T.i32] },
  ...storedAtOnce.map((count) => ({ params: new Array(1 + count).fill(T.i32), results: [T.i32] })),
];

/** Their bodies, local declarations included. */
export function savingFunctions(extras: Extras): Uint8Array[] {
  return [roomFunction(extras), ...storedAtOnce.map((count) => storeFunction(extras, count))].map((code) => {
    code.end();
    return code.written;
  });
}

/** Grows the memory if it must, and writes the frame's head: function and site. */
function roomFunction(extras: Extras): CodeWriter {
  const code = new CodeWriter(64);
  const [func, site, bytes, at, end] = [0, 1, 2, 3, 4];
  code.bytes(1, 2, T.i32);
  code.globalGet(extras.state("frames"));
  code.const(frameHeader);
  code.u8(I.add);
  code.tee(at);
  code.get(bytes);
  code.u8(I.add);
  code.tee(end);
  code.u8(I.memorySize);
  code.u32(extras.frames);
  code.const(16);
  code.u8(I.shl);
  code.u8(I.gtU);
  code.open("if");
  code.get(bytes);
  code.const(16);
  code.u8(I.shrU);
  code.const(16);
  code.u8(I.add);
  code.u8(I.memoryGrow);
  code.u32(extras.frames);
  code.u8(I.drop);
  code.end();
  for (const [i, value] of [func, site].entries()) {
    code.get(at);
    code.const(frameHeader - 4 * i);
    code.u8(I.sub);
    code.get(value);
    code.store(T.i32, extras.frames, 0);
  }
  code.get(end);
  code.globalSet(extras.state("frames"));
  code.get(at);
  return code;
}

function storeFunction(extras: Extras, count: number): CodeWriter {
  const code = new CodeWriter(64);
  code.u8(0);
  for (let i = 0; i < count; i++) {
    code.get(0);
    code.get(1 + i);
    code.store(T.i32, extras.frames, 4 * i);
  }
  code.get(0);
  code.const(4 * count);
  code.u8(I.add);
  return code;
}

/** Bytes of a whole value. */
const widthOf = (type: ValType): number => type === T.i32 || type === T.f32 ? 4 : 8;

/**
 * Writes what saves a frame.
 *
 * @param site Writes what gives the site.
 * @param locals What is saved, of these types.
 * @param at A local that can be used.
 */
export function save(
  code: CodeWriter,
  extras: Extras,
  form: number,
  site: () => void,
  locals: readonly number[],
  types: readonly ValType[],
  at: number,
): void {
  code.const(form);
  site();
  code.const(types.reduce((sum, type) => sum + widthOf(type), 0));
  code.call(extras.saving);
  // The address is on the stack, or in its local with so many bytes behind it that are written.
  let written: number | undefined;
  for (let i = 0; i < locals.length;) {
    const chunk = storedAtOnce.findIndex((count) => areInts(types, i, i + count));
    if (chunk < 0) {
      if (written === undefined) code.set(at);
      written ??= 0;
      code.get(at);
      code.get(locals[i]);
      code.store(types[i], extras.frames, written);
      written += widthOf(types[i++]);
      continue;
    }
    if (written !== undefined) {
      code.get(at);
      code.const(written);
      code.u8(I.add);
      written = undefined;
    }
    for (const end = i + storedAtOnce[chunk]; i < end; i++) code.get(locals[i]);
    code.call(extras.saving + 1 + chunk);
  }
  if (written === undefined) code.u8(I.drop);
}

/** Whether all of some types are i32. */
function areInts(types: readonly ValType[], start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (types[i] !== T.i32) return false;
  return true;
}
