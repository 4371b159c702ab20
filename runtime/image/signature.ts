/**
 * Signatures of images: Ed25519 (RFC 8032) by WebCrypto, with keys in the PEM files that OpenSSL writes and
 * reads (PKCS #8 and SubjectPublicKeyInfo, RFC 8410).
 *
 * What is signed is the chain value of the record before the signature, which covers every byte of the
 * image up to there; behind it stands nothing but the `end` record.
 *
 * @module
 */
import { concatenate } from "../concatenate.ts";
import type { Bytes } from "./codec.ts";
import { ImageError } from "./error.ts";
import type { Field } from "./field.ts";

export const SIGNATURE_ALGORITHM = "Ed25519";
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Keeps a signature of an image from being one of anything else. */
const DOMAIN = new TextEncoder().encode("MVVM image signature 1\0");
/** What stands before the 32 bytes of a public key in DER (RFC 8410, section 4). */
const SPKI = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

/** Somebody's public key: 32 bytes. */
export type PublicKey = Bytes;

/** Who signs images. Plain data that another thread can be sent. */
export interface Signer {
  readonly publicKey: PublicKey;
  readonly privateKey: CryptoKey;
}

/** Who signed an image; the signature was verified when it was read. */
export interface ImageSignature {
  readonly algorithm: string;
  readonly publicKey: PublicKey;
  /** Of the public key. */
  readonly fingerprint: string;
}

/** The contents of a PEM file with the given label. */
function pemBytes(text: string, label: string): Bytes {
  const found = new RegExp(`-----BEGIN ${label}-----([^-]*)-----END ${label}-----`).exec(text);
  const other = /-----BEGIN ([^-]*)-----/.exec(text)?.[1];
  if (found === null) {
    throw new RangeError(
      `there is no "${label}" in PEM${other === undefined ? "" : `; this is a "${other}"`}`,
    );
  }
  try {
    return Uint8Array.fromBase64(found[1]);
  } catch {
    throw new RangeError("its base64 is damaged");
  }
}

function pemText(bytes: Uint8Array, label: string): string {
  const lines = bytes.toBase64().match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/**
 * The signer of a private key.
 *
 * @param pem PKCS #8, as `openssl genpkey -algorithm ed25519` writes it; not encrypted.
 * @throws RangeError saying what it is instead.
 */
export async function signerFromPem(pem: string): Promise<Signer> {
  const { subtle } = crypto;
  const der = pemBytes(pem, "PRIVATE KEY");
  const load = (extractable: boolean) =>
    subtle.importKey("pkcs8", der, SIGNATURE_ALGORITHM, extractable, ["sign"]);
  let x: string | undefined;
  try {
    // The only way to the public key; the one that is kept cannot be read.
    ({ x } = await subtle.exportKey("jwk", await load(true)));
  } catch {
    throw new RangeError("it is no private key for Ed25519");
  }
  const privateKey = await load(false);
  return { publicKey: Uint8Array.fromBase64(x!, { alphabet: "base64url" }), privateKey };
}

/**
 * A public key from its file.
 *
 * @param pem SubjectPublicKeyInfo, as `openssl pkey -pubout` writes it.
 * @throws RangeError saying what it is instead.
 */
export function publicKeyFromPem(pem: string): PublicKey {
  const der = pemBytes(pem, "PUBLIC KEY");
  if (der.length !== SPKI.length + PUBLIC_KEY_BYTES || !SPKI.every((byte, i) => der[i] === byte)) {
    throw new RangeError("it is no public key for Ed25519");
  }
  return der.slice(SPKI.length);
}

/** A new pair of keys, as the texts of two PEM files. */
export async function newSigningKeys(): Promise<{ privatePem: string; publicPem: string }> {
  const { subtle } = crypto;
  const pair = await subtle.generateKey(SIGNATURE_ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
  const der = new Uint8Array(await subtle.exportKey("pkcs8", pair.privateKey));
  const spki = new Uint8Array(await subtle.exportKey("spki", pair.publicKey));
  return { privatePem: pemText(der, "PRIVATE KEY"), publicPem: pemText(spki, "PUBLIC KEY") };
}

/**
 * A public key's name among people: SHA-256 of its DER, in hexadecimal digits, as
 * `openssl pkey -pubin -in PUB.pem -outform DER | sha256sum` prints it.
 */
export async function fingerprint(publicKey: PublicKey): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concatenate([SPKI, publicKey]))).toHex();
}

/** The constants that signing needs. */
export const signatureFormat = { SIGNATURE_ALGORITHM, DOMAIN } as const;

/**
 * The body of the `signature` section behind a record with this chain value. It uses nothing but its
 * parameters, so that its text can be sent to the thread that writes images in the background.
 */
export async function signatureBody(
  { publicKey, privateKey }: Signer,
  chain: Bytes,
  { SIGNATURE_ALGORITHM: algorithm, DOMAIN }: typeof signatureFormat,
): Promise<Record<string, unknown>> {
  const message = new Uint8Array(DOMAIN.length + chain.length);
  message.set(DOMAIN);
  message.set(chain, DOMAIN.length);
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, message));
  return { algorithm, publicKey, signature };
}

/**
 * Verifies a `signature` section.
 *
 * @param chain The chain value of the record before it.
 * @throws ImageError of kind `signature` if it does not sign this image.
 */
export async function readSignature(body: Field, chain: Bytes): Promise<ImageSignature> {
  const algorithm = body.get("algorithm").text();
  if (algorithm !== SIGNATURE_ALGORITHM) {
    const reason = `the signature's algorithm is ${
      JSON.stringify(algorithm)
    }; ${SIGNATURE_ALGORITHM} is known`;
    throw new ImageError("unsupported", reason, body.place);
  }
  const publicKey = body.get("publicKey").bytes(PUBLIC_KEY_BYTES).slice() as Bytes;
  const signature = body.get("signature").bytes(SIGNATURE_BYTES).slice() as Bytes;
  if (!await verified(publicKey, signature, concatenate([DOMAIN, chain]))) {
    throw new ImageError("signature", "the signature is not one of this image", body.place);
  }
  return { algorithm, publicKey, fingerprint: await fingerprint(publicKey) };
}

async function verified(publicKey: PublicKey, signature: Bytes, message: Bytes): Promise<boolean> {
  const { subtle } = crypto;
  try {
    const key = await subtle.importKey("raw", publicKey, SIGNATURE_ALGORITHM, false, ["verify"]);
    return await subtle.verify(SIGNATURE_ALGORITHM, key, signature, message);
  } catch {
    return false; // no point of the curve
  }
}

/**
 * Demands that one of some people signed an image.
 *
 * @throws ImageError of kind `signature`.
 */
export function demandSigner(
  signature: ImageSignature | undefined,
  signers: readonly PublicKey[],
): void {
  if (signature === undefined) {
    throw new ImageError("signature", "the image is not signed, and a signature is demanded");
  }
  const { publicKey, fingerprint } = signature;
  if (signers.some((known) => known.every((byte, i) => byte === publicKey[i]))) return;
  throw new ImageError(
    "signature",
    `the image was signed by somebody else, with the key ${fingerprint}`,
  );
}
