/**
 * A few rewritten functions, kept to be read. After a change that is meant to change them:
 * `UPDATE_GOLDEN=1 deno test -A tests/rewrite/golden_test.ts`, then look at the difference.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { opcodeOf } from "../../compiler/opcodes.ts";
import { type CompileOptions, policyNames, Program } from "../../mod.ts";
import { assemble } from "../exact/subject.ts";
import { branchHints, helperNames, listing, section } from "./listing.ts";

const folder = new URL("./golden/", import.meta.url);
const load = async (name: string) => await assemble(await Deno.readTextFile(new URL(name, folder)));

const cases: [string, Partial<CompileOptions>][] = [
  ["loops.wat", { policy: "counter" }],
  ["loops.wat", { policy: "loop" }],
  ["loops.wat", { policy: "counter", ticks: true }],
  ["calls.wat", { policy: "none" }],
  ["calls.wat", { policy: "function" }],
];

for (const [source, options] of cases) {
  const name = source.replace(".wat", `.${options.policy}${options.ticks ? ".ticks" : ""}.txt`);
  Deno.test(`rewritten code: ${name}`, async () => {
    const program = Program.from(await load(source), { ...options, backEnd: "wasm" });
    const text = `helpers: ${helperNames}\n\n${listing(program)}`;
    const file = new URL(name, folder);
    if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(file, text);
    assertEquals(text, await Deno.readTextFile(file));
  });
}

Deno.test("rewritten code is WebAssembly under every policy, and hints point at branches", async () => {
  const hinted = [opcodeOf(0x04)!, opcodeOf(0x0d)!].map(({ code }) => code);
  for (const source of ["loops.wat", "calls.wat"]) {
    const bytes = await load(source);
    for (const policy of policyNames) {
      for (const ticks of [false, true]) {
        const { module, rewritten } = Program.from(bytes, { policy, ticks, backEnd: "wasm" });
        assert(WebAssembly.validate(rewritten!.bytes), `${source}, ${policy}`);
        const hints = branchHints(rewritten!.bytes);
        const code = section(rewritten!.bytes, 10);
        code.u32();
        module.codes.forEach((_, i) => {
          const length = code.u32();
          for (const offset of hints.get(module.imported.funcs + i) ?? []) {
            assert(hinted.includes(code.bytes[code.position + offset]), `function ${i}, hint at ${offset}`);
          }
          code.position += length;
        });
      }
    }
  }
});
