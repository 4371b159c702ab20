/**
 * One image, many guests: a program is initialised once, and each request is answered by a clone that begins
 * where the image stands.
 *
 * @module
 */
import { LinkError } from "../compiler/errors.ts";
import type { Program } from "../compiler/program.ts";
import { Baseline } from "./baseline.ts";
import { importName } from "./checkpoint.ts";
import { Clone, type CloneOptions } from "./clone.ts";
import { Factories } from "./factories.ts";
import {
  checkImports,
  checkModules,
  Guest,
  type Imports,
  type Outcome,
  resolver,
  type RunOptions,
} from "./guest.ts";
import { hostCode } from "./host_function.ts";
import type { Ref, Snapshot } from "./image/snapshot.ts";
import { MemoryTemplate } from "./memory_template.ts";
import { restoreStore } from "./restore.ts";
import type { Resolver, Store } from "./store.ts";
import { MemoryHost, type Tree } from "./wasi/host_memory.ts";
import { inputStream, outputStream } from "./wasi/streams.ts";
import { Wasi, type WasiRestoreOptions } from "./wasi/wasi.ts";

export interface TemplateOptions {
  /**
   * How many instances that are not in use are kept, 4 if not given. Each holds its memories; one more that is
   * needed costs the making of it.
   */
  readonly maxIdle?: number;
}

/** What one answer needs beside the input. */
export interface AnswerOptions extends WasiRestoreOptions, RunOptions {
  /** Host functions beside WASI's. */
  readonly imports?: Imports;
  /** Directories in memory, by the name that a preopen's `host` gives. */
  readonly directories?: Readonly<Record<string, Tree>>;
}

/** What a clone did with its input. */
export interface Answer {
  readonly outcome: Outcome;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** An instance that is ready to be a clone's. */
interface Prepared {
  readonly store: Store;
  readonly baseline: Baseline;
}

/**
 * Makes guests of one image.
 *
 * - Clones share the image's checks, the compiled code with all that V8 has learnt about it, and one copy of
 *   what is not zero in the memories.
 * - Clones share nothing that one of them can change. An instance that is used again is reset before: memories,
 *   tables, globals, dropped segments, frames. WASI and host functions are always new.
 * - `random_get` is fresh in each clone, unless the image's guest had a seed. What the guest itself made of
 *   random bytes before the image, such as the state of a generator or keys, is the same in all clones. Each
 *   clone's monotonic clock goes on from the image's time.
 *
 * ```ts
 * import { Guest, inputToCome, MemoryHost, Program, Template, Wasi } from "../mod.ts";
 *
 * async function* answers(bytes: Uint8Array, requests: Iterable<string>) {
 *   const program = Program.from(bytes);
 *   const wasi = new Wasi({ args: ["program"] }, new MemoryHost({ stdin: inputToCome() }));
 *   const outcome = await Guest.start(program, { wasi }).run();
 *   if (outcome.kind !== "checkpointed") throw new Error("it never reads its input");
 *   const template = await Template.from(outcome.image, program);
 *   for (const request of requests) yield (await template.answer(request)).stdout;
 * }
 * ```
 */
export class Template {
  /** The image, but for the contents of memories. Not to be changed. */
  readonly image: Omit<Snapshot, "memories">;
  readonly #idle: Prepared[] = [];
  readonly #memories: readonly MemoryTemplate[];
  readonly #factories: readonly Factories[];
  /** Whether references hold objects of the host, which a clone could change. */
  readonly #hasObjects: boolean;
  readonly #maxIdle: number;

  private constructor(image: Snapshot, readonly program: Program, options: TemplateOptions) {
    const { memories, ...rest } = image;
    this.image = rest;
    this.#maxIdle = options.maxIdle ?? 4;
    this.#memories = memories.map((memory) => new MemoryTemplate(memory));
    this.#factories = image.instances.map((_, index) => new Factories(program, index, true));
    this.#hasObjects = references(image).some((ref) =>
      ref?.kind === "extern" && typeof ref.value === "object" && ref.value !== null
    );
  }

  /**
   * Checks an image and makes the first instance.
   *
   * @param image Of a file, or of a guest, which may run on afterwards: memories are copied.
   * @param program The same module that the image was taken of, under any options.
   * @throws {RestoreError} It is another module, or the image does not fit it.
   */
  static async from(image: Snapshot, program: Program, options: TemplateOptions = {}): Promise<Template> {
    await checkModules(image, program);
    const template = new Template(image, program, options);
    template.#put(template.#prepare());
    return template;
  }

  /** How many instances wait for use. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Bytes of memory contents that all clones begin with. */
  get storedBytes(): number {
    return this.#memories.reduce((sum, { stored }) => sum + stored, 0);
  }

  /**
   * A guest that stands where the image stands. Release it after use.
   *
   * @throws {LinkError} A host function is missing.
   */
  clone(options: CloneOptions = {}): Clone {
    checkImports(this.program, options);
    const prepared = this.#idle.pop() ?? this.#prepare();
    try {
      connect(prepared.store, resolver(options));
    } catch (error) {
      this.#put(prepared);
      throw error;
    }
    return new Clone(Guest.of(prepared.store, options), options, (isReusable) => {
      if (isReusable && !this.#hasObjects && this.#idle.length < this.#maxIdle) {
        // At once, so that nothing of a request stays with an instance that waits.
        prepared.baseline.reset();
        connect(prepared.store, () => notConnected);
        this.#put(prepared);
      }
    });
  }

  /**
   * Lets a clone answer: gives it `input` as its standard input, runs it, and collects what it writes. Its files
   * are in memory.
   *
   * @throws {LinkError} A host function is missing.
   * @throws {WasiRestoreError} Something that the guest had open is not given.
   */
  async answer(input: Uint8Array | string, options: AnswerOptions = {}): Promise<Answer> {
    const [stdout, stderr] = [outputStream(), outputStream()];
    const host = new MemoryHost({ stdin: inputStream(input), stdout, stderr, files: options.directories });
    const { wasi } = Wasi.restore(this.image.host.wasi, options, host);
    using clone = this.clone({ wasi, imports: options.imports });
    const outcome = await clone.run(options);
    return { outcome, stdout: stdout.bytes(), stderr: stderr.bytes() };
  }

  #put(prepared: Prepared): void {
    if (this.#idle.length < this.#maxIdle) this.#idle.push(prepared);
  }

  #prepare(): Prepared {
    const memories = this.#memories.map((template) => template.fresh());
    const templates = new Map(memories.map(({ buffer }, i) => [buffer, this.#memories[i]]));
    const values = this.#hasObjects ? structuredClone(valuesOf(this.image)) : {};
    const snapshot: Snapshot = { ...this.image, ...values, memories };
    const programs = this.image.instances.map(() => this.program);
    const store = restoreStore(snapshot, programs, () => notConnected, {}, this.#factories);
    return { store, baseline: new Baseline(store, templates) };
  }
}

/** Stands for every host function until there is a clone. */
function notConnected(): never {
  throw new Error("the instance belongs to no clone");
}

/** Gives a store the host functions of its new owner. */
function connect(store: Store, resolve: Resolver): void {
  for (const instance of store.instances) {
    instance.funcs.slice(0, instance.module.imported.funcs).forEach((func, i) => {
      // Each belongs to the instance that imported it first.
      if (!func.isHost || func.instance !== instance || func.index !== i) return;
      const { module, name } = importName(instance, i);
      const host = resolve(module, name);
      if (typeof host !== "function") {
        throw new LinkError(
          `nothing is given for "${module}" "${name}"; clones import functions of the host`,
        );
      }
      func.f = hostCode(func, host, store.thread);
    });
  }
}

/** Where references are. */
type Values = Pick<Snapshot, "tables" | "globals" | "stack">;

function valuesOf({ tables, globals, stack }: Values): Values {
  return { tables, globals, stack };
}

function references({ tables, globals, stack }: Values): Ref[] {
  return [
    ...tables.flatMap(({ elements }) => elements),
    ...globals.flatMap(({ value }) => typeof value === "bigint" ? [] : [value]),
    ...stack.flatMap(({ refs }) => refs),
  ];
}
