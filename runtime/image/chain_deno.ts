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
  /** The name under which its parent will stand; `undefined` if there is nothing there yet. */
  readonly parentName?: string;
  /** Whether the newest link should not be built on. */
  readonly startsAnew: boolean;
  /** To be done while the link is put in its place. */
  readonly publication: Publication;
}

/** The files of one chain, as they stand in their folder. */
export class ChainFolder {
  /** Older links by number. */
  readonly #older = new Map<number, Link>();
  #newest: Link | undefined;
  /** The number that the newest link has already, from a process that was killed in that moment. */
  #newestNumber: number | undefined;
  #lastNumber = 0;

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
    const numbered = RegExp(`^${linkName(path, NaN).split("NaN").map(RegExp.escape).join("([0-9]{1,15})")}$`);
    for (const { name } of Deno.readDirSync(dirname(path))) {
      const number = Number(numbered.exec(name)?.[1] ?? NaN);
      if (!(number > 0)) continue;
      chain.#lastNumber = Math.max(chain.#lastNumber, number);
      const file = join(dirname(path), name);
      const link = await look(file, key);
      if (link !== undefined && identity !== undefined && inode(file) === identity) {
        chain.#newestNumber = number;
      } else if (link !== undefined) chain.#older.set(number, link);
    }
    return chain;
  }

  #file(number: number): string {
    return join(dirname(this.path), linkName(this.path, number));
  }

  /** Links from the newest one down, as far as they are here. */
  #down(name: string | undefined, visit: (link: Link, number: number) => void): void {
    const numbers = new Map([...this.#older.keys()].map((number) => [linkName(this.path, number), number]));
    for (let links = this.#older.size; name !== undefined && links > 0; links--) {
      const number = numbers.get(name);
      const link = number && this.#older.get(number);
      if (!link) return;
      visit(link, number);
      name = link.parent;
    }
  }

  /** Whether the links on top of the last whole image have become too many or too large. */
  #isLong(): boolean {
    if (this.#newest?.parent === undefined) return false;
    const sizes = [this.#newest.byteLength];
    this.#down(this.#newest.parent, ({ byteLength }) => sizes.push(byteLength));
    const whole = sizes.pop()!;
    return sizes.length + 1 >= MAX_LINKS || sizes.reduce((sum, size) => sum + size, 0) >= whole;
  }

  /** Where the next link goes, and which older ones nobody will need then. @param whole It has no parent. */
  next(whole: boolean): NextLink {
    const startsAnew = this.#isLong();
    const number = this.#newestNumber ?? this.#lastNumber + 1;
    const parentName = this.#newest && linkName(this.path, number);
    const isNamed = this.#newestNumber !== undefined;
    // As it will be then: the newest link of now is an older one.
    const states = new Map(this.#older);
    if (this.#newest) states.set(number, this.#newest);
    const kept = new Set<string>();
    const numbers = [...states.keys()].sort((a, b) => b - a);
    const need = (name: string | undefined) => {
      for (; name !== undefined && !kept.has(name);) {
        kept.add(name);
        const at = numbers.find((each) => linkName(this.path, each) === name);
        name = at === undefined ? undefined : states.get(at)!.parent;
      }
    };
    if (!whole && !startsAnew) need(parentName);
    for (const each of numbers.slice(0, this.keep - 1)) need(linkName(this.path, each));
    // Children go before their parents, so that what is still there can be restored.
    const gone = numbers.filter((each) => !kept.has(linkName(this.path, each)));
    const isKept = parentName !== undefined && kept.has(parentName);
    return {
      parentName,
      startsAnew,
      publication: {
        ...isKept && !isNamed && { keepAs: this.#file(number) },
        remove: gone.filter((each) => each !== number || isNamed).map((each) => this.#file(each)),
      },
    };
  }

  /** Notes that the next link stands where `next` said. */
  add(link: Link, { publication: { keepAs, remove = [] }, parentName }: NextLink): void {
    const number = this.#newestNumber ?? this.#lastNumber + 1;
    if (keepAs !== undefined || this.#newestNumber !== undefined) this.#older.set(number, this.#newest!);
    if (parentName !== undefined) this.#lastNumber = Math.max(this.#lastNumber, number);
    for (const each of [...this.#older.keys()]) {
      if (remove.includes(this.#file(each))) this.#older.delete(each);
    }
    this.#newest = link;
    this.#newestNumber = undefined;
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
      if (extname(name) !== extname(path) || name === basename(path)) continue;
      if ((await look(join(dirname(path), name), key))?.parent === basename(path)) return true;
    }
  } catch {
    // A folder that we may not list is one where we will not write either.
  }
  return false;
}
