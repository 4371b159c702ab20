/**
 * Modules around one function whose type has floats. JavaScript changes the bits of NaNs as it pleases, so they
 * pass as integers: `floatThunk` for JavaScript that calls, `bitsThunk` for JavaScript that is called.
 *
 * @module
 */
import { type FuncType, type ValType, ValType as T } from "../types.ts";
import { CodeWriter, I } from "./writer.ts";

/** Names of what the module imports, from the module `""`, and exports. */
export const thunkNames = {
  /** The function. */
  func: "f",
  /** It again; if a float that it gives is a NaN, its bits are in the global of that result. */
  numbers: "n",
  /** The same, with integers that have the bits of the floats it takes. */
  bits: "b",
  /** Followed by the index of a result. */
  result: "r",
} as const;

const isFloat = (type: ValType) => type === T.f32 || type === T.f64;
const bitsType = (type: ValType) => type === T.f32 ? T.i32 : type === T.f64 ? T.i64 : type;

/** Types 0 and 1, and the import of a function of type 0. */
function head(out: CodeWriter, types: readonly FuncType[]): void {
  out.bytes(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  out.section(1, (to) =>
    to.vector(types, ({ params, results }) => {
      to.u8(0x60);
      to.vector(params, (type) => to.u8(type));
      to.vector(results, (type) => to.u8(type));
    }));
  out.section(2, (to) => {
    to.u32(1);
    to.name("");
    to.name(thunkNames.func);
    to.bytes(0, 0);
  });
}

/** Imports a function that takes and gives bits, and exports one of the type that calls it: `numbers`. */
export function bitsThunk({ params, results }: FuncType): Uint8Array<ArrayBuffer> {
  const out = new CodeWriter();
  head(out, [{ params: params.map(bitsType), results: results.map(bitsType) }, { params, results }]);
  out.section(3, (to) => to.bytes(1, 1));
  out.section(7, (to) => {
    to.u32(1);
    to.name(thunkNames.numbers);
    to.bytes(0, 1);
  });
  const code = new CodeWriter();
  code.vector(results, (type) => code.bytes(1, bitsType(type)));
  params.forEach((type, i) => {
    code.get(i);
    if (type === T.f32) code.u8(I.i32OfF32);
    if (type === T.f64) code.u8(I.i64OfF64);
  });
  code.call(0);
  for (let i = results.length - 1; i >= 0; i--) code.set(params.length + i);
  results.forEach((type, i) => {
    code.get(params.length + i);
    if (type === T.f32) code.u8(I.f32OfI32);
    if (type === T.f64) code.u8(I.f64OfI64);
  });
  code.end();
  out.section(10, (to) => {
    to.u32(1);
    to.u32(code.length);
    to.copy(code.written);
  });
  return out.written;
}

/** The module for functions of a type. */
export function floatThunk({ params, results }: FuncType): Uint8Array<ArrayBuffer> {
  const out = new CodeWriter();
  head(out, [{ params, results }, { params: params.map(bitsType), results }]);
  out.section(3, (to) => to.bytes(2, 0, 1));
  out.section(6, (to) => to.vector(results, () => to.bytes(T.i64, 1, 0x42, 0, 0x0b)));
  out.section(7, (to) => {
    to.u32(2 + results.length);
    const entry = (name: string, kind: number, index: number) => {
      to.name(name);
      to.bytes(kind);
      to.u32(index);
    };
    entry(thunkNames.numbers, 0, 1);
    entry(thunkNames.bits, 0, 2);
    results.forEach((_, i) => entry(thunkNames.result + i, 3, i));
  });
  out.section(10, (to) => {
    to.u32(2);
    for (const takesBits of [false, true]) {
      const code = body({ params, results }, takesBits);
      to.u32(code.length);
      to.copy(code.written);
    }
  });
  return out.written;
}

function body({ params, results }: FuncType, takesBits: boolean): CodeWriter {
  const code = new CodeWriter();
  code.vector(results, (type) => code.bytes(1, type));
  params.forEach((type, i) => {
    code.get(i);
    if (!takesBits) return;
    if (type === T.f32) code.u8(I.f32OfI32);
    if (type === T.f64) code.u8(I.f64OfI64);
  });
  code.call(0);
  for (let i = results.length - 1; i >= 0; i--) code.set(params.length + i);
  results.forEach((type, i) => {
    if (!isFloat(type)) return;
    const value = params.length + i;
    code.get(value);
    code.get(value);
    code.u8(type === T.f32 ? I.f32Ne : I.f64Ne);
    code.open("if");
    code.get(value);
    if (type === T.f64) code.u8(I.i64OfF64);
    else {
      code.u8(I.i32OfF32);
      code.u8(I.extendU);
    }
    code.globalSet(i);
    code.end();
  });
  results.forEach((_, i) => code.get(params.length + i));
  code.end();
  return code;
}
