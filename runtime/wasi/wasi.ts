/**
 * WASI preview 1 for one guest.
 *
 * @module
 */
import {
  DIRECTORY_RIGHTS,
  FILE_RIGHTS,
  Filetype,
  PREVIEW1,
  Rights,
  UNSTABLE,
  WRITING_RIGHTS,
} from "./abi.ts";
import { argsFunctions } from "./args.ts";
import { clockFunctions, Clocks } from "./clock.ts";
import type { Context, Functions, HostFunction } from "./context.ts";
import { type Descriptor, DescriptorTable, type Preopen, release } from "./descriptor.ts";
import { errnoOf } from "./errno.ts";
import { fdFunctions } from "./fd.ts";
import { fdstatFunctions } from "./fdstat.ts";
import { GuestMemory, type MemoryLike } from "./guest.ts";
import type { HostStream, WasiHost } from "./host.ts";
import type { Interrupted } from "./interrupt.ts";
import { pathFunctions } from "./path.ts";
import { pollFunctions } from "./poll.ts";
import { procFunctions } from "./proc.ts";
import { HostRandom, randomFunctions, SeededRandom } from "./random.ts";
import { sockFunctions } from "./sock.ts";
import { FileTimes } from "./times.ts";

/** A directory for the guest. */
export interface PreopenOption {
  /** What the guest calls it, for example `/data`. */
  readonly guest: string;
  /** What the host calls it. */
  readonly host: string;
  /** The guest may look and read, and nothing else. */
  readonly readOnly?: boolean;
}

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
  /** Makes `random_get` deterministic. A whole number. */
  readonly randomSeed?: number;
  /** How many descriptors the guest may have at once; 4096 if not given. */
  readonly maxDescriptors?: number;
  readonly onCall?: CallHook;
}

const MAX_DESCRIPTORS = 4096;

/** The rights that a preopen gives. */
export function preopenOf(option: PreopenOption, host: WasiHost): Preopen {
  const lost = option.readOnly ? WRITING_RIGHTS : 0;
  return {
    guest: option.guest,
    root: host.openDirectory(option.host),
    rights: DIRECTORY_RIGHTS & ~lost,
    inheriting: (DIRECTORY_RIGHTS | FILE_RIGHTS) & ~lost,
  };
}

/** The rights of a standard stream: those that can be used. */
export function streamRights(stream: HostStream): number {
  let rights = Rights.fd_filestat_get | Rights.fd_fdstat_set_flags | Rights.poll_fd_readwrite;
  if (stream.read !== undefined) rights |= Rights.fd_read;
  if (stream.write !== undefined) rights |= Rights.fd_write;
  // Programs take a character device that cannot seek for a terminal.
  const seeks = stream.position !== undefined ||
    stream.filetype === Filetype.character_device && !stream.terminal;
  if (seeks) rights |= Rights.fd_seek | Rights.fd_tell;
  return rights;
}

/** The context of a fresh guest. */
function freshContext(options: WasiOptions, host: WasiHost): Context {
  const fds = new DescriptorTable(options.maxDescriptors ?? MAX_DESCRIPTORS);
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    const stream = host[name];
    const rights = streamRights(stream);
    fds.add({ kind: "stream", rights, inheriting: 0, flags: 0, filetype: stream.filetype, name, stream });
  }
  for (const option of options.preopens ?? []) fds.add(preopened(preopenOf(option, host)));
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

/** The descriptor of a preopen. */
export function preopened(preopen: Preopen): Descriptor {
  const { dev, ino } = preopen.root.lstat("")!;
  return {
    kind: "directory",
    rights: preopen.rights,
    inheriting: preopen.inheriting,
    flags: 0,
    filetype: Filetype.directory,
    preopen,
    path: "",
    dev,
    ino,
    preopened: true,
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
    const guarded: HostFunction = (...args) => {
      try {
        const result = call(...args);
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
  /** For `restore`: a context made from an image. */
  constructor(options: WasiOptions, host: WasiHost, context: Context);
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
