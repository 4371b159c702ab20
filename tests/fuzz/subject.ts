/**
 * An engine in a thread of its own, because one that hangs cannot be stopped from inside.
 *
 * @module
 */

import type { EngineName } from "./differential.ts";
import type { Program } from "./engine.ts";
import type { Call } from "./generate.ts";
import type { Question } from "./subject_worker.ts";

export class Subject {
  /** A worker that has loaded the engine. */
  #worker?: Promise<Worker>;

  constructor(readonly engine: EngineName) {}

  /**
   * How the engine's run of a program differs from V8's, or `undefined`; not to answer is one way.
   *
   * @param patience How long to wait for an answer, in milliseconds.
   */
  async compare(
    program: Program,
    calls: readonly Call[],
    seed: number,
    patience: number,
  ): Promise<string | undefined> {
    const worker = await (this.#worker ??= startWorker(this.engine));
    return new Promise((resolve) => {
      const leave = (why: string) => {
        worker.terminate();
        this.#worker = undefined;
        resolve(why);
      };
      const timer = setTimeout(() => leave(`${this.engine} hung`), patience);
      worker.onmessage = ({ data }: MessageEvent<string | null>) => {
        clearTimeout(timer);
        resolve(data ?? undefined);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        clearTimeout(timer);
        leave(`${this.engine} threw outside of a call: ${event.message}`);
      };
      worker.postMessage({ program, calls, seed } satisfies Question);
    });
  }

  async close(): Promise<void> {
    (await this.#worker)?.terminate();
    this.#worker = undefined;
  }
}

function startWorker(engine: EngineName): Promise<Worker> {
  const worker = new Worker(new URL("./subject_worker.ts", import.meta.url), {
    type: "module",
    name: engine,
  });
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve(worker);
    worker.onerror = (event) => reject(new Error(event.message));
  });
}
