/**
 * Keys that seal images and open them: a key file's 32 bytes, or a passphrase through a memory-hard
 * function that the host has.
 *
 * @module
 */
import type { Bytes } from "../codec.ts";
import { ImageError } from "../error.ts";
import { CIPHER, KEY_BYTES, type KeyRecipe } from "./format.ts";

/** What seals images, and opens those that it sealed. */
export interface SealKey {
  /** How a file to be sealed says where its master key comes from, and the master key: 32 bytes. */
  seal(): Promise<{ recipe: KeyRecipe; master: Bytes }>;
  /**
   * The master key for a file that says so.
   * @throws ImageError of kind `wrong-key` if such files are opened with another kind of key.
   */
  open(recipe: KeyRecipe): Promise<Bytes>;
}

/** scrypt (RFC 7914), which browsers do not have: `sealed/scrypt_deno.ts` is one. Gives 32 bytes. */
export type Scrypt = (
  passphrase: Bytes,
  salt: Bytes,
  cost: { readonly N: number; readonly r: number; readonly p: number },
) => Bytes | Promise<Bytes>;

/** About half a second and 128 MiB on a machine of 2022. */
export const SCRYPT_COST = { N: 1 << 17, r: 8, p: 1 } as const;

/**
 * The key of a key file.
 *
 * @param master 32 random bytes, for example what `parseKeyText` gives.
 */
export function fileKey(master: Bytes): SealKey {
  if (master.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${master.length}`);
  const recipe = { kind: "file" } as const;
  return {
    seal: () => Promise.resolve({ recipe, master }),
    open: ({ kind }) =>
      kind === "file"
        ? Promise.resolve(master)
        : Promise.reject(new ImageError("wrong-key", "it is sealed with a passphrase, not with a key file")),
  };
}

/**
 * The key that a passphrase makes. Files sealed with one such object share a salt, so that a chain of
 * images costs one derivation; each file still has keys of its own.
 *
 * @param cost For new files; those that are opened say their own.
 */
export function passphraseKey(passphrase: string, scrypt: Scrypt, cost = SCRYPT_COST as ScryptCost): SealKey {
  if (passphrase === "") throw new RangeError("the passphrase is empty");
  const secret = new TextEncoder().encode(passphrase.normalize("NFC"));
  const own: KeyRecipe = {
    kind: "passphrase",
    kdf: "scrypt",
    salt: crypto.getRandomValues(new Uint8Array(16)),
    ...cost,
  };
  const masters = new Map<string, Promise<Bytes>>();
  const open = (recipe: KeyRecipe): Promise<Bytes> => {
    if (recipe.kind !== "passphrase") {
      return Promise.reject(
        new ImageError("wrong-key", "it is sealed with a key file, not with a passphrase"),
      );
    }
    const { salt, N, r, p } = recipe;
    const name = [...salt, N, r, p].join();
    let master = masters.get(name);
    if (master === undefined) {
      masters.set(name, master = Promise.resolve(scrypt(secret, salt, { N, r, p })));
    }
    return master;
  };
  return { seal: async () => ({ recipe: own, master: await open(own) }), open };
}
type ScryptCost = { readonly N: number; readonly r: number; readonly p: number };

/** A new key file's text. */
export function newKeyText(): string {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
  return `# Opens and seals MVVM images. Keep it secret, and keep it: nothing else opens them.\n${key}\n`;
}

/**
 * The 32 bytes of a key file: one line of base64 or hexadecimal digits (`openssl rand -base64 32` and
 * `openssl rand -hex 32` write such); empty lines and lines that begin with `#` do not count.
 *
 * @throws RangeError saying what is expected, and nothing of the contents.
 */
export function parseKeyText(text: string): Bytes {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  if (lines.length === 1) {
    try {
      const key = /^[0-9a-fA-F]{64}$/.test(lines[0])
        ? Uint8Array.fromHex(lines[0])
        : Uint8Array.fromBase64(lines[0]);
      if (key.length === KEY_BYTES) return key;
    } catch {
      // Said below.
    }
  }
  throw new RangeError(
    `a key file has one line: ${KEY_BYTES} random bytes in base64 or hexadecimal digits` +
      (text.includes("-----BEGIN") ? "; this is a PEM file, as for signatures" : ""),
  );
}

const text = (label: string) => new TextEncoder().encode(`MVVM sealed 1 ${label}`);

/** The keys of one file (HKDF, RFC 5869): that of its chunks, and the value that proves the master key. */
export async function fileKeys(master: Bytes, id: Bytes): Promise<{ data: CryptoKey; check: Bytes }> {
  const { subtle } = crypto;
  const base = await subtle.importKey("raw", master, "HKDF", false, ["deriveKey", "deriveBits"]);
  const hkdf = (label: string) => ({ name: "HKDF", hash: "SHA-256", salt: id, info: text(label) });
  const cipher = { name: "AES-GCM", length: 256 };
  const data = await subtle.deriveKey(hkdf(CIPHER), base, cipher, false, ["encrypt", "decrypt"]);
  return { data, check: new Uint8Array(await subtle.deriveBits(hkdf("check"), base, 8 * KEY_BYTES)) };
}
