/**
 * What one seed is worth: a scenario in two engines, and some mutants before the judge.
 *
 * @module
 */

import { encode } from "./encode.ts";
import { type Program, programOf } from "./engine.ts";
import { bytesText, scenarioText } from "./finds.ts";
import { type Call, generate, type Scenario } from "./generate.ts";
import type { Judge } from "./judge.ts";
import { minimise, minimiseBytes } from "./minimise.ts";
import { type Mutant, mutate } from "./mutate.ts";
import { Random } from "./random.ts";

/** A failure: of a scenario, or of a judgement about a mutant. */
export interface Find {
  readonly seed: number;
  readonly why: string;
  readonly scenario?: Scenario;
  readonly mutant?: Mutant;
}

/** The seeds of an engine's own choices under which a scenario is tried again: its own and some others. */
export function choiceSeeds(seed: number): number[] {
  return [seed, 0, 1];
}

/** An error of one class stays one of that class while it is made smaller, and a loop without end stays that. */
function category(why: string): string {
  return why.match(/threw \w+|hung/)?.[0] ?? "a difference";
}

/** Runs a program in the engine under test and in V8, and says how they differ; `patience` is in milliseconds. */
export type Compare = (
  program: Program,
  calls: readonly Call[],
  seed: number,
  patience: number,
) => Promise<string | undefined>;

/** On a busy machine no program of ours takes nearly as long. */
const patience = 10_000;
/** For the many tries to make a program smaller that hangs. */
const shortPatience = 2_000;

export class Fuzzer {
  constructor(readonly compare: Compare, readonly judge: Judge) {}

  /** What is wrong with the scenario and with `mutants` mutants of a seed. */
  async check(seed: number, mutants: number): Promise<Find[]> {
    const finds: Find[] = [];
    const scenario = generate(seed);
    const why = await this.#differs(scenario, [seed]);
    if (why !== undefined) finds.push({ seed, why, scenario });
    const random = new Random(seed).fork();
    for (let i = 0; i < mutants; i++) {
      const mutant = mutate(scenario.module, random);
      const why = this.judge.disagreement(mutant.bytes);
      if (why !== undefined) finds.push({ seed, why, mutant });
    }
    return finds;
  }

  /** What differs under some of the seeds for the engine's choices. */
  async #differs(
    { module, calls }: Scenario,
    seeds: readonly number[],
    wait = patience,
  ): Promise<string | undefined> {
    for (const seed of seeds) {
      const random = new Random(seed);
      const padding = random.chance(0.2) ? random.fork() : undefined;
      const program = programOf(module, encode(module, padding).bytes);
      const why = await this.compare(program, calls, seed, wait);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  /**
   * A find as a file: its text, made small, and its extension.
   *
   * @param time How long to try to make it smaller, in milliseconds; five times as long if each try hangs.
   */
  async report(
    { seed, why, scenario, mutant }: Find,
    time: number,
  ): Promise<{ text: string; extension: string }> {
    const deadline = performance.now() + (category(why) === "hung" ? 5 : 1) * time;
    const disagreement = (bytes: Uint8Array<ArrayBuffer>) => this.judge.disagreement(bytes);
    const header = (why: string | undefined) => `seed ${seed}: ${why}`;
    if (scenario !== undefined) {
      const hung = category(why) === "hung";
      const seeds = hung ? [seed] : choiceSeeds(seed);
      const wait = hung ? shortPatience : patience;
      const fails = async (smaller: Scenario) => {
        const other = await this.#differs(smaller, seeds, wait);
        return other !== undefined && category(other) === category(why);
      };
      const small = await minimise(scenario, { fails, valid: true, deadline });
      return { text: await scenarioText(small, header(await this.#differs(small, seeds))), extension: "wat" };
    }
    let { bytes } = mutant!;
    if (mutant!.module !== undefined) {
      const fails = ({ module }: Scenario) => disagreement(encode(module).bytes) !== undefined;
      const small = await minimise({ module: mutant!.module, calls: [] }, { fails, valid: false, deadline });
      bytes = encode(small.module).bytes;
    }
    bytes = await minimiseBytes(bytes, (bytes) => disagreement(bytes) !== undefined, deadline);
    return { text: bytesText(bytes, header(disagreement(bytes) ?? why)), extension: "hex" };
  }
}
