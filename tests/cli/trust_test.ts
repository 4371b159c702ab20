/**
 * Keys, signatures and redacted variables on the command line: what works, what is refused and in which words,
 * and that nothing secret stands in any file or message.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Ended, mvvm, programPath, PYTHON, Running, withFolder, writeWat } from "./command.ts";

const target = programPath("sorting");
const checkpoint = (image: string, ...options: string[]) =>
  mvvm(["checkpoint", "-t", target, "--image", image, "-c", "3000", ...options, "--", "1"]);
const restore = (image: string, ...options: string[]) =>
  mvvm(["restore", "-t", target, "--image", image, ...options]);

const refused = ({ code, stdout, stderr }: Ended, message: RegExp) => {
  assertEquals([code, stdout], [1, ""], stderr);
  assertMatch(stderr, message);
  assert(!/ at |internal error/.test(stderr), stderr);
};
/** A file's bytes as text, a character for each. */
const bytesOf = (path: string) => new TextDecoder("latin1").decode(Deno.readFileSync(path));

Deno.test("image key: keys for their owner alone, never overwritten", () =>
  withFolder(async (folder) => {
    assertEquals((await mvvm(["image", "key", "a.key"], { cwd: folder })).code, 0);
    const before = bytesOf(`${folder}/a.key`);
    refused(await mvvm(["image", "key", "a.key"], { cwd: folder }), /a\.key is there already/);
    assertEquals(bytesOf(`${folder}/a.key`), before);
    assertEquals((await mvvm(["image", "key", "me.pem", "--signing"], { cwd: folder })).code, 0);
    refused(
      await mvvm(["image", "key", "me", "--signing"], { cwd: folder }),
      /me\.pub\.pem is there already/,
    );
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "a.key",
      "me.pem",
      "me.pub.pem",
    ]);
    if (Deno.build.os === "windows") return;
    for (const name of ["a.key", "me.pem"]) {
      assertEquals(Deno.statSync(`${folder}/${name}`).mode! & 0o777, 0o600);
    }
  }));

Deno.test("a key file seals an image and opens it, with the least permissions; others do not", () =>
  withFolder(async (folder) => {
    const [image, key, other] = [`${folder}/a.mvvm`, `${folder}/a.key`, `${folder}/b.key`];
    for (const path of [key, other]) assertEquals((await mvvm(["image", "key", path])).code, 0);
    const full = await mvvm(["run", target, "--", "1"]);
    const first = await mvvm(
      ["checkpoint", "-t", target, "--image", image, "-c", "3000", "--key-file", key, "--", "1"],
      { permissions: [`--allow-read=${target},${folder},${key}`, `--allow-write=${folder}`] },
    );
    assertEquals(first.code, 0, first.stderr);
    assert(!bytesOf(image).includes("MVVM image"));
    const again = await mvvm(["restore", "-t", target, "--image", image, "--key-file", key], {
      permissions: [`--allow-read=${target},${image},${key}`],
    });
    assertEquals([again.code, first.stdout + again.stdout, again.stderr], [0, full.stdout, ""]);
    assertEquals((await mvvm(["inspect", image, "--key-file", key])).code, 0);

    const missing = /sealed image: .*--key-file FILE, --passphrase-file FILE or --passphrase/;
    refused(await restore(image), missing);
    refused(await mvvm(["inspect", image]), missing);
    refused(await mvvm(["diff", image, image]), missing);
    refused(await restore(image, "--key-file", other), /wrong key .*another key/);
    refused(await restore(image, "--key-file", image), /--key-file .*a\.mvvm: a key file has one line/);
    refused(await restore(image, "--key-file", `${folder}/none`), /--key-file: there is no file/);
    const both = await restore(image, "--key-file", key, "--passphrase");
    assertEquals(both.code, 2);
    assertMatch(both.stderr, /one key/);

    // A further stop seals with the same key; an image in clear does not pass for a sealed one.
    assertEquals((await restore(image, "--key-file", key, "-c", "100")).code, 0);
    assert(bytesOf(image).startsWith("\xabMVVM sealed"));
    const plain = `${folder}/plain.mvvm`;
    assertEquals((await checkpoint(plain)).code, 0);
    refused(await restore(plain, "--key-file", key), /not sealed: leave the key out/);

    // What is sealed later, and opened for good, stays the same to the byte.
    const before = bytesOf(plain);
    assertEquals((await mvvm(["image", "seal", plain, "--key-file", key])).code, 0);
    assert(bytesOf(plain).startsWith("\xabMVVM sealed"));
    refused(await mvvm(["image", "seal", plain, "--key-file", other]), /sealed image/);
    refused(await mvvm(["image", "unseal", plain, "--key-file", other]), /wrong key/);
    assertEquals((await mvvm(["image", "unseal", plain, "-o", image, "--key-file", key])).code, 0);
    assertEquals(bytesOf(image), before);
    assertEquals((await mvvm(["image", "unseal", plain])).code, 2);
  }));

Deno.test("a passphrase from a file or the environment, and never from nowhere", () =>
  withFolder(async (folder) => {
    const [image, file] = [`${folder}/a.mvvm`, `${folder}/pass`];
    Deno.writeTextFileSync(file, "correct horse\n");
    assertEquals((await checkpoint(image, "--passphrase-file", file)).code, 0);
    Deno.env.set("MVVM_PASSPHRASE", "correct horse");
    try {
      assertEquals((await restore(image, "--passphrase")).code, 0);
      Deno.env.set("MVVM_PASSPHRASE", "wrong");
      refused(await restore(image, "--passphrase"), /wrong key .*another passphrase/);
    } finally {
      Deno.env.delete("MVVM_PASSPHRASE");
    }
    refused(await restore(image, "--passphrase"), /no terminal to ask at; use --passphrase-file/);
    Deno.writeTextFileSync(file, "\n");
    refused(await restore(image, "--passphrase-file", file), /is empty/);
    const words = await restore(image, "--passphrase=correct horse");
    assertEquals(words.code, 2);
    assertMatch(words.stderr, /takes no value/);
  }));

Deno.test("signatures: made, shown, demanded", () =>
  withFolder(async (folder) => {
    const [image, unsigned] = [`${folder}/a.mvvm`, `${folder}/b.mvvm`];
    const key = (name: string) => `${folder}/${name}.pem`;
    const told = await Promise.all(
      ["me", "you"].map((name) => mvvm(["image", "key", key(name), "--signing"])),
    );
    const fingerprint = /the key is ([0-9a-f]{64})/.exec(told[0].stderr)![1];
    assertEquals((await checkpoint(image, "--sign-key", key("me"))).code, 0);
    assertEquals((await checkpoint(unsigned)).code, 0);

    const verify = ["--verify-key", key("me.pub")];
    assertEquals((await restore(image, ...verify)).code, 0);
    assertEquals((await restore(image, "--verify-key", key("you.pub"), ...verify)).code, 0);
    const shown = await mvvm(["inspect", image, ...verify]);
    assertStringIncludes(shown.stdout, `signed   with the Ed25519 key ${fingerprint}`);
    const { signature } = JSON.parse((await mvvm(["inspect", image, "--json"])).stdout);
    assertEquals(signature, { algorithm: "Ed25519", key: fingerprint });

    refused(await restore(unsigned, ...verify), /not signed, and a signature is demanded/);
    refused(
      await restore(image, "--verify-key", key("you.pub")),
      RegExp(`signed by somebody else, with the key ${fingerprint}`),
    );
    refused(await restore(image, "--verify-key", key("me")), /--verify-key .*this is a "PRIVATE KEY"/);
    refused(await checkpoint(image, "--sign-key", key("me.pub")), /--sign-key .*this is a "PUBLIC KEY"/);
  }));

/** Copies its environment, computes until it is stopped, and prints the copy. */
const environ = `(module
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\\00\\10\\00\\00\\20\\00\\00\\00")
  (func (export "_start") (local $i i32)
    (drop (call $environ_get (i32.const 64) (i32.const 4096)))
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 100000))))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))`;

Deno.test("a redacted variable is in no file, is asked for again, and stays out of later images", () =>
  withFolder(async (folder) => {
    const program = await writeWat(folder, "environ", environ);
    const image = `${folder}/a.mvvm`;
    const secret = "s3cret-value";
    const redact = ["--redact-env", "TOKEN"];
    const start = ["checkpoint", "-t", program, "--policy", "loop", "--compress", "none", "--image", image];
    const clear = await mvvm([...start, "-c", "1000", "-e", `TOKEN=${secret}`]);
    assertEquals(clear.code, 0, clear.stderr);
    assert(bytesOf(image).includes(secret));
    const first = await mvvm([...start, "-c", "1000", "-e", `TOKEN=${secret}`, ...redact]);
    assertEquals(first.code, 0, first.stderr);
    assert(!bytesOf(image).includes(secret) && !bytesOf(image).includes("s3cret"));

    const again = ["restore", "-t", program, "--image", image];
    refused(await mvvm(again), /without the value of TOKEN; give it again: -e TOKEN=/);
    refused(await mvvm([...again, "-e", "TOKEN=short"]), /had 12 bytes, and the one given has 5/);
    const later = await mvvm([...again, "-e", `TOKEN=${secret}`, "-c", "1000", "--compress", "none"]);
    assertEquals(later.code, 0, later.stderr);
    assert(!bytesOf(image).includes(secret));
    const shown = await mvvm(["inspect", image]);
    assertStringIncludes(shown.stdout, "left out TOKEN, 12 bytes in 2 places");
    const end = await mvvm([...again, "-e", `TOKEN=${secret}`]);
    assertEquals([end.code, end.stdout.slice(0, 19)], [0, `TOKEN=${secret}\0`]);
    const other = await mvvm([...again, "-e", "TOKEN=another-one!"]);
    assertEquals([other.code, other.stdout.slice(0, 19)], [0, "TOKEN=another-one!\0"]);

    for (
      const [env, message] of [
        [[], /no environment variable "TOKEN"/],
        [["-e", "TOKEN=abc"], /has 3 bytes: values of less than 8/],
      ] as const
    ) refused(await mvvm([...start, "-c", "1000", ...env, ...redact]), message);
    const value = await mvvm([...start, "-c", "1000", "--redact-env", `TOKEN=${secret}`]);
    assertEquals(value.code, 2);
    assert(!value.stderr.includes(secret));
  }));

Deno.test("a chain is sealed, signed and redacted link by link", () =>
  withFolder(async (folder) => {
    const program = await writeWat(folder, "endless", environ.replace("100000", "2000000000"));
    const [image, key, pem] = [`${folder}/a.mvvm`, `${folder}/a.key`, `${folder}/a.pem`];
    await mvvm(["image", "key", key]);
    await mvvm(["image", "key", pem, "--signing"]);
    const keys = ["--key-file", key, "--sign-key", pem, "-e", "TOKEN=s3cret-value"];
    const run = ["checkpoint", "-t", program, "--policy", "loop", "--image", image, "--compress", "none"];
    const { code, stderr } = await mvvm([
      ...run,
      ...["--every", "100ms", "--keep", "3", "--after", "900", "--redact-env", "TOKEN"],
      ...keys,
    ]);
    assertEquals(code, 0, stderr);
    const links = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".mvvm"));
    assert(links.length > 1, stderr);
    for (const { name } of links) {
      const path = `${folder}/${name}`;
      assert(bytesOf(path).startsWith("\xabMVVM sealed"), name);
      const open = ["--key-file", key, "--verify-key", `${folder}/a.pub.pem`];
      const shown = await mvvm(["inspect", path, ...open, "--json"]);
      assertEquals(JSON.parse(shown.stdout).redactions[0].name, "TOKEN", name);
      assert(!shown.stdout.includes("s3cret"), name);
      const further = await mvvm([
        ...["restore", "-t", program, "--image", path, "--image-out", `${folder}/out.mvvm`, ...open],
        ...["-e", "TOKEN=s3cret-value", "-c", "10"],
      ]);
      assertEquals(further.code, 0, further.stderr);
    }
  }));

Deno.test("CPython: no copy of a redacted variable is left, and every copy comes back", () =>
  withFolder(async (folder) => {
    const [image, secret] = [`${folder}/py.mvvm`, "hunter2hunter2"];
    const script = [
      "import os",
      "token = os.environ['TOKEN']",
      "kept = [token + str(i) for i in range(300)] + [token.encode(), {'Authorization': 'Bearer ' + token}]",
      "print('ready', flush=True)",
      "input()",
      "print(kept[299], kept[300], kept[301], token == os.environ['TOKEN'])",
    ].join("\n");
    const guest = ["-t", PYTHON, "--image", image, "-e", `TOKEN=${secret}`];
    const first = new Running([
      ...["checkpoint", ...guest, "--redact-env", "TOKEN", "--compress", "none", "--", "-c", script],
    ]);
    await first.stdout.until("ready");
    first.kill("SIGINT");
    const { code, stderr } = await first.ended();
    assertEquals(code, 0, stderr);
    // Not even a piece of a freed copy.
    const bytes = bytesOf(image);
    for (let at = 0; at + 8 <= secret.length; at++) assert(!bytes.includes(secret.slice(at, at + 8)));
    const second = await mvvm(["restore", ...guest], { stdin: "\n" });
    const headers = `{'Authorization': 'Bearer ${secret}'}`;
    assertEquals([second.code, second.stdout], [0, `${secret}299 b'${secret}' ${headers} True\n`]);
  }));
