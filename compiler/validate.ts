/**
 * Validating a module (WebAssembly 2.0, section 3.4).
 *
 * @module
 */

import { InvalidError } from "./errors.ts";
import { needsDataCount, skipExpression } from "./instructions.ts";
import { Reader } from "./reader.ts";
import {
  type ConstExpr,
  type ExternKind,
  type Limits,
  type Located,
  type Module,
  type SegmentMode,
  ValType,
  valTypeName,
} from "./types.ts";
import { FunctionValidator } from "./validate_function.ts";

/** Largest memory in pages (3.2.4). */
const MAX_PAGES = 65536;

/**
 * Validates a decoded module and all of its function bodies.
 *
 * @throws {MalformedError} Instructions are not well-formed; this comes before any `InvalidError`.
 * @throws {InvalidError} The module breaks a rule of validation.
 * @throws {UnsupportedError} A function needs SIMD.
 */
export function validate(module: Module): void {
  try {
    validateOutside(module);
    const validator = new FunctionValidator(module);
    for (let i = 0; i < module.codes.length; i++) validator.validate(i);
  } catch (error) {
    // Bodies are decoded while they are validated. A malformed module has no validity: look at the rest.
    if (error instanceof InvalidError) checkBodies(module);
    throw error;
  }
}

/**
 * Validates everything but the function bodies.
 *
 * @throws {InvalidError}
 */
export function validateOutside(module: Module): void {
  if (module.invalid !== undefined) throw module.invalid;
  new Rules(module).check();
}

/** Fails if the instructions of any function are malformed. */
function checkBodies(module: Module): void {
  const reader = new Reader(module.bytes);
  reader.part = "code section";
  module.codes.forEach((code, i) => {
    reader.func = module.imported.funcs + i;
    reader.position = code.bodyStart;
    reader.end = code.end;
    skipExpression(reader, !needsDataCount(module));
    if (reader.position !== code.end) {
      reader.fail("section size mismatch: instructions after the function's end");
    }
  });
}

/** The rules for everything outside of function bodies. */
class Rules {
  /** Where the current rule looks, for messages. */
  #section: Located = "imports";
  #entry = 0;

  readonly #sizes: Readonly<Record<ExternKind, number>>;

  constructor(readonly module: Module) {
    const { funcTypes, tables, memories, globalTypes } = module;
    this.#sizes = {
      func: funcTypes.length,
      table: tables.length,
      memory: memories.length,
      global: globalTypes.length,
    };
  }

  check(): void {
    const { module } = this;
    const { imported } = module;
    this.#each("imports", module.imports, (entry) => {
      if (entry.kind === "table") this.#table(entry.type.limits);
      if (entry.kind === "memory") this.#memory(entry.type.limits);
    });
    this.#each("tables", module.tables.slice(imported.tables), ({ limits }) => this.#table(limits));
    this.#each("memories", module.memories.slice(imported.memories), ({ limits }) => this.#memory(limits));
    if (module.memories.length > 1) this.#fail("multiple memories (not supported)");
    this.#each("globals", module.globals, ({ type, init }) => this.#expression(init, type.type));
    const names = new Set<string>();
    this.#each("exports", module.exports, ({ name, kind, index }) => {
      if (names.has(name)) this.#fail(`duplicate export name "${name}"`);
      names.add(name);
      this.#index(kind, index);
    });
    if (module.start !== undefined) this.#each("start", [module.start], (index) => this.#start(index));
    this.#each("elements", module.elements, ({ type, init, mode }) => {
      if (mode.kind === "active") {
        this.#index("table", mode.index);
        this.#same(module.tables[mode.index].element, type);
      }
      this.#placed(mode);
      for (const expr of init) this.#expression(expr, type);
    });
    this.#each("datas", module.datas, ({ mode }) => {
      if (mode.kind === "active") this.#index("memory", mode.index);
      this.#placed(mode);
    });
  }

  /** Applies a rule to each entry of a section. */
  #each<T>(section: Located, entries: readonly T[], rule: (entry: T) => void): void {
    this.#section = section;
    entries.forEach((entry, i) => {
      this.#entry = i;
      rule(entry);
    });
  }

  #table(limits: Limits): void {
    this.#limits(limits);
  }

  #memory(limits: Limits): void {
    if (limits.min > MAX_PAGES || (limits.max ?? 0) > MAX_PAGES) {
      this.#fail("memory size must be at most 65536 pages (4GiB)");
    }
    this.#limits(limits);
  }

  #limits({ min, max }: Limits): void {
    if (max !== undefined && min > max) {
      this.#fail(`size minimum must not be greater than maximum: ${min}, ${max}`);
    }
  }

  #index(kind: ExternKind, index: number): void {
    if (index >= this.#sizes[kind]) this.#fail(`unknown ${names[kind]} ${index}`);
  }

  #start(index: number): void {
    this.#index("func", index);
    const { params, results } = this.module.funcTypes[index];
    if (params.length + results.length > 0) {
      this.#fail("start function must have no parameters and no results");
    }
  }

  #placed(mode: SegmentMode): void {
    if (mode.kind === "active") this.#expression(mode.offset, ValType.i32);
  }

  #expression(expr: ConstExpr, expected: ValType): void {
    this.#same(expected, this.#typeOf(expr));
  }

  #typeOf(expr: ConstExpr): ValType {
    switch (expr.op) {
      case "ref.null":
        return expr.type;
      case "ref.func":
        this.#index("func", expr.index);
        return ValType.funcref;
      case "global.get": {
        // Only imported globals are known in constant expressions (3.4.10).
        if (expr.index >= this.module.imported.globals) {
          const later = expr.index < this.module.globalTypes.length;
          const hint = later
            ? " (constant expressions that read a global of this module: not supported)"
            : "";
          this.#fail(`unknown global ${expr.index}${hint}`);
        }
        const { type, mutable } = this.module.globalTypes[expr.index];
        if (mutable) {
          this.#fail(`constant expression required, found global.get of mutable global ${expr.index}`);
        }
        return type;
      }
      case "i32.const":
        return ValType.i32;
      case "i64.const":
        return ValType.i64;
      case "f32.const":
        return ValType.f32;
      case "f64.const":
        return ValType.f64;
    }
  }

  #same(expected: ValType, found: ValType): void {
    if (expected !== found) {
      this.#fail(`type mismatch: expected ${valTypeName(expected)}, found ${valTypeName(found)}`);
    }
  }

  #fail(reason: string): never {
    const [section, i] = [this.#section, this.#entry];
    const where = section === "start" ? "start section" : `${singular[section]} ${i}`;
    throw new InvalidError(reason, this.module.offsets[section][i], where);
  }
}

const names: Readonly<Record<ExternKind, string>> = {
  func: "function",
  table: "table",
  memory: "memory",
  global: "global",
};

const singular: Readonly<Record<Exclude<Located, "start">, string>> = {
  imports: "import",
  tables: "table",
  memories: "memory",
  globals: "global",
  exports: "export",
  elements: "element segment",
  datas: "data segment",
};
