/**
 * WASI preview 1 for one guest.
 *
 * @module
 */
import { PREVIEW1, UNSTABLE } from "./abi.ts";
import { argsFunctions } from "./args.ts";
import { clockFunctions, Clocks } from "./clock.ts";
import type { Context, Functions, HostFunction } from "./context.ts";
import { DescriptorTable, release } from "./descriptor.ts";
import { errnoOf } from "./errno.ts";
import { fdFunctions } from "./fd.ts";
import { fdstatFunctions } from "./fdstat.ts";
import {
  MAX_DESCRIPTORS,
  openListener,
  openStream,
  preopened,
  preopenOf,
  type PreopenOption,
  settled,
} from "./grant.ts";
import { GuestMemory, type MemoryLike } from "./guest.ts";
import type { HostListener, WasiHost } from "./host.ts";
import type { Interrupted } from "./interrupt.ts";
import { pathFunctions } from "./path.ts";
import { pollFunctions } from "./poll.ts";
import { procFunctions } from "./proc.ts";
import { HostRandom, randomFunctions, SeededRandom } from "./random.ts";
import type { RestoreNote } from "./reopen.ts";
import { restoreContext, type RestoreOptions } from "./restore.ts";
import { sockFunctions } from "./sock.ts";
import { type SaveOptions, saveState, type WasiState } from "./state.ts";
import { FileTimes } from "./times.ts";

/** Called after each function, with its arguments as the guest gave them. For the debug mode. */
export type CallHook = (
  name: string,
  args: readonly (number | bigint)[],
  result: number | Interrupted | Error,
) => void;

export interface WasiOptions {
  /** The program's name first. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly preopens?: readonly PreopenOption[];
  /** Listening sockets; their descriptors follow those of the directories. */
  readonly listeners?: readonly HostListener[];
  /** Makes `random_get` deterministic. A whole number. */
  readonly randomSeed?: number;
  /** How many descriptors the guest may have at once; 4096 if not given. */
  readonly maxDescriptors?: number;
  readonly onCall?: CallHook;
}

export interface WasiRestoreOptions extends RestoreOptions {
  readonly onCall?: CallHook;
}

/** The context of a fresh guest. */
function freshContext(options: WasiOptions, host: WasiHost): Context {
  const fds = new DescriptorTable(options.maxDescriptors ?? MAX_DESCRIPTORS);
  for (const name of ["stdin", "stdout", "stderr"] as const) fds.add(openStream(name, host[name]));
  const preopens = (options.preopens ?? []).map((option) => preopenOf(option, host));
  for (const preopen of settled(preopens)) fds.add(preopened(preopen));
  for (const listener of options.listeners ?? []) fds.add(openListener(listener));
  return {
    host,
    memory: new GuestMemory(),
    fds,
    args: options.args ?? [],
    env: Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`),
    clocks: new Clocks(host),
    random: options.randomSeed === undefined
      ? new HostRandom(host)
      : SeededRandom.fromSeed(options.randomSeed),
    times: new FileTimes(),
    exitCode: undefined,
    pollStart: undefined,
  };
}

/** Turns failures into error numbers, and tells the hook. */
function finish(functions: Functions, onCall: CallHook | undefined): Record<string, HostFunction> {
  const failed = (error: unknown): number => {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno;
  };
  const finished: Record<string, HostFunction> = {};
  for (const [name, call] of Object.entries(functions)) {
    // As many parameters as the longest function has: spreading an array would cost on every call.
    const guarded: HostFunction = (a, b, c, d, e, f, g, h, i) => {
      try {
        const result = call(a, b, c, d, e, f, g, h, i);
        return result instanceof Promise ? result.catch(failed) : result;
      } catch (error) {
        return failed(error);
      }
    };
    finished[name] = onCall === undefined ? guarded : told(name, guarded, onCall);
  }
  return finished;
}

function told(name: string, call: HostFunction, onCall: CallHook): HostFunction {
  return (...args) => {
    try {
      const result = call(...args);
      if (!(result instanceof Promise)) {
        onCall(name, args, result);
        return result;
      }
      return result.then((settled) => {
        onCall(name, args, settled);
        return settled;
      });
    } catch (error) {
      if (error instanceof Error) onCall(name, args, error);
      throw error;
    }
  };
}

/**
 * WASI for one guest: what it imports, and the state behind it.
 *
 * @example
 * ```ts
 * const wasi = new Wasi({ args: ["hello"], preopens: [{ guest: "/", host: "." }] }, new DenoHost());
 * const instance = new WebAssembly.Instance(module, wasi.imports as WebAssembly.Imports);
 * wasi.memory = instance.exports.memory as WebAssembly.Memory;
 * try {
 *   (instance.exports._start as () => void)();
 * } catch (error) {
 *   if (!(error instanceof ProcExit)) throw error;
 * }
 * ```
 */
export class Wasi {
  readonly #context: Context;
  readonly imports: {
    readonly wasi_snapshot_preview1: Record<string, HostFunction>;
    readonly wasi_unstable: Record<string, HostFunction>;
  };

  constructor(options: WasiOptions, host: WasiHost);
  /** For {@link Wasi.restore}: a context made from an image. */
  constructor(options: { readonly onCall?: CallHook }, host: WasiHost, context: Context);
  constructor(options: WasiOptions, host: WasiHost, context: Context = freshContext(options, host)) {
    this.#context = context;
    const both = {
      ...argsFunctions(context),
      ...clockFunctions(context),
      ...randomFunctions(context),
      ...procFunctions(context),
    };
    const functions = (layout: typeof PREVIEW1): Functions => ({
      ...both,
      ...fdFunctions(context, layout),
      ...fdstatFunctions(context, layout),
      ...pathFunctions(context, layout),
      ...pollFunctions(context, layout),
      ...sockFunctions(context),
    });
    const { sock_accept: _, ...unstable } = functions(UNSTABLE);
    this.imports = {
      wasi_snapshot_preview1: finish(functions(PREVIEW1), options.onCall),
      wasi_unstable: finish(unstable, options.onCall),
    };
  }

  /**
   * Everything there is to know about the guest's side, as plain data for msgpack. Nothing is closed or
   * changed: the guest may go on.
   * @throws {WasiSaveError} if something cannot be carried in an image.
   */
  save(options: SaveOptions = {}): WasiState {
    return saveState(this.#context, options);
  }

  /**
   * A guest's WASI from what {@link save} gave, which is not trusted, on a fresh host. Set `memory`
   * before the first call; a call that was interrupted is to be issued again.
   * @returns It, and what was done about each thing outside the image.
   * @throws {WasiRestoreError} if the state is damaged or something it needs is missing or not granted;
   * nothing stays open then.
   */
  static restore(
    state: unknown,
    options: WasiRestoreOptions,
    host: WasiHost,
  ): { wasi: Wasi; report: RestoreNote[] } {
    const { context, report } = restoreContext(state, options, host);
    return { wasi: new Wasi(options, host, context), report };
  }

  /** The guest's memory; set it before the first call. */
  get memory(): MemoryLike | undefined {
    return this.#context.memory.source;
  }
  set memory(memory: MemoryLike | undefined) {
    this.#context.memory.source = memory;
  }

  /** What the guest gave to `proc_exit`, if it did. */
  get exitCode(): number | undefined {
    return this.#context.exitCode;
  }

  /** Closes every file the guest has open. */
  close(): void {
    const { fds } = this.#context;
    for (const [fd, descriptor] of [...fds]) {
      fds.remove(fd);
      release(descriptor);
    }
  }
}
