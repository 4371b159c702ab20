/**
 * Our own engine with a fresh process for each stretch of the guest's way: between two processes there
 * is nothing but an image file. Needs preopens on disk, and a shell, through which all processes of a
 * chain read one and the same standard input.
 *
 * @module
 */
import type { PreopenOption } from "../../runtime/wasi/mod.ts";
import type { Outcome, Setup } from "./engine.ts";

/** What each process of a chain is told. */
export interface Stretch {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly preopens: readonly PreopenOption[];
  /** The next process takes over before this many host calls. */
  readonly every?: number;
}

/** Names in a chain's folder, which is the current one of its processes. */
export const ChainFile = {
  module: "guest.wasm",
  setup: "setup.json",
  image: "guest.mvvm",
  outcome: "outcome.json",
  /** Number of processes, by the shell. */
  processes: "processes",
} as const;

/** One process after the other, until one leaves the outcome; one that leaves no image either has failed. */
const LOOP = `
count=0
until [ -e ${ChainFile.outcome} ]; do
  "$@" || exit
  count=$((count + 1))
  [ -e ${ChainFile.outcome} ] || [ -e ${ChainFile.image} ] || exit
done
echo $count > ${ChainFile.processes}`;

const main = new URL("./fresh_main.ts", import.meta.url).pathname;

/**
 * Runs a guest through a chain of processes. The host gives the standard streams: what its input holds
 * is piped into the chain, what the guest writes comes back at the end.
 */
export async function runChain(
  bytes: Uint8Array,
  { options, host, every }: Setup,
): Promise<{ outcome: Outcome; processes: number }> {
  const folder = Deno.makeTempDirSync({ prefix: "wasi-chain-" });
  try {
    const { args = [], env = {}, preopens = [] } = options;
    const setup: Stretch = { args, env, preopens, every };
    Deno.writeFileSync(`${folder}/${ChainFile.module}`, bytes);
    Deno.writeTextFileSync(`${folder}/${ChainFile.setup}`, JSON.stringify(setup));
    const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", main];
    const shell = new Deno.Command("sh", {
      args: ["-c", LOOP, "sh", ...deno],
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const ended = shell.output();
    await feed(shell.stdin, host.stdin.pending?.() ?? new Uint8Array());
    const { stdout, stderr } = await ended;
    host.stdout.write?.(stdout);
    host.stderr.write?.(stderr);
    const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
    try {
      return { outcome: JSON.parse(read(ChainFile.outcome)), processes: Number(read(ChainFile.processes)) };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      // What the process said is in the guest's standard error.
      return { outcome: { kind: "trapped", reason: "a process of the chain failed:" }, processes: 0 };
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function feed(stream: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    // A guest need not read its input.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** {@link runChain} as an engine. */
export const freshEngine = async (bytes: Uint8Array, setup: Setup): Promise<Outcome> =>
  (await runChain(bytes, setup)).outcome;
