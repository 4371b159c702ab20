/**
 * The bench judges engines, so it is judged itself: every kernel computes what the table says, a wrong
 * result is an error, and the arithmetic of the report is right.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { drawChart } from "./chart.ts";
import { measure } from "./child.ts";
import { columnOf, programCommand } from "./engines.ts";
import { FILE_CASES, FILE_COLUMNS } from "./files.ts";
import { kernelFile, KERNELS } from "./kernels.ts";
import { measureFiles, measureKernel, measureProgram, WrongResult } from "./measure.ts";
import { benchPrograms } from "./programs.ts";
import { geometricMean, jsonReport, median, printReport, type Row, standings } from "./report.ts";

for (const { name, about, quick } of KERNELS) {
  Deno.test(`bench/kernels/${name}: ${about}`, async () => {
    const file = kernelFile(name);
    assertEquals(WebAssembly.Module.imports(await WebAssembly.compile(await Deno.readFile(file))), []);
    assertEquals((await measure("v8", file, quick.n, 1)).checksum, quick.checksum);
  });
}

const decoder = new TextDecoder();

async function runBc(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const wasm = decodeURIComponent(new URL("bc.wasm", import.meta.url).pathname);
  const command = programCommand(columnOf("v8"), { wasm, args });
  const { code, stdout } = await new Deno.Command(Deno.execPath(), { args: command, stderr: "null" })
    .output();
  return { code, lines: decoder.decode(stdout).trimEnd().split("\n") };
}

Deno.test("bench/bc: arguments may stand without a space, and -q prints the same every time", async () => {
  assertEquals(await runBc("-g8", "-n4", "-q", "-v"), {
    code: 0,
    lines: [
      "Graph has 256 nodes and 2127 undirected edges for degree: 8",
      "Trial 1 from 65: ba75d631",
      "Verification: PASS",
      "Trial 2 from 247: 86ed7de0",
      "Verification: PASS",
      "Trial 3 from 28: f83488a6",
      "Verification: PASS",
      "Trial 4 from 6: a52b0d9d",
      "Verification: PASS",
      "Checksum: 1ae48ee4",
    ],
  });
});

Deno.test("bench/bc: prints times as GAPBS does", async () => {
  const { code, lines } = await runBc("-g", "6", "-n", "2");
  const labels = ["Generate Time:", "Build Time:", "Graph has 64 nodes and ", "Trial Time:", "Trial Time:"];
  assertEquals(code, 0);
  [...labels, "Average Time:", "Checksum: "].forEach((label, at) => {
    assertEquals(lines[at].slice(0, label.length), label);
  });
});

Deno.test("bench: whole programs are judged by their output", async () => {
  const programs = benchPrograms();
  const named = (name: string) => programs.find((program) => program.name === name)!;
  for (const name of ["long-sieve", "flite"]) await measureProgram(named(name), columnOf("v8"), true, ".");
  const wrong = { ...named("long-sieve"), quick: { args: ["300"], digest: "0".repeat(16) } };
  await assertRejects(
    () => measureProgram(wrong, columnOf("v8"), true, "."),
    WrongResult,
    "expected 0000000000000000",
  );
});

Deno.test("bench: files are timed in every column that has them", async () => {
  const [read] = FILE_CASES, below = FILE_CASES.at(-1)!;
  for (const name of FILE_COLUMNS) {
    for (const files of [read, below]) {
      const { time } = await measureFiles(files, columnOf(name), true);
      assert(time > 0, `${files.name} in ${name} took ${time} ms`);
    }
  }
  // 16 MB per call do not fit into the program's buffer.
  const wrong = { ...read, quick: ["read", "16777216", "16"] };
  await assertRejects(() => measureFiles(wrong, columnOf("wasi"), true), WrongResult, "exit code 1");
});

Deno.test("bench: a wrong checksum is an error", async () => {
  const wrong = { ...KERNELS[0], quick: { n: KERNELS[0].quick.n, checksum: "12345678" } };
  await assertRejects(() => measureKernel(wrong, columnOf("v8"), true), WrongResult, "expected 12345678");
});

Deno.test("bench: medians, geometric means, targets and pictures", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([]), undefined);
  assertEquals(geometricMean([1, 4, 16])!.toFixed(9), "4.000000000");

  const row = (name: string, none: number, counter: number): Row => ({
    name,
    group: "kernels",
    samples: {
      "v8-warm": [{ warm: 100 }],
      none: [{ warm: none }],
      counter: [{ warm: counter }, { warm: counter }],
    },
    errors: {},
  });
  const rows = [row("even", 100, 101), row("worse", 100, 120)];
  const overhead = standings(rows).find(({ target }) =>
    target.column === "counter" && target.base === "none"
  )!;
  assertEquals([overhead.worstRow, overhead.worst, overhead.reached], ["worse", 1.2, false]);
  rows[1].errors.counter = "wrong";
  assertEquals(standings(rows).find(({ target }) => target.base === "none")!.reached, true);

  const columns = ["v8-warm", "none", "counter"];
  assertEquals(printReport(rows, columns).includes("error"), true);
  assertEquals(JSON.parse(jsonReport(rows, columns, {})).rows.length, 2);
  assertEquals(drawChart(rows, ["none", "counter"]).match(/<rect /g)!.length, 1 + 2 + 3 + 2);
});
