/**
 * Every C program, under every policy, stopped at random site passages: memory, globals, tables, output,
 * files and exit code are in the end what an uninterrupted run leaves.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { PolicyName } from "../../mod.ts";
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

  Deno.test(`migration: ${name}, every policy, random stops`, async () => {
    const random = new Random(20260101);
    const expected = sameStore(name, await uninterrupted(load));
    for (const policy of policies) {
      const options = { policy, thresholdBits: policy === "counter" ? 3 : 16 };
      const ticks = await countTicks(load, options);
      assert(ticks > 0, `${policy}: no site was passed`);
      for (let round = 0; round < 2; round++) {
        const stopAtTick = 1 + random.below(ticks);
        const { ending, images } = await journey(load, [{ options, stop: { stopAtTick } }, { options }]);
        assertEquals(sameStore(name, ending), expected, `${policy}, stopped at ${stopAtTick} of ${ticks}`);
        assertEquals(images.length, 1);
      }
    }
  });

  Deno.test(`migration: ${name}, ten stops, other code after each`, async () => {
    const random = new Random(7);
    const expected = sameStore(name, await uninterrupted(load));
    const legs: Leg[] = [];
    const ticks = await countTicks(load, { policy: "function" });
    for (let i = 0; i < 10; i++) {
      const options = {
        policy: policies[i % 4],
        thresholdBits: random.below(6),
        maxFunctionSize: [200, 2000, 45_000][i % 3],
        i64s: (["whole", "auto", "halves"] as const)[i % 3],
      };
      legs.push({ options, stop: { stopAtTick: 1 + random.below(Math.ceil(ticks / 12)) } });
    }
    const { ending } = await journey(load, [...legs, {}]);
    assertEquals(sameStore(name, ending), expected);
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
