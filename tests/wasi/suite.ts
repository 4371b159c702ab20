/**
 * Runs a folder of WASI test programs in the format of WebAssembly/wasi-testsuite: every `*.wasm` with a
 * JSON of the same name beside it (`args`, `env`, `root` or `dirs`, `exit_code`, `stdout`, `stderr`);
 * one without must exit with 0.
 *
 * ```
 * deno run -A tests/wasi/suite.ts FOLDER [--every K] [--only TEXT] [--fresh | --memory] [--v8]
 * ```
 * `--every K` takes the guest through an image before every K-th call, with `--fresh` through an image file
 * into a new process. `--memory` runs on the in-memory file system, `--v8` on V8's own WebAssembly (where
 * only the WASI state goes through the image). One line per failure, then `N passed, N failed`; exit code 1
 * if any failed.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { MemoryHost, type WasiHost } from "../../runtime/wasi/mod.ts";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { capture, type Engine, type Outcome, v8Engine } from "./engine.ts";
import { freshEngine } from "./engine_fresh.ts";
import { mvvmEngine } from "./engine_mvvm.ts";
import { plantTree, readTree } from "./world.ts";

/** What a test asks for and expects. */
export interface Case {
  readonly name: string;
  readonly wasm: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Guest name and folder of each directory. */
  readonly dirs: readonly { readonly guest: string; readonly folder: string }[];
  readonly exitCode: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** All test cases under a folder, sorted by name. */
export function findCases(folder: string): Case[] {
  const cases: Case[] = [];
  const walk = (at: string) => {
    for (const entry of Deno.readDirSync(at)) {
      const path = `${at}/${entry.name}`;
      if (entry.isDirectory) walk(path);
      // Programs for later versions of WASI are components, not modules.
      else if (entry.name.endsWith(".wasm") && !/wasip[23]/.test(path)) cases.push(readCase(at, entry.name));
    }
  };
  walk(folder);
  return cases.sort((a, b) => (a.wasm < b.wasm ? -1 : 1));
}

function readCase(at: string, file: string): Case {
  const name = file.replace(/\.wasm$/, "");
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(Deno.readTextFileSync(`${at}/${name}.json`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const dirs = typeof json.root === "string"
    ? [{ guest: "/", folder: `${at}/${json.root}` }]
    : ((json.dirs ?? []) as string[]).map((dir) => ({ guest: dir, folder: `${at}/${dir}` }));
  return {
    name,
    wasm: `${at}/${file}`,
    args: (json.args ?? []) as string[],
    env: (json.env ?? {}) as Record<string, string>,
    dirs,
    exitCode: (json.exit_code ?? 0) as number,
    stdout: json.stdout as string | undefined,
    stderr: json.stderr as string | undefined,
  };
}

export interface RunOptions {
  readonly engine?: Engine;
  readonly every?: number;
  readonly memory?: boolean;
}

/** Runs one case on a copy of its folders; what is wrong with the outcome, or `undefined`. */
export async function runCase(test: Case, options: RunOptions = {}): Promise<string | undefined> {
  const { engine = v8Engine, every, memory } = options;
  const scratch = Deno.makeTempDirSync({ prefix: "wasi-suite-" });
  try {
    const preopens = test.dirs.map(({ guest, folder }, i) => {
      plantTree(`${scratch}/${i}`, readTree(folder));
      return { guest, host: `${scratch}/${i}` };
    });
    const streams = capture();
    const host: WasiHost = memory
      ? new MemoryHost({
        ...streams,
        files: Object.fromEntries(preopens.map((p) => [p.host, readTree(p.host)])),
      })
      : new DenoHost(streams);
    const outcome = await engine(Deno.readFileSync(test.wasm), {
      options: { args: [`${test.name}.wasm`, ...test.args], env: test.env, preopens },
      host,
      every,
    });
    return judge(test, outcome, streams);
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
}

function judge(test: Case, outcome: Outcome, streams: ReturnType<typeof capture>): string | undefined {
  const stderr = streams.stderr.text();
  if (outcome.kind === "trapped") return `trapped: ${outcome.reason} ${stderr.trim()}`;
  if (outcome.code !== test.exitCode) {
    return `exit code ${outcome.code}, expected ${test.exitCode} ${stderr.trim()}`;
  }
  if (test.stdout !== undefined && streams.stdout.text() !== test.stdout) {
    return `stdout is ${JSON.stringify(streams.stdout.text())}, expected ${JSON.stringify(test.stdout)}`;
  }
  if (test.stderr !== undefined && stderr !== test.stderr) {
    return `stderr is ${JSON.stringify(stderr)}, expected ${JSON.stringify(test.stderr)}`;
  }
  return undefined;
}

/** Chains of processes that run side by side. */
const CHAINS = 2;

const USAGE = "usage: suite.ts FOLDER [--every K] [--only TEXT] [--fresh | --memory] [--v8]";

async function main(): Promise<number> {
  const args = parseArgs(Deno.args, { string: ["every", "only"], boolean: ["fresh", "memory", "v8"] });
  const folder = args._[0];
  const every = args.every === undefined ? undefined : Number(args.every);
  if (
    folder === undefined || every !== undefined && !(Number.isInteger(every) && every > 0) ||
    args.fresh && (every === undefined || args.memory || args.v8)
  ) {
    console.error(`${USAGE}\n--fresh needs --every, and goes with neither --memory nor --v8`);
    return 2;
  }
  const options: RunOptions = {
    engine: args.fresh ? freshEngine : args.v8 ? v8Engine : mvvmEngine,
    every,
    memory: args.memory === true,
  };
  const only = String(args.only ?? "");
  const waiting = findCases(String(folder)).filter(({ wasm }) => wasm.includes(only));
  let passed = 0;
  let failed = 0;
  const work = async () => {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      const wrong = await runCase(test, options);
      if (wrong === undefined) passed++;
      else {
        failed++;
        console.log(`${test.name}: ${wrong}`);
      }
    }
  };
  await Promise.all(Array.from({ length: args.fresh ? CHAINS : 1 }, work));
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
