/**
 * The test programs print what the table says, in V8's own Wasm: so the table and the committed `.wasm`
 * agree before any other engine is judged by them.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { type Program, type ProgramRun, PROGRAMS } from "./table.ts";

const HERE = new URL("./", import.meta.url);

async function lastLine(program: Program, run: ProgramRun): Promise<{ last: string; code: number }> {
  const directory = await Deno.makeTempDir();
  try {
    const path = (name: string) => decodeURIComponent(new URL(name, HERE).pathname);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "run",
          "-A",
          path("../../bench/v8_program.ts"),
          "--dir",
          directory,
          path(`${program.name}.wasm`),
          "--",
        ],
        ...run.args.map((argument) => argument === "DIR" ? directory : argument),
      ],
      env: { NODE_NO_WARNINGS: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(program.stdin ?? ""));
    await writer.close();
    const { code, stdout } = await child.output();
    return { last: new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1)!, code };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const program of PROGRAMS) {
  Deno.test(`programs/${program.name}: ${program.about}`, async () => {
    assertEquals(await lastLine(program, program.small), {
      last: program.small.last,
      code: program.code ?? 0,
    });
  });
}

Deno.test("programs: every source has its .wasm and its line in README.md", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", HERE));
  for await (const { name } of Deno.readDir(HERE)) {
    if (!name.endsWith(".c")) continue;
    await Deno.stat(new URL(name.replace(/c$/, "wasm"), HERE));
    assertMatch(readme, new RegExp(`^\\| \`${name.slice(0, -2)}\` +\\|`, "m"));
  }
  for (const { name, full } of PROGRAMS) {
    assertEquals(readme.includes(`\`${full.last}\``), true, `${name}: README.md lacks its last line`);
  }
});
