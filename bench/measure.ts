/**
 * One measurement: a kernel, a whole program or a use of files, in one column, in a fresh process. A wrong result is a
 * {@linkcode WrongResult}, never a number.
 *
 * @module
 */
import type { KernelTimes } from "./child.ts";
import { type Column, programCommand } from "./engines.ts";
import type { FileCase } from "./files.ts";
import { type Kernel, kernelFile } from "./kernels.ts";
import type { BenchProgram } from "./programs.ts";

/**
 * Numbers by name. Kernels: `load`, `first`, `warm` in milliseconds. Programs: `wall` in milliseconds and,
 * on Linux, `peak` resident memory in MB. Files: `time` in milliseconds, as the guest's clock has it.
 */
export type Sample = Record<string, number>;

/** The engine computed something else than the table says, or failed. */
export class WrongResult extends Error {
  override readonly name = "WrongResult";
}

const KERNEL_LIMIT_MS = 120_000;
const PROGRAM_LIMIT_MS = 600_000;

/** How many runs fill a code cache. */
const RUNS_BEFORE = 2;

/** How many warm calls each process times. */
const WARM_CALLS = 3;

/** Calls a kernel in a fresh process. */
export async function measureKernel(kernel: Kernel, column: Column, quick: boolean): Promise<Sample> {
  const { n, checksum } = quick ? kernel.quick : kernel;
  const warm = !column.warm ? 0 : quick ? 1 : WARM_CALLS;
  const child = decodeURIComponent(new URL("child.ts", import.meta.url).pathname);
  const args = ["run", "-A", child, column.name, kernelFile(kernel.name), String(n), String(warm)];
  const { stdout } = await run(args, { limit: KERNEL_LIMIT_MS });
  const { checksum: got, ...times } = JSON.parse(new TextDecoder().decode(stdout)) as KernelTimes;
  if (got !== checksum) throw new WrongResult(`run(${n}) returned ${got}, expected ${checksum}`);
  return times as Sample;
}

/**
 * Runs a whole program in a fresh process.
 *
 * @param folder For what a column keeps from one run to the next.
 */
export async function measureProgram(
  program: BenchProgram,
  column: Column,
  quick: boolean,
  folder: string,
): Promise<Sample> {
  const { args, digest } = quick ? program.quick : program;
  const scratch = await Deno.makeTempDir();
  try {
    const dirs = program.output === undefined ? [] : [`${scratch}::/out`];
    const codeCache = column.again ? `${folder}/${program.name}` : undefined;
    const command = programCommand(column, { wasm: program.wasm, args, dirs }, codeCache);
    const options = { limit: PROGRAM_LIMIT_MS, stdin: program.stdin?.() };
    if (codeCache !== undefined && !exists(codeCache)) {
      for (let i = 0; i < RUNS_BEFORE; i++) await run(command, options);
    }
    const { stdout, wall, peak } = await run(command, options);
    const written = program.output === undefined
      ? new Uint8Array()
      : await Deno.readFile(`${scratch}/${program.output}`);
    const got = await digestOf(stdout, written);
    if (got !== digest) throw new WrongResult(`output has digest ${got}, expected ${digest}`);
    return peak === undefined ? { wall } : { wall, peak };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs the file program in a fresh process and a fresh folder. */
export async function measureFiles(files: FileCase, column: Column, quick: boolean): Promise<Sample> {
  const folder = await Deno.makeTempDir({ prefix: "bench-files-" });
  try {
    const wasm = decodeURIComponent(new URL("files.wasm", import.meta.url).pathname);
    const args = quick ? files.quick : files.args;
    const command = programCommand(column, { wasm, args, dirs: [`${folder}::/`] });
    const printed = new TextDecoder().decode((await run(command, { limit: PROGRAM_LIMIT_MS })).stdout);
    if (!/^\d+\.\d+\n$/.test(printed)) {
      throw new WrongResult(`printed ${JSON.stringify(printed)} instead of a time`);
    }
    return { time: Number(printed) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function digestOf(...parts: Uint8Array[]): Promise<string> {
  const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export interface Finished {
  stdout: Uint8Array;
  /** Milliseconds from start to end. */
  wall: number;
  /** MB, where the system tells. */
  peak?: number;
}

/** Runs `deno` with these arguments to its end; anything but exit code 0 is a {@linkcode WrongResult}. */
export async function run(args: string[], options: { limit: number; stdin?: string }): Promise<Finished> {
  const began = performance.now();
  const signal = AbortSignal.timeout(options.limit);
  const child = new Deno.Command(Deno.execPath(), {
    args,
    env: { NODE_NO_WARNINGS: "1", NO_COLOR: "1" },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  const memory = watchPeak(child.pid);
  try {
    const feeding = options.stdin === undefined ? undefined : feed(child.stdin, options.stdin);
    const { code, stdout, stderr } = await child.output();
    const wall = performance.now() - began;
    await feeding;
    if (signal.aborted) throw new WrongResult(`took longer than ${options.limit / 1000} s`);
    if (code !== 0) {
      const said = new TextDecoder().decode(stderr).trim().split("\n");
      throw new WrongResult(`exit code ${code}${said[0] ? `: ${said.slice(0, 3).join(" ")}` : ""}`);
    }
    return { stdout, wall, peak: memory.peak() };
  } finally {
    memory.stop();
  }
}

async function feed(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    const writer = stream.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // A program that does not read to the end is judged by its output.
  }
}

/** Looks at a process's high-water mark while it lives: it only grows, so the last look is the peak. */
function watchPeak(pid: number): { peak(): number | undefined; stop(): void } {
  let peak: number | undefined;
  if (Deno.build.os !== "linux") return { peak: () => undefined, stop: () => {} };
  const timer = setInterval(async () => {
    try {
      const status = await Deno.readTextFile(`/proc/${pid}/status`);
      const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
      if (kilobytes !== undefined) peak = Number(kilobytes) / 1024;
    } catch {
      // It has just ended.
    }
  }, 10);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}
