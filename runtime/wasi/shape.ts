/**
 * Reading of data that came from outside: each value is checked as it is taken, and what is wrong is
 * told with its place.
 *
 * @module
 */
import { MvvmError } from "../../compiler/errors.ts";

/** The WASI part of an image was refused; nothing has been run. */
export class WasiRestoreError extends MvvmError {
  override readonly name = "WasiRestoreError";
}

/** A value and where it stands. */
export class Shape {
  constructor(readonly value: unknown, readonly where: string) {}

  refuse(wanted: string): never {
    throw new WasiRestoreError(`the image's ${this.where} is not ${wanted}; the image is damaged or foreign`);
  }

  get(key: string): Shape {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
      this.refuse("a record");
    }
    const inner = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    return new Shape(inner, `${this.where}.${key}`);
  }
  /** The elements of an array of no more than `limit`. */
  list(limit: number): Shape[] {
    const { value, where } = this;
    if (!Array.isArray(value)) this.refuse("a list");
    if (value.length > limit) this.refuse(`a list of at most ${limit}`);
    return value.map((inner, i) => new Shape(inner, `${where}[${i}]`));
  }
  /** The elements of an array of exactly `length`. */
  tuple(length: number): Shape[] {
    const list = this.list(length);
    return list.length === length ? list : this.refuse(`a list of ${length}`);
  }
  /** Whether it is there at all. */
  get given(): boolean {
    return this.value !== undefined && this.value !== null;
  }
  optional<T>(read: (shape: Shape) => T): T | undefined {
    return this.given ? read(this) : undefined;
  }
  number(): number {
    if (typeof this.value !== "number" || !Number.isFinite(this.value)) this.refuse("a number");
    return this.value;
  }
  /** A whole number from `min` to `max`. */
  integer(min: number, max: number): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      this.refuse(`a whole number from ${min} to ${max}`);
    }
    return value;
  }
  boolean(): boolean {
    if (typeof this.value !== "boolean") this.refuse("true or false");
    return this.value;
  }
  string(): string {
    if (typeof this.value !== "string") this.refuse("a text");
    return this.value;
  }
  /** One of some texts. */
  oneOf<T extends string>(...names: readonly T[]): T {
    const found = names.find((name) => name === this.value);
    return found ?? this.refuse(names.join(", "));
  }
  bytes(): Uint8Array {
    if (!(this.value instanceof Uint8Array)) this.refuse("a byte string");
    return this.value;
  }
  /** A path as the resolver leaves it: nothing in it that could lead out of the preopen. */
  path(): string {
    const path = this.string();
    const odd = (name: string) => name === "" || name === "." || name === ".." || name.includes("\0");
    if (path !== "" && path.split("/").some(odd)) this.refuse("a path inside a directory");
    return path;
  }
}
