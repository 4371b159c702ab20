/**
 * `deno task fuzz [--seed N] [--seconds S] [--count N] [--engine v8|mvvm] [--mutants N] [--finds FOLDER]`
 *
 * Seeds count up from N, so `--seed N --count 1` repeats one. Each failure is made small and written to the folder. The
 * last line is `N passed, N failed`, in seeds, and the exit code is 1 if any failed.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { engineOf } from "./differential.ts";
import { findsFolder } from "./finds.ts";
import { Fuzzer } from "./fuzzer.ts";
import { makeJudge } from "./judge.ts";
import { Subject } from "./subject.ts";

const usage = "usage: deno task fuzz [--seed N] [--seconds S] [--count N] [--engine v8|mvvm] [--mutants N] " +
  "[--finds FOLDER]";

function fail(message: string): never {
  console.error(`fuzz: ${message}\n${usage}`);
  Deno.exit(2);
}

/** A non-negative number among the arguments. */
function numberOf(name: string, text: unknown, standard: number): number {
  if (text === undefined) return standard;
  const value = Number(text);
  if (text === "" || !(value >= 0) || value > Number.MAX_SAFE_INTEGER) fail(`--${name} ${text} is no number`);
  return value;
}

async function main(args: string[]): Promise<number> {
  const flags = ["seed", "seconds", "count", "engine", "mutants", "finds"];
  const options = parseArgs(args, { string: flags });
  for (const key of Object.keys(options)) if (key !== "_" && !flags.includes(key)) fail(`what is --${key}?`);
  if (options._.length > 0) fail(`what is "${options._[0]}"?`);
  const first = Math.floor(numberOf("seed", options.seed, Date.now()));
  const seconds = numberOf("seconds", options.seconds, options.count === undefined ? 60 : Infinity);
  const count = numberOf("count", options.count, Infinity);
  const mutants = numberOf("mutants", options.mutants, 5);
  const name = options.engine ?? "mvvm";
  if (name !== "v8" && name !== "mvvm") fail(`there is no engine "${name}"`);
  if (await engineOf(name) === undefined) fail(`the engine "${name}" is not there; try --engine v8`);
  const folder = String(options.finds ?? findsFolder.pathname);

  const subject = new Subject(name);
  const fuzzer = new Fuzzer((...question) => subject.compare(...question), await makeJudge());
  console.log(`from seed ${first}, engine ${name} against V8`);
  const end = performance.now() + seconds * 1000;
  let passed = 0;
  let failed = 0;
  let shown = 0;
  for (let seed = first; seed < first + count && performance.now() < end; seed++) {
    const finds = await fuzzer.check(seed, mutants);
    if (finds.length === 0) passed++;
    else failed++;
    for (const [i, find] of finds.entries()) {
      clearProgress();
      console.log(`seed ${seed}: ${find.why}`);
      const { text, extension } = await fuzzer.report(find, 20_000);
      await Deno.mkdir(folder, { recursive: true });
      const path = `${folder.replace(/\/$/, "")}/seed_${seed}${i === 0 ? "" : `_${i}`}.${extension}`;
      await Deno.writeTextFile(path, text);
      console.log(`  written to ${path}`);
    }
    if (performance.now() - shown > 200) {
      showProgress(`seed ${seed}  ${passed} passed, ${failed} failed`);
      shown = performance.now();
    }
  }
  await subject.close();
  clearProgress();
  const { proposals, limits, lenient } = fuzzer.judge.excused;
  console.log(
    `mutants on which V8 differs with good reason: ${proposals} by newer proposals, ${limits} by its limits, ` +
      `${lenient} by being lenient`,
  );
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

function showProgress(text: string): void {
  if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
function clearProgress(): void {
  showProgress("");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
