/**
 * The second back end: a module rewritten to a module. V8 compiles it as it compiles any WebAssembly, and its
 * functions can be left at their sites all the same. Their frames are those that generated JavaScript has.
 *
 * Functions, tables and globals keep their indices. Memories are imported; segments of data and the start
 * function are the runtime's to apply, and stay out.
 *
 * @module
 */
import { Trait } from "../callgraph.ts";
import type { CompileOptions } from "../policy.ts";
import { type ConstExpr, isRefType, type Limits, type Module, ValType as T } from "../types.ts";
import { NotRewritable, type RewriteContext, type RewrittenForm } from "./body.ts";
import type { ByteWriter } from "./bytes.ts";
import { bytesOfGlobal, clonesOfEach, Extras, frameHeader, Helper, stateNames } from "./extras.ts";
import { FunctionRewriter } from "./function.ts";
import { CodeWriter, I } from "./writer.ts";

/** Names of what a rewritten module imports, all from the module `""`, and exports. */
export const linkNames = {
  memory: "m",
  control: "c",
  helpers: "h",
  funcs: "f",
  frames: "r",
  /** Followed by the place of a name in `stateNames`. */
  state: "x",
  globals: "g",
} as const;

/** Names the module in stack traces, with a number of so many digits. */
const moduleName = "rewritten";
const digits = 6;

/** Code may become so much longer. What programs are made of becomes two or three times as long. */
const mostGrowth = 10, mostMore = 1 << 24;

/** A rewritten module with another number in its name, which stands last. */
export function numbered(bytes: Uint8Array<ArrayBuffer>, number: number): Uint8Array<ArrayBuffer> {
  if (number === 0) return bytes;
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode(String(number).padStart(digits, "0")), copy.length - digits);
  return copy;
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
  /** The function that another, one of its clones perhaps, is. */
  original(func: number): number;
}

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
  if (globals.some(({ type, init }) => isRefType(type.type) || init.op === "global.get")) {
    refuse("references in globals");
  }
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
  const rewriter = new FunctionRewriter(context);
  const bytes = new ModuleWriter(context).write(rewriter);
  return { bytes, traits, ...lookups(rewriter, context.extras) };
}

/** What `rewriteModule` made of the same module, under the same options, and was kept. */
export function rewrittenBefore(module: Module, options: CompileOptions, kept: KeptModule): RewrittenModule {
  const context = contextOf(module, kept.traits, options);
  return { ...kept, ...lookups(new FunctionRewriter(context), context.extras) };
}

function contextOf(module: Module, traits: Uint8Array, options: CompileOptions): RewriteContext {
  return { module, options, extras: new Extras(module, clonedFuncs(module, traits, options)), traits };
}

/** Functions with more code are not worth clones. In bytes. */
const maxClonedSize = 1000;

/** The functions that have clones: small ones that call themselves. */
function clonedFuncs({ codes, imported }: Module, traits: Uint8Array, { without }: CompileOptions): number[] {
  if (without.includes("twins")) return [];
  return codes.flatMap(({ bodyStart, end }, i) => {
    const func = imported.funcs + i;
    return (traits[func] & Trait.selfCalls) !== 0 && end - bodyStart <= maxClonedSize ? [func] : [];
  });
}

function lookups(rewriter: FunctionRewriter, { clones }: Extras): Omit<RewrittenModule, keyof KeptModule> {
  const forms = new Map<number, RewrittenForm>();
  return {
    form(func) {
      let form = forms.get(func);
      if (form === undefined) forms.set(func, form = rewriter.formOf(func));
      return form;
    },
    original(func) {
      for (const [original, first] of clones) {
        if (func >= first && func < first + clonesOfEach) return original;
      }
      return func;
    },
  };
}

class ModuleWriter {
  readonly #module: Module;
  readonly #extras: Extras;
  /** Of each function, the branches that are seldom taken. */
  readonly #hints: { readonly func: number; readonly offsets: readonly number[] }[] = [];

  readonly #usesHints: boolean;

  constructor({ module, extras, options }: RewriteContext) {
    this.#usesHints = !options.without.includes("hints");
    this.#module = module;
    this.#extras = extras;
  }

  write(rewriter: FunctionRewriter): Uint8Array<ArrayBuffer> {
    const { types } = this.#extras;
    // Code first: it decides which types there are.
    const code = new CodeWriter(this.#module.bytes.length >> 2);
    this.#code(code, rewriter);
    const out = new CodeWriter(code.length + (1 << 16));
    out.bytes(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    const sections = new CodeWriter();
    this.#declarations(sections);
    out.section(1, (to) =>
      to.vector(types.types, ({ params, results }) => {
        to.u8(0x60);
        to.vector(params, (type) => to.u8(type));
        to.vector(results, (type) => to.u8(type));
      }));
    out.copy(sections.written);
    out.section(0, (to) => this.#branchHints(to));
    out.u8(10);
    out.u32(code.length);
    out.copy(code.written);
    out.section(0, (to) => {
      to.name("name");
      to.section(0, (part) => part.name(moduleName + "0".repeat(digits)));
    });
    return out.written;
  }

  #declarations(out: CodeWriter): void {
    const { imported, memories, tables, globals, codes, types } = this.#module;
    const extras = this.#extras;
    out.section(2, (to) => {
      to.u32(imported.funcs + memories.length + 1);
      this.#module.funcTypes.slice(0, imported.funcs).forEach((type, i) => {
        to.name("");
        to.name(String(i));
        to.u8(0);
        to.u32(types.indexOf(type));
      });
      for (const { limits: given } of memories) {
        to.name("");
        to.name(linkNames.memory);
        to.u8(2);
        limits(to, given);
      }
      to.name("");
      to.name(linkNames.control);
      to.bytes(2, 3, 1, 1);
    });
    out.section(3, (to) => {
      to.u32(this.#funcCount);
      for (const { typeIndex } of codes) to.u32(typeIndex);
      to.u32(extras.types.indexOf({ params: [T.i32, T.i32, T.i32], results: [T.i32] }));
      for (const func of extras.clones.keys()) {
        for (let i = 0; i < clonesOfEach; i++) to.u32(codes[func - imported.funcs].typeIndex);
      }
    });
    out.section(4, (to) => {
      to.u32(tables.length + 2);
      for (const { limits: given } of tables) {
        to.u8(T.funcref);
        limits(to, given);
      }
      to.u8(T.funcref);
      limits(to, { min: Object.keys(Helper).length });
      to.u8(T.funcref);
      limits(to, { min: this.#module.funcTypes.length });
    });
    out.section(5, (to) => {
      to.u32(2);
      limits(to, { min: 1 });
      limits(to, { min: 1, max: 1 });
    });
    out.section(6, (to) => {
      to.u32(globals.length + stateNames.length);
      for (const { type, init } of globals) {
        to.u8(type.type);
        to.u8(type.mutable ? 1 : 0);
        constant(to, init);
      }
      stateNames.forEach(() => to.bytes(T.i32, 1, 0x41, 0, 0x0b));
    });
    out.section(7, (to) => this.#exports(to));
    out.section(9, (to) => this.#elements(to));
  }

  #exports(to: ByteWriter): void {
    const extras = this.#extras;
    const entry = (name: string, kind: number, index: number) => {
      to.name(name);
      to.u8(kind);
      to.u32(index);
    };
    to.u32(4 + stateNames.length);
    entry(linkNames.helpers, 1, extras.helpers);
    entry(linkNames.funcs, 1, extras.funcs);
    entry(linkNames.frames, 2, extras.frames);
    entry(linkNames.globals, 2, extras.globals);
    stateNames.forEach((name, i) => entry(linkNames.state + i, 3, extras.state(name)));
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

  /** The custom section of the branch hinting proposal. */
  #branchHints(to: ByteWriter): void {
    to.name("metadata.code.branch_hint");
    to.vector(this.#hints, ({ func, offsets }) => {
      to.u32(func);
      to.vector(offsets, (offset) => {
        to.u32(offset);
        to.bytes(1, 0);
      });
    });
  }

  #code(out: CodeWriter, rewriter: FunctionRewriter): void {
    const { codes, imported } = this.#module;
    const addRewritten = (func: number, bytes: Uint8Array) => {
      out.u32(bytes.length);
      out.copy(bytes);
      if (out.length > mostGrowth * this.#module.bytes.length + mostMore) {
        throw new NotRewritable("its code would become too long");
      }
      if (rewriter.unlikely.length > 0 && this.#usesHints) {
        this.#hints.push({ func, offsets: [...rewriter.unlikely] });
      }
    };
    out.u32(this.#funcCount);
    codes.forEach((_, i) => addRewritten(imported.funcs + i, rewriter.rewrite(i)));
    const add = (write: (code: CodeWriter) => void) => {
      const code = new CodeWriter(64);
      write(code);
      code.end();
      out.u32(code.length);
      out.copy(code.written);
    };
    add((code) => this.#frame(code));
    for (const [func, first] of this.#extras.clones) {
      for (let i = 0; i < clonesOfEach; i++) {
        addRewritten(first + i, rewriter.rewrite(func - imported.funcs, i + 1));
      }
    }
  }

  /** The module's functions, the one for frames, clones. */
  get #funcCount(): number {
    return this.#module.codes.length + 1 + clonesOfEach * this.#extras.clones.size;
  }

  /** Makes room for a frame and writes its head: function, site, bytes of values. Gives where the values go. */
  #frame(code: CodeWriter): void {
    const extras = this.#extras;
    const [func, site, bytes, at, end] = [0, 1, 2, 3, 4];
    code.bytes(1, 2, T.i32);
    code.globalGet(extras.state("frames"));
    code.const(frameHeader);
    code.u8(I.add);
    code.tee(at);
    code.get(bytes);
    code.u8(I.add);
    code.tee(end);
    code.u8(I.memorySize);
    code.u32(extras.frames);
    code.const(16);
    code.u8(I.shl);
    code.u8(I.gtU);
    code.open("if");
    code.get(bytes);
    code.const(16);
    code.u8(I.shrU);
    code.const(16);
    code.u8(I.add);
    code.u8(I.memoryGrow);
    code.u32(extras.frames);
    code.u8(I.drop);
    code.end();
    for (const [i, value] of [func, site].entries()) {
      code.get(at);
      code.const(frameHeader - 4 * i);
      code.u8(I.sub);
      code.get(value);
      code.store(T.i32, extras.frames, 0);
    }
    code.get(end);
    code.globalSet(extras.state("frames"));
    code.get(at);
  }
}

function limits(to: ByteWriter, { min, max }: Limits): void {
  to.u8(max === undefined ? 0 : 1);
  to.u32(min);
  if (max !== undefined) to.u32(max);
}

function constant(to: ByteWriter, expr: ConstExpr): void {
  switch (expr.op) {
    case "i32.const":
      to.u8(0x41);
      to.s32(expr.value);
      break;
    case "i64.const":
      to.u8(0x42);
      to.s64(expr.value);
      break;
    case "f32.const":
      to.u8(0x43);
      to.bits(BigInt(expr.bits), 4);
      break;
    case "f64.const":
      to.u8(0x44);
      to.bits(expr.bits, 8);
      break;
    case "ref.null":
      to.bytes(0xd0, expr.type);
      break;
    case "ref.func":
      to.u8(0xd2);
      to.u32(expr.index);
      break;
    case "global.get":
      throw new NotRewritable("a constant that is a global's");
  }
  to.u8(0x0b);
}
