/**
 * `deno task bench:capture`: how long a guest stands still for an image, how fast images are written and read, how
 * soon a small guest is on disk and back, and whether restored frames run as fast as before.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Snapshot, writeImage } from "../mod.ts";
import { denoCodec } from "../runtime/image/codec_deno.ts";
import { readImageFile, writeImageFile } from "../runtime/image/file_deno.ts";
import { Capture, CONTENTS, LOOPS, Python, Rounds, Stopper, type Workload } from "./capture_guest.ts";
import { run, WrongResult } from "./measure.ts";
import { median } from "./report.ts";

const HELP = `deno task bench:capture [options]

  --only NAME,...   stop: 256 MB and 1,000 frames, with each of ${CONTENTS.join(", ")},
                    and CPython with objects;
                    small: 1.6 MB; resume: all loops, or some of them by name: ${
  Object.keys(LOOPS).join(", ")
}
                    [all]
  --runs N          fresh processes for each; the median counts  [5]
  --quick           small sizes and one run: are all results right?
  --json FILE       write all samples
`;

/** Numbers by name: milliseconds, MB/s, bytes, rounds. */
type Sample = Record<string, number>;
interface Sizes {
  readonly megabytes: number;
  readonly frames: number;
  /** Times that the small guest is stopped. */
  readonly stops: number;
  /** Milliseconds that a loop is warmed up, and then measured. */
  readonly warm: number;
  readonly work: number;
}
const FULL: Sizes = { megabytes: 256, frames: 1000, stops: 40, warm: 1500, work: 2000 };
const QUICK: Sizes = { megabytes: 4, frames: 100, stops: 3, warm: 100, work: 100 };

const COMPRESSIONS = ["none", "zstd"] as const;
const LIMIT_MS = 120_000;

async function timed<T>(work: () => Promise<T>): Promise<[milliseconds: number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

interface Stopped {
  readonly image: Snapshot;
  readonly rounds: Rounds;
  /** Milliseconds from the request until the first frame was captured, and until `run` gave the snapshot. */
  readonly heard: number;
  readonly captured: number;
}

/** Runs a guest from its start and stops it so many milliseconds after its first round. */
async function stopped(workload: Workload, after: number): Promise<Stopped> {
  using stopper = new Stopper();
  const { control } = stopper;
  const rounds = new Rounds(() => stopper.stopIn(after));
  // Frames are captured before, too: when the stack is deep, or where V8 would leave a loop in slow code.
  const times: number[] = [];
  const observer = { captured: () => void times.push(performance.now()) };
  const outcome = await workload.start(rounds, { control, observer }).run();
  const now = performance.now();
  if (outcome.kind !== "checkpointed") throw new WrongResult(`the guest has ${outcome.kind} before the stop`);
  const heard = times.find((time) => time >= stopper.asked) ?? now;
  return { image: outcome.image, rounds, heard: heard - stopper.asked, captured: now - stopper.asked };
}

/** What came out after so many rounds must be what should. */
async function check(workload: Workload, rounds: number, ...results: readonly unknown[]): Promise<void> {
  const wanted = await workload.expected(rounds);
  const wrong = results.find((result) => result !== wanted);
  if (wrong !== undefined) throw new WrongResult(`after ${rounds} rounds ${wrong}, expected ${wanted}`);
}

function equal(a: Snapshot, b: Snapshot): boolean {
  const words = ({ memories: [{ buffer, pages }] }: Snapshot) => new Int32Array(buffer, 0, pages * 16384);
  const [own, other] = [words(a), words(b)];
  return own.length === other.length && own.every((word, i) => word === other[i]) &&
    a.stack.length === b.stack.length;
}

/** The large guests by what fills their memory. */
const LARGE: Readonly<Record<string, (sizes: Sizes) => Workload>> = {
  ...Object.fromEntries(CONTENTS.map((content) => [
    content,
    // Four frames are not the recursion's.
    ({ megabytes, frames }: Sizes) => new Capture("spin", content, megabytes * 1024, frames - 4),
  ])),
  objects: ({ megabytes }) => new Python(Math.max(0, megabytes - 10) * 3650, 50),
};

/** A large guest: how long until its frames are captured, and how fast its image is written and read. */
async function stopOnce(guest: Workload, folder: string): Promise<Sample> {
  const { image, rounds, heard, captured } = await stopped(guest, 200);
  const megabytes = image.memories[0].pages / 16;
  const rate = (milliseconds: number) => megabytes / (milliseconds / 1000);
  const sample: Sample = { memory: megabytes, frames: image.stack.length, heard, captured };
  let restored: Snapshot = image;
  for (const compress of COMPRESSIONS) {
    const file = `${folder}/${compress}.mvvm`;
    const [made, { byteLength }] = await timed(() =>
      writeImage(image, { compress }, denoCodec, { write: () => {} })
    );
    const [written] = await timed(() => writeImageFile(file, image, { compress }));
    const [read, back] = await timed(() => readImageFile(file));
    if (!equal(image, back)) throw new WrongResult(`${compress}: another memory came back`);
    restored = back;
    await Deno.remove(file);
    Object.assign(sample, {
      [`${compress} made`]: rate(made),
      [`${compress} written`]: rate(written),
      [`${compress} read`]: rate(read),
      [`${compress} bytes`]: byteLength,
    });
  }
  using stopper = new Stopper();
  const more = new Rounds();
  more.last = 10;
  const outcome = await (await guest.restore(restored, more, { control: stopper.control })).run();
  await check(guest, rounds.count + more.count, guest.result(outcome));
  return sample;
}

/** A small guest, stopped and restored again and again: the first time, and the median of the others. */
async function stopSmall({ stops }: Sizes, folder: string): Promise<Sample> {
  const workload = new Capture("spin");
  const file = `${folder}/small.mvvm`;
  const saves: number[] = [], captures: number[] = [], restores: number[] = [];
  let total = 0;
  let first = await stopped(workload, 50);
  for (let stop = 0;; stop++) {
    const [written, { memoryBytes }] = await timed(() => writeImageFile(file, first.image));
    if (memoryBytes >= 2 ** 21) throw new WrongResult(`the guest has ${memoryBytes} bytes`);
    captures.push(first.captured);
    saves.push(first.captured + written);
    total += first.rounds.count;
    using stopper = new Stopper();
    const rounds = new Rounds(() => stopper.stopIn(20));
    const { control } = stopper;
    // The thread that stops it is there before the time counts.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const start = performance.now();
    const guest = await workload.restore(await readImageFile(file), rounds, { control });
    if (stop === stops) rounds.last = 10;
    const outcome = await guest.run();
    const now = performance.now();
    restores.push(rounds.times[0] - start);
    if (outcome.kind !== "checkpointed") {
      await check(workload, total + rounds.count, workload.result(outcome));
      break;
    }
    first = { image: outcome.image, rounds, heard: 0, captured: now - stopper.asked };
  }
  const later = (times: number[]) => median(times.slice(1)) ?? NaN;
  return {
    "first captured": captures[0],
    "first on disk": saves[0],
    "first running": restores[0],
    "captured": later(captures),
    "on disk": later(saves),
    "running": later(restores),
  };
}

/** Rounds from an image on: how long all took, and the second half of them. */
interface Resumed {
  readonly all: number;
  readonly half: number;
  readonly result: unknown;
}

async function goOn(workload: Workload, file: string, count: number): Promise<Resumed> {
  using stopper = new Stopper();
  const rounds = new Rounds();
  rounds.last = count;
  const guest = await workload.restore(await readImageFile(file), rounds, { control: stopper.control });
  const start = performance.now();
  const result = workload.result(await guest.run());
  const middle = rounds.times[(count >> 1) - 1], end = rounds.times[count - 1];
  return { all: end - start, half: end - middle, result };
}

/** A loop before its frame is stopped, and after it is restored, here and in a fresh process. */
async function resumeOnce(name: string, { warm, work }: Sizes, folder: string): Promise<Sample> {
  const workload = LOOPS[name]();
  const { image, rounds: { times, count } } = await stopped(workload, warm + work);
  const file = `${folder}/${name}.mvvm`;
  await writeImageFile(file, image);
  const end = times[count - 1];
  const first = times.subarray(0, count).findIndex((time) => time >= end - work);
  const more = Math.max(2, count - 1 - first);
  const same = await goOn(workload, file, more);
  const fresh: Resumed = await child("go-on", name, file, String(more));
  await check(workload, count + more, same.result, fresh.result);
  const round = (end - times[count - 1 - more]) / more;
  const ratio = ({ all, half }: Resumed) => [all / more / round, half / (more - (more >> 1)) / round];
  const [sameAll, sameHalf] = ratio(same), [freshAll, freshHalf] = ratio(fresh);
  return {
    rounds: 1000 / round,
    same: sameAll,
    "same late": sameHalf,
    fresh: freshAll,
    "fresh late": freshHalf,
  };
}

/** What this file answers in a process of its own. */
async function child<T>(...args: string[]): Promise<T> {
  const script = decodeURIComponent(new URL("capture.ts", import.meta.url).pathname);
  const { stdout } = await run(["run", "-A", "--no-check", script, "--child", ...args], { limit: LIMIT_MS });
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function answer([kind, name, ...rest]: readonly string[], sizes: Sizes): Promise<unknown> {
  if (kind === "go-on") return await goOn(LOOPS[name](), rest[0], Number(rest[1]));
  const folder = await Deno.makeTempDir({ prefix: "bench-capture-" });
  try {
    if (kind === "stop") return await stopOnce(LARGE[name](sizes), folder);
    return kind === "small" ? await stopSmall(sizes, folder) : await resumeOnce(name, sizes, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A table of the report: how its rows are measured and which numbers it shows. */
interface Group {
  readonly rows: readonly string[];
  readonly title: string;
  /** Column titles and names in the sample; the last is the number of digits behind the point. */
  readonly columns: readonly (readonly [title: string, name: string, digits: number])[];
}

const GROUPS: Readonly<Record<string, Group>> = {
  stop: {
    rows: Object.keys(LARGE),
    title: "a large guest",
    columns: [
      ["MB", "memory", 0],
      ["frames", "frames", 0],
      ["heard ms", "heard", 2],
      ["frames ms", "captured", 2],
      ...COMPRESSIONS.flatMap((name) =>
        [
          [`${name} MB`, `${name} bytes`, 0],
          ["made MB/s", `${name} made`, 0],
          ["written MB/s", `${name} written`, 0],
          ["read MB/s", `${name} read`, 0],
        ] as const
      ),
    ],
  },
  small: {
    rows: ["small"],
    title: "1.6 MB, 14 frames, ms",
    columns: ["captured", "on disk", "running"].flatMap((name) => [
      [`${name} 1st`, `first ${name}`, 2] as const,
      [name, name, 2] as const,
    ]),
  },
  resume: {
    rows: Object.keys(LOOPS),
    title: "time after / before",
    columns: [
      ["rounds/s", "rounds", 0],
      ["same", "same", 3],
      ["2nd half", "same late", 3],
      ["fresh", "fresh", 3],
      ["2nd half", "fresh late", 3],
    ],
  },
};

function line(title: string, cells: readonly string[]): string {
  return `${title.padEnd(22)}${cells.map((cell) => cell.padStart(14)).join("")}`;
}

/** Runs the bench; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArgs([...args], {
    string: ["only", "runs", "json"],
    boolean: ["help", "quick", "child"],
  });
  const sizes = parsed.quick ? QUICK : FULL;
  if (parsed.child) {
    console.log(JSON.stringify(await answer(parsed._.map(String), sizes)));
    return 0;
  }
  const runs = Number(parsed.runs ?? (parsed.quick ? 1 : 5));
  const only = parsed.only === undefined ? Object.keys(GROUPS) : String(parsed.only).split(",");
  const wanted = Object.entries(GROUPS).map(([kind, group]) => ({
    kind,
    group,
    rows: group.rows.filter((row) => only.includes(kind) || only.includes(row)),
  }));
  const known = only.every((name) => wanted.some(({ kind, rows }) => kind === name || rows.includes(name)));
  if (parsed.help || !known || !Number.isInteger(runs) || runs < 1 || parsed._.length > 0) {
    (parsed.help ? console.log : console.error)(HELP);
    return parsed.help ? 0 : 2;
  }
  const report: { kind: string; row: string; samples: Sample[] }[] = [];
  for (const { kind, group: { title, columns }, rows } of wanted) {
    if (rows.length > 0) console.log(line(title, columns.map(([title]) => title)));
    for (const row of rows) {
      const samples: Sample[] = [];
      try {
        for (let i = 0; i < runs; i++) {
          samples.push(await child(kind, row, ...(parsed.quick ? ["--quick"] : [])));
        }
      } catch (error) {
        console.error(`error: ${kind} ${row}: ${(error as Error).message}`);
        return 1;
      }
      report.push({ kind, row, samples });
      const cells = columns.map(([, name, digits]) => {
        const value = median(samples.map((sample) => sample[name])) ?? NaN;
        return (name.endsWith("bytes") ? value / 2 ** 20 : value).toFixed(digits);
      });
      console.log(line(row, cells));
    }
  }
  if (parsed.json !== undefined) {
    await Deno.writeTextFile(String(parsed.json), JSON.stringify(report, null, 2) + "\n");
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
