/**
 * Typed access to decoded msgpack, with errors that name the field: `store.memories[2].pages`.
 *
 * @module
 */
import { ImageError, type ImagePlace } from "./error.ts";

/** A value inside a body, and the path by which it was reached. */
export class Field {
  constructor(readonly value: unknown, readonly path: string, readonly place: ImagePlace) {}

  refuse(what: string, kind: "invalid" | "limit" = "invalid"): never {
    throw new ImageError(kind, `${this.path} ${what}`, this.place);
  }

  /** The value as a map, fields by name. */
  map(): Record<string, unknown> {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      this.refuse("must be a map");
    }
    return value as Record<string, unknown>;
  }

  /** A field of the map, or `undefined` if it has none of that name. */
  optional(name: string): Field | undefined {
    const map = this.map();
    return Object.hasOwn(map, name) ? new Field(map[name], `${this.path}.${name}`, this.place) : undefined;
  }

  get(name: string): Field {
    return this.optional(name) ?? this.refuse(`has no field ${JSON.stringify(name)}`);
  }

  list(): Field[] {
    if (!Array.isArray(this.value)) this.refuse("must be an array");
    return this.value.map((each, i) => new Field(each, `${this.path}[${i}]`, this.place));
  }

  /** An integer from 0 to `max`. */
  uint(max = 0xffffffff): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
      this.refuse(`must be an integer from 0 to ${max}`);
    }
    return value;
  }

  bool(): boolean {
    if (typeof this.value !== "boolean") this.refuse("must be true or false");
    return this.value;
  }

  text(): string {
    if (typeof this.value !== "string") this.refuse("must be a string");
    return this.value;
  }

  oneOf<T extends string>(names: readonly T[]): T {
    return names.find((name) => name === this.value) ?? this.refuse(`must be one of ${names.join(", ")}`);
  }

  /** Bytes, of the given length if there is one. */
  bytes(length?: number): Uint8Array {
    const { value } = this;
    if (!(value instanceof Uint8Array)) this.refuse("must be bin");
    if (length !== undefined && value.length !== length) {
      this.refuse(`must be ${length} bytes long and is ${value.length}`);
    }
    return value;
  }

  /** A column: little-endian unsigned 32-bit integers, one behind the other. Always a copy. */
  column(length?: number): Uint32Array<ArrayBuffer> {
    const bytes = this.bytes(length === undefined ? undefined : 4 * length);
    if (bytes.length % 4 !== 0) this.refuse("must be a whole number of 32-bit integers");
    return new Uint32Array(new Uint8Array(bytes).buffer);
  }
}

/** The bytes of a column: the inverse of `Field.column`. Typed arrays are little-endian on every host of ours. */
export function columnBytes(numbers: Uint32Array | readonly number[]): Uint8Array {
  const column = numbers instanceof Uint32Array ? numbers : Uint32Array.from(numbers);
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
