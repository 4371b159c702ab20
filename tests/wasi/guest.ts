/**
 * A guest without a program: a memory, and calls of WASI functions made by hand.
 *
 * @module
 */
import { Errno, errnoName, type HostFunction, INTERRUPTED, type Wasi } from "../../runtime/wasi/mod.ts";

export const ALL_RIGHTS = 0x3fff_ffffn;
export const FOLLOW = 1;
export const O = { creat: 1, directory: 2, excl: 4, trunc: 8 } as const;
export const F = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;

export interface OpenArguments {
  readonly oflags?: number;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly flags?: number;
  readonly lookup?: number;
}
export interface Stat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly filetype: number;
  readonly nlink: bigint;
  readonly size: bigint;
  readonly atim: bigint;
  readonly mtim: bigint;
}
export interface Entry {
  readonly name: string;
  readonly next: bigint;
  readonly ino: bigint;
  readonly filetype: number;
}

/** The rights a preopened directory can hand on to files, which is what most tests ask for. */
export const FILE = (1n << 0n) | (1n << 1n) | (1n << 2n) | (1n << 3n) | (1n << 4n) | (1n << 5n) | (1n << 6n) |
  (1n << 7n) | (1n << 8n) | (1n << 21n) | (1n << 22n) | (1n << 23n) | (1n << 27n);
export const READ = (1n << 1n) | (1n << 2n) | (1n << 5n) | (1n << 21n) | (1n << 27n);
/** All rights of directories and files. */
export const DIRECTORY = ALL_RIGHTS & ~((1n << 28n) | (1n << 29n));

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Calls by name; a failed one throws a {@link CallError}, so that tests read like programs. */
export class Guest {
  readonly memory = new WebAssembly.Memory({ initial: 4 });
  readonly functions: Record<string, HostFunction>;
  #top = 1024;

  constructor(readonly wasi: Wasi, unstable = false) {
    wasi.memory = this.memory;
    this.functions = unstable ? wasi.imports.wasi_unstable : wasi.imports.wasi_snapshot_preview1;
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }
  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  /** Calls, and gives the error number. */
  errno(name: string, ...args: (number | bigint)[]): number {
    const result = this.functions[name](...args);
    if (typeof result !== "number") throw new Error(`${name} gave ${String(result)}`);
    return result;
  }
  /** Calls, and throws if there is an error. */
  call(name: string, ...args: (number | bigint)[]): void {
    const errno = this.errno(name, ...args);
    if (errno !== Errno.success) throw new CallError(name, errno);
  }

  /** Room in memory. Given out in a circle, so nothing must be kept for long. */
  room(size: number): number {
    this.#top = (this.#top + 7) & ~7;
    if (this.#top + size > this.memory.buffer.byteLength) this.#top = 1024;
    const at = this.#top;
    this.#top += size;
    return at;
  }
  /** Bytes or a text in memory: where, and how long. */
  put(data: string | Uint8Array): [pointer: number, length: number] {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
    return [at, bytes.length];
  }
  /** An iovec array over buffers: where, and how many. */
  iovecs(list: readonly (readonly [pointer: number, length: number])[]): [pointer: number, count: number] {
    const at = this.room(list.length * 8);
    list.forEach(([pointer, length], i) => {
      this.view.setUint32(at + i * 8, pointer, true);
      this.view.setUint32(at + i * 8 + 4, length, true);
    });
    return [at, list.length];
  }

  open(path: string, options: OpenArguments = {}, fd = 3): number {
    const out = this.room(4);
    const { oflags = 0, rights = FILE, inheriting = 0n, flags = 0, lookup = 0 } = options;
    this.call("path_open", fd, lookup, ...this.put(path), oflags, rights, inheriting, flags, out);
    return this.view.getUint32(out, true);
  }
  openDirectory(path: string, fd = 3): number {
    return this.open(
      path,
      { oflags: O.directory, rights: DIRECTORY & ~(1n << 6n), inheriting: DIRECTORY },
      fd,
    );
  }
  close(fd: number): void {
    this.call("fd_close", fd);
  }
  read(fd: number, length = 1000): string {
    const out = this.room(4);
    const buffer = this.room(length);
    this.call("fd_read", fd, ...this.iovecs([[buffer, length]]), out);
    return decoder.decode(this.bytes.slice(buffer, buffer + this.view.getUint32(out, true)));
  }
  write(fd: number, data: string): number {
    const out = this.room(4);
    this.call("fd_write", fd, ...this.iovecs([this.put(data)]), out);
    return this.view.getUint32(out, true);
  }
  pread(fd: number, length: number, offset: bigint): string {
    const out = this.room(4);
    const buffer = this.room(length);
    this.call("fd_pread", fd, ...this.iovecs([[buffer, length]]), offset, out);
    return decoder.decode(this.bytes.slice(buffer, buffer + this.view.getUint32(out, true)));
  }
  pwrite(fd: number, data: string, offset: bigint): number {
    const out = this.room(4);
    this.call("fd_pwrite", fd, ...this.iovecs([this.put(data)]), offset, out);
    return this.view.getUint32(out, true);
  }
  seek(fd: number, offset: bigint, whence: number): bigint {
    const out = this.room(8);
    this.call("fd_seek", fd, offset, whence, out);
    return this.view.getBigUint64(out, true);
  }
  tell(fd: number): bigint {
    const out = this.room(8);
    this.call("fd_tell", fd, out);
    return this.view.getBigUint64(out, true);
  }
  #stat(at: number): Stat {
    const { view } = this;
    const u64 = (offset: number) => view.getBigUint64(at + offset, true);
    return {
      dev: u64(0),
      ino: u64(8),
      filetype: view.getUint8(at + 16),
      nlink: u64(24),
      size: u64(32),
      atim: u64(40),
      mtim: u64(48),
    };
  }
  stat(path: string, lookup = 0, fd = 3): Stat {
    const out = this.room(64);
    this.call("path_filestat_get", fd, lookup, ...this.put(path), out);
    return this.#stat(out);
  }
  fstat(fd: number): Stat {
    const out = this.room(64);
    this.call("fd_filestat_get", fd, out);
    return this.#stat(out);
  }
  fdstat(fd: number): { filetype: number; flags: number; rights: bigint; inheriting: bigint } {
    const out = this.room(24);
    this.call("fd_fdstat_get", fd, out);
    return {
      filetype: this.view.getUint8(out),
      flags: this.view.getUint16(out + 2, true),
      rights: this.view.getBigUint64(out + 8, true),
      inheriting: this.view.getBigUint64(out + 16, true),
    };
  }
  mkdir(path: string, fd = 3): void {
    this.call("path_create_directory", fd, ...this.put(path));
  }
  rmdir(path: string, fd = 3): void {
    this.call("path_remove_directory", fd, ...this.put(path));
  }
  unlink(path: string, fd = 3): void {
    this.call("path_unlink_file", fd, ...this.put(path));
  }
  rename(from: string, to: string, fd = 3, toFd = fd): void {
    this.call("path_rename", fd, ...this.put(from), toFd, ...this.put(to));
  }
  link(from: string, to: string, lookup = 0, fd = 3, toFd = fd): void {
    this.call("path_link", fd, lookup, ...this.put(from), toFd, ...this.put(to));
  }
  symlink(target: string, path: string, fd = 3): void {
    this.call("path_symlink", ...this.put(target), fd, ...this.put(path));
  }
  readlink(path: string, fd = 3, length = 256): string {
    const out = this.room(4);
    const buffer = this.room(length);
    this.call("path_readlink", fd, ...this.put(path), buffer, length, out);
    return decoder.decode(this.bytes.slice(buffer, buffer + this.view.getUint32(out, true)));
  }
  /** One call of `fd_readdir`: the whole entries in the buffer, and how much of it was used. */
  readdir(fd: number, cookie = 0n, length = 4096): { entries: Entry[]; used: number } {
    const out = this.room(4);
    const buffer = this.room(length);
    this.call("fd_readdir", fd, buffer, length, cookie, out);
    const used = this.view.getUint32(out, true);
    const entries: Entry[] = [];
    for (let at = buffer; at + 24 <= buffer + used;) {
      const size = this.view.getUint32(at + 16, true);
      const end = at + 24 + size;
      if (end > buffer + used) break;
      entries.push({
        next: this.view.getBigUint64(at, true),
        ino: this.view.getBigUint64(at + 8, true),
        filetype: this.view.getUint8(at + 20),
        name: decoder.decode(this.bytes.slice(at + 24, end)),
      });
      at = end;
    }
    return { entries, used };
  }
  time(clock: number): bigint {
    const out = this.room(8);
    this.call("clock_time_get", clock, 0n, out);
    return this.view.getBigUint64(out, true);
  }
  random(length: number): Uint8Array {
    const out = this.room(length);
    this.call("random_get", out, length);
    return this.bytes.slice(out, out + length);
  }
}

export class CallError extends Error {
  constructor(readonly call: string, readonly errno: number) {
    super(`${call}: ${errnoName(errno)}`);
  }
}

/** The name of the error that an action ends with, or `success`. */
export function outcome(action: () => unknown): string {
  try {
    const result = action();
    return result === INTERRUPTED ? "interrupted" : "success";
  } catch (error) {
    if (error instanceof CallError) return errnoName(error.errno);
    throw error;
  }
}
