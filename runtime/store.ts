/**
 * A store (spec 4.2.3): all instances that share one thread of execution, so that a stop captures all
 * of them together.
 *
 * @module
 */
import { leavesAtOnce } from "../compiler/policy.ts";
import type { Program } from "../compiler/program.ts";
import type { CodeCache } from "./factories.ts";
import type { HostFunction } from "./host_function.ts";
import { checkImport, type Extern, type Given, Instance } from "./instance.ts";
import { Thread, type ThreadOptions } from "./thread.ts";

/** What the host gives for an import: a function of its own, or something from a store. */
export type ImportValue = HostFunction | Extern;
/** Finds the value for an import; `undefined` if there is none. */
export type Resolver = (module: string, name: string) => ImportValue | undefined;

export interface StoreOptions extends ThreadOptions {
  /** Code of the first instance's program. */
  readonly codeCache?: CodeCache;
}

export class Store {
  readonly thread: Thread;
  readonly instances: Instance[] = [];

  readonly codeCache: CodeCache | undefined;

  constructor(options: StoreOptions = {}) {
    this.codeCache = options.codeCache;
    this.thread = new Thread(options);
    this.thread.store = this;
  }

  /** Whether the slices of this store's code cannot end by its own clock: it would leave all the time. */
  get leavesAtOnce(): boolean {
    return this.instances.some(({ program }) => program.rewritten && leavesAtOnce(program.options));
  }

  /**
   * Allocates an instance and applies its segments. The start function is left to the caller, who
   * decides how it is driven.
   *
   * @throws {LinkError} An import is missing or does not fit.
   * @throws {Trap} A segment does not fit; earlier ones stay written.
   */
  instantiate(program: Program, resolve: Resolver): Instance {
    const instance = this.allocate(program, resolve);
    instance.applySegments();
    return instance;
  }

  /** Links and allocates an instance, without its segments. */
  allocate(program: Program, resolve: Resolver, given?: Given): Instance {
    const { module } = program;
    const imports = module.imports.map((wanted, at) => {
      const value = resolve(wanted.module, wanted.name);
      return typeof value === "function" && wanted.kind === "func" ? value : checkImport(module, at, value);
    });
    const instance = new Instance(this, program, this.instances.length, imports, given);
    this.instances.push(instance);
    return instance;
  }
}
