/**
 * The function that makes room for a captured frame.
 *
 * @module
 */
import { type FuncType, ValType as T } from "../types.ts";
import { type Extras, frameHeader } from "./extras.ts";
import { type CodeWriter, I } from "./writer.ts";

/** Function, site, bytes of values; where the values go. */
export const frameType: FuncType = { params: [T.i32, T.i32, T.i32], results: [T.i32] };

/** Writes its body: it grows the memory if it must, and writes the frame's head, function and site. */
export function frameFunction(code: CodeWriter, extras: Extras): void {
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
  code.end();
}
