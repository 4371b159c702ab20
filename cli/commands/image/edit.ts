/**
 * `image edit`: arguments, environment and paths of an image, changed.
 *
 * @module
 */
import type { CommandLine } from "../../args.ts";
import { Refusal } from "../../messages.ts";

export function edit(line: CommandLine): Promise<number> {
  return Promise.reject(new Refusal(`${line.command} is not there yet`));
}
