/**
 * `image seal` and `image unseal`: an image file into its envelope, and out of it.
 *
 * @module
 */
import { resealImageFile } from "../../../runtime/image/file_deno.ts";
import type { CommandLine } from "../../args.ts";
import { say } from "../../messages.ts";
import { loadTrust } from "../../trust.ts";
import { UsageError } from "../../usage.ts";

export async function seal(line: CommandLine): Promise<number> {
  const { key: to } = await loadTrust(line.trust, true);
  return await reseal(line, { to });
}

export async function unseal(line: CommandLine): Promise<number> {
  const { key: from } = await loadTrust(line.trust);
  return await reseal(line, { from });
}

async function reseal(
  { command, file, output = file }: CommandLine,
  keys: Parameters<typeof resealImageFile>[2],
): Promise<number> {
  if ((keys.from ?? keys.to) === undefined) {
    throw new UsageError(`${command} needs a key: --key-file FILE, --passphrase-file FILE or --passphrase`);
  }
  const { byteLength } = await resealImageFile(file!, output!, keys);
  say(`wrote ${output}: ${byteLength} bytes`);
  return 0;
}
