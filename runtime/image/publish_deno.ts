/**
 * Putting a file in the place of another on Deno: it is written under a temporary name in the same folder,
 * flushed, and renamed, so that the path names either what it named before or the whole new file.
 *
 * @module
 */
import type { Bytes } from "./codec.ts";
import type { ImageSink } from "./record.ts";

/** What happens to other files in the moment in which a file gets its new contents. */
export interface Publication {
  /** A name under which the old contents are kept. */
  readonly keepAs?: string;
  /** Files that are removed behind it. */
  readonly remove?: readonly string[];
}

/**
 * Replaces a file, or leaves it untouched. It uses nothing but its parameters, so that its text can be sent to
 * the thread that writes images in the background.
 *
 * @param path A regular file, or one that does not exist yet.
 * @param write Writes the new contents.
 */
export async function publish<T>(
  path: string,
  { keepAs, remove = [] }: Publication,
  write: (sink: ImageSink) => Promise<T>,
): Promise<T> {
  const [, folder, base] = /^(.*[/\\])?([^/\\]*)$/s.exec(path)!;
  const exists = (name: string) => {
    try {
      return Deno.statSync(name) !== undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  };
  const temporaryName = () => `${folder ?? ""}.${base}.${crypto.randomUUID().slice(0, 8)}.part`;
  /** A new file beside the old one, locked for as long as it is open. */
  const create = (): { file: Deno.FsFile; temporary: string } => {
    for (;;) {
      const temporary = temporaryName();
      // An image holds the guest's memory and environment: for its owner alone, as a core dump is.
      const file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
      try {
        file.tryLockSync(true);
      } catch {
        // There are no locks here.
      }
      // Another writer may have taken it for a stale one in the moment before it was locked.
      if (exists(temporary)) return { file, temporary };
      file.close();
    }
  };
  /** Makes names survive a power failure, where folders can be flushed. */
  const flush = () => {
    try {
      using handle = Deno.openSync(folder ?? ".", { read: true });
      handle.syncSync();
    } catch {
      // Windows has no handle for folders; a read right may be missing.
    }
  };
  /** A second name for the old contents, or a copy where files have only one name. */
  const keep = (name: string) => {
    try {
      Deno.linkSync(path, name);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) throw error;
      const copy = temporaryName();
      Deno.copyFileSync(path, copy);
      Deno.renameSync(copy, name);
    }
  };

  const { file, temporary } = create();
  let result: T;
  try {
    using _ = file;
    result = await write({
      write(bytes: Bytes) {
        for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      },
    });
    file.syncSync();
    if (keepAs !== undefined) {
      keep(keepAs);
      flush();
    }
    Deno.renameSync(temporary, path);
  } catch (error) {
    if (exists(temporary)) Deno.removeSync(temporary);
    throw error;
  }
  flush();
  for (const name of remove) {
    try {
      Deno.removeSync(name);
    } catch {
      // Somebody else removed it; what is new stands in any case.
    }
  }
  return result;
}
