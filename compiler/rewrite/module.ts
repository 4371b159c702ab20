/**
 * The second back end: a module rewritten to a module. V8 compiles it as it compiles any WebAssembly, and its
 * functions can be left at their sites all the same. Their frames are those that generated JavaScript has.
 *
 * Functions, tables and globals keep their indices. Memories are imported; segments of data and the start
 * function are the runtime's to apply, and stay out.
 *
 * @module
 */
import type { CompileOptions } from "../policy.ts";
import { type FuncType, isRefType, type Module, ValType as T } from "../types.ts";
import { NotRewritable, type RewriteContext, type RewrittenForm } from "./body.ts";
import type { ByteWriter } from "./bytes.ts";
import { bytesOfGlobal, Extras, Helper, stateNames } from "./extras.ts";
import { savingFunctions, savingTypes } from "./saving.ts";
import { FunctionRewriter } from "./function.ts";
import { functionsWithInner, InnerRewriter, innerType, outerFunction } from "./inner_function.ts";
import { framesLimits, globalsLimits, importMemories, linkNames } from "./links.ts";
import {
  type BranchHints,
  constant,
  exportOf,
  funcTable,
  global,
  hintSection,
  importOf,
  limits,
  nameSection,
  preamble,
  SectionId,
  typeSection,
} from "./sections.ts";
import { CodeWriter, I } from "./writer.ts";

/** Names the module in stack traces, with a number of so many digits. */
const moduleName = "rewritten";
const digits = 6;

/** Code may become so much longer. What programs are made of becomes two or three times as long. */
const mostGrowth = 10, mostMore = 1 << 24;

/** A rewritten module with another number in its name, which stands last. */
export function numbered(bytes: Uint8Array<ArrayBuffer>, number: number): Uint8Array<ArrayBuffer> {
  if (number === 0) return bytes;
  const copy = bytes.slice();
  const name = new TextEncoder().encode(nameOf(number));
  copy.set(name, copy.length - name.length);
  return copy;
}

/** A rewritten module's name. */
export function nameOf(number: number): string {
  return moduleName + String(number).padStart(digits, "0");
}

/** A rewritten module, to be kept. */
export interface KeptModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By function index: bits of `Trait`. */
  readonly traits: Uint8Array<ArrayBuffer>;
}

export interface RewrittenModule extends KeptModule {
  /** What the runtime must know to read the frames of a function. */
  form(func: number): RewrittenForm;
  /** The function that one of the rewritten module has the code of; `undefined` for outer ones, which have none. */
  original(func: number): number | undefined;
}

/**
 * V8 inlines more where many functions are small: it takes that to mean that nothing was inlined before. Rewriting
 * makes functions longer, so empty ones are added until as large a share is small as was before. In bytes; and the
 * share from which on more make no difference.
 */
const smallSize = 50, mostSmall = 0.5;

const emptyType: FuncType = { params: [], results: [] };

/** As many as one page has room for. */
const mostGlobals = 65536 / bytesOfGlobal;

/** @throws {NotRewritable} The module shares what this back end keeps to itself. */
function checkRewritable({ imports, memories, tables, globals, types, exports }: Module): void {
  const refuse = (what: string): never => {
    throw new NotRewritable(what);
  };
  if (imports.some(({ kind }) => kind !== "func")) refuse("it imports more than functions");
  if (memories.length > 1) refuse("several memories");
  if (globals.length > mostGlobals) refuse("very many globals");
  if (tables.some(({ element }) => element !== T.funcref)) refuse("tables of host values");
  if (globals.some(({ type }) => isRefType(type.type))) refuse("references in globals");
  if (types.some(({ params, results }) => [...params, ...results].some(isRefType))) {
    refuse("references in function types");
  }
  if (exports.some(({ kind }) => kind === "table" || kind === "global")) refuse("exported tables or globals");
}

/**
 * Validates the function bodies of a module, and rewrites it.
 *
 * @param options `policy`, `thresholdBits`, `ticks` and `without` count.
 * @throws {MalformedError | InvalidError | UnsupportedError} as `validate`, for function bodies.
 * @throws {NotRewritable}
 */
export function rewriteModule(
  module: Module,
  traits: KeptModule["traits"],
  options: CompileOptions,
): RewrittenModule {
  checkRewritable(module);
  const context = contextOf(module, traits, options);
  const rewriters = rewritersOf(context);
  const bytes = new ModuleWriter(context).write(rewriters);
  return { bytes, traits, ...lookups(context, rewriters) };
}

/** What `rewriteModule` made of the same module, under the same options, and was kept. */
export function rewrittenBefore(module: Module, options: CompileOptions, kept: KeptModule): RewrittenModule {
  const context = contextOf(module, kept.traits, options);
  return { ...kept, ...lookups(context, rewritersOf(context)) };
}

function contextOf(module: Module, traits: Uint8Array, options: CompileOptions): RewriteContext {
  return { module, options, extras: Extras.of(module, functionsWithInner(module, traits, options)), traits };
}

/** For functions, and for those that have an inner one. */
interface Rewriters {
  readonly plain: FunctionRewriter;
  readonly inner: InnerRewriter;
}

function rewritersOf(context: RewriteContext): Rewriters {
  return { plain: new FunctionRewriter(context), inner: new InnerRewriter(context) };
}

function lookups(
  { module: { imported }, extras }: RewriteContext,
  { plain, inner }: Rewriters,
): Omit<RewrittenModule, keyof KeptModule> {
  const forms = new Map<number, RewrittenForm>();
  const outer = new Map([...extras.inner].map(([func, index]) => [index, func]));
  return {
    form(func) {
      let form = forms.get(func);
      if (form === undefined) {
        // Rewriting it again: few are ever asked for.
        const rewriter = extras.inner.has(func) ? inner : plain;
        rewriter.rewrite(func - imported.funcs);
        forms.set(func, form = rewriter.form);
      }
      return form;
    },
    original: (func) => extras.inner.has(func) ? undefined : outer.get(func) ?? func,
  };
}

class ModuleWriter {
  readonly #module: Module;
  readonly #extras: Extras;
  readonly #hints: BranchHints[] = [];
  readonly #usesHints: boolean;

  /** How many empty functions there are. */
  #padding = 0;

  constructor(private readonly context: RewriteContext) {
    const { module, extras, options } = context;
    this.#usesHints = !options.without.includes("hints");
    this.#module = module;
    this.#extras = extras;
  }

  write(rewriters: Rewriters): Uint8Array<ArrayBuffer> {
    const { types } = this.#extras;
    // Code first: it decides which types there are.
    const code = new CodeWriter(this.#module.bytes.length >> 2);
    this.#code(code, rewriters);
    const out = new CodeWriter(code.length + (1 << 16));
    preamble(out);
    const sections = new CodeWriter();
    this.#declarations(sections);
    typeSection(out, types.types);
    out.copy(sections.written);
    hintSection(out, this.#hints);
    const count = new CodeWriter();
    count.u32(this.#funcCount);
    out.u8(SectionId.code);
    out.u32(count.length + code.length);
    out.copy(count.written);
    out.copy(code.written);
    nameSection(out, nameOf(0));
    return out.written;
  }

  #declarations(out: CodeWriter): void {
    const { imported, memories, tables, globals, codes, types, funcTypes } = this.#module;
    const extras = this.#extras;
    out.section(SectionId.import, (to) => {
      to.u32(imported.funcs + memories.length + 1);
      funcTypes.slice(0, imported.funcs).forEach((type, i) => {
        importOf(to, String(i), "func");
        to.u32(types.indexOf(type));
      });
      importMemories(to, memories);
    });
    out.section(SectionId.function, (to) => {
      to.u32(this.#funcCount);
      for (const { typeIndex } of codes) to.u32(typeIndex);
      for (const type of savingTypes) to.u32(extras.types.indexOf(type));
      for (const func of extras.inner.keys()) to.u32(extras.types.indexOf(innerType(funcTypes[func])));
      for (let i = 0; i < this.#padding; i++) to.u32(extras.types.indexOf(emptyType));
    });
    out.section(SectionId.table, (to) => {
      to.u32(tables.length + 2);
      for (const { limits: given } of tables) funcTable(to, given);
      funcTable(to, { min: Object.keys(Helper).length });
      funcTable(to, { min: funcTypes.length });
    });
    out.section(SectionId.memory, (to) => {
      to.u32(2);
      limits(to, framesLimits);
      limits(to, globalsLimits);
    });
    out.section(SectionId.global, (to) => {
      to.u32(globals.length + stateNames.length);
      for (const each of globals) global(to, each);
      stateNames.forEach(() => to.bytes(T.i32, 1, 0x41, 0, 0x0b));
    });
    out.section(SectionId.export, (to) => this.#exports(to));
    out.section(SectionId.element, (to) => this.#elements(to));
  }

  #exports(to: ByteWriter): void {
    const extras = this.#extras;
    const { tables } = this.#module;
    to.u32(4 + savingTypes.length + tables.length + stateNames.length);
    savingTypes.forEach((_, i) => exportOf(to, linkNames.saving + i, "func", extras.saving + i));
    tables.forEach((_, i) => exportOf(to, linkNames.table + i, "table", i));
    exportOf(to, linkNames.helpers, "table", extras.helpers);
    exportOf(to, linkNames.funcs, "table", extras.funcs);
    exportOf(to, linkNames.frames, "memory", extras.frames);
    exportOf(to, linkNames.globals, "memory", extras.globals);
    stateNames.forEach((name, i) => exportOf(to, linkNames.state + i, "global", extras.state(name)));
  }

  #elements(to: ByteWriter): void {
    const { elements, funcTypes, imported } = this.#module;
    const active = elements.filter(({ mode }) => mode.kind === "active");
    to.u32(active.length + 1);
    for (const { init, mode } of active) {
      if (mode.kind !== "active") continue;
      to.u32(6);
      to.u32(mode.index);
      constant(to, mode.offset);
      to.u8(T.funcref);
      to.vector(init, (expr) => constant(to, expr));
    }
    to.u32(2);
    to.u32(this.#extras.funcs);
    to.bytes(0x41);
    to.s32(imported.funcs);
    to.bytes(0x0b, 0);
    to.vector(funcTypes.slice(imported.funcs), (_, i) => to.u32(imported.funcs + i));
  }

  /** The module's functions, those that save frames, inner ones, empty ones. */
  get #funcCount(): number {
    return this.#module.codes.length + savingTypes.length + this.#extras.inner.size + this.#padding;
  }

  #code(out: CodeWriter, { plain, inner }: Rewriters): void {
    const { codes, imported } = this.#module;
    let small = 0;
    const add = (bytes: Uint8Array) => {
      if (bytes.length < smallSize) small++;
      out.u32(bytes.length);
      out.copy(bytes);
      if (out.length > mostGrowth * this.#module.bytes.length + mostMore) {
        throw new NotRewritable("its code would become too long");
      }
    };
    const addRewritten = (index: number, rewriter: FunctionRewriter, definedIndex: number) => {
      add(rewriter.rewrite(definedIndex));
      if (rewriter.unlikely.length > 0 && this.#usesHints) {
        this.#hints.push({ func: index, offsets: [...rewriter.unlikely] });
      }
    };
    codes.forEach((_, i) => {
      const func = imported.funcs + i;
      if (this.#extras.inner.has(func)) add(outerFunction(this.context, func));
      else addRewritten(func, plain, i);
    });
    savingFunctions(this.#extras).forEach(add);
    for (const [func, index] of this.#extras.inner) addRewritten(index, inner, func - imported.funcs);
    if (this.context.options.without.includes("padding")) return;
    const smallBefore = codes.filter(({ start, end }) => end - start < smallSize).length;
    const share = Math.min(smallBefore / Math.max(codes.length, 1), mostSmall);
    this.#padding = Math.max(0, Math.ceil((share * this.#funcCount - small) / (1 - share)));
    for (let i = 0; i < this.#padding; i++) out.bytes(2, 0, I.end);
  }
}
