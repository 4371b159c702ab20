/**
 * Module instances (spec 4.2.5, 4.5.4). Generated code knows its own as `S`.
 *
 * @module
 */
import { LinkError } from "../compiler/errors.ts";
import { functionName } from "../compiler/function_name.ts";
import type { Program } from "../compiler/program.ts";
import type { SiteInfo } from "../compiler/resume.ts";
import { type ConstExpr, type ExternKind, type MemoryType, type Module, ValType } from "../compiler/types.ts";
import { DataSegments } from "./data_segments.ts";
import { Factories, OwnForm } from "./factories.ts";
import { type Code, Func, typeId } from "./func.ts";
import { type Global, OwnGlobal } from "./global.ts";
import { H } from "./helpers.ts";
import { hostCode, type HostFunction } from "./host_function.ts";
import { Memory } from "./memory.ts";
import { Native } from "./native.ts";
import { R, V } from "./results.ts";
import type { Store } from "./store.ts";
import { type Ref, Table } from "./table.ts";
import { Trap, TrapKind } from "./trap.ts";
import { pushBits, rawLength } from "./value.ts";

/** Anything a module can import or export. */
export type Extern = Func | Table | Memory | Global;

/** What a restored instance already has: its own, in the order of their definition. */
export interface Given {
  readonly tables?: readonly Table[];
  readonly memories?: readonly Memory[];
  readonly globals?: readonly Global[];
  /** Where its code comes from, if that is shared with instances of other stores. */
  readonly factories?: Factories;
}

export class Instance {
  readonly module: Module;
  readonly funcs: Func[] = [];
  readonly tables: Table[] = [];
  readonly memories: Memory[] = [];
  readonly globals: Global[] = [];
  /** Element segments as references; a dropped one is empty. */
  readonly elements: (readonly Ref[])[] = [];
  readonly datas: DataSegments;
  readonly droppedElements: Set<number> = new Set();
  readonly exports: ReadonlyMap<string, Extern>;

  readonly #resumeForms = new Map<string, Code>();
  readonly #factories: Factories;
  readonly #rt: Record<string, unknown>;
  #native: Native | null | undefined;
  /** Whether its segments, and nothing else, made its tables what they are before it runs. */
  #isAsDefined = false;

  /**
   * Allocates the instance and its own functions, tables, memories and globals; segments are not
   * applied yet and nothing runs. `given` provides what a restored instance already has.
   *
   * @param index Index of the instance in its store.
   */
  constructor(
    readonly store: Store,
    readonly program: Program,
    readonly index: number,
    imports: readonly (Extern | HostFunction)[],
    given: Given = {},
  ) {
    const module = this.module = program.module;
    const cache = index === 0 ? store.codeCache : undefined;
    const isNative = given.factories === undefined && Native.isPossible(program, store.thread);
    if (!isNative) this.#native = null;
    this.#factories = given.factories ?? new Factories(program, index, false, cache);
    for (const value of imports) {
      if (typeof value === "function") {
        const func = new Func(module.funcTypes[this.funcs.length], this, this.funcs.length, true);
        func.f = hostCode(func, value, store.thread);
        this.funcs.push(func);
      } else this.#space(kindOf(value)).push(value);
    }
    module.codes.forEach((_, i) => {
      const func = module.imported.funcs + i;
      this.funcs.push(new Func(module.funcTypes[func], this, func, false));
    });
    module.tables.slice(module.imported.tables).forEach((type, i) => {
      this.tables.push(given.tables?.[i] ?? new Table(type));
    });
    module.memories.slice(module.imported.memories).forEach((type, i) => {
      const memory = this.#memory(type, given.memories?.[i]);
      this.memories.push(memory);
    });
    module.globals.forEach(({ type, init }, i) => {
      const global = given.globals?.[i] ?? new OwnGlobal(type);
      this.globals.push(global);
      if (given.globals === undefined) [global.v, global.h = 0] = this.#evaluate(init) as [unknown, number];
    });
    module.elements.forEach(({ init, mode }) => {
      this.elements.push(mode.kind === "declarative" ? [] : init.map((expr) => this.#evaluate(expr)[0]));
    });
    this.datas = new DataSegments(module);
    this.exports = new Map(
      module.exports.map(({ name, kind, index }) => [name, this.#space(kind)[index] as Extern]),
    );
    this.#rt = {
      X: store.thread,
      U: store.thread.control,
      R,
      V,
      H,
      S: this,
      memories: this.memories,
      tables: this.tables,
      globals: this.globals,
      funcs: this.funcs,
      types: module.types.map(typeId),
    };
    this.#factories.cache?.funcs.forEach((func) => this.funcs[func].g());
  }

  /** One of its own memories; nobody shall hold a view of it from before it is shared with rewritten code. */
  #memory(type: MemoryType, given: Memory | undefined): Memory {
    if (this.#native === undefined) {
      try {
        if (given === undefined) return Memory.shared(type);
        given.share();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        // An engine has room for less of these than of buffers.
        this.#native = null;
      }
    }
    return given ?? new Memory(type);
  }

  #space(kind: ExternKind): Extern[] {
    return { func: this.funcs, table: this.tables, memory: this.memories, global: this.globals }[kind];
  }

  /** The raw value of a constant expression. */
  #evaluate(expr: ConstExpr): unknown[] {
    const raw: unknown[] = [];
    switch (expr.op) {
      case "i32.const":
        return [expr.value];
      case "i64.const":
        pushBits(raw, ValType.i64, expr.value);
        return raw;
      case "f32.const":
        pushBits(raw, ValType.f32, expr.bits);
        return raw;
      case "f64.const":
        pushBits(raw, ValType.f64, expr.bits);
        return raw;
      case "ref.null":
        return [null];
      case "ref.func":
        return [this.funcs[expr.index]];
      case "global.get":
        return [this.globals[expr.index].v, this.globals[expr.index].h];
    }
  }

  /** Applies active segments, in order (spec 4.5.4); what precedes a failing one stays written. */
  applySegments(): void {
    this.module.elements.forEach(({ mode }, i) => {
      if (mode.kind === "active") {
        const offset = this.#evaluate(mode.offset)[0] as number;
        this.tableInit(mode.index, i, offset, 0, this.elements[i].length);
      }
      if (mode.kind !== "passive") this.elemDrop(i);
    });
    this.module.datas.forEach(({ mode }, i) => {
      if (mode.kind !== "active") return;
      const offset = this.#evaluate(mode.offset)[0] as number;
      const bytes = this.datas.bytes(i);
      this.memories[mode.index].init(bytes, offset, 0, bytes.length);
      this.dataDrop(i);
    });
    this.#isAsDefined = true;
  }

  memoryInit(data: number, to: number, from: number, length: number): void {
    this.memories[0].init(this.datas.bytes(data), to, from, length);
  }
  dataDrop(data: number): void {
    this.datas.drop(data);
  }
  tableInit(table: number, elem: number, to: number, from: number, length: number): void {
    this.tables[table].init(this.elements[elem], to, from, length);
  }
  elemDrop(elem: number): void {
    this.elements[elem] = [];
    this.droppedElements.add(elem);
  }
  tableCopy(to: number, from: number, at: number, source: number, length: number): void {
    const range = (source >>> 0) + (length >>> 0);
    if (range > this.tables[from].size) throw new Trap(TrapKind.tableBounds);
    this.tables[to].init(this.tables[from].e, at, source, length);
  }

  /** Compiles the run form of a defined function. */
  compile(func: number): Code {
    return this.#native?.code(func) ?? this.#make(func, undefined);
  }

  /** Called before any of its code runs. What it begins with is there by then. */
  prepare(): void {
    if (this.#native !== undefined) return;
    this.#native = Native.of(this, this.#isAsDefined) ?? null;
    if (this.#native) this.store.thread.natives.push(this.#native);
  }

  /** The resume form of a defined function that starts at `site`; compiled once. */
  resumeForm(func: number, site: number): Code {
    const key = `${func}@${site}`;
    let code = this.#resumeForms.get(key);
    if (code === undefined) this.#resumeForms.set(key, code = this.#resumed(func, site));
    return code;
  }

  #resumed(func: number, site: number): Code {
    return this.#native?.resumeForm(func, site) ?? this.#make(func, site);
  }

  #make(func: number, site: number | undefined): Code {
    const isReady = (callee: number) => this.funcs[callee].f !== null;
    const { make, form } = this.#factories.of(func, site, isReady);
    return make(this.#rt, new OwnForm(this.funcs[func], form));
  }

  /** What stands at an offset of a defined function; `undefined` if no frame can be there. */
  site(func: number, site: number): SiteInfo | undefined {
    return this.#factories.site(func, site);
  }

  /** The same of a frame that is there. @throws {RangeError} There is no such site. */
  knownSite(func: number, site: number): SiteInfo {
    return this.#factories.knownSite(func, site);
  }

  /** How many raw values the parameters of a function take. */
  rawParams(func: number): number {
    return rawLength(this.module.funcTypes[func].params);
  }

  /** A function's name for people. */
  nameOf(func: number): string {
    return functionName(this.module, func);
  }
}

export function kindOf(extern: Extern): ExternKind {
  if (extern instanceof Func) return "func";
  if (extern instanceof Table) return "table";
  return extern instanceof Memory ? "memory" : "global";
}

/** Checks that what is given matches an import's type (spec 4.5.4, "Instantiation"). */
export function checkImport(module: Module, at: number, extern: Extern | HostFunction | undefined): Extern {
  const wanted = module.imports[at];
  const name = `"${wanted.module}" "${wanted.name}"`;
  if (typeof extern === "function") {
    throw new LinkError(`incompatible import type for ${name}: wanted a ${wanted.kind}, got a function`);
  }
  if (extern === undefined) {
    throw new LinkError(`unknown import: nothing is given for ${name} (${wanted.kind})`);
  }
  const fail = (what: string): never => {
    throw new LinkError(`incompatible import type for ${name}: ${what}`);
  };
  if (kindOf(extern) !== wanted.kind) return fail(`wanted a ${wanted.kind}, got a ${kindOf(extern)}`);
  const limits = (size: number, max: number | undefined, limits: { min: number; max?: number }) => {
    if (size < limits.min) fail(`size ${size} is below the minimum ${limits.min}`);
    if (limits.max !== undefined && (max === undefined || max > limits.max)) {
      fail(`maximum ${max ?? "none"} is above ${limits.max}`);
    }
  };
  if (wanted.kind === "func" && (extern as Func).t !== typeId(wanted.type)) {
    return fail("another function type");
  }
  if (wanted.kind === "table") {
    const table = extern as Table;
    if (table.type.element !== wanted.type.element) return fail("another element type");
    limits(table.size, table.type.limits.max, wanted.type.limits);
  }
  if (wanted.kind === "memory") {
    const memory = extern as Memory;
    limits(memory.pages, memory.type.limits.max, wanted.type.limits);
  }
  if (wanted.kind === "global") {
    const { type } = extern as Global;
    if (type.type !== wanted.type.type || type.mutable !== wanted.type.mutable) {
      return fail("another global type");
    }
  }
  return extern;
}
