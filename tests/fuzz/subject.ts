/**
 * An engine in a thread of its own, because one that hangs cannot be stopped from inside.
 *
 * @module
 */

import type { Program } from "./engine.ts";
import type { Call } from "./generate.ts";
import type { Question } from "./subject_worker.ts";

/** How long to wait for an answer, in milliseconds; on a busy machine no program of ours takes nearly as long. */
const patience = 10_000;

export class Subject {
  #worker?: Worker;

  constructor(readonly engine: Question["engine"]) {}

  /** How the engine's run of a program differs from V8's, or `undefined`; not to answer is one way. */
  compare(program: Program, calls: readonly Call[], seed: number): Promise<string | undefined> {
    this.#worker ??= new Worker(new URL("./subject_worker.ts", import.meta.url), { type: "module" });
    const worker = this.#worker;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.close();
        resolve(`${this.engine} hung: no answer for ${patience / 1000} s`);
      }, patience);
      const answer = (why: string | undefined) => {
        clearTimeout(timer);
        resolve(why);
      };
      worker.onmessage = ({ data }: MessageEvent<string | null>) => answer(data ?? undefined);
      worker.onerror = (event) => {
        event.preventDefault();
        this.close();
        answer(`${this.engine} threw outside of a call: ${event.message}`);
      };
      worker.postMessage({ engine: this.engine, program, calls, seed } satisfies Question);
    });
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}
