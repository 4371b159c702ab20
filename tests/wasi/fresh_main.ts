/**
 * One process of a chain, see `engine_fresh.ts`: takes the guest from its image, or starts it if there is
 * none, and leaves the next image or the outcome in the current folder.
 *
 * @module
 */
import { Guest, Program, Wasi } from "../../mod.ts";
import { readImageFile, writeImageFile } from "../../runtime/image/file_deno.ts";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import type { Outcome } from "./engine.ts";
import { ChainFile, type Stretch } from "./engine_fresh.ts";

const { args, env, preopens, every }: Stretch = JSON.parse(Deno.readTextFileSync(ChainFile.setup));
const program = Program.from(Deno.readFileSync(ChainFile.module));
const host = new DenoHost();

async function guest(): Promise<Guest> {
  try {
    Deno.statSync(ChainFile.image);
  } catch {
    return Guest.start(program, { wasi: new Wasi({ args, env, preopens }, host), stopAtHostCall: every });
  }
  const image = await readImageFile(ChainFile.image);
  // A process that leaves nothing must not look as if it had.
  Deno.removeSync(ChainFile.image);
  const { wasi } = Wasi.restore(image.host.wasi, { preopens }, host);
  return await Guest.restore(image, program, { wasi, stopAtHostCall: every });
}

const end = await (await guest()).run();
if (end.kind === "checkpointed") await writeImageFile(ChainFile.image, end.image);
else {
  const outcome: Outcome = end.kind === "finished"
    ? { kind: "finished", code: end.exitCode }
    : { kind: "trapped", reason: end.trap };
  Deno.writeTextFileSync(ChainFile.outcome, JSON.stringify(outcome));
}
