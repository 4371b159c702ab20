/**
 * File times to the nanosecond. Deno tells them in whole milliseconds only, so the ones that the guest
 * has set itself are remembered, for as long as the host still shows what it showed right after.
 *
 * @module
 */
import { Fstflags } from "./abi.ts";
import { nanoseconds } from "./clock.ts";
import { Errno, fail } from "./errno.ts";
import type { HostStat } from "./host.ts";

/** How many files are remembered; the one set longest ago is forgotten first. */
const LIMIT = 256;

interface Times {
  readonly atim: bigint;
  readonly mtim: bigint;
}
interface Remembered extends Times {
  /** What the host shows for them, in milliseconds. */
  readonly atime: number;
  readonly mtime: number;
}
/** As it is saved: the file's device and number, the host's times, and ours in decimal. */
export type SavedTimes = [dev: number, ino: number, atime: number, mtime: number, atim: string, mtim: string];

export class FileTimes {
  readonly #files = new Map<string, Remembered>();

  /** Access and modification time of a file, in nanoseconds. */
  of(stat: HostStat): Times {
    const known = this.#files.size > 0 ? this.#files.get(key(stat)) : undefined;
    return {
      atim: known?.atime === stat.atime ? known.atim : nanoseconds(stat.atime),
      mtim: known?.mtime === stat.mtime ? known.mtim : nanoseconds(stat.mtime),
    };
  }

  /**
   * Sets times as `*_filestat_set_times` asks for.
   * @param now Nanoseconds since 1970; @param stat Tells the attributes; @param set Takes seconds.
   */
  set(
    flags: number,
    atim: bigint,
    mtim: bigint,
    now: bigint,
    stat: () => HostStat,
    set: (atime: number, mtime: number) => void,
  ): void {
    const old = this.of(stat());
    const wanted = {
      atim: pick(flags, Fstflags.atim, Fstflags.atim_now, atim, now, old.atim),
      mtim: pick(flags, Fstflags.mtim, Fstflags.mtim_now, mtim, now, old.mtim),
    };
    set(Number(wanted.atim) / 1e9, Number(wanted.mtim) / 1e9);
    this.#remember(stat(), wanted);
  }

  /** Hides from the guest that a file's access time has moved because we read it. */
  keep(before: HostStat, after: HostStat): void {
    if (before.atime !== after.atime) this.#remember(after, this.of(before));
  }

  #remember(shown: HostStat, times: Times): void {
    const name = key(shown);
    this.#files.delete(name);
    this.#files.set(name, { ...times, atime: shown.atime, mtime: shown.mtime });
    if (this.#files.size > LIMIT) {
      for (const oldest of this.#files.keys()) {
        this.#files.delete(oldest);
        break;
      }
    }
  }

  save(): SavedTimes[] {
    return [...this.#files].map(([name, known]) => {
      const [dev, ino] = name.split(":").map(Number);
      return [dev, ino, known.atime, known.mtime, String(known.atim), String(known.mtim)];
    });
  }
  load(saved: readonly SavedTimes[]): void {
    for (const [dev, ino, atime, mtime, atim, mtim] of saved.slice(-LIMIT)) {
      this.#files.set(`${dev}:${ino}`, { atime, mtime, atim: BigInt(atim), mtim: BigInt(mtim) });
    }
  }
}

function key(stat: HostStat): string {
  return `${stat.dev}:${stat.ino}`;
}

function pick(
  flags: number,
  given: number,
  current: number,
  value: bigint,
  now: bigint,
  old: bigint,
): bigint {
  if (flags & given) return BigInt.asUintN(64, value);
  return flags & current ? now : old;
}

/** Refuses a set of `Fstflags` that asks for two values of one time. */
export function checkFstflags(flags: number): void {
  const both = (a: number, b: number) => (flags & a) !== 0 && (flags & b) !== 0;
  if (flags & ~15 || both(Fstflags.atim, Fstflags.atim_now) || both(Fstflags.mtim, Fstflags.mtim_now)) {
    fail(Errno.inval);
  }
}
