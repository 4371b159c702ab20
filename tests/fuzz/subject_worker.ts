/**
 * A worker that runs programs in an engine and in V8, for `Subject`.
 *
 * @module
 */

import { compare, engineOf } from "./differential.ts";
import type { Program } from "./engine.ts";
import type { Call } from "./generate.ts";
import { Random } from "./random.ts";

/** What the worker is asked. */
export interface Question {
  readonly engine: "v8" | "mvvm";
  readonly program: Program;
  readonly calls: readonly Call[];
  /** Of the engine's own choices. */
  readonly seed: number;
}

const port = globalThis as unknown as Worker;
port.onmessage = async ({ data }: MessageEvent<Question>) => {
  const engine = await engineOf(data.engine);
  port.postMessage(await compare(engine!, data.program, data.calls, new Random(data.seed)));
};
