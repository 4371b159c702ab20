/**
 * The bench of stops and restores: what its guests compute is checked, and so is what it prints.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

async function capture(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = decodeURIComponent(new URL("capture.ts", import.meta.url).pathname);
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", script, ...args] });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("bench:capture: guests are stopped, restored, and come to the right end", async () => {
  const json = await Deno.makeTempFile();
  const rows = ["heap", "small", "calls", "recursion"];
  const { code, stdout, stderr } = await capture("--quick", "--only", rows.join(), "--json", json);
  assertEquals([code, stderr], [0, ""]);
  const printed = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/)[0]);
  assertEquals(printed, [
    "a large guest",
    "heap",
    "1.6 MB, 14 frames, ms",
    "small",
    "time after / before",
    "calls",
    "recursion",
  ]);
  const report: { row: string; samples: Record<string, number>[] }[] = JSON.parse(
    await Deno.readTextFile(json),
  );
  assertEquals(report.map(({ row }) => row), rows);
  for (const { samples: [sample] } of report) {
    assertEquals(Object.values(sample).filter((value) => !(value > 0)), [], JSON.stringify(sample));
  }
  await Deno.remove(json);
});

Deno.test("bench:capture: wrong usage is explained", async () => {
  for (const args of [["--only", "nonsense"], ["--runs", "0"], ["--runs", "x"], ["more"]]) {
    const { code, stderr } = await capture(...args);
    assertEquals([code, stderr.startsWith("deno task bench:capture")], [2, true]);
  }
});
