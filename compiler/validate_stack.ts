/**
 * The operand and control stacks of the validation algorithm (WebAssembly 2.0, appendix "Validation Algorithm").
 *
 * @module
 */

import { type FuncType, type ValType, valTypeName } from "./types.ts";

/** The type of a value in unreachable code that may be of any type. */
export const UNKNOWN = 0;

/** Most values on the operand stack, so that a small hostile module cannot ask for gigabytes. */
const MAX_DEPTH = 1 << 24;

/** What opened a control frame, and what it became: opcodes as in the binary format. */
export const FUNC = 0x00, BLOCK = 0x02, LOOP = 0x03, IF = 0x04, ELSE = 0x05;

/**
 * Both stacks as flat arrays that grow and are kept from function to function, so that nothing is allocated per
 * instruction and nesting takes no recursion.
 */
export abstract class TypeStacks {
  /** Operand types; `UNKNOWN` or a `ValType`. */
  protected types = new Uint8Array(256);
  protected depth = 0;
  /** Most operands at any time since `reset`. */
  protected deepest = 0;

  /** Number of open control frames; the function's own is the first. */
  protected frames = 0;
  #kinds = new Uint8Array(64);
  #heights = new Int32Array(64);
  #unreachables = new Uint8Array(64);
  readonly #blockTypes: FuncType[] = [];
  /** The innermost frame: operand height at its start, and whether the rest of it cannot be reached. */
  protected height = 0;
  protected unreachable = false;

  protected abstract invalid(reason: string): never;
  protected abstract unsupported(feature: string): never;

  protected push(type: number): void {
    if (this.depth === this.types.length) this.#growTypes();
    this.types[this.depth++] = type;
    if (this.depth > this.deepest) this.deepest = this.depth;
  }

  protected pushAll(types: readonly ValType[]): void {
    for (let i = 0; i < types.length; i++) this.push(types[i]);
  }

  /** Pops a value of any type. */
  protected popAny(): number {
    if (this.depth > this.height) return this.types[--this.depth];
    if (this.unreachable) return UNKNOWN;
    this.invalid("type mismatch: expected a value, found an empty stack");
  }

  /** Pops a value of a type. */
  protected pop(expected: number): void {
    if (this.depth > this.height) {
      const found = this.types[--this.depth];
      if (found !== expected && found !== UNKNOWN && expected !== UNKNOWN) this.#mismatch(expected, found);
    } else if (!this.unreachable) this.#mismatch(expected);
  }

  protected popAll(expected: readonly ValType[]): void {
    for (let i = expected.length - 1; i >= 0; i--) this.pop(expected[i]);
  }

  /** Checks the values on top without popping them. */
  protected checkTop(expected: readonly ValType[]): void {
    const { depth } = this;
    this.popAll(expected);
    this.depth = depth;
  }

  /** Opens a control frame; its parameters must have been popped. */
  protected enter(kind: number, type: FuncType): void {
    const frame = this.frames++;
    if (frame === this.#kinds.length) this.#growFrames();
    if (frame > 0) this.#unreachables[frame - 1] = this.unreachable ? 1 : 0;
    this.#kinds[frame] = kind;
    this.#heights[frame] = this.depth;
    this.#blockTypes[frame] = type;
    this.height = this.depth;
    this.unreachable = false;
    this.pushAll(type.params);
  }

  /** Closes the innermost frame, whose results are popped, and returns what it was. */
  protected leave(): FuncType {
    const type = this.#blockTypes[this.frames - 1];
    this.popAll(type.results);
    const left = this.depth - this.height;
    if (left !== 0) {
      this.invalid(
        `type mismatch: ${left} ${left === 1 ? "value" : "values"} left on the stack at the end of a block`,
      );
    }
    const frame = --this.frames;
    if (frame > 0) {
      this.height = this.#heights[frame - 1];
      this.unreachable = this.#unreachables[frame - 1] === 1;
    }
    return type;
  }

  /** The kind of the innermost frame. */
  protected kind(): number {
    return this.#kinds[this.frames - 1];
  }

  /** The types that a branch to a label carries: 0 is the innermost frame. */
  protected labelTypes(label: number): readonly ValType[] {
    if (label >= this.frames) this.invalid(`unknown label ${label}`);
    const frame = this.frames - 1 - label;
    const type = this.#blockTypes[frame];
    return this.#kinds[frame] === LOOP ? type.params : type.results;
  }

  /** The rest of the innermost frame cannot be reached. */
  protected setUnreachable(): void {
    this.depth = this.height;
    this.unreachable = true;
  }

  /** Forgets everything, also what an error left behind. */
  protected reset(): void {
    this.depth = 0;
    this.deepest = 0;
    this.frames = 0;
  }

  #mismatch(expected: number, found?: number): never {
    const shown = found === undefined ? "an empty stack" : valTypeName(found);
    this.invalid(`type mismatch: expected ${valTypeName(expected)}, found ${shown}`);
  }

  #growTypes(): void {
    if (this.depth >= MAX_DEPTH) this.unsupported(`an operand stack of more than ${MAX_DEPTH} values`);
    this.types = doubled(this.types, Uint8Array);
  }

  #growFrames(): void {
    this.#kinds = doubled(this.#kinds, Uint8Array);
    this.#heights = doubled(this.#heights, Int32Array);
    this.#unreachables = doubled(this.#unreachables, Uint8Array);
  }
}

function doubled<T extends Uint8Array | Int32Array>(array: T, make: new (length: number) => T): T {
  const grown = new make(array.length * 2);
  grown.set(array);
  return grown;
}
