/**
 * Measures one kernel in one column, in a process of its own: `child.ts COLUMN FILE N WARM`. Prints one
 * line of JSON, a {@linkcode KernelTimes}.
 *
 * @module
 */
import { load } from "./engines.ts";

/** Milliseconds of one kernel in one process. */
export interface KernelTimes {
  /** From bytes to something that can be called. */
  load: number;
  /** The first call. */
  first: number;
  /** The median of the warm calls, where there were any. */
  warm?: number;
  /** What the kernel returned, as eight hexadecimal digits. All calls agreed on it. */
  checksum: string;
}

const hex = (value: number) => (value >>> 0).toString(16).padStart(8, "0");

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Calls that are not timed. V8 moves generated code from Maglev to TurboFan between two calls only, and is there
 * after four.
 */
const WARM_UP_CALLS = 4;

/** Calls `run(n)` once, and if `warm` is not 0, some more times untimed and then `warm` times. */
export async function measure(column: string, file: string, n: number, warm: number): Promise<KernelTimes> {
  const bytes = await Deno.readFile(file);
  const started = performance.now();
  const engine = await load(column, bytes);
  const loaded = performance.now() - started;

  let checksum: string | undefined;
  const timed = async () => {
    const began = performance.now();
    const sum = hex(await engine.call("run", n));
    const took = performance.now() - began;
    checksum ??= sum;
    if (sum !== checksum) throw new Error(`two calls of run(${n}) returned ${checksum} and ${sum}`);
    return took;
  };
  const first = await timed();
  if (warm === 0) return { load: loaded, first, checksum: checksum! };

  // Compilers work in the background, and new code is taken up at the next call.
  for (let i = 0; i < WARM_UP_CALLS; i++) {
    await pause(30);
    await timed();
  }
  await pause(30);
  const times: number[] = [];
  for (let i = 0; i < warm; i++) times.push(await timed());
  times.sort((a, b) => a - b);
  return { load: loaded, first, warm: times[times.length >> 1], checksum: checksum! };
}

if (import.meta.main) {
  const [column, file, n, warm] = Deno.args;
  console.log(JSON.stringify(await measure(column, file, Number(n), Number(warm))));
}
