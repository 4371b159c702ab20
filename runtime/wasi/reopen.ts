/**
 * Re-opening the files and directories of an image, and telling how they differ from what they were.
 *
 * @module
 */
import { ALL_FDFLAGS, DIRECTORY_RIGHTS, Fdflags, FILE_RIGHTS, Filetype } from "./abi.ts";
import { fingerprint, inspect } from "./contents.ts";
import type { OpenDirectory, OpenFile, Preopen } from "./descriptor.ts";
import { errnoName, errnoOf } from "./errno.ts";
import { preopened } from "./grant.ts";
import type { HostFile, HostStat } from "./host.ts";
import { NamelessFiles } from "./host_memory.ts";
import { openFile } from "./open.ts";
import { resolve } from "./resolve.ts";
import { type Shape, WasiRestoreError } from "./shape.ts";
import type { FileTimes } from "./times.ts";

/** The longest listing that an image may have. */
const MAX_LISTING = 1 << 24;

/**
 * What to do about a file that is not as it was: `strict` refuses any difference, `warn` refuses a
 * missing file and tells of a changed one, `force` goes on with what is there.
 */
export type FilePolicy = "strict" | "warn" | "force";

/** What was done about one thing outside the image. */
export interface RestoreNote {
  readonly level: "info" | "warn";
  readonly text: string;
}
export class Report {
  readonly notes: RestoreNote[] = [];

  info(text: string): void {
    this.notes.push({ level: "info", text });
  }
  warn(text: string): void {
    this.notes.push({ level: "warn", text });
  }
}

/** A file's bytes in the image. */
interface Blob {
  readonly size: number;
  open(): HostFile;
}
/** Opens what an image names, below directories that have been granted. */
export class Reopener {
  readonly #nameless = new NamelessFiles();
  readonly #blobs: Blob[] = [];

  constructor(readonly policy: FilePolicy, readonly report: Report, readonly times: FileTimes) {}

  /** Contents of a file, to be named by their number. */
  addBlob(bytes: Uint8Array): void {
    this.#blobs.push({ size: bytes.length, open: this.#nameless.add(bytes) });
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

  directory(shape: Shape, fd: number, saved: number, preopen: Preopen): OpenDirectory {
    const path = shape.get("path").path();
    const removed = shape.get("removed").optional((flag) => flag.boolean()) ?? false;
    const stat = removed ? undefined : this.#look(preopen, path);
    const there = stat !== undefined && stat.filetype === Filetype.directory;
    if (!there && !removed) {
      const text = `directory ${preopen.guest}: ${path} (descriptor ${fd}) is not there any more`;
      if (this.policy !== "force") {
        throw new WasiRestoreError(`${text}; restore with files "force" to go on`);
      }
      this.report.warn(`${text}; the guest will find it gone`);
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

  file(shape: Shape, fd: number, saved: number, preopen: Preopen): OpenFile {
    const path = shape.get("path").path();
    const flags = shape.get("flags").integer(0, ALL_FDFLAGS);
    // Nothing else is ever opened as a file: a pipe in its place could block.
    const filetype = shape.get("filetype").value === Filetype.character_device
      ? Filetype.character_device
      : Filetype.regular_file;
    const blob = shape.get("blob").optional((index) => this.#blobs[index.integer(0, this.#blobs.length - 1)]);
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
      this.report.info(
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
        const open = { ...common, file: openFile(preopen.root, path, common.rights, append, stat) };
        this.#compareOrClose(shape, where, open, stat, size);
        return open;
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        problem = `cannot be opened (${reason(error)})`;
      }
    }
    if (blob !== undefined && this.policy !== "strict") {
      this.report.warn(`${where} ${problem}; the copy in the image is used, and what is written stays in it`);
      return fromImage(blob);
    }
    if (this.policy !== "force") {
      throw new WasiRestoreError(`${where} ${problem}; put it back, or restore with files "force" to go on`);
    }
    this.report.warn(`${where} ${problem}; reading and writing it will fail`);
    return lost();
  }

  #compareOrClose(shape: Shape, where: string, open: OpenFile, stat: HostStat, size: number): void {
    try {
      this.#compare(shape, where, open, stat, size);
    } catch (error) {
      open.file.close();
      throw error;
    }
  }
  /** Tells how an opened file differs from what it was. */
  #compare(shape: Shape, where: string, open: OpenFile, stat: HostStat, size: number): void {
    const { file, preopen, path } = open;
    if (stat.filetype !== Filetype.regular_file) return;
    const mtime = shape.get("mtime").number();
    const saved = shape.get("fingerprint").optional((text) => text.string());
    const changes: string[] = [];
    if (stat.size !== size) changes.push(`has ${stat.size} bytes, had ${size}`);
    else if (saved !== undefined) {
      const now = inspect(file, preopen.root, path, (reader) => fingerprint(reader, size));
      this.times.keep(stat, file.stat());
      if (now !== saved) changes.push(now === undefined ? "cannot be read" : "has other contents");
    }
    if (stat.mtime !== mtime) changes.push(`was modified at ${date(stat.mtime)}, then at ${date(mtime)}`);
    if (changes.length === 0) return;
    const text = `${where} ${changes.join(" and ")}`;
    if (this.policy === "strict") throw new WasiRestoreError(`${text}; restore with files "warn" to go on`);
    // A file that was copied here has a new time and is the same all the same.
    const onlyTime = changes.length === 1 && stat.mtime !== mtime;
    if (onlyTime && saved !== undefined) this.report.info(text);
    else this.report.warn(text);
  }
}

/** What a host's failure says. */
export function reason(error: unknown): string {
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
