/**
 * The library imported by URL, from another folder, with no permission but to import.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

const program = (origin: string) => `
import { Guest, Program } from "${origin}/mod.ts";
// (func (export "fib") ...)
const bytes = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 102, 105, 98, 0, 0, 10, 30, 1, 28, 0,
  32, 0, 65, 2, 72, 4, 64, 32, 0, 15, 11, 32, 0, 65, 1, 107, 16, 0, 32, 0, 65, 2, 107, 16, 0, 106, 11,
]);
const outcome = await Guest.start(Program.from(bytes), { entry: "fib", args: [20] }).run();
console.log(JSON.stringify(outcome));
`;

Deno.test("mod.ts can be imported by URL", async () => {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const file = new URL(`.${new URL(request.url).pathname}`, root);
    if (!file.href.startsWith(root.href)) return new Response("no", { status: 403 });
    const type = file.pathname.endsWith(".ts") ? "application/typescript" : "application/json";
    return new Response(await Deno.readFile(file), { headers: { "content-type": type } });
  });
  const folder = await Deno.makeTempDir();
  try {
    const { hostname, port } = server.addr;
    await Deno.writeTextFile(`${folder}/main.ts`, program(`http://${hostname}:${port}`));
    const map = `http://${hostname}:${port}/deno.json`;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-lock",
        "--no-check",
        "--no-prompt",
        "--quiet",
        `--import-map=${map}`,
        `--allow-import=${hostname}:${port}`,
        "main.ts",
      ],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(code, 0);
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), {
      kind: "finished",
      exitCode: 0,
      results: [6765],
    });
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
