/**
 * The bench of warm starts: its answers are checked, and so is what it prints.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

async function warm(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = decodeURIComponent(new URL("warm.ts", import.meta.url).pathname);
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", script, ...args] });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("bench:warm: clones of CPython answer, and are counted", async () => {
  const json = await Deno.makeTempFile();
  const { code, stdout } = await warm("--ways", "clone", "--instances", "3", "--runs", "1", "--json", json);
  const [titles, row] = stdout.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/));
  assertEquals(code, 0);
  assertEquals(titles, ["instances", "ready ms", "first ms", "next ms", "MB", "MB more"]);
  assertEquals([row[0], row[1], row.length], ["clone", "3", 7]);
  const [{ way, instances, samples }] = JSON.parse(await Deno.readTextFile(json));
  assertEquals([way, instances, samples.length], ["clone", 3, 1]);
  await Deno.remove(json);
});

Deno.test("bench:warm: wrong usage is explained", async () => {
  for (const args of [["--ways", "nonsense"], ["--instances", "0"], ["--runs", "x"], ["more"]]) {
    const { code, stderr } = await warm(...args);
    assertEquals([code, stderr.startsWith("deno task bench:warm")], [2, true]);
  }
});
