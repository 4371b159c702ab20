/**
 * Answers HTTP requests, each by a fresh guest that begins where one image stands.
 *
 * ```sh
 * deno run --allow-read=examples --allow-net=127.0.0.1 examples/http.ts
 * curl http://127.0.0.1:8000/27
 * ```
 *
 * The guest, `collatz.c`, computes a table and then reads a request. There its image is taken, once. Every
 * request is answered by a clone: the table is there already, and nothing that other requests left.
 *
 * @module
 */
import { Guest, inputToCome, MemoryHost, Program, Template, Wasi } from "../mod.ts";

/** Runs the guest until it wants its first request. */
export async function prepare(): Promise<Template> {
  const program = Program.from(await Deno.readFile(new URL("collatz.wasm", import.meta.url)));
  const wasi = new Wasi({ args: ["collatz"] }, new MemoryHost({ stdin: inputToCome() }));
  const outcome = await Guest.start(program, { wasi }).run();
  if (outcome.kind !== "checkpointed") throw new Error(`the guest wants no request: it has ${outcome.kind}`);
  return await Template.from(outcome.image, program);
}

/** Lets a clone answer a request; what it writes is an answer in the manner of CGI. */
export async function respond(template: Template, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const { outcome, stdout } = await template.answer(`${request.method} ${pathname}\n`);
  if (outcome.kind !== "finished") return new Response("the guest failed\n", { status: 500 });
  const [head, ...body] = new TextDecoder().decode(stdout).split("\n\n");
  const headers = new Headers(head.split("\n").map((line) => line.split(": ") as [string, string]));
  const status = Number(headers.get("status"));
  headers.delete("status");
  return new Response(body.join("\n\n"), { status, headers });
}

if (import.meta.main) {
  const template = await prepare();
  const port = Number(Deno.args[0] ?? 8000);
  Deno.serve({ hostname: "127.0.0.1", port }, (request) => respond(template, request));
}
