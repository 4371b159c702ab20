/**
 * Runs a WASI program in V8's own Wasm: `deno run -A v8_run.ts PROG.wasm DIR ARGS...`. `DIR` is preopened
 * under its own path. It is the reference that other engines are compared with.
 *
 * @module
 */
import { WASI } from "node:wasi";

async function main(): Promise<number> {
  const [file, directory, ...args] = Deno.args;
  const wasi = new WASI({ version: "preview1", args: [file, ...args], preopens: { [directory]: directory } });
  const module = await WebAssembly.compile(await Deno.readFile(file));
  const imports = wasi.getImportObject() as WebAssembly.Imports;
  return wasi.start(await WebAssembly.instantiate(module, imports)) ?? 0;
}

if (import.meta.main) Deno.exit(await main());
