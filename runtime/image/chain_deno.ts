/**
 * Chains of image files: the newest link has the name that the user gave, `P.mvvm`; older ones stand beside
 * it as `P.1.mvvm`, `P.2.mvvm` and so on, in the order in which they were taken.
 *
 * A link gets its number when the next one takes its place: first a second name for it, then the new file
 * under the old name. So at every moment `P.mvvm` is a whole file, and all it builds on is there.
 *
 * @module
 */
import { basename, dirname, extname, join } from "node:path";
import { denoCodec } from "./codec_deno.ts";
import { peekParent } from "./parent.ts";
import type { Publication } from "./publish_deno.ts";
import type { SealKey } from "./sealed/key.ts";
import { openFile } from "./source_deno.ts";

/** A whole image begins anew at this many links, or when the others take as many bytes as the whole one. */
const MAX_LINKS = 32;

/** The file name of the older link with this number. */
export function linkName(path: string, number: number): string {
  const extension = extname(path);
  return `${basename(path, extension)}.${number}${extension}`;
}

/** A link as it is known here. */
interface Link {
  readonly byteLength: number;
  /** Name of the file it builds on. */
  readonly parent?: string;
}

/** Where the next link goes. */
export interface NextLink {
  /** The name under which the newest link of now will stand; `undefined` if there is none. */
  readonly parentName?: string;
  /** Whether the newest link should not be built on, because the chain is long enough. */
  readonly startsAnew: boolean;
  /** To be done while the link is put in its place. */
  readonly publication: Publication;
}

/** The files of one chain, as they stand in their folder. */
export class ChainFolder {
  /** Older links by name and by number. */
  readonly #older = new Map<string, Link & { readonly number: number }>();
  #newest: Link | undefined;
  /** The name that the newest link has already, from a process that was killed in that moment. */
  #newestName: string | undefined;
  #lastNumber = 0;
  /** Links on which images build that are none of this chain. */
  readonly #foreign = new Set<string>();

  private constructor(readonly path: string, readonly keep: number) {}

  /**
   * Looks at what is there. Files that are no images of ours are left alone.
   *
   * @param path The newest link, which need not exist.
   * @param keep How many restorable states are kept.
   */
  static async open(path: string, keep: number, key?: SealKey): Promise<ChainFolder> {
    const chain = new ChainFolder(path, keep);
    chain.#newest = await look(path, key);
    const identity = inode(path);
    for (const { name } of Deno.readDirSync(dirname(path))) {
      if (!isKin(name, path)) continue;
      const number = chain.#numberOf(name);
      chain.#lastNumber = Math.max(chain.#lastNumber, number ?? 0);
      const link = await look(chain.#file(name), key);
      if (link === undefined) continue;
      if (number === undefined) {
        if (link.parent !== undefined) chain.#foreign.add(link.parent);
      } else if (identity !== undefined && inode(chain.#file(name)) === identity) chain.#newestName = name;
      else chain.#older.set(name, { ...link, number });
    }
    return chain;
  }

  /** The number in the name of an older link. */
  #numberOf(name: string): number | undefined {
    const digits = /\.(\d{1,15})(?:\.[^.]*)?$/.exec(name)?.[1];
    return digits !== undefined && linkName(this.path, Number(digits)) === name ? Number(digits) : undefined;
  }

  #file(name: string): string {
    return join(dirname(this.path), name);
  }

  /** The links from a name down, as far as they are here. */
  *#down(name: string | undefined): Generator<readonly [name: string, link: Link]> {
    const seen = new Set<string>();
    for (; name !== undefined && !seen.has(name); name = this.#older.get(name)?.parent) {
      const link = this.#older.get(name);
      if (link === undefined) return;
      seen.add(name);
      yield [name, link];
    }
  }

  /** Whether the links on top of the last whole image have become too many or too large. */
  #isLong(): boolean {
    if (this.#newest?.parent === undefined) return false;
    const links = [this.#newest, ...this.#down(this.#newest.parent).map(([, link]) => link)];
    const [whole, ...others] = links.map(({ byteLength }) => byteLength).reverse();
    return links.length >= MAX_LINKS || others.reduce((sum, size) => sum + size, 0) >= whole;
  }

  /**
   * Where the next link goes, and which older ones nobody will need then.
   *
   * @param base What it builds on, if it may: the newest link, a file of another name, or nothing.
   */
  next(base: "newest" | { readonly name: string } | undefined): NextLink {
    const startsAnew = base === "newest" && this.#isLong();
    const parentName = this.#newest && (this.#newestName ?? linkName(this.path, this.#lastNumber + 1));
    // As it will be then: the newest link of now is the last of the older ones.
    const parent = parentName === undefined ? [] : [parentName];
    const older = [...this.#older].sort(([, a], [, b]) => b.number - a.number).map(([name]) => name);
    const kept = new Set<string>();
    const keep = (name: string | undefined) => {
      if (name === undefined) return;
      kept.add(name);
      for (const [each] of this.#down(name === parentName ? this.#newest!.parent : name)) kept.add(each);
    };
    if (base !== undefined && !startsAnew) keep(base === "newest" ? parentName : base.name);
    for (const name of [...parent, ...older].slice(0, this.keep - 1)) keep(name);
    for (const name of this.#foreign) keep(name);
    const isKept = parentName !== undefined && kept.has(parentName);
    const hasName = this.#newestName !== undefined;
    // Children go before their parents, so that what is still there can be restored.
    const remove = [...hasName ? parent : [], ...older].filter((name) => !kept.has(name));
    return {
      parentName,
      startsAnew,
      publication: {
        ...isKept && !hasName && { keepAs: this.#file(parentName) },
        remove: remove.map((name) => this.#file(name)),
      },
    };
  }

  /** Notes that the next link stands where `next` said. */
  add(link: Link, { publication: { keepAs, remove = [] }, parentName }: NextLink): void {
    if (parentName !== undefined) {
      const number = this.#numberOf(parentName)!;
      this.#lastNumber = Math.max(this.#lastNumber, number);
      const isNamed = keepAs !== undefined || this.#newestName !== undefined;
      if (isNamed) this.#older.set(parentName, { ...this.#newest!, number });
    }
    for (const name of [...this.#older.keys()]) {
      if (remove.includes(this.#file(name))) this.#older.delete(name);
    }
    this.#newest = link;
    this.#newestName = undefined;
  }
}

/**
 * Keeps other processes from adding to the same chain, until it is disposed of or the process ends: two that
 * do would each build on links that the other replaced.
 *
 * @throws {Deno.errors.Busy} Another process has it.
 */
export function lockChain(path: string): Disposable {
  const name = join(dirname(path), `.${basename(path)}.lock`);
  for (;;) {
    const file = Deno.openSync(name, { write: true, create: true, mode: 0o600 });
    let locked = true;
    try {
      locked = file.tryLockSync(true);
    } catch {
      // There are no locks here.
    }
    if (!locked) {
      file.close();
      throw new Deno.errors.Busy(`another process writes images to ${path}; end it, or name another image`);
    }
    const { dev, ino } = file.statSync();
    // Whoever had it may have removed the file in the moment before it was locked.
    if (ino !== null && inode(name) !== `${dev}:${ino}`) {
      file.close();
      continue;
    }
    let open = true;
    return {
      [Symbol.dispose]() {
        if (!open) return;
        open = false;
        try {
          Deno.removeSync(name);
        } catch {
          // Somebody else did; it means nothing without the lock.
        }
        file.close();
      },
    };
  }
}

/** Whether a file may have to do with that at `path`, by its name: other files are not opened. */
function isKin(name: string, path: string): boolean {
  // The number of a link whose newest one has no extension looks like one.
  const [a, b] = [name, path].map(extname).map((extension) => extension.replace(/^\.\d+$/, ""));
  return a === b && name !== basename(path);
}

/** What identifies a file by whatever name, where the system tells. */
function inode(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return ino === null ? undefined : `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** An image file as a link, or `undefined` if there is none that can be read. */
async function look(path: string, key?: SealKey): Promise<Link | undefined> {
  try {
    const { isFile, size: byteLength } = Deno.statSync(path);
    if (!isFile) return undefined;
    using source = await openFile(path, key);
    const parent = await peekParent(source, denoCodec);
    return { byteLength, ...parent && { parent: parent.name } };
  } catch {
    return undefined;
  }
}

/** Whether some image in the folder of `path` names it as what it builds on, so that it must stay as it is. */
export async function isBuiltOn(path: string, key?: SealKey): Promise<boolean> {
  try {
    for (const { name } of Deno.readDirSync(dirname(path))) {
      if (!isKin(name, path)) continue;
      if ((await look(join(dirname(path), name), key))?.parent === basename(path)) return true;
    }
  } catch {
    // A folder that we may not list is one where we will not write either.
  }
  return false;
}
