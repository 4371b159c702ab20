/**
 * The instance of an image, for the new module: memories as they are, tables and globals with what is new
 * behind what was.
 *
 * @module
 */
import { type ConstExpr, type Module, type ValTypeName, valTypeName } from "../../compiler/types.ts";
import type { BuildComparison } from "../../compiler/upgrade/build.ts";
import { sizeRefusal } from "../../compiler/upgrade/definitions.ts";
import { few, type Finding } from "../../compiler/upgrade/finding.ts";
import type {
  Ref,
  Snapshot,
  SnapshotGlobal,
  SnapshotInstance,
  SnapshotMemory,
  SnapshotTable,
} from "../image/snapshot.ts";
import { upgradeReference } from "./references.ts";

type Parts = Pick<Snapshot, "instances" | "memories" | "tables" | "globals">;

/** Translates everything but the stack. What is returned is of use only if nothing was reported as unfit. */
export function upgradeInstance(
  image: Snapshot,
  build: BuildComparison,
  report: (finding: Finding) => void,
): Parts {
  return new InstanceUpgrader(image, build, report).parts();
}

class InstanceUpgrader {
  readonly #old: Module;
  readonly #next: Module;
  readonly #instance: SnapshotInstance;

  constructor(
    private readonly image: Snapshot,
    private readonly build: BuildComparison,
    private readonly report: (finding: Finding) => void,
  ) {
    this.#old = build.numbers.old;
    this.#next = build.numbers.next;
    this.#instance = image.instances[0];
  }

  parts(): Parts {
    const { memories, tables, globals } = this.image;
    const allTables = this.#tables(tables);
    const allGlobals = this.#globals(globals);
    const behind = (known: readonly number[], before: number, after: number) => [
      ...known,
      ...Array.from({ length: after - before }, (_, i) => before + i),
    ];
    const { datas, elements } = this.build.numbers;
    const { droppedDatas, droppedElements } = this.#instance;
    const instance: SnapshotInstance = {
      module: 0,
      imports: this.#imports(),
      memories: this.#instance.memories,
      tables: behind(this.#instance.tables, tables.length, allTables.length),
      globals: behind(this.#instance.globals, globals.length, allGlobals.length),
      droppedDatas: dropped(this.#next.datas, droppedDatas, datas),
      droppedElements: dropped(this.#next.elements, droppedElements, elements),
    };
    return {
      instances: [instance],
      memories: memories.map(this.#memory),
      tables: allTables,
      globals: allGlobals,
    };
  }

  #refuse(subject: string, text: string): void {
    this.report({ subject, fits: false, text });
  }

  #imports(): SnapshotInstance["imports"] {
    if (this.#instance.imports.some(({ kind }) => kind === "instance")) {
      this.#refuse("imports", "a function of another instance is imported");
    }
    return this.#next.imports.filter(({ kind }) => kind === "func")
      .map(({ module, name }) => ({ kind: "host", module, name }));
  }

  /** A memory keeps its contents and size; its maximum is the new module's. */
  readonly #memory = ({ pages, buffer }: SnapshotMemory, address: number): SnapshotMemory => {
    const index = this.#instance.memories.indexOf(address);
    const limits = this.#next.memories[index]?.limits ?? { min: 0 };
    const reason = sizeRefusal(pages, limits, "page");
    if (reason) this.#refuse(`memory ${index}`, reason);
    return { pages, buffer, ...(limits.max === undefined ? {} : { maxPages: limits.max }) };
  };

  #tables(tables: readonly SnapshotTable[]): SnapshotTable[] {
    const all: SnapshotTable[] = [];
    tables.forEach((table, address) => {
      const index = this.#instance.tables.indexOf(address);
      const elements = table.elements.map((ref, at) => this.#ref(ref, `table ${index}, element ${at}`));
      all.push(this.#table(index, elements, table.type));
    });
    for (let index = this.#old.tables.length; index < this.#next.tables.length; index++) {
      all.push(
        this.#table(index, [], valTypeName(this.#next.tables[index].element) as SnapshotTable["type"]),
      );
    }
    return all;
  }

  /** A table with the elements that it had, and those that the new module puts into places that were empty. */
  #table(index: number, elements: Ref[], type: SnapshotTable["type"]): SnapshotTable {
    const limits = this.#next.tables[index]?.limits ?? { min: 0 };
    const subject = `table ${index}`;
    const before = this.#old.tables[index]?.limits.min ?? 0;
    if (limits.min > before && elements.length > before) {
      this.#refuse(
        subject,
        `has grown from ${before} elements, and the new module starts with ${limits.min}`,
      );
    }
    while (elements.length < limits.min) elements.push(null);
    const reason = sizeRefusal(elements.length, limits, "element");
    if (reason) this.#refuse(subject, reason);
    const taken: string[] = [];
    for (const [at, expr] of this.build.newElements.get(index) ?? []) {
      if (elements[at] !== null) taken.push(`${at}`);
      else elements[at] = this.#constant(expr) as Ref;
    }
    if (taken.length > 0) {
      this.#refuse(
        subject,
        `new elements would take the place of what the program has put there: ${few(taken)}`,
      );
    }
    return { type, elements, ...(limits.max === undefined ? {} : { max: limits.max }) };
  }

  #globals(globals: readonly SnapshotGlobal[]): SnapshotGlobal[] {
    const all = globals.map((global, address) =>
      typeof global.value === "bigint"
        ? global
        : { ...global, value: this.#ref(global.value, `global ${this.#instance.globals.indexOf(address)}`) }
    );
    for (let index = this.#old.globalTypes.length; index < this.#next.globalTypes.length; index++) {
      // A module with more imported globals is refused already.
      const global = this.#next.globals[index - this.#next.imported.globals];
      if (global === undefined) break;
      const { type, mutable } = global.type;
      all.push({ type: valTypeName(type) as ValTypeName, mutable, value: this.#constant(global.init) });
    }
    return all;
  }

  #ref(ref: Ref, subject: string): Ref {
    const found = upgradeReference(ref, this.build.numbers);
    if (typeof found !== "string") return found;
    this.#refuse(subject, found);
    return ref;
  }

  /** The value of a new module's constant expression. */
  #constant(expr: ConstExpr): bigint | Ref {
    switch (expr.op) {
      case "i32.const":
        return BigInt.asUintN(32, BigInt(expr.value));
      case "i64.const":
        return BigInt.asUintN(64, expr.value);
      case "f32.const":
      case "f64.const":
        return BigInt(expr.bits);
      case "ref.null":
        return null;
      case "ref.func":
        return this.#function(expr.index);
      case "global.get":
        // Only imported globals can be named here, and those are the old ones.
        return this.image.globals[this.#instance.globals[expr.index]]?.value ?? null;
    }
  }

  #function(func: number): Ref {
    const { imported, imports } = this.#next;
    if (func >= imported.funcs) return { kind: "func", instance: 0, func };
    const { module, name } = imports.filter(({ kind }) => kind === "func")[func];
    return { kind: "host", module, name };
  }
}

/** Indices of segments that count as dropped: active and declarative ones, and what the program has dropped. */
function dropped(
  segments: readonly { readonly mode: { readonly kind: string } }[],
  before: readonly number[],
  numbers: ReadonlyMap<number, number>,
): number[] {
  const gone = new Set(before.map((index) => numbers.get(index)));
  return segments.flatMap(({ mode }, i) => mode.kind !== "passive" || gone.has(i) ? [i] : []);
}
