/**
 * `deno task fuzz-images [--seed N] [--count N] [--seconds S]`
 *
 * Seeds count up from N, so `--seed N --count 1` repeats one. The last line is `N passed, N failed`, and the exit
 * code is 1 if any failed. An image that takes longer than 20 seconds ends the process.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { makeSubjects } from "./subjects.ts";
import { tryImage } from "./trial.ts";

const usage = "usage: deno task fuzz-images [--seed N] [--count N] [--seconds S]";

function numberOf(name: string, text: unknown, standard: number): number {
  const value = text === undefined ? standard : Number(text);
  if (value >= 0) return value;
  console.error(`fuzz-images: --${name} ${text} is no number\n${usage}`);
  Deno.exit(2);
}

/** Ends the process when the seed in `state` has not changed for long: whoever hangs cannot say so. */
function watch(state: SharedArrayBuffer): Worker {
  const text = `onmessage = ({ data }) => {
    const seed = new Float64Array(data);
    let [last, since] = [-1, 0];
    setInterval(() => {
      if (seed[0] !== last) [last, since] = [seed[0], Date.now()];
      else if (Date.now() - since > 20_000) {
        console.error("seed " + last + ": not done after 20 seconds");
        Deno.exit(1);
      }
    }, 1000);
  };`;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), {
    type: "module",
  });
  worker.postMessage(state);
  return worker;
}

async function main(args: string[]): Promise<number> {
  const flags = ["seed", "count", "seconds"];
  const options = parseArgs(args, { string: flags });
  const first = numberOf("seed", options.seed, Date.now());
  const count = numberOf("count", options.count, options.seconds === undefined ? 100_000 : Infinity);
  const end = performance.now() + 1000 * numberOf("seconds", options.seconds, Infinity);
  const subjects = await makeSubjects();
  const state = new SharedArrayBuffer(8);
  const seeds = new Float64Array(state);
  const watcher = watch(state);
  const outcomes = new Map<string, number>();
  let [passed, failed, slowest, slowestSeed, peak] = [0, 0, 0, 0, 0];
  const start = performance.now();
  for (let seed = first; seed < first + count && performance.now() < end; seed++) {
    seeds[0] = seed;
    const begun = performance.now();
    try {
      const { outcome } = await tryImage(subjects, seed);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      passed++;
    } catch (error) {
      failed++;
      console.error(`seed ${seed}:`, error);
    }
    const took = performance.now() - begun;
    if (took > slowest) [slowest, slowestSeed] = [took, seed];
    if ((seed - first) % 64 === 0) peak = Math.max(peak, Deno.memoryUsage().rss);
    if (Deno.stdout.isTerminal() && seed % 64 === 0) {
      Deno.stdout.writeSync(
        new TextEncoder().encode(`\r\x1b[Kseed ${seed}  ${passed} passed, ${failed} failed`),
      );
    }
  }
  watcher.terminate();
  if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode("\r\x1b[K"));
  for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(times).padStart(8)}  ${outcome}`);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${seconds.toFixed(1)} s; the slowest took ${slowest.toFixed(0)} ms (seed ${slowestSeed}); ` +
      `${Math.round(peak / 2 ** 20)} MiB resident at most`,
  );
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
