/**
 * An engine in a process of its own, because one that hangs can be stopped neither from inside nor as a worker.
 *
 * @module
 */

import type { EngineName } from "./differential.ts";
import type { Program } from "./engine.ts";
import type { Call } from "./generate.ts";

/** What the process is asked, as one line of text. */
export interface Question {
  readonly program: Program;
  readonly calls: readonly Call[];
  /** Of the engine's own choices. */
  readonly seed: number;
}

/** JSON, with BigInts and bytes. */
export function toLine(value: unknown): string {
  return JSON.stringify(value, (_, value) => {
    if (typeof value === "bigint") return { bigint: `${value}` };
    return value instanceof Uint8Array ? { hex: value.toHex() } : value;
  }) + "\n";
}
export function fromLine(line: string): unknown {
  return JSON.parse(line, (_, value) => {
    if (typeof value?.bigint === "string") return BigInt(value.bigint);
    return typeof value?.hex === "string" ? Uint8Array.fromHex(value.hex) : value;
  });
}

/** The lines of a stream of bytes. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** A process that is ready for a question. */
interface Running {
  readonly child: Deno.ChildProcess;
  readonly answers: AsyncGenerator<string>;
  readonly questions: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
}

export class Subject {
  #running?: Promise<Running>;

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
    const { answers, questions } = await (this.#running ??= start(this.engine));
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      this.close();
    }, patience);
    try {
      await questions.write(new TextEncoder().encode(toLine({ program, calls, seed } satisfies Question)));
      const { value, done } = await answers.next();
      if (!done) return fromLine(value) as string ?? undefined;
    } catch (error) {
      if (!hung) throw error;
    } finally {
      clearTimeout(timer);
    }
    if (hung) return `${this.engine} hung`;
    await this.close();
    return `${this.engine} threw and ended its process`;
  }

  /** Ends the process. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    const { child, answers, questions } = await running;
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await child.status;
    await questions.abort().catch(() => {});
    await answers.return(undefined);
  }
}

async function start(engine: EngineName): Promise<Running> {
  const script = new URL("./subject_process.ts", import.meta.url);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", script.href, engine],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
  const child = command.spawn();
  const answers = linesOf(child.stdout);
  const { done } = await answers.next();
  if (done) throw new Error(`the process of the engine "${engine}" ended at once`);
  return { child, answers, questions: child.stdin.getWriter() };
}
