/**
 * What a file descriptor of the guest can be, and the table that numbers them.
 *
 * @module
 */
import type { Filetype } from "./abi.ts";
import { Errno, fail } from "./errno.ts";
import type { HostDirectory, HostFile, HostListener, HostSocket, HostStat, HostStream } from "./host.ts";

/** A directory granted to the guest. Everything opened below it remembers it, for rights and for restore. */
export interface Preopen {
  /** What the guest calls it. */
  readonly guest: string;
  readonly root: HostDirectory;
  /** The most that a directory opened through it may have. */
  readonly rights: number;
  /** The most that anything opened through it may have. */
  readonly inheriting: number;
  /** No other preopen holds it, so the guest has no way to move it or to put a link in its place. */
  readonly fixed?: boolean;
}

interface Common {
  /** A set of `Rights`. */
  rights: number;
  inheriting: number;
  /** A set of `Fdflags`. */
  flags: number;
  readonly filetype: Filetype;
}

export interface OpenFile extends Common {
  readonly kind: "file";
  preopen: Preopen;
  /** From the preopen's root; both follow renames that the guest makes. */
  path: string;
  file: HostFile;
  /** Where the next read or write starts, in bytes. */
  offset: number;
  /** Why it can be neither read nor written: the file was gone when the guest was restored. */
  readonly lost?: boolean;
  /** It has no name any more; its contents live in memory and in the image. */
  readonly unlinked?: boolean;
}

/** The entries of a directory as they were when the guest began to read it. */
export type Listing = { readonly name: string; readonly filetype: Filetype }[];

export interface OpenDirectory extends Common {
  readonly kind: "directory";
  preopen: Preopen;
  path: string;
  /** Which directory it was when opened: a name that leads elsewhere now is not followed. -1: removed. */
  dev: number;
  ino: number;
  /** Set on the descriptor that the guest finds with `fd_prestat_get`. */
  readonly preopened: boolean;
  listing?: Listing;
}

export interface OpenStream extends Common {
  readonly kind: "stream";
  readonly name: "stdin" | "stdout" | "stderr";
  readonly stream: HostStream;
}

export interface OpenSocket extends Common {
  readonly kind: "socket";
  /** `undefined` after a restore: connections do not outlive the process. */
  readonly socket: HostSocket | undefined;
}

export interface OpenListener extends Common {
  readonly kind: "listener";
  readonly listener: HostListener;
}

export type Descriptor = OpenFile | OpenDirectory | OpenStream | OpenSocket | OpenListener;

/** The guest's file descriptors; the lowest free number is given out first, as POSIX programs expect. */
export class DescriptorTable {
  readonly #entries: (Descriptor | undefined)[] = [];
  /** No number below this one is free. */
  #free = 0;

  /** @param limit How many descriptors the guest may have; more are `errno::mfile`. */
  constructor(readonly limit: number) {}

  /** `errno::badf` if there is none. @param fd Unsigned. */
  get(fd: number): Descriptor {
    return this.#entries[fd] ?? fail(Errno.badf);
  }
  /** As {@link get}, for an operation that needs the rights. */
  withRights(fd: number, rights: number): Descriptor {
    const descriptor = this.#entries[fd] ?? fail(Errno.badf);
    if ((descriptor.rights & rights) !== rights) fail(Errno.notcapable);
    return descriptor;
  }
  /** A directory to resolve a path from. */
  directory(fd: number, rights: number): OpenDirectory {
    const descriptor = this.#entries[fd] ?? fail(Errno.badf);
    if (descriptor.kind !== "directory") fail(Errno.notdir);
    if ((descriptor.rights & rights) !== rights) fail(Errno.notcapable);
    return descriptor;
  }

  /** The number that {@link add} will give next; `errno::mfile` if none is left. */
  next(): number {
    while (this.#entries[this.#free] !== undefined) this.#free++;
    return this.#free < this.limit ? this.#free : fail(Errno.mfile);
  }
  add(descriptor: Descriptor): number {
    const fd = this.next();
    this.#entries[fd] = descriptor;
    return fd;
  }
  set(fd: number, descriptor: Descriptor): void {
    this.#entries[fd] = descriptor;
  }
  /** Forgets a number; closing what it stood for is the caller's. */
  remove(fd: number): void {
    this.#entries[fd] = undefined;
    if (fd < this.#free) this.#free = fd;
  }
  /** All of them, in order of their numbers. */
  *[Symbol.iterator](): Generator<[number, Descriptor]> {
    for (const [fd, descriptor] of this.#entries.entries()) {
      if (descriptor !== undefined) yield [fd, descriptor];
    }
  }
}

/** Gives back what the host holds for a descriptor. Standard streams and listeners stay the host's own. */
export function release(descriptor: Descriptor): void {
  if (descriptor.kind === "file") descriptor.file.close();
  else if (descriptor.kind === "socket") descriptor.socket?.close();
}

export function sameFile(a: HostStat, b: HostStat): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.filetype === b.filetype;
}
