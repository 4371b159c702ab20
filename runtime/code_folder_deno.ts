/**
 * A folder with the code of programs, a file for each program and its options.
 *
 * The code in it is trusted as our own, so the folder must be the user's alone. A file is opened before the
 * guest starts, when Deno's permissions are still there, and written when it has ended.
 *
 * @module
 */
import { type CompileOptions, optionsText } from "../compiler/policy.ts";
import { type CodeKey, CodeStore, digest, type ScriptLoader } from "./code_store.ts";
import { concatenate } from "./concatenate.ts";
import { producer } from "./producer.ts";
import { binaryHash } from "./module_hash.ts";

/** Files that were not used for longest are removed when the folder has more bytes than this. */
const mostBytes = 256 * 1024 * 1024;

const extension = ".mvvm-code";

/** Scripts as V8 takes them. */
export const loadScript: ScriptLoader = async (text, data) => {
  const { Script } = await import("node:vm");
  const script = new Script(text, { filename: "wasm-0/code", cachedData: data });
  return {
    isWarm: data !== undefined && !script.cachedDataRejected,
    run: () => script.runInThisContext(),
    data: () => script.createCachedData(),
  };
};

/** The code of one program, and the file that keeps it. */
export class CodeFile implements Disposable {
  private constructor(readonly code: CodeStore, private readonly file: Deno.FsFile) {}

  /**
   * Opens the file of a program; makes it, and the folder, if there is none. What it needs are permissions to
   * read and write the folder, and to read our own files.
   *
   * @param stamp As in {@linkcode CodeKey}.
   * @returns `undefined` where there can be none: the folder cannot be used or is not the user's alone, or
   * permissions are missing. Nobody is asked for them.
   */
  static async open(
    folder: string,
    binary: Uint8Array,
    options: CompileOptions,
    stamp?: string,
  ): Promise<CodeFile | undefined> {
    let file: Deno.FsFile | undefined;
    try {
      const engine = engineVersion();
      if (engine === undefined || !isOwn(folder)) return undefined;
      const chosen = optionsText(options);
      const key: CodeKey = {
        maker: await shortDigest(`${engine}, ${chosen}`),
        program: async () => (await binaryHash(binary)).toHex(),
        stamp,
      };
      const name = `${await shortDigest(sampleOf(binary))}-${await shortDigest(chosen)}`;
      const path = `${folder}/${name}${extension}`;
      if (!exists(path)) makeRoom(folder);
      file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
      const code = await CodeStore.read(readAll(file), key, loadScript);
      file.utimeSync(new Date(), new Date());
      return new CodeFile(code ?? CodeStore.empty(key), file);
    } catch {
      // A cache that cannot be used is none.
      file?.close();
      return undefined;
    }
  }

  /** Writes what was compiled, if that is worth it; not while another process does. */
  async save(): Promise<void> {
    try {
      const parts = await this.code.encode();
      if (parts === undefined || !this.file.tryLockSync(true)) return;
      this.file.truncateSync(0);
      this.file.seekSync(0, Deno.SeekMode.Start);
      for (const part of parts) writeAll(this.file, part);
      this.file.unlockSync();
    } catch {
      // As above. What is half written does not have its digest.
    }
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

async function shortDigest(from: string | Uint8Array<ArrayBuffer>): Promise<string> {
  return (await digest(typeof from === "string" ? new TextEncoder().encode(from) : from)).slice(0, 32);
}

/** Of a binary, what tells it from nearly all others: the file that is found by this says whether it is the one. */
function sampleOf(binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const pieces = 64, length = 1024;
  const step = Math.max(length, Math.floor((binary.length - length) / (pieces - 1)));
  const starts = Array.from({ length: pieces }, (_, i) => i * step);
  return concatenate(starts.map((at) => binary.subarray(at, at + length))) as Uint8Array<ArrayBuffer>;
}

/** Changes with everything that compiles; `undefined` if that cannot be found out. */
function engineVersion(): string | undefined {
  const versions = `${producer}, V8 ${Deno.version.v8}`;
  const url = new URL(import.meta.url);
  if (url.protocol !== "file:") return `${versions}, ${url}`;
  const parts = [url, new URL("./", url), new URL("../compiler/", url), new URL("../compiler/rewrite/", url)];
  if (parts.some((path) => !isGranted({ name: "read", path }))) return undefined;
  const files = parts.flatMap((part) => part.pathname.endsWith("/") ? sourcesIn(part) : [part]);
  return `${versions}, ${files.map(stamp).join(" ")}`;
}

function sourcesIn(folder: URL): URL[] {
  // A bundle is a single file.
  if (!exists(folder)) return [];
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name);
  return names.sort().map((name) => new URL(name, folder));
}

function stamp(file: URL): string {
  const { size, mtime } = Deno.statSync(file);
  return `${size}@${mtime?.getTime()}`;
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** Whether a folder can be used, and only by its owner; makes it if there is none. */
function isOwn(folder: string): boolean {
  if (!isGranted({ name: "read", path: folder }) || !isGranted({ name: "write", path: folder })) return false;
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = Deno.statSync(folder);
  if (mode === null) return true;
  const isOurs = !isGranted({ name: "sys", kind: "uid" }) || uid === Deno.uid();
  return isOurs && (mode & 0o022) === 0;
}

function exists(path: string | URL): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Removes what was not used for longest. */
function makeRoom(folder: string): void {
  const files = [...Deno.readDirSync(folder)]
    .filter(({ name, isFile }) => isFile && name.endsWith(extension))
    .map(({ name }) => ({ path: `${folder}/${name}`, ...Deno.statSync(`${folder}/${name}`) }))
    .sort((a, b) => Number(a.mtime) - Number(b.mtime));
  let bytes = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files) {
    if (bytes <= mostBytes) return;
    Deno.removeSync(path);
    bytes -= size;
  }
}

function readAll(file: Deno.FsFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(file.statSync().size);
  let at = 0;
  while (at < bytes.length) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
