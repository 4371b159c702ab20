/**
 * A guest: one program that is run, stopped, written to an image, restored and run on.
 *
 * @module
 */
import type { Program } from "../compiler/program.ts";
import { takeSnapshot } from "./checkpoint.ts";
import { clearStop, requestStop } from "./control.ts";
import type { CodeCache } from "./factories.ts";
import { Func } from "./func.ts";
import type { Snapshot } from "./image/snapshot.ts";
import type { Instance } from "./instance.ts";
import { hostSite } from "./frame.ts";
import { moduleHash } from "./module_hash.ts";
import { producer } from "./producer.ts";
import { RestoreError, restoreStore } from "./restore.ts";
import { SliceTimer } from "./slice_timer.ts";
import { type ImportValue, type Resolver, Store } from "./store.ts";
import type { ThreadObserver } from "./thread.ts";
import { HostError, type StackFrame, Trap, type TrapKind } from "./trap.ts";
import { fromRaw, jsAt, pushJs, toRaw } from "./value.ts";
import { INTERRUPTED, ProcExit } from "./wasi/interrupt.ts";
import type { Wasi } from "./wasi/wasi.ts";
import { checkWasiImports } from "./wasi_link.ts";

/** How a run ended. */
export type Outcome =
  | {
    readonly kind: "finished";
    /** What `proc_exit` was given; 0 if the entry function returned. */
    readonly exitCode: number;
    /** Results of the entry function. */
    readonly results: readonly unknown[];
  }
  | {
    readonly kind: "trapped";
    readonly trap: TrapKind;
    /** The Wasm stack, innermost first. */
    readonly stack: readonly StackFrame[];
  }
  | {
    readonly kind: "checkpointed";
    /**
     * Everything the guest is, as plain data: write it with `writeImage`. Memories are shown, not copied:
     * write it before the guest runs on.
     */
    readonly image: Snapshot;
  };

/** State beside the guest's own that belongs into its images: `wasi` is one. */
export interface HostExtension {
  /** Plain data that msgpack can carry. */
  save(): unknown;
}

/** Imports by module and name. */
export type Imports = Readonly<Record<string, Readonly<Record<string, ImportValue>>>>;

export interface GuestOptions {
  /** Gives the guest WASI; its memory is set to the one that the module exports as `memory`. */
  readonly wasi?: Wasi;
  /** Open files of at most this many bytes go into images with their contents; 0 if not given. */
  readonly embedFiles?: number;
  readonly imports?: Imports;
  /** Further state to save, by name. */
  readonly extensions?: Readonly<Record<string, HostExtension>>;
  /** Control words shared with another thread, which may then request a stop. */
  readonly control?: Int32Array;
  /** Stop after this many site passages; the program must be compiled with `ticks`. */
  readonly stopAtTick?: number;
  /** Stop at this many entries of the function that the program was compiled to `watch`. */
  readonly stopAtCall?: number;
  /** Stop before this many host calls. */
  readonly stopAtHostCall?: number;
  /** Code that another process made of this program under the same options. */
  readonly codeCache?: CodeCache;
  readonly observer?: ThreadObserver;
}

export interface StartOptions extends GuestOptions {
  /** The exported function to call; `_start` if not given. */
  readonly entry?: string;
  /** Its arguments. */
  readonly args?: readonly unknown[];
}

export interface RunOptions {
  /** Stops the guest at its next site when aborted. */
  readonly signal?: AbortSignal;
  /**
   * How long the guest computes before the event loop of this thread gets a turn. Given a `signal`, 20 if
   * not given; else the guest never pauses.
   */
  readonly sliceMilliseconds?: number;
}

export class Guest {
  readonly #options: GuestOptions;
  #running = false;

  private constructor(readonly store: Store, readonly instance: Instance, options: GuestOptions) {
    this.#options = options;
    if (options.wasi && instance.memories[0]) options.wasi.memory = instance.memories[0];
  }

  /**
   * Instantiates a program and stands ready to run its entry function.
   *
   * ```ts
   * import { Guest } from "./guest.ts";
   * import { Program } from "../compiler/program.ts";
   * async function run(bytes: Uint8Array) {
   *   const guest = Guest.start(Program.from(bytes), { entry: "main" });
   *   const outcome = await guest.run();
   *   if (outcome.kind === "finished") console.log(outcome.results);
   * }
   * ```
   *
   * @throws {LinkError} An import is missing or does not fit.
   * @throws {Trap} An active segment does not fit.
   * @throws {RangeError} There is no such entry function.
   */
  static start(program: Program, options: StartOptions = {}): Guest {
    checkImports(program, options);
    const store = new Store(options);
    const instance = store.instantiate(program, resolver(options));
    const guest = new Guest(store, instance, options);
    const name = options.entry ?? "_start";
    const entry = instance.exports.get(name);
    if (!(entry instanceof Func)) throw new RangeError(`the module exports no function "${name}"`);
    store.thread.start(entry, toRaw(options.args ?? [], entry.type.params, pushJs));
    // The start function runs first: it lies on top.
    const { start } = program.module;
    if (start !== undefined) store.thread.start(instance.funcs[start], []);
    return guest;
  }

  /**
   * Rebuilds a guest from an image.
   *
   * @param program The same module that the image was taken of, under any options.
   * @throws {RestoreError} It is another module, or the image does not fit it.
   * @throws {LinkError} An import is missing.
   */
  static async restore(image: Snapshot, program: Program, options: GuestOptions = {}): Promise<Guest> {
    await checkModules(image, program);
    checkImports(program, options);
    const store = restoreStore(image, image.instances.map(() => program), resolver(options), options);
    return Guest.of(store, options);
  }

  /** A guest of a store that was restored. For {@linkcode Template}. */
  static of(store: Store, options: GuestOptions): Guest {
    return new Guest(store, store.instances[0], options);
  }

  /**
   * Runs until the guest finishes, traps, or is stopped. After a checkpoint, `run` again goes on.
   *
   * @throws What a host function threw.
   */
  async run({ signal, sliceMilliseconds = signal ? 20 : undefined }: RunOptions = {}): Promise<Outcome> {
    if (this.#running) throw new Error("the guest is running already");
    this.#running = true;
    const { thread } = this.store;
    const stop = () => requestStop(thread.control);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    thread.sliceMilliseconds = sliceMilliseconds;
    if (sliceMilliseconds !== undefined && this.store.leavesAtOnce) {
      thread.timer = await SliceTimer.start(thread.control, sliceMilliseconds);
    }
    try {
      let delivered: { func: Func; raw: unknown[] } | undefined;
      for (;;) {
        const completion = thread.drive(delivered);
        delivered = undefined;
        if (completion.kind === "paused") await turn();
        else if (completion.kind === "stopped") return await this.#checkpointed();
        else if (completion.kind === "awaiting") {
          const { func, args } = completion;
          const value = await completion.value;
          if (value === INTERRUPTED) {
            thread.frames.push({ func, site: hostSite, values: args, operands: [], fresh: false });
            return await this.#checkpointed();
          }
          delivered = { func, raw: value as unknown[] };
        } else {
          const results = completion.func.type.results;
          return { kind: "finished", exitCode: 0, results: fromRaw(completion.raw, results, jsAt) };
        }
      }
    } catch (error) {
      if (error instanceof ProcExit) return { kind: "finished", exitCode: error.code, results: [] };
      if (error instanceof Trap) return { kind: "trapped", trap: error.kind, stack: error.wasmStack };
      throw error instanceof HostError ? error.cause : error;
    } finally {
      thread.timer?.stop();
      thread.timer = undefined;
      signal?.removeEventListener("abort", stop);
      this.#running = false;
    }
  }

  /** Asks a running guest to stop at its next site; may be called from a host function. */
  requestCheckpoint(): void {
    requestStop(this.store.thread.control);
  }

  /** Calls an exported function from a host function, while the guest waits. No stop happens in it. */
  call(name: string, ...args: unknown[]): unknown[] {
    const func = this.instance.exports.get(name);
    if (!(func instanceof Func)) throw new RangeError(`the module exports no function "${name}"`);
    const raw = this.store.thread.call(func, toRaw(args, func.type.params, pushJs));
    return fromRaw(raw, func.type.results, jsAt);
  }

  async #checkpointed(): Promise<Outcome> {
    clearStop(this.store.thread.control);
    return { kind: "checkpointed", image: await this.snapshot() };
  }

  /** A snapshot of the guest as it stands; only while it is stopped. */
  async snapshot(): Promise<Snapshot> {
    const hashes = new Map<Program["module"], Uint8Array>();
    for (const { module } of this.store.instances) hashes.set(module, await moduleHash(module));
    const { wasi, embedFiles, extensions } = this.#options;
    const host: Record<string, unknown> = wasi ? { wasi: wasi.save({ embedFiles }) } : {};
    for (const [name, extension] of Object.entries(extensions ?? {})) host[name] = extension.save();
    return takeSnapshot(this.store, { hashes, host, producer });
  }
}

/** @throws {RestoreError} The image was taken of another module, or of no guest. */
export async function checkModules(image: Snapshot, program: Program): Promise<void> {
  const { instances, stack } = image;
  if (instances.length !== 1) {
    throw new RestoreError(`a guest is one instance, and the image has ${instances.length}`);
  }
  if (stack.length === 0) throw new RestoreError("the image has no frames: there is nothing to go on with");
  const hash = await moduleHash(program.module);
  image.modules.forEach(({ sha256, byteLength, name }) => {
    if (sha256.every((byte, i) => byte === hash[i])) return;
    throw new RestoreError(
      `the image was taken of another module${
        name ? ` ("${name}")` : ""
      }: of ${byteLength} bytes with SHA-256 ` +
        `${hex(sha256)}, but this one has ${program.module.bytes.length} bytes and ${hex(hash)}; ` +
        "if it is a newer build, upgradeImage (restore --upgrade) tells whether it can take over",
    );
  });
}

/** @throws {LinkError} A function of WASI is imported with another type. */
export function checkImports({ module }: Program, { wasi, imports }: GuestOptions): void {
  if (wasi) checkWasiImports(module, (wanted) => imports?.[wanted.module]?.[wanted.name] !== undefined);
}

/** Finds what the options give for an import. */
export function resolver({ wasi, imports }: GuestOptions): Resolver {
  return (module, name) =>
    imports?.[module]?.[name] ?? (wasi?.imports as unknown as Imports | undefined)?.[module]?.[name];
}

/** One turn of the event loop, timers and I/O included. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function hex(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("") + "...";
}
