/**
 * The HTTP example under load: every answer is the right one for its own request.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { prepare, respond } from "../../examples/http.ts";

function steps(n: number): number {
  let count = 0;
  for (; n !== 1; count++) n = n % 2 === 1 ? 3 * n + 1 : n / 2;
  return count;
}

Deno.test("http example: 1,000 requests, 16 at a time: right answers, nothing of other requests", async () => {
  const template = await prepare();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => respond(template, request),
  );
  const { port } = server.addr;
  const ids = new Set<string>();
  let next = 0;
  const client = async () => {
    while (next < 1000) {
      const i = next++;
      const asked = i % 10 === 9 ? "nothing" : String(1 + (i * 7919) % 1_000_000);
      const response = await fetch(`http://127.0.0.1:${port}/${asked}`);
      const text = await response.text();
      if (asked === "nothing") {
        assertEquals([response.status, text], [404, "Ask for /N, a number from 1 to 1000000.\n"]);
      } else {
        assertEquals(response.status, 200);
        assert(
          text.startsWith(`${asked}: ${steps(Number(asked))} steps. `),
          `asked for ${asked}, got ${text}`,
        );
      }
      assertEquals(response.headers.get("x-answered-before"), "0");
      ids.add(response.headers.get("x-request-id")!);
    }
  };
  try {
    await Promise.all(Array.from({ length: 16 }, client));
  } finally {
    await server.shutdown();
  }
  assertEquals(next >= 1000, true);
  assertEquals(ids.size, 1000);
});

Deno.test("http example: it runs with the permissions that it names", async () => {
  const root = new URL("../../", import.meta.url);
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const [, ...words] = tasks["example:http"].split(" ");
  const server = new Deno.Command(Deno.execPath(), {
    args: [...words, "0"],
    cwd: root,
    env: { DENO_NO_PROMPT: "1", NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = server.stderr.getReader();
  try {
    // Where it says that it listens.
    const decoder = new TextDecoder();
    let said = "", address: string | undefined;
    while (address === undefined) {
      const { value, done } = await reader.read();
      if (done) break;
      said += decoder.decode(value, { stream: true });
      address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
    }
    assert(address !== undefined, said);
    const response = await fetch(`${address}/27`);
    assertEquals(await response.text(), "27: 111 steps. Up to there 27 takes the most, 111.\n");
  } finally {
    server.kill();
    await Promise.all([reader.cancel(), server.status]);
  }
});
