/**
 * Random sequences of calls: Deno's files, files in memory, and either of them through an image now and
 * then, must all tell the guest the same.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { MemoryHost, Wasi, type WasiHost } from "../../runtime/wasi/mod.ts";
import { SeededRandom } from "../../runtime/wasi/random.ts";
import { capture, throughImage } from "./engine.ts";
import { DIRECTORY, F, FILE, FOLLOW, Guest, O, outcome, READ } from "./guest.ts";
import { describeTree, readTree } from "./world.ts";

/** Choices that are the same for the same seed. */
class Dice {
  readonly #random: SeededRandom;
  constructor(seed: number) {
    this.#random = SeededRandom.fromSeed(seed);
  }
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    const bytes = new Uint8Array(4);
    this.#random.fill(bytes);
    return new DataView(bytes.buffer).getUint32(0) % limit;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const NAMES = ["a", "b", "c", "d/a", "d/b", "d/e/a", "d", "d/e", "l", "l/a", "d/l", "."];
const ODD = ["", "..", "a/", "d/", "l/", "d/..", "a/..", "d/../a", "/a", "d/../../a", "no/a", "d/.", "a/b/c"];

type Action = (guest: Guest, dice: Dice) => unknown;

function path(dice: Dice): string {
  return dice.below(5) === 0 ? dice.pick(ODD) : dice.pick(NAMES);
}
/** A descriptor: mostly one that may be open, sometimes a standard one or none. */
function fd(dice: Dice): number {
  return dice.below(12) === 0 ? dice.pick([0, 1, 77]) : 4 + dice.below(5);
}
/** A directory to start from: mostly the preopen. */
function base(dice: Dice): number {
  return dice.below(3) === 0 ? fd(dice) : 3;
}
const text = (dice: Dice) => "0123456789".slice(0, dice.below(11));
const lookup = (dice: Dice) => dice.below(2) * FOLLOW;
const plain = ({ filetype, nlink, size }: { filetype: number; nlink: bigint; size: bigint }) =>
  // Directories have sizes and link counts as their file system likes.
  filetype === 3 ? [filetype] : [filetype, nlink, size];

const ACTIONS: readonly Action[] = [
  (g, d) =>
    g.open(path(d), {
      oflags: d.pick([0, 0, O.creat, O.creat, O.creat | O.excl, O.trunc, O.creat | O.trunc, O.directory]),
      rights: d.pick([FILE, READ, 1n << 6n, DIRECTORY & ~(1n << 6n), 0n]),
      inheriting: d.pick([0n, DIRECTORY, READ]),
      flags: d.pick([0, 0, F.append, F.sync]),
      lookup: lookup(d),
    }, base(d)),
  (g, d) => g.open(d.pick(["a", "b", "d/a"]), { oflags: O.creat, lookup: FOLLOW }),
  (g, d) => g.openDirectory(d.pick(["d", "d/e", "."])),
  (g, d) => g.close(fd(d)),
  (g, d) => g.read(fd(d), 1 + d.below(8)),
  (g, d) => g.write(fd(d), text(d)),
  (g, d) => g.write(fd(d), text(d)),
  (g, d) => g.pread(fd(d), 5, BigInt(d.below(12))),
  (g, d) => g.pwrite(fd(d), text(d), BigInt(d.below(12))),
  (g, d) => g.seek(fd(d), BigInt(d.below(16) - 5), d.below(3)),
  (g, d) => g.tell(fd(d)),
  (g, d) => g.call("fd_filestat_set_size", fd(d), BigInt(d.below(20))),
  (g, d) => g.call("fd_allocate", fd(d), BigInt(d.below(20)), BigInt(d.below(5))),
  (g, d) => g.call("fd_fdstat_set_flags", fd(d), d.pick([0, F.append, F.dsync])),
  (g, d) => g.call("fd_fdstat_set_rights", fd(d), READ, 0n),
  (g, d) => plain(g.fstat(fd(d))),
  (g, d) => g.fdstat(fd(d)),
  (g, d) => plain(g.stat(path(d), lookup(d), base(d))),
  (g, d) => g.mkdir(path(d), base(d)),
  (g, d) => g.mkdir(d.pick(["d", "d/e"])),
  (g, d) => g.rmdir(path(d), base(d)),
  (g, d) => g.unlink(path(d), base(d)),
  (g, d) => g.rename(path(d), path(d), base(d), base(d)),
  (g, d) => g.link(path(d), path(d), lookup(d), base(d), base(d)),
  (g, d) => g.link(d.pick(["a", "b", "d/a"]), d.pick(["c", "d/b", "b"])),
  (g, d) => g.symlink(d.pick(["a", "d", "../a", "no", "l", "d/e/..", "..", "/a"]), path(d), base(d)),
  (g, d) => g.readlink(path(d), base(d)),
  (g, d) => g.call("fd_renumber", fd(d), fd(d)),
  (g, d) => {
    const { entries } = g.readdir(fd(d), BigInt(d.below(4)));
    return entries.map(({ name, filetype, next }) => [name, filetype, next]);
  },
];

/** What a call gives, or the name of its error. */
function tell(guest: Guest, action: Action, dice: Dice): unknown {
  let result: unknown;
  const ended = outcome(() => result = action(guest, dice));
  return ended === "success" ? [ended, result] : ended;
}

interface Way {
  readonly name: string;
  readonly memory: boolean;
  /** Goes through an image before every so many calls. */
  readonly every?: number;
}

function run(seed: number, calls: number, { memory, every }: Way): { told: unknown[]; files: string[] } {
  const folder = Deno.makeTempDirSync({ prefix: "wasi-differential-" });
  try {
    const inMemory = new MemoryHost({ ...capture(), files: { [folder]: {} } });
    const host: WasiHost = memory ? inMemory : new DenoHost(capture());
    const options = { preopens: [{ guest: "/", host: folder }] };
    let guest = new Guest(new Wasi(options, host));
    const dice = new Dice(seed);
    const told: unknown[] = [];
    for (let i = 0; i < calls; i++) {
      if (every !== undefined && i % every === 0) guest = new Guest(throughImage(guest.wasi, options, host));
      const index = dice.below(ACTIONS.length);
      try {
        told.push([i, String(ACTIONS[index]), tell(guest, ACTIONS[index], dice)]);
      } catch (error) {
        throw new Error(`call ${i} of seed ${seed}`, { cause: error });
      }
    }
    guest.wasi.close();
    return { told, files: describeTree(memory ? inMemory.tree(folder) : readTree(folder)) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const WAYS: readonly Way[] = [
  { name: "in memory", memory: true },
  { name: "through images", memory: false, every: 3 },
  { name: "in memory, through images", memory: true, every: 1 },
];

for (const way of WAYS) {
  Deno.test(`random calls ${way.name}`, () => {
    for (let seed = 1; seed <= 15; seed++) {
      const expected = run(seed, 250, { name: "deno", memory: false });
      const actual = run(seed, 250, way);
      for (const [i, one] of expected.told.entries()) assertEquals(actual.told[i], one, `seed ${seed}`);
      assertEquals(actual.files, expected.files, `seed ${seed}`);
    }
  });
}

Deno.test("the random calls reach what they should", () => {
  const successes = new Set<string>();
  for (let seed = 1; seed <= 15; seed++) {
    for (const [, action, result] of run(seed, 250, WAYS[0]).told as [number, string, unknown][]) {
      if (typeof result !== "string") successes.add(action);
    }
  }
  assertEquals(ACTIONS.map(String).filter((action) => !successes.has(action)), []);
});
