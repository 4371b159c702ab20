/**
 * File throughput of our WASI against Deno's own `node:wasi`, both under V8's WebAssembly, so that
 * only the files are compared.
 *
 * ```
 * deno run -A tests/wasi/bench/throughput.ts [MEGABYTES] [OPENS] [ROUNDS]
 * ```
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { WASI as NodeWasi } from "node:wasi";
import { DenoHost } from "../../../runtime/wasi/host_deno.ts";
import { Wasi } from "../../../runtime/wasi/mod.ts";
import { outputStream } from "../../../runtime/wasi/streams.ts";

/** One thing that was measured, in milliseconds: the best of several rounds. */
export interface Row {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
}

/** The rows that a run of the program printed. */
function parse(output: string): Map<string, number> {
  return new Map(
    output.trim().split("\n").map((line) => {
      const [action, size, ms] = line.split(" ");
      return [`${action} ${size}`, Number(ms)];
    }),
  );
}

function runOurs(module: WebAssembly.Module, args: string[], folder: string): string {
  const stdout = outputStream();
  const preopens = [{ guest: "/", host: folder }];
  const wasi = new Wasi({ args, preopens }, new DenoHost({ stdout }));
  const instance = new WebAssembly.Instance(module, wasi.imports as unknown as WebAssembly.Imports);
  wasi.memory = instance.exports.memory as WebAssembly.Memory;
  (instance.exports._start as () => void)();
  wasi.close();
  return stdout.text();
}

function runTheirs(module: WebAssembly.Module, args: string[], folder: string): string {
  // It writes to descriptors of the process only, so its output goes to a file.
  const file = `${folder}/output`;
  const stdout = openSync(file, "w");
  const wasi = new NodeWasi({ version: "preview1", args, preopens: { "/": folder }, stdout });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
  wasi.start(instance);
  closeSync(stdout);
  return Deno.readTextFileSync(file);
}

/** Runs both in turns, so that what else the machine does falls on both. */
export function measure(megabytes = 256, opens = 10_000, rounds = 3): Row[] {
  const module = new WebAssembly.Module(Deno.readFileSync(new URL("./throughput.wasm", import.meta.url)));
  const args = ["throughput", String(megabytes), String(opens)];
  const folder = Deno.makeTempDirSync({ prefix: "wasi-throughput-" });
  const best = new Map<string, { ours: number; theirs: number }>();
  try {
    for (let round = 0; round < rounds; round++) {
      const ours = parse(runOurs(module, args, folder));
      const theirs = parse(runTheirs(module, args, folder));
      for (const [name, ms] of ours) {
        const known = best.get(name) ?? { ours: Infinity, theirs: Infinity };
        const other = theirs.get(name) ?? Infinity;
        best.set(name, { ours: Math.min(known.ours, ms), theirs: Math.min(known.theirs, other) });
      }
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  return [...best].map(([name, ms]) => ({ name, ...ms }));
}

if (import.meta.main) {
  const [megabytes, opens, rounds] = Deno.args.map(Number);
  console.log("what          ours ms  node:wasi ms  ratio");
  for (const { name, ours, theirs } of measure(megabytes, opens, rounds)) {
    const columns = [
      ours.toFixed(0).padStart(8),
      theirs.toFixed(0).padStart(13),
      (ours / theirs).toFixed(2).padStart(6),
    ];
    console.log(name.padEnd(13) + columns.join(" "));
  }
}
