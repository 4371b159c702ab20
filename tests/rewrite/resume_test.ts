/**
 * Where restored frames go on: the rest of a function is WebAssembly again, and does the same; activations that V8
 * leaves in its baseline code go on there, too.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CompileOptions, policyNames, Program } from "../../mod.ts";
import { siteInfo } from "../../compiler/resume.ts";
import { continuationOf } from "../../compiler/rewrite/continuation.ts";
import { resumeModule } from "../../compiler/rewrite/resume_module.ts";
import { assemble, everySite, Subject } from "../exact/subject.ts";
import { encode } from "../fuzz/encode.ts";
import { generate } from "../fuzz/generate.ts";
import { Random } from "../fuzz/random.ts";
import { PROGRAMS } from "../programs/table.ts";
import { bodyText } from "./listing.ts";

const golden = new URL("./golden/", import.meta.url);
const source = await Deno.readTextFile(new URL("resume.wat", golden));

/** The sites of a program, by function. */
function* sitesOf({ module, rewritten }: Program): Generator<[func: number, site: number]> {
  for (let func = module.imported.funcs; func < module.funcTypes.length; func++) {
    for (const { offset } of rewritten!.form(func).sites) yield [func, offset];
  }
}

function resumeModuleOf({ module, options, graph }: Program, func: number, site: number) {
  const info = siteInfo(module, func, site)!;
  const traits = graph.traits(options);
  return resumeModule(module, traits, options, { func, site, info, number: 1000, name: "resumed" });
}

Deno.test("resume: the rest of a function behind a call", async () => {
  const { module, rewritten } = Program.from(await assemble(source), { policy: "counter", backEnd: "wasm" });
  const text = rewritten!.form(1).sites.map(({ kind, offset }) => {
    const continuation = continuationOf(module, 1, offset, siteInfo(module, 1, offset)!, kind === "loop");
    return `${kind}\n${bodyText(continuation.module)}\n`;
  }).join("\n");
  const file = new URL("resume.txt", golden);
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(file, text);
  assertEquals(text, await Deno.readTextFile(file));
});

Deno.test("resume: what is made for any site is WebAssembly", async () => {
  const random = new Random(17);
  const some = PROGRAMS.map(({ name }) =>
    Deno.readFileSync(new URL(`../programs/${name}.wasm`, import.meta.url))
  );
  const made = Array.from({ length: 30 }, (_, seed) => encode(generate(seed).module).bytes);
  let checked = 0;
  for (const bytes of [await assemble(source), ...some, ...made]) {
    for (const policy of policyNames) {
      const options: Partial<CompileOptions> = { policy, ticks: random.below(4) === 0, backEnd: "wasm" };
      const program = Program.from(bytes, options);
      if (program.rewritten === undefined) continue;
      const sites = [...sitesOf(program)];
      for (let i = 0; i < Math.min(20, sites.length); i++) {
        const [func, site] = sites[random.below(sites.length)];
        const { bytes } = resumeModuleOf(program, func, site);
        assert(WebAssembly.validate(bytes), `${policy}, function ${func}, site ${site}`);
        checked++;
      }
    }
  }
  assert(checked > 1000, `${checked} sites`);
});

Deno.test("resume: stopped at every site, in blocks with parameters and results", async () => {
  const bytes = await assemble(source);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  let trips = 0;
  for (const policy of policyNames) {
    for (const argument of [0, 1, 5]) {
      const subject = Subject.of(bytes, { ...everySite(policy), backEnd: "wasm" });
      const wanted = (exports.nested as (n: number) => number)(argument);
      assertEquals(await subject.callByImages("nested", argument), [wanted]);
      trips += subject.trips;
    }
  }
  assert(trips > 20, `${trips} round trips`);
});

/** Each loops until the host says that it is enough, and gives the number of rounds. */
const stuck: Readonly<Record<string, string>> = {
  "an innermost loop": `(local.set $i (i32.const 0))
    (loop $l (br_if $l (i32.ne (i32.const 1000000) (local.tee $i (i32.add (local.get $i) (i32.const 1))))))`,
  "loops in a loop": `(local.set $i (i32.const 0))
    (loop $o
      (local.set $k (i32.const 0))
      (loop $l (br_if $l (i32.ne (i32.const 100) (local.tee $k (i32.add (local.get $k) (i32.const 1))))))
      (br_if $o (i32.ne (i32.const 10000) (local.tee $i (i32.add (local.get $i) (i32.const 1))))))`,
};

for (const [name, body] of Object.entries(stuck)) {
  Deno.test(`resume: ${name} that V8 leaves in its baseline code goes on in better code`, async () => {
    const bytes = await assemble(`(module
      (import "env" "more" (func $more (result i32)))
      (func (export "f") (param $from i32) (result i32) (local $i i32) (local $k i32) (local $rounds i32)
        (local.set $rounds (local.get $from))
        (loop $again
          ${body}
          (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
          (br_if $again (call $more)))
        (local.get $rounds)))`);
    for (const without of [[], ["moves"], ["resumes"]] as const) {
      let moved = 0, rounds = 0;
      const end = performance.now() + (without.length === 0 ? 10_000 : 500);
      const host = { more: () => [++rounds < 20 || moved === 0 && performance.now() < end ? 1 : 0] };
      const observer = { captured: () => void moved++ };
      const subject = Subject.of(bytes, { policy: "counter", backEnd: "wasm", without }, host, { observer });
      assertEquals(subject.call("f", 1000), [1000 + rounds]);
      if (without.length === 0) assert(moved > 0, `not moved in ${rounds} rounds`);
      if (without[0] === "moves") assertEquals(moved, 0);
    }
  });
}

Deno.test("resume: a frame goes on in WebAssembly, or in JavaScript without that pass", async () => {
  const bytes = await assemble(`(module
    (import "env" "pause" (func $pause))
    (func (export "f") (result i32) (call $pause) (unreachable)))`);
  for (const without of [[], ["resumes"]] as const) {
    const subject = Subject.of(bytes, { backEnd: "wasm", without }, { pause: () => [] });
    const error = await subject.callWithStop({ stopAtHostCall: 1 }, "counter", "f").catch((error) => error);
    assertEquals(String(error.stack).includes("wasm://"), without.length === 0);
  }
});
