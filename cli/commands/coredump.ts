/**
 * `coredump`: an image as a WebAssembly core dump.
 *
 * @module
 */
import type { CommandLine } from "../args.ts";
import { Refusal } from "../messages.ts";

export function coredump(line: CommandLine): Promise<number> {
  return Promise.reject(new Refusal(`${line.command} is not there yet`));
}
