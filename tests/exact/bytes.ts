/**
 * Modules with very large or very deep functions, written byte by byte without recursion.
 *
 * @module
 */
import { op } from "../../compiler/opcodes.ts";
import { ValType } from "../../compiler/types.ts";
import { binary, codeSection, leb, name, section } from "../compiler/binary.ts";

export const { i32, i64, f32, f64 } = ValType;
/** The block type of a block without parameters and results. */
export const empty = 0x40;

/** A function of a module that {@linkcode moduleOf} makes; it is exported under `name`. */
export interface Definition {
  readonly name: string;
  readonly params?: readonly ValType[];
  readonly results?: readonly ValType[];
  /** Runs of locals. */
  readonly locals?: readonly (readonly [count: number, type: ValType])[];
  /** Instructions without the last `end`. */
  readonly code: readonly number[];
}

/**
 * A module of these functions, each with a type of its own; a memory of `pages` pages as `memory`, a table with
 * all functions.
 */
export function moduleOf(functions: readonly Definition[], pages = 1): Uint8Array<ArrayBuffer> {
  const vector = (types: readonly ValType[] = []) => [...leb(types.length), ...types];
  const count = leb(functions.length);
  const all = functions.map((_, i) => i);
  return binary(
    section(1, [
      ...count,
      ...functions.flatMap(({ params, results }) => [0x60, ...vector(params), ...vector(results)]),
    ]),
    section(3, [...count, ...all.flatMap(leb)]),
    section(4, [1, ValType.funcref, 0, ...count]),
    section(5, [1, 0, ...leb(pages)]),
    section(7, [
      ...leb(functions.length + 1),
      ...functions.flatMap((func, i) => [...name(func.name), 0, ...leb(i)]),
      ...name("memory"),
      2,
      0,
    ]),
    section(9, [1, 0, ...i32Const(0), op("end"), ...count, ...all.flatMap(leb)]),
    codeSection(...functions.map(({ locals = [], code }) => [
      ...leb(locals.length),
      ...locals.flatMap(([count, type]) => [...leb(count), type]),
      ...code,
      op("end"),
    ])),
  );
}

/** The bytes of an instruction with unsigned immediates. */
export function ins(instruction: string, ...immediates: number[]): number[] {
  return [op(instruction), ...immediates.flatMap(leb)];
}

function signedLeb(value: bigint): number[] {
  const bytes: number[] = [];
  for (;;) {
    const byte = Number(value & 0x7fn);
    value >>= 7n;
    if (value === (byte & 0x40 ? -1n : 0n)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

export function i32Const(value: number): number[] {
  return [op("i32.const"), ...signedLeb(BigInt(value))];
}

export function i64Const(value: bigint): number[] {
  return [op("i64.const"), ...signedLeb(value)];
}

/** `count` times the same bytes, or what `make` gives for each index. */
export function times(count: number, make: readonly number[] | ((i: number) => readonly number[])): number[] {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    for (const byte of typeof make === "function" ? make(i) : make) out.push(byte);
  }
  return out;
}

/** Adds `by` to a local that is an i32. */
export function addTo(local: number, by: number): number[] {
  return [...ins("local.get", local), ...i32Const(by), ...ins("i32.add"), ...ins("local.set", local)];
}
