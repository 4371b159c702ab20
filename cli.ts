/**
 * The command line: run, compile, checkpoint, restore and inspect WebAssembly programs.
 *
 * @module
 */
import { main } from "./cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
