/**
 * A validated module together with the options it is compiled under: makes the source text of any
 * function, in any form, on demand.
 *
 * @module
 */
import { CallGraph } from "./callgraph.ts";
import { decode } from "./decode.ts";
import { emit } from "./emit.ts";
import type { LoweredFunction, LoweringContext } from "./context.ts";
import { Lowering } from "./lower.ts";
import { type CompileOptions, compileOptions } from "./policy.ts";
import { NotRewritable } from "./rewrite/body.ts";
import { type KeptModule, rewriteModule, rewrittenBefore, type RewrittenModule } from "./rewrite/module.ts";
import type { Form, ResumePoint } from "./sites.ts";
import type { Module } from "./types.ts";
import { validate, validateOutside } from "./validate.ts";

/** The source text of one form of a function, and what the runtime must know about it. */
export interface CompiledForm {
  readonly text: string;
  readonly form: Form;
}

/** Run forms that were made before, of the same module under the same options. */
export interface Precompiled {
  /** The text that `Program.compile` gave for a defined function, without the line that names its source. */
  text(func: number): string;
}

export class Program {
  readonly options: CompileOptions;
  #graph: CallGraph | undefined;
  #mayUnwind: Uint8Array | undefined;
  #rewritten: RewrittenModule | null | undefined;

  /** @param module Decoded and validated. */
  constructor(
    readonly module: Module,
    options: Partial<CompileOptions> = {},
    graph?: CallGraph,
    readonly precompiled?: Precompiled,
  ) {
    this.options = compileOptions(options);
    this.#graph = graph;
  }

  get graph(): CallGraph {
    return this.#graph ??= new CallGraph(this.module);
  }

  #unwinds(func: number): boolean {
    this.#mayUnwind ??= this.graph.mayUnwind(this.options);
    return this.#mayUnwind[func] === 1;
  }

  /**
   * Decodes, validates and prepares a module; no function is compiled yet.
   *
   * ```ts
   * import { Program } from "./program.ts";
   * const program = Program.from(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), { policy: "loop" });
   * program.module.codes.length; // 0
   * ```
   *
   * @throws {MalformedError | InvalidError | UnsupportedError}
   */
  static from(bytes: Uint8Array, options: Partial<CompileOptions> = {}): Program {
    const program = Program.decoded(bytes, options);
    program.validate();
    return program;
  }

  /** The same of a module that was validated before, or is to be. */
  static decoded(bytes: Uint8Array, options: Partial<CompileOptions> = {}): Program {
    return new Program(decode(bytes), options);
  }

  /** @throws {MalformedError | InvalidError | UnsupportedError} */
  validate(): void {
    if (!this.#isValidatedByRewriting()) validate(this.module);
  }

  /** Rewriting validates all bodies on its way. If it fails, validation alone finds what is to be said first. */
  #isValidatedByRewriting(): boolean {
    try {
      validateOutside(this.module);
      return this.rewritten !== undefined;
    } catch {
      return false;
    }
  }

  /** The same module under other options. */
  withOptions(options: Partial<CompileOptions>): Program {
    return new Program(this.module, options, this.graph);
  }

  /** The module rewritten to a module; `undefined` if the options or the module are not for that back end. */
  get rewritten(): RewrittenModule | undefined {
    if (this.#rewritten === undefined) this.#rewritten = this.#rewrite() ?? null;
    return this.#rewritten ?? undefined;
  }

  /** Takes what was made before of the same module, under the same options: it is valid, then. */
  takeRewritten(kept: KeptModule): void {
    this.#rewritten = rewrittenBefore(this.module, this.options, kept);
  }

  #rewrite(): RewrittenModule | undefined {
    const { backEnd, ticks, watch } = this.options;
    if (this.precompiled !== undefined || backEnd === "js" || watch !== undefined) return undefined;
    if (ticks && backEnd === "auto") return undefined;
    try {
      return rewriteModule(this.module, this.graph.traits(this.options), this.options);
    } catch (error) {
      if (error instanceof NotRewritable) return undefined;
      throw error;
    }
  }

  /**
   * Compiles a defined function.
   *
   * @param func Function index.
   * @param resume Where to start, for a resume form.
   * @param isReady Which functions have code already.
   * @param source Names the module in JavaScript stack traces.
   */
  compile(
    func: number,
    resume?: ResumePoint,
    isReady: (func: number) => boolean = () => false,
    source = "wasm",
  ): CompiledForm {
    const name = resume ? `${source}/r${func}@${resume.site}` : `${source}/f${func}`;
    if (this.precompiled && !resume) {
      const text = this.precompiled.text(func);
      return {
        text: `${text}\n//# sourceURL=${name}`,
        form: new LazyForm(func, () => this.#formOf(func, text)),
      };
    }
    const lowered = this.#lower(func, resume, isReady);
    return { text: `${emit(lowered)}\n//# sourceURL=${name}`, form: lowered.form };
  }

  /** The form that belongs to a text made before: needed only when a frame is captured. */
  #formOf(func: number, text: string): Form {
    const lowered = this.#lower(func, undefined, () => false);
    if (emit(lowered) === text) return lowered.form;
    throw new Error(`function ${func} was compiled ahead of time by another version; compile it again`);
  }

  #lower(func: number, resume: ResumePoint | undefined, isReady: (func: number) => boolean): LoweredFunction {
    const { module, graph, options } = this;
    const context: LoweringContext = {
      module,
      options,
      mayUnwind: (callee) => this.#unwinds(callee),
      mayGrow: (callee) => graph.mayGrow(callee),
      passesDepth: (callee) => graph.passesDepth(callee),
      cyclic: (callee) => graph.cyclic(callee),
      tableFuncs: (type) => graph.tableFuncs(type),
      isReady,
    };
    return new Lowering(context, func, resume).lower();
  }
}

class LazyForm implements Form {
  #form: Form | undefined;
  constructor(readonly func: number, private readonly make: () => Form) {}

  get #made(): Form {
    return this.#form ??= this.make();
  }
  get localTypes(): Form["localTypes"] {
    return this.#made.localTypes;
  }
  get sites(): Form["sites"] {
    return this.#made.sites;
  }
}
