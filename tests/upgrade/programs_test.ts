/**
 * A C program that was rebuilt takes over an image of the one before: through the library at every place, and
 * on the command line.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import wabt from "wabt";
import {
  functionsNamed,
  Guest,
  inputStream,
  MemoryHost,
  outputStream,
  Program,
  type Snapshot,
  upgradeImage,
  Wasi,
} from "../../mod.ts";
import { inProject, mvvm, programPath, withFolder } from "../cli/command.ts";

const path = (name: string) => inProject(`tests/upgrade/programs/${name}.wasm`);
const load = (name: string) => Program.from(Deno.readFileSync(path(name)));
const old = load("ledger");

function world(args = ["ledger"]): { wasi: Wasi; host: MemoryHost; stdout: ReturnType<typeof outputStream> } {
  const stdout = outputStream();
  const host = new MemoryHost({ stdin: inputStream(""), stdout, files: {} });
  return { host, stdout, wasi: new Wasi({ args }, host) };
}

/** Stops the old program at a call; what it has printed until then. */
async function stoppedAt(func: string, calls: number): Promise<{ image: Snapshot; printed: string }> {
  const { wasi, stdout } = world();
  const watch = functionsNamed(old.module, func)[0];
  const program = old.withOptions({ ...old.options, watch });
  const outcome = await Guest.start(program, { wasi, stopAtCall: calls }).run();
  assert(outcome.kind === "checkpointed");
  return { image: outcome.image, printed: stdout.text() };
}

async function goOn(image: Snapshot, program: Program): Promise<string> {
  const { host, stdout } = world();
  const { wasi } = Wasi.restore(image.host.wasi, {}, host);
  const outcome = await (await Guest.restore(image, program, { wasi })).run();
  assertEquals(outcome, { kind: "finished", exitCode: 0, results: [] });
  return stdout.text();
}

async function wholeRun(program: Program): Promise<string> {
  const { wasi, stdout } = world();
  await Guest.start(program, { wasi }).run();
  return stdout.text();
}

Deno.test("a fix in a function that is called takes effect at its next call", async () => {
  const { image, printed } = await stoppedAt("print", 10);
  const fixed = load("leaf");
  const upgrade = await upgradeImage(image, old, fixed);
  assertEquals(upgrade.findings.filter(({ fits }) => !fits), []);
  const rest = await goOn(upgrade.image!, fixed);
  const [before, after] = [await wholeRun(old), await wholeRun(fixed)];
  assert(before.startsWith(printed));
  // As many lines as ever, and from here on other totals: neither the old program's nor the fixed one's.
  assertEquals((printed + rest).split("\n").length, before.split("\n").length);
  assert(!before.endsWith(rest) && !after.endsWith(rest));
  assertEquals(rest.split("\n").slice(-3), after.split("\n").slice(-3));
});

Deno.test("the same program takes over anywhere, and all goes on as if it had not", async () => {
  const whole = await wholeRun(old);
  for (const [func, calls] of [["fee", 300], ["rule_even", 7], ["book", 1500], ["_start", 1]] as const) {
    const { image, printed } = await stoppedAt(func, calls);
    const { image: same } = await upgradeImage(image, old, load("ledger"));
    assertEquals(printed + await goOn(same!, old), whole);
  }
});

Deno.test("the same code in another encoding: every offset is another, and all goes on", async () => {
  const assembler = await wabt();
  for (const name of ["sorting", "indirect", "frames", "machine"]) {
    const bytes = await Deno.readFile(programPath(name));
    const module = assembler.readWasm(bytes, { readDebugNames: true });
    // Written with numbers as short as can be; linkers leave room in some.
    const short = Program.from(module.toBinary({ write_debug_names: true }).buffer);
    module.destroy();
    assert(short.module.bytes.length < bytes.length);
    const program = Program.from(bytes, { policy: "loop", ticks: true });
    const start = (options: object) => {
      const { wasi, stdout } = world([name, "1"]);
      return { guest: Guest.start(program, { wasi, ...options }), stdout };
    };
    const whole = start({});
    await whole.guest.run();
    for (const stopAtTick of [1, 50, 777, 2345]) {
      const { guest, stdout } = start({ stopAtTick });
      const outcome = await guest.run();
      assert(outcome.kind === "checkpointed");
      const upgrade = await upgradeImage(outcome.image, program, short);
      assertEquals(upgrade.findings.filter(({ fits }) => !fits), []);
      assertEquals(stdout.text() + await goOn(upgrade.image!, short), whole.stdout.text());
    }
  }
});

const refused: readonly [program: string, stop: string, reasons: readonly RegExp[]][] = [
  ["leaf", "fee", [
    /^1 frame in fee .*its code changed at instruction 0 .*: local.get 0 is now i32.const 0$/,
  ]],
  ["signature", "fee", [
    /^1 frame in book .*: call fee is now local.get 0$/,
    /^1 frame in fee .*fee has another type: \(i32\) -> \(i32\), and now \(i32, i32\) -> \(i32\)$/,
  ]],
  ["frame", "print", [
    /^1 frame in run .*its code changed at instruction 0/,
    /^static data: 32 bytes at 0x\w+ were "total /,
  ]],
  ["order", "print", [/^table 0: element 1 was rule_small, and now is rule_even/]],
  ["rule", "print", [/^table 0: element 1 was rule_small, and now is rule_odd/]],
  ["text", "print", [
    /^static data: .* were ":\\n\\0total .* and now are "s:\\n/,
    /^function run: names 0x1000a where/,
  ]],
  ["data", "print", [
    /^static data: 28 bytes at 0x\w+ .* are new/,
    /^function choose: names 0x\w+ where 0x\w+ was/,
  ]],
  ["before", "print", [
    /^function book: names 0x\w+, which no code of the old module names: a variable is new/,
  ]],
];

for (const [name, stop, expected] of refused) {
  Deno.test(`${name}.wasm is refused at ${stop}`, async () => {
    const { image } = await stoppedAt(stop, 10);
    const { fits, findings } = await upgradeImage(image, old, load(name));
    assert(!fits);
    const reasons = findings.filter(({ fits }) => !fits).map(({ subject, text }) => `${subject}: ${text}`);
    for (const reason of expected) assert(reasons.some((each) => reason.test(each)), reasons.join("\n"));
  });
}

Deno.test("another type of a function fits, where nothing on the stack calls it", async () => {
  const { image, printed } = await stoppedAt("print", 10);
  const rebuilt = load("signature");
  const upgrade = await upgradeImage(image, old, rebuilt);
  assert(upgrade.fits);
  assertEquals((printed + await goOn(upgrade.image!, rebuilt)).split("\n").length, 24);
});

Deno.test("restore --module --upgrade: goes on, explains, refuses, and says how it is used", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/ledger.mvvm`;
    const stop = await mvvm([
      "checkpoint",
      "-t",
      path("ledger"),
      "-f",
      "print",
      "-x",
      "10",
      "--image",
      image,
    ]);
    assertEquals(stop.code, 0, stop.stderr);
    const bytes = await Deno.readFile(image);
    const restore = ["restore", "-t", path("ledger"), "--image", image];
    const upgrade = (name: string, how = "check") =>
      mvvm([...restore, "--module", path(name), "--upgrade", how]);

    const fixed = await upgrade("leaf");
    assertEquals(fixed.code, 0, fixed.stderr);
    assertMatch(
      fixed.stderr,
      /leaf\.wasm goes on with the image; functions: \d+ the same, 1 changed, 0 gone, 0 new/,
    );
    assertMatch(fixed.stderr, /function fee: local\.get 0 is now/);
    assertEquals(fixed.stdout.split("\n").length, 24 - stop.stdout.split("\n").length + 1);

    const told = await upgrade("leaf", "explain");
    assertEquals([told.code, told.stderr], [0, ""]);
    assertMatch(told.stdout, /can go on with the image\.\n\nFits:\n.*\n/);
    assertStringIncludes(told.stdout, "1 frame in run (#5): the same code");

    const unfit = await upgrade("order");
    assertEquals([unfit.code, unfit.stdout], [1, ""]);
    assertStringIncludes(
      unfit.stderr,
      "order.wasm cannot go on with the image; nothing was run:\n  table 0: element 1",
    );
    const why = await upgrade("order", "explain");
    assertEquals([why.code, why.stderr], [1, ""]);
    assertMatch(why.stdout, /\n\nDoes not fit:\n {2}table 0: .*\n\nFits:\n/);

    const other = await mvvm(["restore", "-t", path("leaf"), "--image", image]);
    assertEquals(other.code, 1);
    assertStringIncludes(other.stderr, "taken of another module");
    const usage = async (...args: string[]) => {
      const { code, stderr } = await mvvm([...restore, ...args]);
      assertEquals(code, 2);
      return stderr;
    };
    assertStringIncludes(await usage("--module", path("leaf")), "say --upgrade check, or --upgrade explain");
    assertStringIncludes(await usage("--upgrade", "check"), "the rebuilt one with --module");
    assertStringIncludes(await usage("--upgrade", "force"), "--upgrade is one of check, explain");

    // A further image is the rebuilt program's, and goes where it will look for it.
    await Deno.copyFile(path("leaf"), `${folder}/fixed.wasm`);
    const again = await mvvm([
      ...restore,
      "--module",
      `${folder}/fixed.wasm`,
      "--upgrade",
      "check",
      "-f",
      "fee",
      "-x",
      "50",
    ]);
    assertEquals(again.code, 0, again.stderr);
    assertEquals(await Deno.readFile(image), bytes);
    const end = await mvvm(["restore", "-t", `${folder}/fixed.wasm`]);
    assertEquals([end.code, again.stdout + end.stdout], [0, fixed.stdout]);
  });
});
