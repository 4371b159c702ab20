/**
 * The keys that a command line names: what opens and seals images, who signs them, who must have signed them.
 *
 * @module
 */
import { fileKey, parseKeyText, passphraseKey, type SealKey } from "../runtime/image/sealed/key.ts";
import { type PublicKey, publicKeyFromPem, type Signer, signerFromPem } from "../runtime/image/signature.ts";
import { scryptDeno } from "../runtime/image/sealed/scrypt_deno.ts";
import type { TrustArgs } from "./args.ts";
import { Refusal } from "./messages.ts";
import { askPassphrase } from "./passphrase.ts";

/** Options for reading and writing image files, and the files that they came from. */
export interface Trust {
  readonly key?: SealKey;
  readonly signer?: Signer;
  readonly signers?: readonly PublicKey[];
  /** Files that were read and are not needed any more. */
  readonly loaded: readonly string[];
}

/**
 * Reads the keys.
 *
 * @param fresh An image is sealed and none is opened: a passphrase that is typed is asked for twice, and made
 * into a key at once, so that no stop has to wait for it.
 */
export async function loadTrust(given: TrustArgs, fresh = false): Promise<Trust> {
  const { keyFile, passphraseFile, signKey, verifyKeys } = given;
  const key = await sealKey(given, fresh);
  if (fresh) await key?.seal();
  return {
    ...key && { key },
    ...signKey !== undefined && {
      signer: await parsed("--sign-key", signKey, (text) => signerFromPem(text)),
    },
    ...verifyKeys.length > 0 && {
      signers: await Promise.all(
        verifyKeys.map((path) => parsed("--verify-key", path, publicKeyFromPem)),
      ),
    },
    loaded: [keyFile, passphraseFile, signKey, ...verifyKeys].filter((path) => path !== undefined),
  };
}

async function sealKey(given: TrustArgs, fresh: boolean): Promise<SealKey | undefined> {
  if (given.keyFile !== undefined) {
    return fileKey(await parsed("--key-file", given.keyFile, parseKeyText));
  }
  if (given.passphraseFile !== undefined) {
    const text = readText("--passphrase-file", given.passphraseFile).replace(/\r?\n$/, "");
    if (text === "") throw new Refusal(`--passphrase-file: ${given.passphraseFile} is empty`);
    return passphraseKey(text, scryptDeno);
  }
  return given.passphrase ? passphraseKey(askPassphrase(fresh), scryptDeno) : undefined;
}

/** What a key's file holds; a complaint names the option and the file, and tells nothing of its contents. */
async function parsed<T>(option: string, path: string, parse: (text: string) => T | Promise<T>): Promise<T> {
  try {
    return await parse(readText(option, path));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Refusal(`${option} ${path}: ${error.message}`);
  }
}

function readText(option: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Refusal(`${option}: there is no file ${path}`);
    throw error;
  }
}
