/**
 * References by number, so that the same host value found in two places is one value again after a
 * restore. Number 0 is null; then come the functions, then the other references.
 *
 * @module
 */
import { columnBytes, type Field } from "./field.ts";
import type { FuncRef, Ref, Snapshot } from "./snapshot.ts";

/** Numbers the references of a snapshot that is written. */
export class ReferenceWriter {
  readonly #functions = new Map<number, number>();
  readonly #hosts = new Map<string, number>();
  readonly #externs = new Map<unknown, number>();
  readonly #others: object[] = [];

  /** @param snapshot Every reference in it gets a number. */
  constructor(snapshot: Pick<Snapshot, "tables" | "globals" | "stack">) {
    for (const table of snapshot.tables) table.elements.forEach((ref) => this.#add(ref));
    for (const { value } of snapshot.globals) if (typeof value !== "bigint") this.#add(value);
    for (const frame of snapshot.stack) frame.refs.forEach((ref) => this.#add(ref));
  }

  /** Instance and function in one number: a snapshot has at most 2^20 instances. */
  static #functionKey = (ref: FuncRef) => ref.instance * 2 ** 32 + ref.func;

  #add(ref: Ref): void {
    if (ref === null) return;
    const [map, key] = this.#place(ref);
    if (map.has(key)) return;
    map.set(key, map === this.#functions ? map.size : this.#others.length);
    if (ref.kind === "host") this.#others.push({ kind: "host", module: ref.module, name: ref.name });
    if (ref.kind === "extern") this.#others.push({ kind: "extern", value: ref.value });
  }

  #place(ref: NonNullable<Ref>): [Map<unknown, number>, unknown] {
    switch (ref.kind) {
      case "func":
        return [this.#functions as Map<unknown, number>, ReferenceWriter.#functionKey(ref)];
      case "host":
        return [this.#hosts as Map<unknown, number>, JSON.stringify([ref.module, ref.name])];
      case "extern":
        return [this.#externs, ref.value];
    }
  }

  /** The number of a reference of the snapshot. */
  number(ref: Ref): number {
    if (ref === null) return 0;
    const [map, key] = this.#place(ref);
    return 1 + map.get(key)! + (ref.kind === "func" ? 0 : this.#functions.size);
  }

  /** The `references` field of the store. */
  body(): object {
    const keys = [...this.#functions.keys()];
    return {
      functions: {
        instance: columnBytes(keys.map((key) => Math.floor(key / 2 ** 32))),
        func: columnBytes(keys.map((key) => key % 2 ** 32)),
      },
      others: this.#others,
    };
  }
}

/** The references of an image that is read, by number. */
export class ReferenceReader {
  readonly #refs: Ref[] = [null];

  /** @param field The `references` field of the store. */
  constructor(field: Field) {
    const functions = field.get("functions");
    const instance = functions.get("instance").column();
    const func = functions.get("func").column(instance.length);
    for (let i = 0; i < instance.length; i++) {
      this.#refs.push({ kind: "func", instance: instance[i], func: func[i] });
    }
    for (const other of field.get("others").list()) {
      const kind = other.get("kind").oneOf(["host", "extern"]);
      this.#refs.push(
        kind === "host"
          ? { kind, module: other.get("module").text(), name: other.get("name").text() }
          : { kind, value: other.get("value").value },
      );
    }
  }

  /** The reference of a number that stands in `field`. */
  ref(number: number, field: Field): Ref {
    const ref = this.#refs[number];
    if (ref === undefined) field.refuse(`names reference ${number}, and there are ${this.#refs.length}`);
    return ref;
  }
}
