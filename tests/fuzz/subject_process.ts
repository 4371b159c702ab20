/**
 * The other end of `Subject`: runs programs in V8 and in the engine that the argument names. Its first line says that it
 * is ready, each of the others answers a question.
 *
 * @module
 */

import { compare, type EngineName, engineOf } from "./differential.ts";
import { encode } from "./encode.ts";
import { programOf } from "./engine.ts";
import { generate } from "./generate.ts";
import { Random } from "./random.ts";
import { fromLine, linesOf, type Question, toLine } from "./subject.ts";

if (import.meta.main) {
  const engine = (await engineOf(Deno.args[0] as EngineName))!;
  const answer = async (question: Question) =>
    await compare(engine, question.program, question.calls, new Random(question.seed)) ?? null;
  const say = (value: unknown) => Deno.stdout.writeSync(new TextEncoder().encode(toLine(value)));

  // The first program takes much longer than the others.
  const { module, calls } = generate(1);
  await answer({ program: programOf(module, encode(module).bytes), calls, seed: 0 });
  say("ready");
  for await (const line of linesOf(Deno.stdin.readable)) say(await answer(fromLine(line) as Question));
}
