/**
 * Runs a WASI program in V8's own Wasm, as the reference that other engines are compared with:
 * `deno run -A v8_program.ts [--our-wasi] [--dir HOST[::GUEST]]... PROG.wasm [-- GUEST ARGS]`. Its WASI is
 * Deno's `node:wasi`, or ours.
 *
 * @module
 */
import { WASI } from "node:wasi";

/** A program's arguments and its directories, by the guest's names for them. */
interface Setup {
  args: string[];
  preopens: Record<string, string>;
}

async function runOnNode(module: WebAssembly.Module, setup: Setup): Promise<number> {
  const wasi = new WASI({ version: "preview1", ...setup });
  const imports = wasi.getImportObject() as WebAssembly.Imports;
  return wasi.start(await WebAssembly.instantiate(module, imports)) ?? 0;
}

async function runOnOurs(module: WebAssembly.Module, { args, preopens }: Setup): Promise<number> {
  const { ProcExit, Wasi } = await import("../runtime/wasi/mod.ts");
  const { DenoHost } = await import("../runtime/wasi/host_deno.ts");
  const dirs = Object.entries(preopens).map(([guest, host]) => ({ guest, host }));
  const wasi = new Wasi({ args, preopens: dirs }, new DenoHost());
  const instance = await WebAssembly.instantiate(module, wasi.imports as unknown as WebAssembly.Imports);
  wasi.memory = instance.exports.memory as WebAssembly.Memory;
  try {
    (instance.exports._start as () => void)();
    return 0;
  } catch (error) {
    if (error instanceof ProcExit) return error.code;
    throw error;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const preopens: Record<string, string> = {};
  let at = 0;
  const runOn = args[at] === "--our-wasi" ? (at++, runOnOurs) : runOnNode;
  for (; args[at] === "--dir"; at += 2) {
    const [host, guest] = args[at + 1].split("::");
    preopens[guest ?? host] = host;
  }
  const file = args[at++];
  if (args[at] === "--") at++;
  const module = await WebAssembly.compile(await Deno.readFile(file));
  return await runOn(module, { args: [file, ...args.slice(at)], preopens });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
