/**
 * Generated code for a few functions, kept to be read. After a change that is meant to change it:
 * `UPDATE_GOLDEN=1 deno test -A tests/compiler/golden_test.ts`, then look at the difference.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { parse } from "acorn";
import wabt from "wabt";
import { type CompileOptions, type PolicyName, policyNames, Program } from "../../mod.ts";
import { resumePoint } from "../../compiler/resume.ts";

const folder = new URL("./golden/", import.meta.url);
const assembler = await wabt();

async function load(name: string): Promise<Uint8Array> {
  const module = assembler.parseWat(name, await Deno.readFile(new URL(name, folder)));
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Every function of a module in its run form and, for each site, in its resume form. */
function print(program: Program): string {
  const { module } = program;
  const parts: string[] = [];
  module.codes.forEach((_, i) => {
    const func = module.imported.funcs + i;
    const { text, form } = program.compile(func);
    parts.push(`// function ${func}\n${text}`);
    for (const { offset, kind } of form.sites) {
      const point = resumePoint(module, func, offset);
      assert(point !== undefined, `site ${offset} cannot be found again`);
      assertEquals(point.kind, kind);
      parts.push(
        `// function ${func}, resumed at the ${kind} site ${offset}\n${program.compile(func, point).text}`,
      );
    }
  });
  return parts.join("\n\n") + "\n";
}

const cases: [string, Partial<CompileOptions>][] = [
  ["loops.wat", { policy: "counter" }],
  ["loops.wat", { policy: "loop" }],
  ["calls.wat", { policy: "counter" }],
  ["calls.wat", { policy: "function" }],
  ["numbers.wat", { policy: "none" }],
  ["numbers.wat", { policy: "none", i64s: "whole" }],
  ["loops.wat", { policy: "loop", maxNesting: -1 }],
  ["loops.wat", { policy: "counter", maxFunctionSize: 200 }],
];

for (const [source, options] of cases) {
  const kind = options.maxNesting !== undefined ? "flat" : options.maxFunctionSize ? "split" : options.i64s;
  const suffix = [options.policy, kind].filter(Boolean).join(".");
  const name = source.replace(".wat", `.${suffix}.js.txt`);
  Deno.test(`generated code: ${name}`, async () => {
    const text = print(Program.from(await load(source), options));
    const file = new URL(name, folder);
    if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(file, text);
    assertEquals(text, await Deno.readTextFile(file));
  });
}

Deno.test("generated code is JavaScript under every policy", async () => {
  for (const source of ["loops.wat", "calls.wat", "numbers.wat"]) {
    const bytes = await load(source);
    for (const policy of policyNames as PolicyName[]) {
      for (const ticks of [false, true]) {
        for (
          const part of print(Program.from(bytes, { policy, ticks })).split(/^\/\/ function .*$/m).slice(1)
        ) {
          parse(`(function (rt, K) {${part}})`, { ecmaVersion: 2022 });
        }
      }
    }
  }
});
