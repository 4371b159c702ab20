/**
 * A validated module together with the options it is compiled under: makes the source text of any
 * function, in any form, on demand.
 *
 * @module
 */
import { CallGraph } from "./callgraph.ts";
import { decode } from "./decode.ts";
import { emit } from "./emit.ts";
import { Lowering, type LoweringContext } from "./lower.ts";
import { type CompileOptions, compileOptions } from "./policy.ts";
import type { Form, ResumePoint } from "./sites.ts";
import type { Module } from "./types.ts";
import { validate } from "./validate.ts";

/** The source text of one form of a function, and what the runtime must know about it. */
export interface CompiledForm {
  readonly text: string;
  readonly form: Form;
}

export class Program {
  readonly options: CompileOptions;
  readonly graph: CallGraph;
  readonly #mayUnwind: Uint8Array;

  /** @param module Decoded and validated. */
  constructor(readonly module: Module, options: Partial<CompileOptions> = {}, graph = new CallGraph(module)) {
    this.options = compileOptions(options);
    this.graph = graph;
    this.#mayUnwind = graph.mayUnwind(this.options);
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
    const module = decode(bytes);
    validate(module);
    return new Program(module, options);
  }

  /** The same module under other options. */
  withOptions(options: Partial<CompileOptions>): Program {
    return new Program(this.module, options, this.graph);
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
    const { module, graph, options } = this;
    const context: LoweringContext = {
      module,
      options,
      mayUnwind: (callee) => this.#mayUnwind[callee] === 1,
      passesDepth: (callee) => graph.passesDepth(callee),
      cyclic: (callee) => graph.cyclic(callee),
      isReady,
    };
    const lowered = new Lowering(context, func, resume).lower();
    const name = resume ? `${source}/r${func}@${resume.site}` : `${source}/f${func}`;
    return { text: emit(lowered, name), form: lowered.form };
  }
}
