/**
 * The fuzzer's own tests, its finds, and a few seconds of it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { op, opcodes } from "../../compiler/opcodes.ts";
import { difference, type EngineName, engineOf, run } from "./differential.ts";
import { encode } from "./encode.ts";
import { type Program, programOf } from "./engine.ts";
import { engine as v8 } from "./engine_v8.ts";
import { findsFolder, readBytes, readScenario, scenarioText } from "./finds.ts";
import { choiceSeeds, Fuzzer } from "./fuzzer.ts";
import { generate, type Scenario } from "./generate.ts";
import { expressionsOf, mapModule, type ModuleIr, walk } from "./ir.ts";
import { makeJudge } from "./judge.ts";
import { minimise } from "./minimise.ts";
import { Random } from "./random.ts";
import { Subject } from "./subject.ts";

/** How often each instruction stands in a module. */
function count(module: ModuleIr, counts = new Map<number, number>()): Map<number, number> {
  for (const list of expressionsOf(module)) {
    walk(list, ({ code }) => counts.set(code, (counts.get(code) ?? 0) + 1));
  }
  return counts;
}

/** V8 with another instruction in place of one of them. */
function broken(from: string, to: string): (scenario: Scenario) => Promise<string | undefined> {
  return async ({ module, calls }) => {
    const other = mapModule(
      module,
      (instr) => instr.guard || instr.code !== op(from) ? instr : { ...instr, code: op(to) },
    );
    const expected = await run(v8, programOf(module, encode(module).bytes), calls, new Random(0));
    return difference(
      expected,
      await run(v8, programOf(other, encode(other).bytes), calls, new Random(0)),
      calls,
    );
  };
}

Deno.test("generated modules are valid and hold every instruction", () => {
  const counts = new Map<number, number>();
  for (let seed = 0; seed < 500; seed++) {
    const { module } = generate(seed);
    const padding = seed % 3 === 0 ? new Random(seed) : undefined;
    assert(WebAssembly.validate(encode(module, padding).bytes), `seed ${seed} is invalid`);
    if (seed < 300) count(module, counts);
  }
  const missing = opcodes.filter(({ code, name }) => !["else", "end"].includes(name) && !counts.has(code));
  assertEquals(missing.map((opcode) => opcode.name), []);
});

Deno.test("a seed always makes the same scenario", () => {
  for (let seed = 5; seed < 25; seed++) {
    assertEquals(encode(generate(seed).module).bytes, encode(generate(seed).module).bytes);
    assertEquals(generate(seed).calls, generate(seed).calls);
  }
});

Deno.test("generated programs mostly do real work, and always the same", async () => {
  let results = 0;
  let traps = 0;
  let hostCalls = 0;
  for (let seed = 0; seed < 100; seed++) {
    const { module, calls } = generate(seed);
    const program = programOf(module, encode(module).bytes);
    const trace = await run(v8, program, calls, new Random(seed));
    assertEquals(
      difference(trace, await run(v8, program, calls, new Random(seed)), calls),
      undefined,
      `seed ${seed}`,
    );
    for (const [i, outcome] of trace.outcomes.entries()) {
      if (!calls[i].name.startsWith("f")) continue;
      if (outcome.kind === "results") results++;
      else if (outcome.kind === "trap") traps++;
    }
    hostCalls += trace.log.length;
  }
  assert(results > 4 * traps, `${results} calls returned, ${traps} trapped`);
  assert(traps > 5, `only ${traps} calls trapped`);
  assert(hostCalls > 500, `only ${hostCalls} host calls`);
});

Deno.test("a wrong engine is found, and the find is made small", async () => {
  const pairs = [["i64.rotl", "i64.rotr"], ["f32.min", "f32.max"], ["i32.load16_s", "i32.load16_u"]];
  for (const [right, wrong] of pairs) {
    const differs = broken(right, wrong);
    let seed = 0;
    while (await differs(generate(seed)) === undefined) seed++;
    assert(seed < 300, `${wrong} for ${right} is found late, at seed ${seed}`);
    const fails = async (scenario: Scenario) => await differs(scenario) !== undefined;
    const small = await minimise(generate(seed), {
      fails,
      valid: true,
      deadline: performance.now() + 60_000,
    });
    assert(await differs(small) !== undefined);
    const size = [...count(small.module).values()].reduce((sum, n) => sum + n);
    assert(size < 60, `${size} instructions are left of seed ${seed}`);
  }
});

/** Makes the order of properties the same in all objects. */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
}

Deno.test("a find survives its file", async () => {
  for (let seed = 100; seed < 110; seed++) {
    const scenario = generate(seed);
    const text = await scenarioText(scenario, "because");
    const { program, calls } = await readScenario(`${seed}.wat`, text);
    assertEquals(calls, scenario.calls);
    const own = programOf(scenario.module, encode(scenario.module).bytes);
    const shape = (program: Program) => JSON.stringify({ ...program, bytes: 0 }, sorted);
    assertEquals(shape(program), shape(own));
    const traces = [await run(v8, own, calls, new Random(0)), await run(v8, program, calls, new Random(0))];
    assertEquals(difference(traces[0], traces[1], calls), undefined);
  }
});

const name: EngineName = await engineOf("mvvm") === undefined ? "v8" : "mvvm";
if (name === "v8") console.log("tests/fuzz/engine_mvvm.ts is not there: V8 is compared with itself");

Deno.test("nothing that was found comes back", async () => {
  const judge = await makeJudge();
  const subject = new Subject(name);
  for await (const { name } of finds()) {
    const text = await Deno.readTextFile(new URL(name, findsFolder));
    if (name.endsWith(".hex")) assertEquals(judge.disagreement(readBytes(text)), undefined, name);
    if (!name.endsWith(".wat")) continue;
    const { program, calls } = await readScenario(name, text);
    for (const seed of choiceSeeds(Number(text.match(/seed (\d+)/)?.[1] ?? 0))) {
      assertEquals(await subject.compare(program, calls, seed, 10_000), undefined, name);
    }
  }
  await subject.close();
});

async function* finds(): AsyncIterable<Deno.DirEntry> {
  try {
    yield* Deno.readDir(findsFolder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

Deno.test("a few seconds of fuzzing find nothing", async () => {
  const subject = new Subject(name);
  const fuzzer = new Fuzzer((...question) => subject.compare(...question), await makeJudge());
  const end = performance.now() + 4000;
  for (let seed = 1; performance.now() < end; seed++) {
    assertEquals((await fuzzer.check(seed, 3)).map((find) => find.why), [], `seed ${seed}`);
  }
  await subject.close();
});
