/** The scripts of WebAssembly 2.0 under every engine that is there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { findEngine } from "./engines.ts";
import { knownFailures } from "./known_failures.ts";
import { failureLine } from "./report.ts";
import { runScript } from "./runner.ts";
import { DEFAULT_FOLDER, findSpecDirectory, readScripts } from "./scripts.ts";
import { loadAssembler } from "./text.ts";

const directory = findSpecDirectory();
if ("missing" in directory) console.log(`spec tests skipped: ${directory.missing}`);

for (const name of ["v8", "mvvm"]) {
  const kind = await findEngine(name);
  if (kind === undefined) console.log(`spec tests skipped for ${name}: there is no engine_${name}.ts yet`);
  if (kind === undefined || "missing" in directory) continue;
  for (const policy of kind.policies) {
    // The back end that is not the default one is looked at once: with an image in each run that has a site.
    const modes = !kind.canRoundTrip ? [false] : policy.endsWith(" js") ? [true] : [false, true];
    for (const roundTrip of modes) {
      const mode = `${name}, policy ${policy}${roundTrip ? ", round trips" : ""}`;
      Deno.test(`spec: ${DEFAULT_FOLDER} passes with ${mode}`, async () => {
        const assembler = await loadAssembler();
        const failed: string[] = [];
        let passed = 0;
        for (const script of readScripts(directory.path)) {
          const report = await runScript(script, kind, { policy, roundTrip }, assembler, knownFailures);
          passed += report.passed;
          for (const { line, reason } of report.apart) {
            if (!/^(text format only$|known failure: )/.test(reason)) {
              failed.push(`${script.name}:${line} ${reason}`);
            }
          }
          failed.push(...report.failures.map((failure) => failureLine(report, failure)));
        }
        assertEquals(failed, []);
        assert(passed > 26_000, `only ${passed} assertions were run`);
      });
    }
  }
}

/** Runs the command; returns exit code, standard output's lines and standard error. */
async function spec(...args: string[]): Promise<{ code: number; lines: string[]; stderr: string }> {
  const main = new URL("./main.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
  return { code, lines: decode(stdout).split("\n"), stderr: decode(stderr) };
}

Deno.test({
  name: "spec: the command ends with the totals and says with its exit code whether all passed",
  ignore: "missing" in directory,
  async fn() {
    const { code, lines } = await spec("wg-2.0", "--engine", "v8", "--filter", "fac");
    assertEquals([code, lines.at(-1)], [0, "7 passed, 0 failed"]);
  },
});

Deno.test("spec: wrong usage is explained, without a stack trace", async () => {
  for (
    const [args, message] of [
      [["--engine", "../v8"], /^there is no engine "\.\.\/v8"/],
      [["--engine", "v8", "--policy", "x"], /^engine v8 has no policy "x", only none/],
      [["--engine", "v8", "--round-trip"], /^engine v8 cannot make round trips/],
      [["--bogus"], /^unknown option --bogus/],
      [["a", "b"], /^one FOLDER at a time/],
    ] as const
  ) {
    const { code, stderr } = await spec(...args);
    assertEquals(code, 2);
    assertMatch(stderr, message);
    assert(!stderr.includes("    at "), stderr);
  }
});

Deno.test("spec: a missing directory of scripts is a reason, a missing folder an error that lists the others", () => {
  assertEquals(findSpecDirectory("/nonexistent", "/nonexistent"), {
    missing:
      "MVVM_SPEC_DIR is /nonexistent, which is no directory, and there is no ../shared/spec beside the project",
  });
  const here = new URL("..", import.meta.url).pathname;
  assertEquals(findSpecDirectory(undefined, here), { path: here });
});
