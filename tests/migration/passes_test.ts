/**
 * Every pass of the compiler can be left out, makes other code, and changes no result: not of a whole run, nor
 * of one that is stopped with the pass and goes on without it, or the other way round.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type CompileOptions, type PassName, passNames, Program } from "../../mod.ts";
import { Random } from "../fuzz/random.ts";
import { PROGRAMS } from "../programs/table.ts";
import { countTicks, journey, loadProgram, OWN_STORE, uninterrupted } from "./journey.ts";

/** Bench kernels have code that the test programs have not. */
const KERNELS = ["saxpy", "fib", "indirect", "quicksort"];

/** All code of a program, of both back ends. */
const codeOf = (program: Program) =>
  program.module.codes.map((_, i) => program.compile(program.module.imported.funcs + i).text).join("\n") +
  program.rewritten?.bytes.toHex();

Deno.test("passes: each can be left out, and makes other code", () => {
  const modules = [
    ...PROGRAMS.map(({ name }) => `../programs/${name}.wasm`),
    ...KERNELS.map((name) => `../../bench/kernels/${name}.wasm`),
  ].map((path) => Program.from(Deno.readFileSync(new URL(path, import.meta.url))));
  const all = modules.map(codeOf);
  // Without `resumes` it is other code that is asked for.
  for (const pass of passNames.filter((pass) => pass !== "resumes")) {
    const differ = modules.filter((program, i) =>
      codeOf(program.withOptions({ without: [pass] })) !== all[i]
    );
    assert(differ.length > 0, `${pass} changes nothing`);
  }
  const [program] = modules;
  assertThrows(
    () => program.withOptions({ without: ["magic" as PassName] }),
    RangeError,
    'unknown pass "magic": use one of strips,',
  );
});

/** The passes of each back end. */
const shared: readonly PassName[] = ["strips", "captures", "twins"];
const ofRewriting: readonly PassName[] = [
  "hints",
  "moves",
  "resumes",
  "padding",
  "copies",
  "exits",
  "versions",
];
const ofJavaScript = passNames.filter((pass) => !ofRewriting.includes(pass));

/** All passes, and the options that leave each out. */
const ways: readonly (readonly [string, Partial<CompileOptions>])[] = [
  ...ofJavaScript.map((pass) => [pass, { without: [pass], backEnd: "js" }] as const),
  ["i64s", { i64s: "halves", backEnd: "js" }],
  ["splitting", { maxFunctionSize: Infinity, backEnd: "js" }],
  ["all of them", { without: passNames, i64s: "halves", maxFunctionSize: Infinity, backEnd: "js" }],
  ...[...shared, ...ofRewriting].map((pass) =>
    [
      `${pass}, rewritten`,
      { without: [pass], backEnd: "wasm" },
    ] as const
  ),
  ["all of them, rewritten", { without: passNames, backEnd: "wasm" }],
];

for (const [name, options] of ways) {
  Deno.test(`passes: nothing changes without ${name}`, async () => {
    const random = new Random(5);
    for (const { name, small, stdin } of PROGRAMS) {
      if (OWN_STORE.includes(name)) continue;
      const load = loadProgram(name, small.args, { stdin });
      const expected = await uninterrupted(load);
      const alone = await journey(load, [{ options }]);
      assertEquals(alone.ending, expected, name);
      const ticks = await countTicks(load, options);
      const stop = { stopAtTick: 1 + random.below(ticks) };
      assertEquals((await journey(load, [{ options, stop }, {}])).ending, expected, name);
      assertEquals((await journey(load, [{ stop }, { options }])).ending, expected, name);
    }
  });
}
