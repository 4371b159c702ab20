/**
 * `diff`: what differs between two images.
 *
 * @module
 */
import type { CommandLine } from "../args.ts";
import { Refusal } from "../messages.ts";

export function diff(line: CommandLine): Promise<number> {
  return Promise.reject(new Refusal(`${line.command} is not there yet`));
}
