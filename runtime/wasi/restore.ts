/**
 * Bringing a saved WASI state back to life. The state is not trusted: it is checked value by value,
 * and nothing is opened but what the restoring options grant.
 *
 * @module
 */
import { ALL_FDFLAGS, DIRECTORY_RIGHTS, Fdflags, FILE_RIGHTS, Filetype, SOCKET_RIGHTS } from "./abi.ts";
import { Clocks } from "./clock.ts";
import { fingerprint, inspect } from "./contents.ts";
import type { Context } from "./context.ts";
import { type Descriptor, DescriptorTable, type Preopen, release } from "./descriptor.ts";
import { errnoName, errnoOf } from "./errno.ts";
import {
  MAX_DESCRIPTORS,
  openListener,
  openStream,
  preopened,
  preopenOf,
  type PreopenOption,
  settled,
} from "./grant.ts";
import { GuestMemory } from "./guest.ts";
import type { HostFile, HostListener, HostStat, WasiHost } from "./host.ts";
import { NamelessFiles } from "./host_memory.ts";
import { openFile } from "./open.ts";
import { HostRandom, type RandomState, SeededRandom } from "./random.ts";
import { resolve } from "./resolve.ts";
import { Shape, WasiRestoreError } from "./shape.ts";
import { STATE_VERSION } from "./state.ts";
import { FileTimes, type SavedTimes } from "./times.ts";

/**
 * What to do about a file that is not as it was: `strict` refuses any difference, `warn` refuses a
 * missing file and tells of a changed one, `force` goes on with what is there.
 */
export type FilePolicy = "strict" | "warn" | "force";

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

/** What was done about one thing outside the image. */
export interface RestoreNote {
  readonly level: "info" | "warn";
  readonly text: string;
}

/** A file's bytes in the image. */
interface Blob {
  readonly size: number;
  open(): HostFile;
}
/** A file of a preopen. */
interface Named {
  readonly preopen: Preopen;
  readonly path: string;
}

/** Longest lists that an image may have. */
const MAX_STRINGS = 1 << 20;
const MAX_LISTING = 1 << 24;

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
  readonly #policy: FilePolicy;
  readonly #report: RestoreNote[] = [];
  #preopens: Preopen[] = [];
  readonly #fds: DescriptorTable;
  readonly #times = new FileTimes();
  readonly #nameless = new NamelessFiles();
  readonly #blobs: Blob[] = [];
  #listeners = 0;

  constructor(state: Shape, options: RestoreOptions, host: WasiHost) {
    this.#state = state;
    this.#options = options;
    this.#host = host;
    this.#policy = options.files ?? "warn";
    this.#fds = new DescriptorTable(options.maxDescriptors ?? MAX_DESCRIPTORS);
  }

  #info(text: string): void {
    this.#report.push({ level: "info", text });
  }
  #warn(text: string): void {
    this.#report.push({ level: "warn", text });
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
    for (const blob of state.get("blobs").list(this.#fds.limit)) {
      const bytes = blob.bytes();
      this.#blobs.push({ size: bytes.length, open: this.#nameless.add(bytes) });
    }
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
    return { context, report: this.#report };
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
            `which is not granted here; name a directory for it`,
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
        this.#warn(`directory ${guest} has fewer rights here than it had`);
      }
      this.#info(
        `directory ${guest} is ${preopen.root.label}${option.host === saved ? "" : `, was ${saved}`}`,
      );
    }
    this.#preopens = settled(this.#preopens);
    for (const { guest } of given.values()) {
      this.#warn(`directory ${guest} was given, but the guest has no such directory; it is not used`);
    }
  }

  #blob(shape: Shape): Blob {
    return this.#blobs[shape.integer(0, this.#blobs.length - 1)];
  }
  #preopen(shape: Shape): Preopen {
    return this.#preopens[shape.integer(0, this.#preopens.length - 1)];
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
        return this.#openFile(shape, fd, rights);
      case "directory":
        return this.#openDirectory(shape, fd, rights);
      case "stream":
        return this.#openStream(shape, rights);
      case "socket": {
        this.#warn(`descriptor ${fd} was a connection; it is closed (connections do not outlive a process)`);
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
      this.#info(`${name} was ${wasTerminal ? "a terminal and is none" : "no terminal and is one"} now`);
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
    this.#info(`descriptor ${fd} listens on ${listener.label}, was ${label}`);
    const opened = openListener(listener);
    opened.rights &= rights;
    return opened;
  }

  /** What is at a saved path now; links in it are refused, they were none when it was saved. */
  #look(preopen: Preopen, path: string): HostStat | undefined {
    if (path === "") return preopen.root.lstat("");
    try {
      const resolved = resolve(preopened(preopen), path, false);
      return resolved.path === path ? resolved.stat : undefined;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return undefined;
    }
  }

  #openDirectory(shape: Shape, fd: number, saved: number): Descriptor {
    const preopen = this.#preopen(shape.get("preopen"));
    const path = shape.get("path").path();
    const removed = shape.get("removed").optional((flag) => flag.boolean()) ?? false;
    const stat = removed ? undefined : this.#look(preopen, path);
    const there = stat !== undefined && stat.filetype === Filetype.directory;
    if (!there && !removed) {
      const text = `directory ${preopen.guest}: ${path} (descriptor ${fd}) is not there any more`;
      if (this.#policy !== "force") {
        throw new WasiRestoreError(`${text}; restore with files "force" to go on`);
      }
      this.#warn(`${text}; the guest will find it gone`);
    }
    const listing = shape.get("listing").optional((list) =>
      list.list(MAX_LISTING).map((entry) => {
        const [name, filetype] = entry.tuple(2);
        return { name: entryName(name), filetype: filetype.integer(0, 7) as Filetype };
      })
    );
    return {
      kind: "directory",
      rights: saved & preopen.rights & DIRECTORY_RIGHTS,
      inheriting: shape.get("inheriting").integer(0, 0x3fff_ffff) & preopen.inheriting,
      flags: 0,
      filetype: Filetype.directory,
      preopen,
      path,
      // No directory has these numbers: what was removed stays removed, whatever is at its path now.
      dev: there ? stat.dev : -1,
      ino: there ? stat.ino : -1,
      preopened: shape.get("preopened").boolean(),
      ...(listing && { listing }),
    };
  }

  #openFile(shape: Shape, fd: number, saved: number): Descriptor {
    const preopen = this.#preopen(shape.get("preopen"));
    const path = shape.get("path").path();
    const flags = shape.get("flags").integer(0, ALL_FDFLAGS);
    const filetype = shape.get("filetype").integer(0, 7) as Filetype;
    const blob = shape.get("blob").optional((index) => this.#blob(index));
    const is = (key: string) => shape.get(key).optional((flag) => flag.boolean()) ?? false;
    const size = shape.get("size").integer(0, Number.MAX_SAFE_INTEGER);
    const where = `file ${preopen.guest}: ${path} (descriptor ${fd})`;
    const append = (flags & Fdflags.append) !== 0;
    const common = {
      kind: "file",
      rights: saved & preopen.inheriting & FILE_RIGHTS,
      inheriting: 0,
      flags,
      filetype,
      preopen,
      path,
      offset: shape.get("offset").integer(0, Number.MAX_SAFE_INTEGER),
    } as const;
    const fromImage = ({ open }: Blob) => ({ ...common, file: open(), unlinked: true });
    const lost = () => ({ ...common, file: this.#nameless.add(new Uint8Array(0))(), lost: true });
    if (is("lost")) return lost();
    if (is("unlinked")) {
      const kept = blob ?? shape.get("blob").refuse("a whole number");
      this.#info(
        `${where} was no longer at its path when it was saved; its ${kept.size} bytes come from the image, ` +
          `and what is written stays in it`,
      );
      return fromImage(kept);
    }
    const stat = this.#look(preopen, path);
    let problem = "is not there any more";
    if (stat !== undefined && stat.filetype !== filetype) problem = "is not the kind of file it was";
    else if (stat !== undefined) {
      try {
        const file = openFile(preopen.root, path, common.rights, append, stat);
        this.#compare(shape, where, common, file, stat, size);
        return { ...common, file };
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        problem = `cannot be opened (${reason(error)})`;
      }
    }
    if (blob !== undefined && this.#policy !== "strict") {
      this.#warn(`${where} ${problem}; the copy in the image is used, and what is written stays in it`);
      return fromImage(blob);
    }
    if (this.#policy !== "force") {
      throw new WasiRestoreError(`${where} ${problem}; put it back, or restore with files "force" to go on`);
    }
    this.#warn(`${where} ${problem}; reading and writing it will fail`);
    return lost();
  }

  /** Tells how an opened file differs from what it was. */
  #compare(shape: Shape, where: string, open: Named, file: HostFile, stat: HostStat, size: number): void {
    if (stat.filetype !== Filetype.regular_file) return;
    const mtime = shape.get("mtime").number();
    const saved = shape.get("fingerprint").optional((text) => text.string());
    const changes: string[] = [];
    if (stat.size !== size) changes.push(`has ${stat.size} bytes, had ${size}`);
    else if (saved !== undefined) {
      const now = inspect(file, open.preopen.root, open.path, (reader) => fingerprint(reader, size));
      this.#times.keep(stat, file.stat());
      if (now !== saved) changes.push(now === undefined ? "cannot be read" : "has other contents");
    }
    if (stat.mtime !== mtime) changes.push(`was modified at ${date(stat.mtime)}, then at ${date(mtime)}`);
    if (changes.length === 0) return;
    const text = `${where} ${changes.join(" and ")}`;
    if (this.#policy === "strict") {
      file.close();
      throw new WasiRestoreError(`${text}; restore with files "warn" to go on`);
    }
    // A file that was copied here has a new time and is the same all the same.
    const onlyTime = changes.length === 1 && stat.mtime !== mtime;
    this.#report.push({ level: onlyTime && saved !== undefined ? "info" : "warn", text });
  }

  #restoreInput(shape: Shape): void {
    const pending = shape.get("pending").bytes();
    const position = shape.get("position").optional((at) => at.integer(0, Number.MAX_SAFE_INTEGER));
    const { stdin } = this.#host;
    if (pending.length > 0) {
      if (stdin.unread !== undefined) {
        stdin.unread(pending);
        this.#info(`stdin: ${pending.length} bytes that were not read yet come from the image`);
      } else this.#warn(`stdin: ${pending.length} bytes that were not read yet are lost`);
    }
    if (position === undefined) return;
    if (stdin.position === undefined) {
      if (position > 0) {
        this.#warn(`stdin was a file, read up to byte ${position}; it is none now, and is read as it comes`);
      }
      return;
    }
    stdin.position = position;
    const size = stdin.size?.() ?? 0;
    if (size < position) this.#warn(`stdin has ${size} bytes, but the guest had read ${position}`);
    else this.#info(`stdin goes on at byte ${position}`);
  }
}

function reason(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return error instanceof Error ? error.message : errnoName(errno);
}

function date(ms: number): string {
  // An image's number may be no date at all.
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

function entryName(shape: Shape): string {
  const name = shape.string();
  if (name === "" || /[/\0]/.test(name)) shape.refuse("a name");
  return name;
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
