/**
 * Bringing a saved WASI state back to life. The state is not trusted: it is checked value by value,
 * and nothing is opened but what the restoring options grant.
 *
 * @module
 */
import { ALL_FDFLAGS, Filetype, SOCKET_RIGHTS } from "./abi.ts";
import { Clocks } from "./clock.ts";
import type { Context } from "./context.ts";
import { type Descriptor, DescriptorTable, type Preopen, release } from "./descriptor.ts";
import {
  MAX_DESCRIPTORS,
  openListener,
  openStream,
  preopenOf,
  type PreopenOption,
  settled,
} from "./grant.ts";
import { GuestMemory } from "./guest.ts";
import type { HostListener, WasiHost } from "./host.ts";
import { HostRandom, type RandomState, SeededRandom } from "./random.ts";
import { type FilePolicy, reason, Reopener, Report, type RestoreNote } from "./reopen.ts";
import { Shape, WasiRestoreError } from "./shape.ts";
import { STATE_VERSION } from "./state.ts";
import { FileTimes, type SavedTimes } from "./times.ts";

export interface RestoreOptions {
  /** In place of the saved ones. A guest that has read them already will not notice. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The directories that the guest may have, by its own names for them. */
  readonly preopens?: readonly PreopenOption[];
  /**
   * Where a directory of the image is that `preopens` does not name: `refuse` (if not given), or
   * `image`, at the path that the image says. That lets the image choose: grant it only to images you trust.
   */
  readonly otherPreopens?: "refuse" | "image";
  /** `warn` if not given. */
  readonly files?: FilePolicy;
  /** Listening sockets for those of the image, in order. */
  readonly listeners?: readonly HostListener[];
  /** For an image whose guest had fresh random bytes; a seeded generator goes on as it was. */
  readonly randomSeed?: number;
  readonly maxDescriptors?: number;
}

/** Longest lists that an image may have. */
const MAX_STRINGS = 1 << 20;

export function restoreContext(
  state: unknown,
  options: RestoreOptions,
  host: WasiHost,
): { context: Context; report: RestoreNote[] } {
  return new Restorer(new Shape(state, "wasi"), options, host).run();
}

class Restorer {
  readonly #state: Shape;
  readonly #options: RestoreOptions;
  readonly #host: WasiHost;
  readonly #report = new Report();
  #preopens: Preopen[] = [];
  readonly #fds: DescriptorTable;
  readonly #times = new FileTimes();
  readonly #files: Reopener;
  #listeners = 0;

  constructor(state: Shape, options: RestoreOptions, host: WasiHost) {
    this.#state = state;
    this.#options = options;
    this.#host = host;
    this.#files = new Reopener(options.files ?? "warn", this.#report, this.#times);
    this.#fds = new DescriptorTable(options.maxDescriptors ?? MAX_DESCRIPTORS);
  }

  run(): { context: Context; report: RestoreNote[] } {
    const state = this.#state;
    const version = state.get("version").integer(0, Number.MAX_SAFE_INTEGER);
    if (version !== STATE_VERSION) {
      throw new WasiRestoreError(
        `the image's WASI state has version ${version}; this program reads version ${STATE_VERSION}`,
      );
    }
    const nanoseconds = (shape: Shape) => shape.integer(0, Number.MAX_SAFE_INTEGER);
    const strings = (shape: Shape) => shape.list(MAX_STRINGS).map((text) => text.string());
    const { args, env, randomSeed } = this.#options;
    const savedArgs = strings(state.get("args"));
    const savedEnv = strings(state.get("env"));
    const monotonic = nanoseconds(state.get("monotonic"));
    const pollStart = state.get("pollStart").optional(nanoseconds);
    const exitCode = state.get("exitCode").optional((shape) => shape.integer(0, 0xffff_ffff));
    const generator = state.get("random").optional(randomState);
    this.#times.load(state.get("times").list(MAX_STRINGS).map(savedTimes));
    this.#openPreopens(state.get("preopens"));
    for (const blob of state.get("blobs").list(this.#fds.limit)) this.#files.addBlob(blob.bytes());
    try {
      this.#openDescriptors(state.get("descriptors"));
      this.#restoreInput(state.get("stdin"));
    } catch (error) {
      for (const [, descriptor] of this.#fds) release(descriptor);
      throw error;
    }
    const host = this.#host;
    const context: Context = {
      host,
      memory: new GuestMemory(),
      fds: this.#fds,
      args: args ?? savedArgs,
      env: env === undefined ? savedEnv : Object.entries(env).map(([key, value]) => `${key}=${value}`),
      clocks: new Clocks(host, monotonic),
      random: generator !== undefined
        ? new SeededRandom(generator)
        : randomSeed !== undefined
        ? SeededRandom.fromSeed(randomSeed)
        : new HostRandom(host),
      times: this.#times,
      exitCode,
      pollStart: pollStart === undefined ? undefined : Math.min(pollStart, monotonic),
    };
    return { context, report: this.#report.notes };
  }

  #openPreopens(list: Shape): void {
    const given = new Map(this.#options.preopens?.map((option) => [option.guest, option]));
    for (const shape of list.list(MAX_DESCRIPTORS)) {
      const guest = shape.get("guest").string();
      const saved = shape.get("host").string();
      const rights = shape.get("rights").integer(0, 0x3fff_ffff);
      const inheriting = shape.get("inheriting").integer(0, 0x3fff_ffff);
      const option = given.get(guest) ??
        (this.#options.otherPreopens === "image" ? { guest, host: saved } : undefined);
      given.delete(guest);
      if (option === undefined) {
        throw new WasiRestoreError(
          `the guest has the directory ${JSON.stringify(guest)} (it was ${JSON.stringify(saved)}), ` +
            `which is not granted here; grant one for it (on the command line: --dir HOST::GUEST or --image-dirs)`,
        );
      }
      let preopen: Preopen;
      try {
        preopen = preopenOf(option, this.#host);
      } catch (error) {
        throw new WasiRestoreError(
          `cannot open ${JSON.stringify(option.host)} as the guest's directory ${JSON.stringify(guest)}: ` +
            reason(error),
        );
      }
      this.#preopens.push({
        ...preopen,
        rights: preopen.rights & rights,
        inheriting: preopen.inheriting & inheriting,
      });
      if (rights & ~preopen.rights || inheriting & ~preopen.inheriting) {
        this.#report.warn(`directory ${guest} has fewer rights here than it had`);
      }
      this.#report.info(
        `directory ${guest} is ${preopen.root.label}${option.host === saved ? "" : `, was ${saved}`}`,
      );
    }
    this.#preopens = settled(this.#preopens);
    for (const { guest } of given.values()) {
      this.#report.warn(`directory ${guest} was given, but the guest has no such directory; it is not used`);
    }
  }

  /** The preopen that a file or directory is in. */
  #preopen(shape: Shape): Preopen {
    return this.#preopens[shape.get("preopen").integer(0, this.#preopens.length - 1)];
  }

  #openDescriptors(list: Shape): void {
    const { limit } = this.#fds;
    const seen = new Set<number>();
    for (const shape of list.list(limit)) {
      const fd = shape.get("fd").integer(0, limit - 1);
      if (seen.has(fd)) shape.get("fd").refuse("used once only");
      seen.add(fd);
      const descriptor = this.#open(shape, fd);
      descriptor.flags = shape.get("flags").integer(0, ALL_FDFLAGS);
      this.#fds.set(fd, descriptor);
    }
  }

  #open(shape: Shape, fd: number): Descriptor {
    const rights = shape.get("rights").integer(0, 0x3fff_ffff);
    switch (shape.get("kind").oneOf("file", "directory", "stream", "socket", "listener")) {
      case "file":
        return this.#files.file(shape, fd, rights, this.#preopen(shape));
      case "directory":
        return this.#files.directory(shape, fd, rights, this.#preopen(shape));
      case "stream":
        return this.#openStream(shape, rights);
      case "socket": {
        this.#report.warn(
          `descriptor ${fd} was a connection; it is closed (connections do not outlive a process)`,
        );
        const common = { inheriting: 0, flags: 0, filetype: Filetype.socket_stream } as const;
        return { kind: "socket", rights: rights & SOCKET_RIGHTS, ...common, socket: undefined };
      }
      case "listener":
        return this.#openListener(shape, fd, rights);
    }
  }

  #openStream(shape: Shape, rights: number): Descriptor {
    const name = shape.get("name").oneOf("stdin", "stdout", "stderr");
    const wasTerminal = shape.get("terminal").boolean();
    const stream = this.#host[name];
    if (wasTerminal !== stream.terminal) {
      this.#report.info(
        `${name} was ${wasTerminal ? "a terminal and is none" : "no terminal and is one"} now`,
      );
    }
    const opened = openStream(name, stream);
    opened.rights &= rights;
    return opened;
  }

  #openListener(shape: Shape, fd: number, rights: number): Descriptor {
    const label = shape.get("label").string();
    const listener = this.#options.listeners?.[this.#listeners++];
    if (listener === undefined) {
      throw new WasiRestoreError(`descriptor ${fd} listens on ${label}; give a listener for it`);
    }
    this.#report.info(`descriptor ${fd} listens on ${listener.label}, was ${label}`);
    const opened = openListener(listener);
    opened.rights &= rights;
    return opened;
  }

  #restoreInput(shape: Shape): void {
    const pending = shape.get("pending").bytes();
    const position = shape.get("position").optional((at) => at.integer(0, Number.MAX_SAFE_INTEGER));
    const { stdin } = this.#host;
    if (pending.length > 0) {
      if (stdin.unread !== undefined) {
        stdin.unread(pending);
        this.#report.info(`stdin: ${pending.length} bytes that were not read yet come from the image`);
      } else this.#report.warn(`stdin: ${pending.length} bytes that were not read yet are lost`);
    }
    if (position === undefined) return;
    if (stdin.position === undefined) {
      if (position > 0) {
        this.#report.warn(
          `stdin was a file, read up to byte ${position}; it is none now, and is read as it comes`,
        );
      }
      return;
    }
    stdin.position = position;
    const size = stdin.size?.() ?? 0;
    if (size < position) this.#report.warn(`stdin has ${size} bytes, but the guest had read ${position}`);
    else this.#report.info(`stdin goes on at byte ${position}`);
  }
}

function randomState(shape: Shape): RandomState {
  const words = shape.tuple(4).map((word) => word.integer(-0x8000_0000, 0xffff_ffff));
  if (words.every((word) => word === 0)) shape.refuse("a generator's four words");
  return words as RandomState;
}

function savedTimes(shape: Shape): SavedTimes {
  const list = shape.tuple(6);
  const [dev, ino, atime, mtime] = list.slice(0, 4).map((part) => part.number());
  const [atim, mtim] = list.slice(4).map((part) => {
    const text = part.string();
    return /^\d{1,20}$/.test(text) ? text : part.refuse("a decimal number");
  });
  return [dev, ino, atime, mtime, atim, mtim];
}
