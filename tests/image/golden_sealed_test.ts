/**
 * Golden images that are sealed, signed, and have a value left out: readable for ever, by the runtime and by
 * the independent reader. They were made once, from `secretSnapshot()`, and are never made again.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { fillRedactions, redact } from "../../runtime/redact.ts";
import { readImageFile } from "../../runtime/image/file_deno.ts";
import { fileKey, parseKeyText, passphraseKey, type SealKey } from "../../runtime/image/sealed/key.ts";
import { scryptDeno } from "../../runtime/image/sealed/scrypt_deno.ts";
import { publicKeyFromPem } from "../../runtime/image/signature.ts";
import type { Snapshot } from "../../runtime/image/snapshot.ts";
import { KEY_FILE, OPENSSL, PASSPHRASE } from "./keys.ts";
import { comparable, smallSnapshot } from "./snapshots.ts";

const root = new URL("../../", import.meta.url);

/** What the images hold, with a value that is in none of them: in memory, the environment, an argument. */
function secretSnapshot(): Snapshot {
  const wasi = { args: ["small", "say hello, image!"], env: ["LANG=C", "TOKEN=hello, image"] };
  return { ...smallSnapshot(), host: { wasi } };
}

const golden: Record<string, { key: SealKey; option: string; text: string }> = {
  "v1-sealed.mvvm": { key: fileKey(parseKeyText(KEY_FILE)), option: "--key", text: KEY_FILE },
  "v1-passphrase.mvvm": {
    key: passphraseKey(PASSPHRASE, scryptDeno),
    option: "--passphrase-file",
    text: `${PASSPHRASE}\n`,
  },
};

for (const [name, { key, option, text }] of Object.entries(golden)) {
  const path = fileURLToPath(new URL(`tests/image/golden/${name}`, root));

  Deno.test(`golden image ${name}: opened, verified, filled in`, async () => {
    const signers = [publicKeyFromPem(OPENSSL.publicPem)];
    const image = await readImageFile(path, { key, signers });
    assertEquals(image.signature?.fingerprint, OPENSSL.fingerprint);
    using expected = redact(secretSnapshot(), ["TOKEN"]);
    assertEquals(comparable(image), comparable(expected.snapshot));
    assertEquals(image.redactions, expected.snapshot.redactions);
    const filled = fillRedactions(image, { TOKEN: "hello, image" });
    assertEquals(comparable(filled), comparable(secretSnapshot()));
  });

  Deno.test(`golden image ${name}: the independent reader opens it`, async () => {
    const keyFile = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(keyFile, text);
      const script = new URL("scripts/read_image.mjs", root).href;
      const read = `--allow-read=${path},${keyFile}`;
      const args = ["run", "--no-config", read, script, path, option, keyFile];
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      assert(success, new TextDecoder().decode(stderr));
      const found = JSON.parse(new TextDecoder().decode(stdout));
      const image = await readImageFile(path, { key });
      assertEquals(found.digest, image.digest.toHex());
      assertEquals(found.signature, { algorithm: "Ed25519", publicKey: image.signature!.publicKey.toHex() });
      assertEquals(found.redactions, [{
        name: "TOKEN",
        byteLength: 12,
        memories: [{ memory: 0, offsets: [0x1234], starts: [0], lengths: [12] }],
        host: [
          { path: ["wasi", "args", 1], offset: 4, start: 0, length: 12 },
          { path: ["wasi", "env", 1], offset: 6, start: 0, length: 12 },
        ],
      }]);
      assertEquals(found.host.wasi.args, ["small", `say ${"\0".repeat(12)}!`]);
    } finally {
      await Deno.remove(keyFile);
    }
  });
}
