/**
 * Signed images: who signed is told, who was to sign is demanded, and what was changed is refused.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { ImageError } from "../../runtime/image/error.ts";
import { inspectImage, readImage, type ReadOptions } from "../../runtime/image/reader.ts";
import { bytesSource } from "../../runtime/image/record.ts";
import {
  fingerprint,
  newSigningKeys,
  type PublicKey,
  publicKeyFromPem,
  type Signer,
  signerFromPem,
} from "../../runtime/image/signature.ts";
import type { Snapshot } from "../../runtime/image/snapshot.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import { bodyOf, type ForgedRecord, newRecord, putTogether, setBody, takeApart } from "./forge.ts";
import { OPENSSL } from "./keys.ts";
import { comparable, emptySnapshot, smallSnapshot } from "./snapshots.ts";

/** A key for another algorithm (X25519). */
const FOREIGN = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEINCgvBi/hb7b2UnnocnG8c0fDAGXR5ulxaHTrudqgVdq
-----END PRIVATE KEY-----
`;

async function pair(): Promise<{ signer: Signer; known: PublicKey }> {
  const { privatePem, publicPem } = await newSigningKeys();
  return { signer: await signerFromPem(privatePem), known: publicKeyFromPem(publicPem) };
}
const [alice, bob] = await Promise.all([pair(), pair()]);

const signed = (snapshot: Snapshot, { signer }: { signer?: Signer } = alice) =>
  encodeImage(snapshot, { compress: "none", signer }, denoCodec);

/** The message with which an image is refused, the same by both readers. */
async function refusal(
  bytes: Uint8Array,
  options: ReadOptions = { signers: [alice.known] },
): Promise<string> {
  const read = await assertRejects(() => readImage(bytes, denoCodec, options), ImageError);
  const inspected = await assertRejects(() => inspectImage(bytes, denoCodec, options), ImageError);
  assertEquals(read.message, inspected.message);
  return read.message;
}

Deno.test("a signed image is read, with or without a demand, and tells its signer", async () => {
  const bytes = await signed(smallSnapshot());
  for (const signers of [undefined, [alice.known], [bob.known, alice.known]]) {
    const image = await readImage(bytes, denoCodec, { signers });
    assertEquals(comparable(image), comparable(smallSnapshot()));
    assertEquals(image.signature, {
      algorithm: "Ed25519",
      publicKey: alice.known,
      fingerprint: await fingerprint(alice.known),
    });
  }
  assertEquals((await inspectImage(bytes, denoCodec)).signature?.publicKey, alice.known);
  const plain = await readImage(await signed(smallSnapshot(), {}), denoCodec);
  assertEquals(plain.signature, undefined);
});

Deno.test("unsigned, signed by somebody else, wrongly signed: three messages", async () => {
  const bytes = await signed(smallSnapshot());
  assert((await refusal(await signed(smallSnapshot(), {}))).includes("is not signed"));
  assert((await refusal(await signed(smallSnapshot(), bob))).includes(await fingerprint(bob.known)));
  assert((await refusal(bytes, { signers: [] })).includes("somebody else"));

  const records = await takeApart(bytes);
  const body = bodyOf(records.at(-2)!);
  for (const field of ["signature", "publicKey"]) {
    const wrong = body[field].slice();
    wrong[3] ^= 1;
    setBody(records.at(-2)!, { ...body, [field]: wrong });
    const forged = await putTogether(records);
    for (const options of [{}, { signers: [alice.known] }]) {
      assert((await refusal(forged, options)).includes("not one of this image"), field);
    }
  }
  setBody(records.at(-2)!, { ...body, algorithm: "none" });
  assert((await refusal(await putTogether(records))).includes("algorithm"));
  setBody(records.at(-2)!, { ...body, signature: new Uint8Array(64), publicKey: new Uint8Array(32) });
  assert((await refusal(await putTogether(records))).includes("not one of this image"));
});

Deno.test("whatever is changed, added, moved or left out, with fitting digests, is refused", async () => {
  const records = await takeApart(await signed(smallSnapshot()));
  const [end, signature] = [records.at(-1)!, records.at(-2)!];
  const content = records.slice(0, -2);
  const pages = content.findIndex(({ head }) => head.section === "pages");
  const note = newRecord("note", {}, new Uint8Array(3), false);
  const changed = (at: number, change: (record: ForgedRecord) => void) => {
    const copy = structuredClone(records);
    change(copy[at]);
    return copy;
  };
  const host = content.findIndex(({ head }) => head.section === "host");
  const forged: Record<string, ForgedRecord[]> = {
    "a byte of memory": changed(pages, ({ data }) => data[7] ^= 1),
    "an argument": changed(host, (record) => setBody(record, { ...bodyOf(record), args: ["evil"] })),
    "a new section": [...content, note, signature, end],
    "a section behind it": [...content, signature, note, end],
    "pages behind it": [...content.filter((_, i) => i !== pages), signature, content[pages], end],
    "no pages": [...content.filter((_, i) => i !== pages), signature, end],
    "it twice": [...content, signature, signature, end],
    "the signature of another image": [
      ...content,
      (await takeApart(await signed(emptySnapshot))).at(-2)!,
      end,
    ],
  };
  for (const [what, changes] of Object.entries(forged)) {
    const bytes = await putTogether(changes);
    const message = await refusal(bytes, {});
    assert(/signature|not fit/.test(message), `${what}: ${message}`);
  }
  // Without its signature it is an image like any other, but not for who demands one.
  const stripped = await putTogether([...content, end]);
  assertEquals(comparable(await readImage(stripped, denoCodec)), comparable(smallSnapshot()));
  assert((await refusal(stripped)).includes("is not signed"));
  assertEquals((await readImage(await putTogether(records), denoCodec)).signature?.publicKey, alice.known);
});

Deno.test("every bit of the signature's record counts", async () => {
  const bytes = await signed(emptySnapshot);
  const start = (await signed(emptySnapshot, {})).length - 100;
  for (let at = start; at < bytes.length; at++) {
    bytes[at] ^= 1 << (at % 8);
    await assertRejects(() => readImage(bytes, denoCodec), ImageError);
    bytes[at] ^= 1 << (at % 8);
  }
  await readImage(bytes, denoCodec, { signers: [alice.known] });
});

Deno.test("each link of a chain must be signed", async () => {
  const snapshot = smallSnapshot();
  const changed = snapshot.memories.map(({ pages }) => new Uint8Array(16 * pages));
  for (const [base, fits] of [[alice, true], [bob, false], [{}, false]] as const) {
    const parent = await signed(snapshot, base);
    const { digest } = await readImage(parent, denoCodec);
    const options = { signer: alice.signer, parent: { digest, name: "base.mvvm", changed } };
    const child = await encodeImage(snapshot, options, denoCodec);
    const openParent = () => bytesSource(parent);
    const read = () => readImage(child, denoCodec, { signers: [alice.known], openParent });
    if (fits) assertEquals(comparable(await read()), comparable(snapshot));
    else assertEquals((await assertRejects(read, ImageError)).kind, "signature");
  }
});

Deno.test("keys are those of OpenSSL, and others are refused by name", async () => {
  const signer = await signerFromPem(OPENSSL.privatePem);
  const known = publicKeyFromPem(OPENSSL.publicPem);
  assertEquals(signer.publicKey, known);
  assertEquals(await fingerprint(known), OPENSSL.fingerprint);
  await readImage(await signed(emptySnapshot, { signer }), denoCodec, { signers: [known] });
  await assertRejects(() => signerFromPem(OPENSSL.publicPem), RangeError, 'a "PUBLIC KEY"');
  await assertRejects(() => signerFromPem(FOREIGN), RangeError, "Ed25519");
  await assertRejects(() => signerFromPem("secret"), RangeError, "no");
  assertThrows(() => publicKeyFromPem(OPENSSL.privatePem), RangeError, 'a "PRIVATE KEY"');
  const cut = OPENSSL.publicPem.replace("MCow", "MCoa");
  assertThrows(() => publicKeyFromPem(cut), RangeError, "Ed25519");
});
