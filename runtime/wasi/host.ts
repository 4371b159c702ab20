/**
 * What WASI needs of the world outside: files, clocks, randomness, standard streams, waiting and
 * sockets. One interface, so that the same WASI runs on Deno's files, in memory, or in a browser.
 *
 * A host reports a failure by throwing: a {@link Failure} of `errno.ts`, or any `Error` whose `code`
 * is a POSIX name (`"ENOENT"`), as Deno's and Node's errors have it.
 *
 * @module
 */
import type { Filetype } from "./abi.ts";
import type { Interrupted } from "./interrupt.ts";

/** Attributes of a file. Times are milliseconds since 1970, with a fraction where the host has one. */
export interface HostStat {
  readonly dev: number;
  readonly ino: number;
  readonly filetype: Filetype;
  readonly nlink: number;
  /** In bytes. */
  readonly size: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** In place of a position: write at the end of the file, wherever that is. */
export const AT_END = -1;

/** An open regular file or device. Offsets are kept by WASI, so every access says where. */
export interface HostFile {
  /** Bytes read into `buffer`, 0 at the end. Devices without positions ignore `position`. */
  read(buffer: Uint8Array, position: number): number;
  /** Bytes written, from `position` or {@link AT_END}. */
  write(buffer: Uint8Array, position: number): number;
  stat(): HostStat;
  truncate(size: number): void;
  sync(dataOnly: boolean): void;
  /** Times in seconds since 1970. */
  utimes(atime: number, mtime: number): void;
  close(): void;
}

export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  /** Writes {@link AT_END} will come: let the system find the end, so that other programs' writes are kept. */
  readonly append: boolean;
  /** Make the file; fail with `exist` if there is anything of that name, even a dangling link. */
  readonly create: boolean;
}

export interface HostEntry {
  readonly name: string;
  readonly filetype: Filetype;
}

/**
 * A directory granted to the guest, and everything below it. Paths are relative to it, use `/`, and
 * have been resolved by `resolve.ts`: no `.`, `..` or empty component, none but the last is a symbolic
 * link, and the empty path is the directory itself. No operation follows a link in last place.
 */
export interface HostDirectory {
  /** How the host calls it; saved in images so that a restore can name it. */
  readonly label: string;
  /** Whether another one of the same host lies below this one. */
  holds(other: HostDirectory): boolean;
  /** `undefined` if there is nothing of that name. */
  lstat(path: string): HostStat | undefined;
  readLink(path: string): string;
  open(path: string, flags: OpenFlags): HostFile;
  /** Without `.` and `..`, in any order. */
  readDirectory(path: string): HostEntry[];
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
  unlink(path: string): void;
  symlink(target: string, path: string): void;
  /** `to` is a directory of the same host. */
  rename(path: string, to: HostDirectory, toPath: string): void;
  link(path: string, to: HostDirectory, toPath: string): void;
  /** Times in seconds since 1970. */
  utimes(path: string, atime: number, mtime: number): void;
}

/** A standard stream. */
export interface HostStream {
  /** A terminal is a `character_device`. */
  readonly filetype: Filetype;
  readonly terminal: boolean;
  /** Bytes read, 0 at the end of the input. Blocks, unless a stop is requested. */
  read?(buffer: Uint8Array): number | Interrupted | Promise<number | Interrupted>;
  /** Bytes that can be read without blocking; `undefined` if only reading can tell. 1 or more at the end. */
  available?(): number | undefined;
  /** Bytes written. */
  write?(buffer: Uint8Array): number;
  /** Where the next read starts, if the stream is a regular file; may be set. */
  position?: number;
  /** Size in bytes, if it is a regular file. */
  size?(): number;
  /** Bytes taken from outside that the guest has not read yet; they go into the image. */
  pending?(): Uint8Array;
  /** Give the stream bytes to deliver before anything from outside. */
  unread?(bytes: Uint8Array): void;
}

/** A connected byte-stream socket. */
export interface HostSocket {
  /** Bytes read, 0 when the peer has closed; `undefined` instead of waiting if `nonblock`. */
  read(buffer: Uint8Array, nonblock: boolean, peek: boolean):
    | number
    | undefined
    | Interrupted
    | Promise<number | Interrupted>;
  write(buffer: Uint8Array): number | Promise<number>;
  /** Bytes that can be read now; 0 if none; `undefined` when the peer has closed. */
  available(): number | undefined;
  /** Settles when {@link available} may have changed. */
  readable(): Promise<void>;
  shutdown(read: boolean, write: boolean): void;
  close(): void;
}

/** A listening socket that the guest inherits. */
export interface HostListener {
  readonly label: string;
  /** A connection; `undefined` instead of waiting if `nonblock`. */
  accept(nonblock: boolean): HostSocket | undefined | Interrupted | Promise<HostSocket | Interrupted>;
  /** Whether a connection is waiting. */
  available(): boolean;
  readable(): Promise<void>;
  close(): void;
}

/** Why a wait ended. */
export type Waited = "time" | "input" | Interrupted;

export interface WasiHost {
  /** The directory at `path` in the host's own terms; throws if there is none. */
  openDirectory(path: string): HostDirectory;
  /** Milliseconds since 1970. */
  realtime(): number;
  /** Milliseconds since any fixed moment; never goes back. */
  monotonic(): number;
  /** Fill with bytes fit for cryptography. */
  random(buffer: Uint8Array): void;
  readonly stdin: HostStream;
  readonly stdout: HostStream;
  readonly stderr: HostStream;
  /**
   * Wait `ms` milliseconds (may be `Infinity`), or until standard input has bytes if `input`, or until
   * a stop is requested.
   */
  wait(ms: number, input: boolean): Waited | Promise<Waited>;
  /** A promise that settles when a stop is requested, for waits on promises. */
  stopRequested?(): Promise<void>;
}
