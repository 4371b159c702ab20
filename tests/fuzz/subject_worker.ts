/**
 * A worker that runs programs in V8 and in the engine that it is named after, for `Subject`. Its first message says
 * that it is ready, each of the others answers a question.
 *
 * @module
 */

import { compare, type EngineName, engineOf } from "./differential.ts";
import { encode } from "./encode.ts";
import { type Program, programOf } from "./engine.ts";
import { type Call, generate } from "./generate.ts";
import { Random } from "./random.ts";

/** What the worker is asked. */
export interface Question {
  readonly program: Program;
  readonly calls: readonly Call[];
  /** Of the engine's own choices. */
  readonly seed: number;
}

const port = globalThis as unknown as Worker & { name: EngineName };
const engine = (await engineOf(port.name))!;
port.onmessage = async ({ data }: MessageEvent<Question>) => {
  port.postMessage(await compare(engine, data.program, data.calls, new Random(data.seed)));
};
// The first program takes much longer than the others.
const { module, calls } = generate(1);
await compare(engine, programOf(module, encode(module).bytes), calls, new Random(0));
port.postMessage("ready");
