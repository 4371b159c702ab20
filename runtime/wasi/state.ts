/**
 * The WASI part of an image: plain data that says everything about the guest's side of its files,
 * clocks and streams, and nothing of the process it ran in.
 *
 * @module
 */
import { Filetype } from "./abi.ts";
import { contentsOf, fingerprint, inspect } from "./contents.ts";
import type { Context } from "./context.ts";
import { type Descriptor, type OpenDirectory, type OpenFile, type Preopen, sameFile } from "./descriptor.ts";
import type { HostStat } from "./host.ts";
import type { RandomState } from "./random.ts";
import { isSame } from "./resolve.ts";
import type { SavedTimes } from "./times.ts";

export const STATE_VERSION = 1;
/** What an unlinked file may hold, in bytes, if it has to go into the image. */
const MAX_UNLINKED = 256 << 20;

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
export class WasiSaveError extends Error {
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

/** What was found out about a file's bytes. */
type Inside = Pick<SavedFile, "fingerprint" | "blob">;

class Saver {
  readonly preopens: Preopen[] = [];
  readonly blobs: Uint8Array[] = [];
  /** By device and number: each file is looked into once. */
  readonly #inside = new Map<string, Inside>();

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

  #directory(fd: number, directory: OpenDirectory): SavedDirectory {
    const { rights, flags, inheriting, path, preopened, listing } = directory;
    return {
      fd,
      kind: "directory",
      rights,
      flags,
      inheriting,
      preopen: this.#indexOf(directory.preopen),
      path,
      preopened,
      ...(listing && { listing: listing.map(({ name, filetype }) => [name, filetype] as const) }),
      ...(!isSame(directory) && { removed: true }),
    };
  }

  #file(fd: number, open: OpenFile): SavedFile {
    const { rights, flags, filetype, path, offset } = open;
    const preopen = this.#indexOf(open.preopen);
    const common = { fd, kind: "file", rights, flags, filetype, preopen, path, offset } as const;
    if (open.lost) return { ...common, size: 0, mtime: 0, lost: true };
    const stat = open.file.stat();
    const { size, mtime } = stat;
    if (filetype !== Filetype.regular_file) return { ...common, size: 0, mtime };
    const named = open.unlinked ? undefined : open.preopen.root.lstat(path);
    const unlinked = named === undefined || !sameFile(named, stat);
    const inside = this.#lookInto(open, stat, unlinked, `descriptor ${fd} (${open.preopen.guest}: ${path})`);
    return { ...common, size, mtime, ...inside, ...(unlinked && { unlinked }) };
  }

  #lookInto(open: OpenFile, stat: HostStat, unlinked: boolean, where: string): Inside | undefined {
    const key = `${stat.dev}:${stat.ino}`;
    const known = this.#inside.get(key);
    if (known?.blob !== undefined || known !== undefined && !unlinked) return known;
    const { size } = stat;
    const embed = size <= (unlinked ? Math.max(this.embedLimit, MAX_UNLINKED) : this.embedLimit);
    if (unlinked && !embed) {
      throw new WasiSaveError(
        `${where} has no name any more, and its ${size} bytes are too many to go into the image ` +
          `(at most ${MAX_UNLINKED}); give it a name again, or allow more with the limit for embedded files`,
      );
    }
    const root = unlinked ? undefined : open.preopen.root;
    const inside = inspect(open.file, root, open.path, (file): Inside => ({
      fingerprint: fingerprint(file, size),
      ...(embed && { blob: this.blobs.push(contentsOf(file, size)) - 1 }),
    }));
    this.context.times.keep(stat, open.file.stat());
    if (inside !== undefined) this.#inside.set(key, inside);
    else if (unlinked) {
      throw new WasiSaveError(
        `${where} has no name any more and cannot be read, so it cannot go into the image`,
      );
    }
    return inside;
  }
}
