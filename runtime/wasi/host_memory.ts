/**
 * WASI's host without an outside: files in memory, for browsers and for tests. What the guest is to
 * find is given as a tree, and what it leaves can be read back as one.
 *
 * @module
 */
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
import { inputStream, outputStream } from "./streams.ts";

/** A symbolic link in a {@link Tree}. */
export class Symlink {
  constructor(readonly target: string) {}
}
/** A directory's contents by name; a file is its bytes, or its text. */
export interface Tree {
  [name: string]: Uint8Array | string | Symlink | Tree;
}

/** A file, directory or link. */
class Node {
  nlink = 1;
  opens = 0;
  bytes: Uint8Array = new Uint8Array(0);
  /** Bytes in use; the rest of `bytes` is room to grow and always zero. */
  size = 0;
  target = "";
  readonly children = new Map<string, Node>();
  atime: number;
  mtime: number;
  ctime: number;

  constructor(readonly filetype: Filetype, readonly ino: number, now: number) {
    this.atime = this.mtime = this.ctime = now;
  }
}

/** Device numbers: no real device has the second, so that nameless files are never taken for others. */
const DEVICE = 1;
const NAMELESS_DEVICE = 0xffff_fffe;

/** The files of one host; its size is bounded, so that a guest cannot take all memory. */
class Volume {
  #ino = 0;
  #used = 0;

  constructor(readonly now: () => number, readonly maxBytes: number, readonly device = DEVICE) {}

  node(filetype: Filetype): Node {
    return new Node(filetype, ++this.#ino, this.now());
  }

  /** Makes a file `size` bytes long; what is new is zero. */
  resize(node: Node, size: number): void {
    const used = this.#used + size - node.size;
    if (size > node.size && used > this.maxBytes) fail(Errno.nospc);
    if (size > node.bytes.length) {
      const grown = new Uint8Array(Math.max(size, Math.min(node.bytes.length * 2, size + (64 << 20))));
      grown.set(node.bytes.subarray(0, node.size));
      node.bytes = grown;
    } else if (size < node.size) node.bytes.fill(0, size, node.size);
    this.#used = used;
    node.size = size;
    node.mtime = node.ctime = this.now();
  }
  /** Gives back the room of a file that has lost its last name or its last descriptor. */
  forget(node: Node): void {
    if (node.nlink === 0 && node.opens === 0) this.#used -= node.size;
  }
}

function statOf(node: Node, { device }: Volume): HostStat {
  const { ino, filetype, nlink, size, atime, mtime, ctime } = node;
  return { dev: device, ino, filetype, nlink, size, atime, mtime, ctime };
}

class MemoryFile implements HostFile {
  readonly #node: Node;
  readonly #volume: Volume;
  readonly #flags: OpenFlags;

  constructor(node: Node, volume: Volume, flags: OpenFlags) {
    this.#node = node;
    this.#volume = volume;
    this.#flags = flags;
    node.opens++;
  }

  read(buffer: Uint8Array, position: number): number {
    if (!this.#flags.read) fail(Errno.badf);
    const node = this.#node;
    const part = node.bytes.subarray(position, Math.min(node.size, position + buffer.length));
    buffer.set(part);
    return part.length;
  }
  write(buffer: Uint8Array, position: number): number {
    if (!this.#flags.write) fail(Errno.badf);
    const node = this.#node;
    const at = position === AT_END ? node.size : position;
    if (at + buffer.length > node.size) this.#volume.resize(node, at + buffer.length);
    node.bytes.set(buffer, at);
    node.mtime = this.#volume.now();
    return buffer.length;
  }
  stat(): HostStat {
    return statOf(this.#node, this.#volume);
  }
  truncate(size: number): void {
    if (!this.#flags.write) fail(Errno.inval);
    this.#volume.resize(this.#node, size);
  }
  sync(): void {
    // There is nothing safer than memory here.
  }
  utimes(atime: number, mtime: number): void {
    this.#node.atime = atime * 1000;
    this.#node.mtime = mtime * 1000;
  }
  close(): void {
    this.#node.opens--;
    this.#volume.forget(this.#node);
  }
}

/** Files in memory that have no name: what an image brings along of files that are not there. */
export class NamelessFiles {
  readonly #volume = new Volume(Date.now, Infinity, NAMELESS_DEVICE);

  /** A file with these contents; gives a way to open it any number of times. */
  add(contents: Uint8Array): () => HostFile {
    const node = this.#volume.node(Filetype.regular_file);
    node.nlink = 0;
    this.#volume.resize(node, contents.length);
    node.bytes.set(contents);
    return () =>
      new MemoryFile(node, this.#volume, { read: true, write: true, append: false, create: false });
  }
}

class MemoryDirectory implements HostDirectory {
  readonly #root: Node;
  readonly #volume: Volume;

  constructor(readonly label: string, root: Node, volume: Volume) {
    this.#root = root;
    this.#volume = volume;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    if (path === "") return node;
    for (const name of path.split("/")) {
      if (node === undefined) return undefined;
      if (node.filetype !== Filetype.directory) fail(Errno.notdir);
      node = node.children.get(name);
    }
    return node;
  }
  #get(path: string): Node {
    return this.#find(path) ?? fail(Errno.noent);
  }
  /** The directory that holds a name, and the name. */
  #parent(path: string): [Node, string] {
    const slash = path.lastIndexOf("/");
    const parent = this.#get(slash < 0 ? "" : path.slice(0, slash));
    if (parent.filetype !== Filetype.directory) fail(Errno.notdir);
    const name = path.slice(slash + 1);
    if (name === "") fail(Errno.busy);
    if (new TextEncoder().encode(name).length > 255) fail(Errno.nametoolong);
    return [parent, name];
  }
  #insert(path: string, node: Node): void {
    const [parent, name] = this.#parent(path);
    if (parent.children.has(name)) fail(Errno.exist);
    parent.children.set(name, node);
    parent.mtime = parent.ctime = this.#volume.now();
  }
  #drop(parent: Node, name: string, node: Node): void {
    parent.children.delete(name);
    parent.mtime = parent.ctime = this.#volume.now();
    node.nlink--;
    this.#volume.forget(node);
  }

  holds(): boolean {
    // Each is a tree of its own.
    return false;
  }
  lstat(path: string): HostStat | undefined {
    const slash = path.lastIndexOf("/");
    if (path.length - slash > 256) fail(Errno.nametoolong);
    const node = this.#find(path);
    return node && statOf(node, this.#volume);
  }
  readLink(path: string): string {
    return this.#get(path).target;
  }
  open(path: string, flags: OpenFlags): HostFile {
    if (flags.create) this.#insert(path, this.#volume.node(Filetype.regular_file));
    const node = this.#get(path);
    if (node.filetype === Filetype.symbolic_link) fail(Errno.loop);
    if (node.filetype === Filetype.directory) fail(Errno.isdir);
    return new MemoryFile(node, this.#volume, flags);
  }
  readDirectory(path: string): HostEntry[] {
    return [...this.#get(path).children].map(([name, { filetype }]) => ({ name, filetype }));
  }
  makeDirectory(path: string): void {
    this.#insert(path, this.#volume.node(Filetype.directory));
  }
  removeDirectory(path: string): void {
    const [parent, name] = this.#parent(path);
    const node = this.#get(path);
    if (node.filetype !== Filetype.directory) fail(Errno.notdir);
    if (node.children.size > 0) fail(Errno.notempty);
    this.#drop(parent, name, node);
  }
  unlink(path: string): void {
    const [parent, name] = this.#parent(path);
    const node = this.#get(path);
    if (node.filetype === Filetype.directory) fail(Errno.isdir);
    this.#drop(parent, name, node);
  }
  symlink(target: string, path: string): void {
    const node = this.#volume.node(Filetype.symbolic_link);
    node.target = target;
    node.size = new TextEncoder().encode(target).length;
    this.#insert(path, node);
  }
  rename(path: string, to: HostDirectory, toPath: string): void {
    if (!(to instanceof MemoryDirectory) || to.#volume !== this.#volume) fail(Errno.xdev);
    const [fromParent, fromName] = this.#parent(path);
    const node = this.#get(path);
    const [toParent, toName] = to.#parent(toPath);
    const replaced = toParent.children.get(toName);
    if (replaced === node) return;
    if (holds(node, toParent)) fail(Errno.inval);
    if (replaced !== undefined) {
      if (replaced.filetype === Filetype.directory && node.filetype !== Filetype.directory) fail(Errno.isdir);
      if (replaced.filetype !== Filetype.directory && node.filetype === Filetype.directory) {
        fail(Errno.notdir);
      }
      if (replaced.children.size > 0) fail(Errno.notempty);
      this.#drop(toParent, toName, replaced);
    }
    fromParent.children.delete(fromName);
    toParent.children.set(toName, node);
    fromParent.mtime = toParent.mtime = node.ctime = this.#volume.now();
  }
  link(path: string, to: HostDirectory, toPath: string): void {
    if (!(to instanceof MemoryDirectory) || to.#volume !== this.#volume) fail(Errno.xdev);
    const node = this.#get(path);
    if (node.filetype === Filetype.directory) fail(Errno.perm);
    to.#insert(toPath, node);
    node.nlink++;
    node.ctime = this.#volume.now();
  }
  utimes(path: string, atime: number, mtime: number): void {
    const node = this.#get(path);
    node.atime = atime * 1000;
    node.mtime = mtime * 1000;
  }
}

/** Whether `inner` is `outer` or lies below it. */
function holds(outer: Node, inner: Node): boolean {
  return outer === inner || [...outer.children.values()].some((child) => holds(child, inner));
}

function plant(tree: Tree, volume: Volume): Node {
  const root = volume.node(Filetype.directory);
  for (const [name, value] of Object.entries(tree)) {
    root.children.set(name, plantOne(value, volume));
  }
  return root;
}
function plantOne(value: Tree[string], volume: Volume): Node {
  if (value instanceof Symlink) {
    const link = volume.node(Filetype.symbolic_link);
    link.target = value.target;
    link.size = new TextEncoder().encode(value.target).length;
    return link;
  }
  if (typeof value !== "string" && !(value instanceof Uint8Array)) return plant(value, volume);
  const file = volume.node(Filetype.regular_file);
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  volume.resize(file, bytes.length);
  file.bytes.set(bytes);
  return file;
}
function harvest(root: Node): Tree {
  const tree: Tree = {};
  for (const [name, node] of root.children) {
    tree[name] = node.filetype === Filetype.directory
      ? harvest(node)
      : node.filetype === Filetype.symbolic_link
      ? new Symlink(node.target)
      : node.bytes.slice(0, node.size);
  }
  return tree;
}

/** How often standard input is looked at while it is waited for, in milliseconds. */
const INPUT_SLICE = 20;

export interface MemoryHostOptions {
  /** Directories by the name that a preopen's `host` gives. */
  readonly files?: Readonly<Record<string, Tree>>;
  readonly stdin?: HostStream;
  readonly stdout?: HostStream;
  readonly stderr?: HostStream;
  /** Clocks in milliseconds, for runs that must not depend on the time. */
  readonly clock?: { realtime(): number; monotonic(): number };
  /** How the guest waits; by default as the thread allows, blocking it or with a promise. */
  readonly wait?: WasiHost["wait"];
  /** The most that all files together may hold; 1 GiB if not given. */
  readonly maxBytes?: number;
}

/**
 * @example
 * ```ts
 * const host = new MemoryHost({ files: { work: { "in.txt": "hello" } } });
 * const wasi = new Wasi({ preopens: [{ guest: "/", host: "work" }] }, host);
 * // ... run the guest ...
 * host.tree("work")["out.txt"];
 * ```
 */
export class MemoryHost implements WasiHost {
  readonly stdin: HostStream;
  readonly stdout: HostStream;
  readonly stderr: HostStream;
  readonly #clock: { realtime(): number; monotonic(): number };
  readonly #volume: Volume;
  readonly #roots = new Map<string, Node>();
  readonly #wait: WasiHost["wait"] | undefined;

  constructor(options: MemoryHostOptions = {}) {
    this.#clock = options.clock ?? { realtime: () => Date.now(), monotonic: () => performance.now() };
    this.#volume = new Volume(() => this.#clock.realtime(), options.maxBytes ?? 1 << 30);
    this.#wait = options.wait;
    this.stdin = options.stdin ?? inputStream();
    this.stdout = options.stdout ?? outputStream();
    this.stderr = options.stderr ?? outputStream();
    for (const [name, tree] of Object.entries(options.files ?? {})) {
      this.#roots.set(name, plant(tree, this.#volume));
    }
  }

  /** What a directory holds now: files as bytes, in copies. */
  tree(name: string): Tree {
    return harvest(this.#roots.get(name) ?? fail(Errno.noent));
  }

  openDirectory(path: string): HostDirectory {
    return new MemoryDirectory(path, this.#roots.get(path) ?? fail(Errno.noent), this.#volume);
  }
  realtime(): number {
    return this.#clock.realtime();
  }
  monotonic(): number {
    return this.#clock.monotonic();
  }
  random(buffer: Uint8Array): void {
    buffer.set(crypto.getRandomValues(new Uint8Array(buffer.length)));
  }
  wait(ms: number, input: boolean): Waited | Promise<Waited> {
    if (this.#wait !== undefined) return this.#wait(ms, input);
    // Blocking would keep out the very input that is waited for: look again in a moment.
    if (input) return later(Math.min(ms, INPUT_SLICE));
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      return "time";
    } catch {
      // The main thread of a browser must not block.
      return later(ms);
    }
  }
}

function later(ms: number): Promise<Waited> {
  return new Promise((done) => setTimeout(() => done("time"), ms));
}
