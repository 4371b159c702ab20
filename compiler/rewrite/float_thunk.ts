/**
 * Modules around one function whose type has floats. JavaScript changes the bits of NaNs as it pleases, so they
 * pass as integers: `floatThunk` for JavaScript that calls, `bitsThunk` for JavaScript that is called.
 *
 * @module
 */
import { type FuncType, type ValType, ValType as T } from "../types.ts";
import { codeSection, exportOf, importOf, preamble, SectionId, typeSection } from "./sections.ts";
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

export const isFloat = (type: ValType): boolean => type === T.f32 || type === T.f64;
const bitsType = (type: ValType) => type === T.f32 ? T.i32 : type === T.f64 ? T.i64 : type;

/** Types 0 and 1, and the import of a function of type 0. */
function head(out: CodeWriter, types: readonly FuncType[]): void {
  preamble(out);
  typeSection(out, types);
  out.section(SectionId.import, (to) => {
    to.u32(1);
    importOf(to, thunkNames.func, "func");
    to.u32(0);
  });
}

/** Imports a function that takes and gives bits, and exports one of the type that calls it: `numbers`. */
export function bitsThunk({ params, results }: FuncType): Uint8Array<ArrayBuffer> {
  const out = new CodeWriter();
  head(out, [{ params: params.map(bitsType), results: results.map(bitsType) }, { params, results }]);
  out.section(SectionId.function, (to) => to.bytes(1, 1));
  out.section(SectionId.export, (to) => {
    to.u32(1);
    exportOf(to, thunkNames.numbers, "func", 1);
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
  codeSection(out, [code.written]);
  return out.written;
}

/** The module for functions of a type. */
export function floatThunk({ params, results }: FuncType): Uint8Array<ArrayBuffer> {
  const out = new CodeWriter();
  head(out, [{ params, results }, { params: params.map(bitsType), results }]);
  out.section(SectionId.function, (to) => to.bytes(2, 0, 1));
  out.section(SectionId.global, (to) => to.vector(results, () => to.bytes(T.i64, 1, 0x42, 0, 0x0b)));
  out.section(SectionId.export, (to) => {
    to.u32(2 + results.length);
    exportOf(to, thunkNames.numbers, "func", 1);
    exportOf(to, thunkNames.bits, "func", 2);
    results.forEach((_, i) => exportOf(to, thunkNames.result + i, "global", i));
  });
  codeSection(out, [false, true].map((takesBits) => body({ params, results }, takesBits).written));
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
