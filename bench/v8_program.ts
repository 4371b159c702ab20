/**
 * Runs a WASI program in V8's own Wasm, as the reference that other engines are compared with:
 * `deno run -A v8_program.ts [--dir HOST[::GUEST]]... PROG.wasm [-- GUEST ARGS]`.
 *
 * @module
 */
import { WASI } from "node:wasi";

async function main(args: readonly string[]): Promise<number> {
  const preopens: Record<string, string> = {};
  let at = 0;
  for (; args[at] === "--dir"; at += 2) {
    const [host, guest] = args[at + 1].split("::");
    preopens[guest ?? host] = host;
  }
  const file = args[at++];
  if (args[at] === "--") at++;
  const wasi = new WASI({ version: "preview1", args: [file, ...args.slice(at)], preopens });
  const module = await WebAssembly.compile(await Deno.readFile(file));
  const imports = wasi.getImportObject() as WebAssembly.Imports;
  return wasi.start(await WebAssembly.instantiate(module, imports)) ?? 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
