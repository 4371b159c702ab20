/**
 * WASI's host on Deno: files by `Deno`'s synchronous calls, each path below the directory that was
 * granted and already resolved by `resolve.ts`.
 *
 * @module
 */
import { nodeFs } from "../node_deno.ts";
import { Filetype } from "./abi.ts";
import { Errno, fail } from "./errno.ts";
import {
  AT_END,
  type HostDirectory,
  type HostEntry,
  type HostFile,
  type HostStat,
  type HostStream,
  type OpenFlags,
  type Waited,
  type WasiHost,
} from "./host.ts";
import { DenoInput, DenoOutput } from "./stdio_deno.ts";
import type { Interrupted } from "./interrupt.ts";

/** Deno's types ask for views of plain buffers; its calls take shared ones as well. */
type Bytes = Uint8Array<ArrayBuffer>;

function filetypeOf(info: Deno.FileInfo | Deno.DirEntry): Filetype {
  if (info.isFile) return Filetype.regular_file;
  if (info.isDirectory) return Filetype.directory;
  if (info.isSymlink) return Filetype.symbolic_link;
  if (!("isFifo" in info)) return Filetype.unknown;
  if (info.isCharDevice) return Filetype.character_device;
  if (info.isBlockDevice) return Filetype.block_device;
  return info.isSocket ? Filetype.socket_stream : Filetype.unknown;
}

function statOf(info: Deno.FileInfo): HostStat {
  return {
    dev: info.dev,
    ino: info.ino ?? 0,
    filetype: filetypeOf(info),
    nlink: info.nlink ?? 1,
    size: info.size,
    atime: info.atime?.getTime() ?? 0,
    mtime: info.mtime?.getTime() ?? 0,
    ctime: info.ctime?.getTime() ?? 0,
  };
}

class DenoFile implements HostFile {
  readonly #file: Deno.FsFile;
  /** The same file, opened for appending. */
  readonly #end: Deno.FsFile | undefined;
  /** Where the system's own offset stands; `undefined` if that is not known. */
  #at: number | undefined = 0;
  /** Devices have no positions. */
  #seeks: boolean | undefined;

  constructor(file: Deno.FsFile, end?: Deno.FsFile) {
    this.#file = file;
    this.#end = end;
  }

  #seek(position: number): void {
    if (this.#at === position) return;
    this.#seeks ??= this.#file.statSync().isFile;
    if (!this.#seeks) return;
    const end = position === AT_END;
    this.#at = this.#file.seekSync(end ? 0 : position, end ? Deno.SeekMode.End : Deno.SeekMode.Start);
  }

  read(buffer: Uint8Array, position: number): number {
    this.#seek(position);
    const count = this.#file.readSync(buffer as Bytes) ?? 0;
    this.#at = position + count;
    return count;
  }
  write(buffer: Uint8Array, position: number): number {
    if (position === AT_END && this.#end !== undefined) return this.#end.writeSync(buffer as Bytes);
    this.#seek(position);
    const count = this.#file.writeSync(buffer as Bytes);
    this.#at = position === AT_END ? undefined : position + count;
    return count;
  }
  stat(): HostStat {
    return statOf(this.#file.statSync());
  }
  truncate(size: number): void {
    this.#file.truncateSync(size);
  }
  sync(dataOnly: boolean): void {
    if (dataOnly) this.#file.syncDataSync();
    else this.#file.syncSync();
  }
  utimes(atime: number, mtime: number): void {
    this.#file.utimeSync(atime, mtime);
  }
  close(): void {
    this.#file.close();
    this.#end?.close();
  }
}

/** Whether two open files are one. */
function isOne(a: Deno.FsFile, b: Deno.FsFile): boolean {
  const [one, other] = [a.statSync(), b.statSync()];
  return one.dev === other.dev && one.ino === other.ino;
}

/** On Windows a name could hold a separator or a drive of its own. */
const FOREIGN = Deno.build.os === "windows" ? /[\\:]/ : undefined;

class DenoDirectory implements HostDirectory {
  readonly #root: string;

  constructor(readonly label: string) {
    this.#root = Deno.realPathSync(label).replace(/\/$/, "");
    if (!Deno.lstatSync(this.#root || "/").isDirectory) fail(Errno.notdir);
  }

  #at(path: string): string {
    if (FOREIGN?.test(path)) fail(Errno.inval);
    return path === "" ? this.#root || "/" : `${this.#root}/${path}`;
  }

  holds(other: HostDirectory): boolean {
    return #root in other && other.#root.startsWith(`${this.#root}/`);
  }
  lstat(path: string): HostStat | undefined {
    try {
      return statOf(Deno.lstatSync(this.#at(path)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
  readLink(path: string): string {
    return Deno.readLinkSync(this.#at(path));
  }
  open(path: string, { read, write, append, create }: OpenFlags): HostFile {
    const name = this.#at(path);
    const file = Deno.openSync(name, { read, write, createNew: create });
    if (!append) return new DenoFile(file);
    let end: Deno.FsFile | undefined;
    try {
      end = Deno.openSync(name, { append });
      if (isOne(file, end)) return new DenoFile(file, end);
      fail(Errno.busy);
    } catch (error) {
      file.close();
      end?.close();
      throw error;
    }
  }
  readDirectory(path: string): HostEntry[] {
    const entries: HostEntry[] = [];
    for (const entry of Deno.readDirSync(this.#at(path))) {
      entries.push({ name: entry.name, filetype: filetypeOf(entry) });
    }
    return entries;
  }
  makeDirectory(path: string): void {
    Deno.mkdirSync(this.#at(path));
  }
  removeDirectory(path: string): void {
    Deno.removeSync(this.#at(path));
  }
  unlink(path: string): void {
    Deno.removeSync(this.#at(path));
  }
  symlink(target: string, path: string): void {
    Deno.symlinkSync(target, this.#at(path));
  }
  rename(path: string, to: HostDirectory, toPath: string): void {
    if (!(#root in to)) fail(Errno.xdev);
    Deno.renameSync(this.#at(path), to.#at(toPath));
  }
  link(path: string, to: HostDirectory, toPath: string): void {
    if (!(#root in to)) fail(Errno.xdev);
    Deno.linkSync(this.#at(path), to.#at(toPath));
  }
  utimes(path: string, atime: number, mtime: number): void {
    nodeFs().lutimesSync(this.#at(path), atime, mtime);
  }
}

/** The half of a channel that the guest's thread waits on. */
export interface Waiter {
  wait(ms: number, input: boolean): Waited;
  /** As `HostStream`'s. */
  read(buffer: Uint8Array): number | Interrupted;
  available(): number;
  pending(): Uint8Array;
  stopRequested?(): Promise<void>;
}

export interface DenoHostOptions {
  /** Lets stops be heard while the guest waits; without one, waits and reads simply block. */
  readonly waiter?: Waiter;
  readonly stdin?: HostStream;
  readonly stdout?: HostStream;
  readonly stderr?: HostStream;
}

/** Beyond this, the realtime clock is taken to have been set, in milliseconds. */
const CLOCK_STEP = 5;

export class DenoHost implements WasiHost {
  readonly stdin: HostStream;
  readonly stdout: HostStream;
  readonly stderr: HostStream;
  readonly #waiter: Waiter | undefined;
  readonly #idle = new Int32Array(new SharedArrayBuffer(4));
  /** Realtime minus monotonic, in milliseconds: the system's clock tells whole milliseconds only. */
  #drift: number;

  constructor(options: DenoHostOptions = {}) {
    this.#waiter = options.waiter;
    this.stdin = options.stdin ?? new DenoInput(options.waiter);
    this.stdout = options.stdout ?? new DenoOutput(1);
    this.stderr = options.stderr ?? new DenoOutput(2);
    this.#drift = Date.now() - performance.now();
  }

  openDirectory(path: string): HostDirectory {
    return new DenoDirectory(path);
  }
  realtime(): number {
    const system = Date.now();
    const fine = performance.now() + this.#drift;
    if (Math.abs(fine - system) <= CLOCK_STEP) return fine;
    this.#drift += system - fine;
    return system;
  }
  monotonic(): number {
    return performance.now();
  }
  random(buffer: Uint8Array): void {
    if (buffer.buffer instanceof ArrayBuffer) crypto.getRandomValues(buffer as Bytes);
    else buffer.set(crypto.getRandomValues(new Uint8Array(buffer.length)));
  }
  wait(ms: number, input: boolean): Waited {
    if (this.#waiter !== undefined) return this.#waiter.wait(ms, input);
    // Without a channel, input is always worth a try: see `DenoInput.available`.
    Atomics.wait(this.#idle, 0, 0, ms);
    return "time";
  }
  stopRequested(): Promise<void> {
    return this.#waiter?.stopRequested?.() ?? new Promise(() => {});
  }
}
