/**
 * The WASI part of an image: plain data that says everything about the guest's side of its files,
 * clocks and streams, and nothing of the process it ran in.
 *
 * @module
 */
import { MvvmError } from "../../compiler/errors.ts";
import { Filetype } from "./abi.ts";
import { contentsOf, fingerprint, inspect } from "./contents.ts";
import type { Context } from "./context.ts";
import { type Descriptor, type OpenDirectory, type OpenFile, type Preopen, sameFile } from "./descriptor.ts";
import type { HostEntry, HostStat } from "./host.ts";
import { errnoOf } from "./errno.ts";
import type { RandomState } from "./random.ts";
import { isSame } from "./resolve.ts";
import type { SavedTimes } from "./times.ts";

export const STATE_VERSION = 1;
/** What an unlinked file may hold, in bytes, if it has to go into the image. */
const MAX_UNLINKED = 256 << 20;

/** How many files are looked at to find one that is not at its path. */
const MAX_SEARCHED = 20_000;

interface SavedCommon {
  readonly fd: number;
  readonly rights: number;
  readonly flags: number;
}
export interface SavedFile extends SavedCommon {
  readonly kind: "file";
  readonly filetype: Filetype;
  /** Index into `preopens`. */
  readonly preopen: number;
  readonly path: string;
  readonly offset: number;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** `undefined` if the file could not be read. */
  readonly fingerprint?: string;
  /** Index into `blobs` of its bytes, if it rides along. Descriptors of one file share them. */
  readonly blob?: number;
  /** It was not at its path any more: the bytes are all there is. */
  readonly unlinked?: boolean;
  readonly lost?: boolean;
}
export interface SavedDirectory extends SavedCommon {
  readonly kind: "directory";
  readonly inheriting: number;
  readonly preopen: number;
  readonly path: string;
  readonly preopened: boolean;
  /** Names and types, in the order that the guest's cookies count. */
  readonly listing?: (readonly [name: string, filetype: Filetype])[];
  /** It was removed, or replaced by something else, while it was open. */
  readonly removed?: boolean;
}
export interface SavedStream extends SavedCommon {
  readonly kind: "stream";
  readonly name: "stdin" | "stdout" | "stderr";
  readonly filetype: Filetype;
  readonly terminal: boolean;
}
export interface SavedSocket extends SavedCommon {
  readonly kind: "socket";
}
export interface SavedListener extends SavedCommon {
  readonly kind: "listener";
  readonly label: string;
}
export type SavedDescriptor = SavedFile | SavedDirectory | SavedStream | SavedSocket | SavedListener;

export interface SavedPreopen {
  readonly guest: string;
  /** What the host called it; a restore may put another directory in its place. */
  readonly host: string;
  readonly rights: number;
  readonly inheriting: number;
}

/** Everything about a guest's WASI, as plain data for msgpack. */
export interface WasiState {
  readonly version: number;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Nanoseconds that the guest's monotonic clock shows. */
  readonly monotonic: number;
  readonly pollStart?: number;
  readonly exitCode?: number;
  /** State of a seeded generator. */
  readonly random?: RandomState;
  readonly times: readonly SavedTimes[];
  readonly preopens: readonly SavedPreopen[];
  readonly descriptors: readonly SavedDescriptor[];
  /** Contents of files. */
  readonly blobs: readonly Uint8Array[];
  readonly stdin: {
    /** Bytes that had been taken from outside and not yet read by the guest. */
    readonly pending: Uint8Array;
    /** Where the guest stood, if standard input was a regular file. */
    readonly position?: number;
  };
}

export interface SaveOptions {
  /** Open files of at most this many bytes have their contents saved with them; 0 if not given. */
  readonly embedFiles?: number;
}

/** The state cannot be saved; the message says which descriptor and why. */
export class WasiSaveError extends MvvmError {
  override readonly name = "WasiSaveError";
}

export function saveState(context: Context, options: SaveOptions): WasiState {
  const saver = new Saver(context, options.embedFiles ?? 0);
  const descriptors = [...context.fds].map(([fd, descriptor]) => saver.descriptor(fd, descriptor));
  const { stdin } = context.host;
  return {
    version: STATE_VERSION,
    args: context.args,
    env: context.env,
    monotonic: context.clocks.monotonic(),
    ...(context.pollStart !== undefined && { pollStart: context.pollStart }),
    ...(context.exitCode !== undefined && { exitCode: context.exitCode }),
    ...(context.random.state && { random: [...context.random.state] }),
    times: context.times.save(),
    preopens: saver.preopens.map(({ guest, root, rights, inheriting }) => ({
      guest,
      host: root.label,
      rights,
      inheriting,
    })),
    descriptors,
    blobs: saver.blobs,
    stdin: {
      pending: stdin.pending?.() ?? new Uint8Array(0),
      ...(stdin.position !== undefined && { position: stdin.position }),
    },
  };
}

/** Where something is. */
interface Place {
  readonly preopen: Preopen;
  readonly path: string;
}
/** What was found out about a file's bytes. */
type Inside = Pick<SavedFile, "fingerprint" | "blob">;

class Saver {
  readonly preopens: Preopen[] = [];
  readonly blobs: Uint8Array[] = [];
  /** By device and number: each file is looked into once. */
  readonly #inside = new Map<string, Inside>();
  #places: Map<string, Place> | undefined;

  constructor(readonly context: Context, readonly embedLimit: number) {}

  #indexOf(preopen: Preopen): number {
    const index = this.preopens.indexOf(preopen);
    return index >= 0 ? index : this.preopens.push(preopen) - 1;
  }

  descriptor(fd: number, descriptor: Descriptor): SavedDescriptor {
    const { rights, flags } = descriptor;
    switch (descriptor.kind) {
      case "file":
        return this.#file(fd, descriptor);
      case "directory":
        return this.#directory(fd, descriptor);
      case "stream": {
        const { name, filetype, stream } = descriptor;
        return { fd, kind: "stream", rights, flags, name, filetype, terminal: stream.terminal };
      }
      case "socket":
        return { fd, kind: "socket", rights, flags };
      case "listener":
        return { fd, kind: "listener", rights, flags, label: descriptor.listener.label };
    }
  }

  /** Where something is that is not at its path: renamed by others, or under a second name. */
  #search(dev: number, ino: number): Place | undefined {
    if (this.#places === undefined) {
      this.#places = new Map();
      for (const [, descriptor] of this.context.fds) {
        if (descriptor.kind !== "file" && descriptor.kind !== "directory") continue;
        this.#index(descriptor.preopen, "", this.#places);
      }
    }
    return this.#places.get(key(dev, ino));
  }
  #index(preopen: Preopen, path: string, places: Map<string, Place>): void {
    const { root } = preopen;
    const self = root.lstat(path);
    if (self === undefined || places.size >= MAX_SEARCHED || places.has(key(self.dev, self.ino))) return;
    places.set(key(self.dev, self.ino), { preopen, path });
    if (self.filetype !== Filetype.directory) return;
    let entries: HostEntry[] = [];
    try {
      entries = root.readDirectory(path);
    } catch (error) {
      // What may not be read is not where anything can be found.
      if (errnoOf(error) === undefined) throw error;
    }
    for (const { name } of entries) this.#index(preopen, path === "" ? name : `${path}/${name}`, places);
  }

  #directory(fd: number, directory: OpenDirectory): SavedDirectory {
    const { rights, flags, inheriting, preopened, listing, dev, ino } = directory;
    const found = isSame(directory) ? directory : this.#search(dev, ino);
    const { preopen, path } = found ?? directory;
    return {
      fd,
      kind: "directory",
      rights,
      flags,
      inheriting,
      preopen: this.#indexOf(preopen),
      path,
      preopened,
      ...(listing && { listing: listing.map(({ name, filetype }) => [name, filetype] as const) }),
      ...(found === undefined && { removed: true }),
    };
  }

  #file(fd: number, open: OpenFile): SavedFile {
    const { rights, flags, filetype, offset, lost } = open;
    const stat = lost ? undefined : open.file.stat();
    const place = stat && this.#placeOf(open, stat);
    const { preopen, path } = place ?? open;
    const common = {
      fd,
      kind: "file",
      rights,
      flags,
      filetype,
      path,
      offset,
      preopen: this.#indexOf(preopen),
    } as const;
    if (stat === undefined) return { ...common, size: 0, mtime: 0, lost: true };
    if (filetype !== Filetype.regular_file) return { ...common, size: 0, mtime: 0 };
    const inside = this.#lookInto(open, stat, place, `descriptor ${fd} (${preopen.guest}: ${path})`);
    const { size, mtime } = stat;
    return { ...common, size, mtime, ...inside, ...(place === undefined && { unlinked: true }) };
  }
  /** Where an open file can be found; `undefined` if it has no name. */
  #placeOf(open: OpenFile, stat: HostStat): Place | undefined {
    if (open.unlinked || stat.nlink === 0) return undefined;
    const named = open.preopen.root.lstat(open.path);
    return named !== undefined && sameFile(named, stat) ? open : this.#search(stat.dev, stat.ino);
  }

  #lookInto(open: OpenFile, stat: HostStat, place: Place | undefined, where: string): Inside | undefined {
    const name = key(stat.dev, stat.ino);
    const known = this.#inside.get(name);
    if (known !== undefined) return known;
    const { size } = stat;
    const unlinked = place === undefined;
    const embed = size <= (unlinked ? Math.max(this.embedLimit, MAX_UNLINKED) : this.embedLimit);
    if (unlinked && !embed) {
      throw new WasiSaveError(
        `${where} has no name any more, and its ${size} bytes are too many to go into the image ` +
          `(at most ${MAX_UNLINKED}); give it a name again, or allow more with the limit for embedded files`,
      );
    }
    const inside = inspect(open.file, place?.preopen.root, place?.path ?? "", (file): Inside => ({
      fingerprint: fingerprint(file, size),
      ...(embed && { blob: this.blobs.push(contentsOf(file, size)) - 1 }),
    }));
    this.context.times.keep(stat, open.file.stat());
    if (inside !== undefined) this.#inside.set(name, inside);
    else if (unlinked) {
      throw new WasiSaveError(
        `${where} has no name any more and cannot be read, so it cannot go into the image`,
      );
    }
    return inside;
  }
}

function key(dev: number, ino: number): string {
  return `${dev}:${ino}`;
}
