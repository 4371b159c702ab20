/**
 * Sites: the places where a running function may stop, and how to find a frame's values there.
 *
 * @module
 */
import type { Module, ValType } from "./types.ts";

/**
 * - `entry`: before the first instruction; the offset is that of the function's local declarations.
 * - `loop`: a back edge has reached the `loop` instruction.
 * - `call`: in a `call` or `call_indirect`, whose operands are gone and whose results are to come. The
 *   callee has a frame of its own, also when it is a host function that has not begun.
 */
export type SiteKind = "entry" | "loop" | "call";

/**
 * Where a captured value is: in a captured variable (two for an i64), or known when compiled. Locals that
 * nothing reads any more are zero or null.
 */
export type Source =
  | { readonly at: number; readonly highAt?: number }
  | { readonly constant: number | null; readonly high?: number };

export interface Site {
  /** Byte offset in the contents of the code section. */
  readonly offset: number;
  readonly kind: SiteKind;
  readonly locals: readonly Source[];
  readonly types: readonly ValType[];
  readonly operands: readonly Source[];
}

/** What the runtime must know about one compiled form of a function. */
export interface Form {
  /** Function index. */
  readonly func: number;
  /** The locals, parameters included. */
  readonly localTypes: readonly ValType[];
  /** Sites by the number that generated code reports. */
  readonly sites: readonly Site[];
}

/** Where a resume form starts. */
export interface ResumePoint {
  /** Byte offset in the contents of the code section. */
  readonly site: number;
  readonly kind: SiteKind;
  /** Types of the operands of the frame. */
  readonly operands: readonly ValType[];
  /** Operand stack height below each enclosing block (and its parameters), by the block's file offset. */
  readonly bases: ReadonlyMap<number, number>;
}

/** The types of all locals of a function, parameters first. */
export function localTypes(module: Module, func: number): ValType[] {
  const types = [...module.funcTypes[func].params];
  for (const { count, type } of module.codes[func - module.imported.funcs].locals) {
    for (let i = 0; i < count; i++) types.push(type);
  }
  return types;
}

/** The offset that names the entry of a function. */
export function entryOffset(module: Module, func: number): number {
  return module.codes[func - module.imported.funcs].start - module.codeSectionStart;
}
