/**
 * CPython, stopped in many places: in total it prints exactly what an uninterrupted run prints.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type CompileOptions, encodeImage, Program, type Snapshot } from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { mvvm, PYTHON, Running, withFolder } from "../cli/command.ts";
import { Random } from "../fuzz/random.ts";
import { compiledOnce, type Load, place, restoreGuest, startGuest } from "./journey.ts";

const script = Deno.readTextFileSync(new URL("cpython.py", import.meta.url));
const env = { PYTHONHASHSEED: "0" };
/** What the script prints, once an uninterrupted run has been seen. */
let expected: string;

let cachedLoad: Load | undefined;
const load = () =>
  cachedLoad ??= { program: Program.from(Deno.readFileSync(PYTHON)), args: ["python", "-c", script], env };
const programs = new Map<string, Program>();
/** CPython under some options; its code is made once for all tests. */
function python(options: Partial<CompileOptions>): Program {
  const key = JSON.stringify(options);
  if (!programs.has(key)) programs.set(key, compiledOnce(load().program, options));
  return programs.get(key)!;
}

const ticking = { policy: "counter", thresholdBits: 4, ticks: true } as const;

async function reference(): Promise<{ text: string; ticks: number }> {
  const here = place();
  const guest = startGuest(load(), here, python(ticking));
  const outcome = await guest.run();
  assertEquals([outcome.kind, here.stderr.text()], ["finished", ""]);
  assertMatch(here.stdout.text(), /\ndone [0-9a-f]{32}\n$/);
  expected = here.stdout.text();
  return { text: expected, ticks: guest.store.thread.ticks };
}

/** The bytes of an image in which times do not count. */
async function timeless(image: Snapshot): Promise<Uint8Array<ArrayBuffer>> {
  const wasi = { ...image.host.wasi as Record<string, unknown>, monotonic: 0 };
  const snapshot = { ...image, wallTime: "2026-01-01T00:00:00.000Z", host: { wasi } };
  return await encodeImage(snapshot, { compress: "none" }, denoCodec);
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

Deno.test("migration: CPython, stopped at 20 random counts, each image restored", async () => {
  const random = new Random(312);
  const { text, ticks } = await reference();
  const counts = Array.from({ length: 20 }, () => 1 + random.below(ticks)).sort((a, b) => a - b);
  // One guest is stopped at all counts in turn. From each of its images another one goes on: to the next
  // count, where both are the same in every byte; and some to the end.
  const here = place();
  const stop = { stopAtTick: counts[0] };
  const guest = startGuest(load(), here, python(ticking), stop);
  let before: { image: Uint8Array<ArrayBuffer>; printed: string } | undefined;
  for (const [i, count] of counts.entries()) {
    const outcome = await guest.run();
    assert(outcome.kind === "checkpointed", `at count ${count} it is ${outcome.kind}`);
    const printed = here.stdout.text();
    const image = await encodeImage(outcome.image, { compress: "none" }, denoCodec);
    if (before !== undefined && counts[i - 1] < count) {
      const there = place();
      const other = await restoreGuest(before.image, there, python(ticking), {
        stopAtTick: count - counts[i - 1],
      });
      const arrived = await other.run();
      assert(arrived.kind === "checkpointed");
      assertEquals(before.printed + there.stdout.text(), printed, `from ${counts[i - 1]} to ${count}`);
      assert(same(await timeless(arrived.image), await timeless(outcome.image)), `another state at ${count}`);
    }
    if (i % 4 === 0) {
      const there = place();
      const other = await restoreGuest(image, there, python({ policy: "loop" }));
      assertEquals((await other.run()).kind, "finished");
      assertEquals(printed + there.stdout.text(), text, `from ${count} to the end`);
    }
    before = { image, printed };
    stop.stopAtTick = counts[i + 1];
  }
  assertEquals((await guest.run()).kind, "finished");
  assertEquals(here.stdout.text(), text);
});

Deno.test("migration: CPython, ten images in a row, another policy after each", async () => {
  const random = new Random(10);
  const { text, ticks } = await reference();
  const policies: Partial<CompileOptions>[] = [ticking, { policy: "loop", ticks: true }, {
    policy: "function",
    ticks: true,
  }];
  let image: Uint8Array<ArrayBuffer> | undefined;
  let printed = "";
  for (let leg = 0; leg <= 10; leg++) {
    const here = place();
    const program = python(policies[leg % policies.length]);
    const options = { stopAtTick: leg < 10 ? 1 + random.below(Math.floor(ticks / 14)) : undefined };
    const guest = image === undefined
      ? startGuest(load(), here, program, options)
      : await restoreGuest(image, here, program, options);
    const outcome = await guest.run();
    printed += here.stdout.text();
    if (outcome.kind !== "checkpointed") {
      assertEquals([outcome.kind, leg], ["finished", 10]);
      break;
    }
    image = await encodeImage(outcome.image, { compress: "none" }, denoCodec);
  }
  assertEquals(printed, text);
});

Deno.test("migration: CPython, rewritten, six images in a row, made and restored under both back ends", async () => {
  const random = new Random(6);
  const { text } = await reference();
  const { program } = load();
  const rewritten = [
    program.withOptions({ policy: "counter", ticks: true, backEnd: "wasm" }),
    program.withOptions({ policy: "loop", ticks: true, backEnd: "wasm" }),
  ];
  const start = place();
  const whole = startGuest(load(), start, rewritten[0]);
  assertEquals((await whole.run()).kind, "finished");
  assertEquals(start.stdout.text(), text);
  const { ticks } = whole.store.thread;
  let image: Uint8Array<ArrayBuffer> | undefined;
  let printed = "";
  for (let leg = 0; leg <= 6; leg++) {
    const here = place();
    const program = leg % 3 === 2 ? python({ policy: "loop", ticks: true }) : rewritten[leg % 3];
    const options = { stopAtTick: leg < 6 ? 1 + random.below(Math.floor(ticks / 8)) : undefined };
    const guest = image === undefined
      ? startGuest(load(), here, program, options)
      : await restoreGuest(image, here, program, options);
    const outcome = await guest.run();
    printed += here.stdout.text();
    assertEquals(outcome.kind, leg < 6 ? "checkpointed" : "finished", `leg ${leg}`);
    if (outcome.kind !== "checkpointed") break;
    image = await encodeImage(outcome.image, { compress: "none" }, denoCodec);
  }
  assertEquals(printed, text);
});

Deno.test("migration: CPython, stopped by the same count twice, gives the same image", async () => {
  const images: Uint8Array[] = [];
  for (let i = 0; i < 2; i++) {
    const guest = startGuest(load(), place(), python(ticking), { stopAtTick: 1_000_000 });
    const outcome = await guest.run();
    assert(outcome.kind === "checkpointed");
    images.push(await timeless(outcome.image));
  }
  assert(same(images[0], images[1]), "the images differ");
});

/**
 * In processes of its own; everything is as a user has it. Says whether the stop came before the end.
 *
 * `more` goes on after the script and prints `printing`.
 */
function throughProcesses(
  stop: string[],
  act?: (running: Running) => Promise<void>,
  { more = "", printing = "" } = {},
): Promise<boolean> {
  return withFolder(async (folder) => {
    const image = `${folder}/python.mvvm`;
    const args = ["checkpoint", "-t", PYTHON, "--image", image, "-e", "PYTHONHASHSEED=0", ...stop];
    const running = new Running([...args, "--", "-c", script + more], { stdin: "" });
    await act?.(running);
    const first = await running.ended();
    const whole = (expected ?? (await reference()).text) + printing;
    if (first.stderr.includes("the guest ended before the stop")) {
      assertEquals(first.stdout, whole);
      return false;
    }
    assertEquals(first.code, 0, first.stderr);
    assertMatch(first.stderr, /^mvvm: wrote /);
    const second = await mvvm(["restore", "-t", PYTHON, "--image", image]);
    assertEquals([second.code, second.stderr], [0, ""]);
    assertEquals(first.stdout + second.stdout, whole);
    return true;
  });
}

Deno.test("migration: CPython, stopped after some time, in processes", async () => {
  // A fast machine is done before the longer ones.
  let stops = 0;
  for (let after = 4000; stops < 2 && after > 10; after = Math.floor(after / 2)) {
    if (await throughProcesses(["--after", `${after}`])) stops++;
  }
  assertEquals(stops, 2);
});

Deno.test({
  name: "migration: CPython, stopped by SIGINT, in processes",
  ignore: Deno.build.os === "windows",
  async fn() {
    // From the fourth line to the end of the script a fast machine takes less time than the signal does.
    const more = "print(fib(31))\n";
    const wasStopped = await throughProcesses([], async (running) => {
      await running.stdout.until("\n3 ");
      running.kill("SIGINT");
    }, { more, printing: "1346269\n" });
    assert(wasStopped);
  },
});
