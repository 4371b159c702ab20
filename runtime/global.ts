/**
 * Globals (spec 4.2.9).
 *
 * @module
 */
import { type GlobalType, ValType as T } from "../compiler/types.ts";
import { bitsOfF32, bitsOfF64, f32OfBits, f64OfBits, type Float } from "./helpers.ts";
import { R } from "./results.ts";

/** A global instance. Generated code reads and writes the fields. */
export abstract class Global {
  /** The value as generated code holds it; for an i64, the low half. */
  abstract v: unknown;
  /** The high half of an i64. */
  abstract h: number;

  constructor(readonly type: GlobalType) {}
}

/** A global that keeps its value itself. */
export class OwnGlobal extends Global {
  v: unknown = 0;
  h = 0;
}

/** A global whose bits are two words of a memory, which rewritten code reads and writes as well. */
abstract class SharedGlobal extends Global {
  constructor(type: GlobalType, protected readonly words: Int32Array) {
    super(type);
  }
}

// A class for each type: where generated code uses a global, V8 then sees one kind of object.

class SharedI32 extends SharedGlobal {
  get v(): unknown {
    return this.words[0];
  }
  set v(value: unknown) {
    this.words[0] = value as number;
  }
  get h(): number {
    return 0;
  }
  set h(_: number) {}
}

class SharedI64 extends SharedI32 {
  override get h(): number {
    return this.words[1];
  }
  override set h(value: number) {
    this.words[1] = value;
  }
}

class SharedF32 extends SharedI32 {
  override get v(): unknown {
    return f32OfBits(this.words[0]);
  }
  override set v(value: unknown) {
    this.words[0] = bitsOfF32(value as Float);
  }
}

class SharedF64 extends SharedI32 {
  override get v(): unknown {
    return f64OfBits(this.words[0], this.words[1]);
  }
  override set v(value: unknown) {
    this.words[0] = bitsOfF64(value as Float);
    this.words[1] = R[0];
  }
}

const classes = { [T.i32]: SharedI32, [T.i64]: SharedI64, [T.f32]: SharedF32, [T.f64]: SharedF64 };

/** A global of a number type with its bits in two words; takes over another's value. */
export function sharedGlobal({ type, v, h }: Global, words: Int32Array): Global {
  const shared = new classes[type.type as keyof typeof classes](type, words);
  shared.v = v;
  shared.h = h;
  return shared;
}
