/**
 * `image key`: makes the keys that seal and sign images.
 *
 * @module
 */
import { newKeyText } from "../../../runtime/image/sealed/key.ts";
import { fingerprint, newSigningKeys, publicKeyFromPem } from "../../../runtime/image/signature.ts";
import type { CommandLine } from "../../args.ts";
import { Refusal, say } from "../../messages.ts";

export async function key(line: CommandLine): Promise<number> {
  const path = line.file!;
  if (!line.signing) {
    writeNew(path, newKeyText(), 0o600);
    say(`wrote ${path}: give it to --key-file, and keep a copy: nothing else opens what it seals`);
    return 0;
  }
  const publicPath = path.replace(/(\.pem)?$/, ".pub.pem");
  if (exists(publicPath)) throw refusal(publicPath);
  const { privatePem, publicPem } = await newSigningKeys();
  writeNew(path, privatePem, 0o600);
  writeNew(publicPath, publicPem, 0o644);
  say(`wrote ${path}, which signs (--sign-key), and ${publicPath}, which verifies (--verify-key)`);
  say(`the key is ${await fingerprint(publicKeyFromPem(publicPem))}`);
  return 0;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const refusal = (path: string) => new Refusal(`${path} is there already; a key is never overwritten`);

function writeNew(path: string, text: string, mode: number): void {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode });
  } catch (error) {
    throw error instanceof Deno.errors.AlreadyExists ? refusal(path) : error;
  }
}
