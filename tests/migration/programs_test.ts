/**
 * Every C program, under every policy, stopped at random site passages: memory, globals, tables, output,
 * files and exit code are in the end what an uninterrupted run leaves.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type PolicyName, readImage } from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { Random } from "../fuzz/random.ts";
import { PROGRAMS } from "../programs/table.ts";
import {
  countTicks,
  type Ending,
  journey,
  type Leg,
  loadProgram,
  OWN_STORE,
  uninterrupted,
} from "./journey.ts";

const policies: readonly PolicyName[] = ["function", "loop", "counter", "dirty"];

const sameStore = (name: string, { store, ...rest }: Ending) =>
  OWN_STORE.includes(name) ? rest : { ...rest, store };

for (const { name, small, stdin } of PROGRAMS) {
  const load = loadProgram(name, small.args, { stdin, env: { SETTING: "some" } });

  for (const backEnd of ["js", "wasm"] as const) {
    const other = backEnd === "js" ? "wasm" : "js";

    Deno.test(`migration: ${name}, every policy, random stops (${backEnd})`, async () => {
      const random = new Random(20260101);
      const expected = sameStore(name, await uninterrupted(load));
      for (const policy of policies) {
        const options = { policy, thresholdBits: policy === "counter" ? 3 : 16, backEnd };
        const ticks = await countTicks(load, options);
        assert(ticks > 0, `${policy}: no site was passed`);
        for (let round = 0; round < 2; round++) {
          const stopAtTick = 1 + random.below(ticks);
          const next = { ...options, backEnd: round === 0 ? backEnd : other };
          const { ending, images } = await journey(load, [{ options, stop: { stopAtTick } }, {
            options: next,
          }]);
          assertEquals(sameStore(name, ending), expected, `${policy}, stopped at ${stopAtTick} of ${ticks}`);
          assertEquals(images.length, 1);
        }
      }
    });
  }

  Deno.test(`migration: ${name}, twelve stops, other code after each`, async () => {
    const random = new Random(7);
    const expected = sameStore(name, await uninterrupted(load));
    const legs: Leg[] = [];
    const ticks = await countTicks(load, { policy: "function" });
    for (let i = 0; i < 12; i++) {
      const options = {
        policy: policies[i % 4],
        thresholdBits: random.below(6),
        maxFunctionSize: [200, 2000, 45_000][i % 3],
        i64s: (["whole", "auto", "halves"] as const)[i % 3],
        backEnd: (["js", "wasm", "wasm", "js", "wasm"] as const)[i % 5],
      };
      legs.push({ options, stop: { stopAtTick: 1 + random.below(Math.ceil(ticks / 12)) } });
    }
    for (const backEnd of ["js", "wasm"] as const) {
      const { ending } = await journey(load, [...legs, { options: { backEnd } }]);
      assertEquals(sameStore(name, ending), expected, `at the end ${backEnd}`);
    }
  });

  Deno.test(`migration: ${name}, rewritten, a chain of stops each soon after the last`, async () => {
    const random = new Random(99);
    const expected = sameStore(name, await uninterrupted(load));
    for (const policy of policies) {
      const options = { policy, thresholdBits: 2, backEnd: "wasm" as const };
      // Restored frames call rewritten functions, which are stopped again before these return.
      const first: Leg = { options, stop: { stopAtTick: 1 + random.below(await countTicks(load, options)) } };
      const soon = Array.from({ length: 15 }, (): Leg => ({
        options,
        stop: { stopAtTick: 1 + random.below(random.pick([1, 4, 30])) },
      }));
      const { ending } = await journey(load, [first, ...soon, { options }]);
      assertEquals(sameStore(name, ending), expected, policy);
    }
  });

  Deno.test(`migration: ${name}, rewritten, has the same frames as generated JavaScript`, async () => {
    // Host calls are passed in the same order under both, so that an image before one must be the same.
    for (const stopAtHostCall of [1, 3]) {
      const frames: unknown[] = [];
      for (const backEnd of ["js", "wasm"] as const) {
        const options = { policy: "none" as const, backEnd };
        const { images } = await journey(load, [{ options, stop: { stopAtHostCall } }, { options }]);
        if (images.length === 0) continue;
        const { stack } = await readImage(images[0] as Uint8Array<ArrayBuffer>, denoCodec);
        // Not the values: what is not needed any more may be left out.
        frames.push(stack.map(({ func, site, types, localCount }) => [func, site, types, localCount]));
      }
      assertEquals(frames[0], frames[1], `before host call ${stopAtHostCall}`);
    }
  });

  Deno.test(`migration: ${name}, stopped before host calls`, async () => {
    const random = new Random(3);
    const expected = sameStore(name, await uninterrupted(load));
    const options = { policy: "none" as const };
    for (let round = 0; round < 3; round++) {
      const stop = { stopAtHostCall: 1 + random.below(12) };
      const { ending } = await journey(load, [{ options, stop }, { options, stop }, {}]);
      assertEquals(sameStore(name, ending), expected, `before host call ${stop.stopAtHostCall}`);
    }
  });
}
