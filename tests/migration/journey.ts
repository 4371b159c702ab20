/**
 * Journeys: a guest runs, is stopped, becomes bytes, is restored on another host, and so on to its end.
 *
 * @module
 */
import {
  type CodeCache,
  type CompileOptions,
  encodeImage,
  Guest,
  type GuestOptions,
  inputStream,
  MemoryHost,
  type OutputStream,
  outputStream,
  Program,
  readImage,
  type Tree,
  Wasi,
} from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import type { Instance } from "../../runtime/instance.ts";

/** A program and everything it is given. */
export interface Load {
  readonly program: Program;
  /** The program's name first. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What lies in the directory that the guest calls `DIR`. */
  readonly files?: Tree;
  readonly stdin?: string;
}

/** What came of a guest. */
export interface Ending {
  /** `exit N`, or the trap. */
  readonly end: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly files: Tree;
  /** Memories, globals and tables, as text that is equal if they are. */
  readonly store: string;
}

/** One part of a journey. */
export interface Leg {
  readonly options?: Partial<CompileOptions>;
  /** Instead of the load's, and of the options. */
  readonly program?: Program;
  /** What makes it stop; the last leg has none. */
  readonly stop?: Pick<GuestOptions, "stopAtTick" | "stopAtCall" | "stopAtHostCall">;
  /** Of the same options. */
  readonly codeCache?: CodeCache;
}

/** The directory's name, on the host's side and on the guest's. */
export const DIR = "DIR";

/** C programs whose memory holds what no two runs share: the time, and the numbers of files. */
export const OWN_STORE: readonly string[] = ["clocks", "files"];

/** One of the C test programs. */
export function loadProgram(name: string, args: readonly string[], more: Partial<Load> = {}): Load {
  const bytes = Deno.readFileSync(new URL(`../programs/${name}.wasm`, import.meta.url));
  return {
    program: Program.from(bytes),
    args: [name, ...args.map((arg) => arg === "DIR" ? DIR : arg)],
    ...more,
  };
}

/** A host that only this guest has. */
export interface Place {
  readonly host: MemoryHost;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** A fresh host. Its clocks depend on nothing but what the guest does, because guests keep times in memory. */
export function place(files: Tree = {}, stdin = ""): Place {
  const [stdout, stderr] = [outputStream(), outputStream()];
  let now = 0;
  const clock = { realtime: () => 1.8e12, monotonic: () => now += 0.001 };
  const wait = (ms: number) => {
    now += ms;
    return "time" as const;
  };
  const host = new MemoryHost({
    files: { [DIR]: files },
    stdin: inputStream(stdin),
    stdout,
    stderr,
    clock,
    wait,
  });
  return { host, stdout, stderr };
}

const preopens = [{ guest: DIR, host: DIR }];

/** A guest at the start. `options` is the guest's from now on: change it to stop the guest again. */
export function startGuest(load: Load, { host }: Place, program: Program, options: GuestOptions = {}): Guest {
  const wasi = new Wasi({ args: load.args, env: load.env, preopens, randomSeed: 1 }, host);
  return Guest.start(program, Object.assign(options, { wasi }));
}

/** A guest that goes on from the bytes of an image. */
export async function restoreGuest(
  image: Uint8Array<ArrayBuffer>,
  { host }: Place,
  program: Program,
  options: GuestOptions = {},
): Promise<Guest> {
  const snapshot = await readImage(image, denoCodec);
  const { wasi } = Wasi.restore(snapshot.host.wasi, { preopens }, host);
  return await Guest.restore(snapshot, program, Object.assign(options, { wasi }));
}

/**
 * Makes a journey of several legs. A guest that ends early has fewer.
 *
 * @returns How it ended, and the images on the way.
 */
export async function journey(
  load: Load,
  legs: readonly Leg[],
): Promise<{ ending: Ending; images: Uint8Array[] }> {
  const images: Uint8Array<ArrayBuffer>[] = [];
  let [stdout, stderr] = ["", ""];
  let here = place(load.files, load.stdin);
  for (const { options, program: given, stop, codeCache } of legs) {
    const program = given ?? load.program.withOptions({
      ...load.program.options,
      ...options,
      ticks: options?.ticks ?? stop?.stopAtTick !== undefined,
    });
    const guest = images.length === 0
      ? startGuest(load, here, program, { ...stop, codeCache })
      : await restoreGuest(images[images.length - 1], here, program, { ...stop, codeCache });
    const outcome = await guest.run();
    stdout += here.stdout.text();
    stderr += here.stderr.text();
    const files = here.host.tree(DIR);
    if (outcome.kind !== "checkpointed") {
      const end = outcome.kind === "finished" ? `exit ${outcome.exitCode}` : `trap: ${outcome.trap}`;
      return { ending: { end, stdout, stderr, files, store: await describeStore(guest.instance) }, images };
    }
    images.push(await encodeImage(outcome.image, { compress: "none" }, denoCodec));
    here = place(files);
  }
  throw new Error("the last leg was stopped");
}

/** Runs without a stop. */
export async function uninterrupted(load: Load): Promise<Ending> {
  return (await journey(load, [{}])).ending;
}

/** How many sites a program passes under some options. */
export async function countTicks(load: Load, options: Partial<CompileOptions>): Promise<number> {
  const program = load.program.withOptions({ ...load.program.options, ...options, ticks: true });
  const guest = startGuest(load, place(load.files, load.stdin), program);
  await guest.run();
  return guest.store.thread.ticks;
}

async function describeStore({ memories, globals, tables }: Instance): Promise<string> {
  const digests = memories.map(({ bytes }) => crypto.subtle.digest("SHA-256", bytes));
  const memory = (await Promise.all(digests)).map((digest) => new Uint8Array(digest).toHex());
  const table = tables.map(({ e }) => e.map((func) => (func as { index: number } | null)?.index ?? null));
  return JSON.stringify({ memory, globals: globals.map(({ v, h }) => [String(v), h]), table });
}

/**
 * A program whose functions are lowered once, for all the guests that are made of it: for large programs
 * that are started many times.
 */
export function compiledOnce(program: Program, options: Partial<CompileOptions>): Program {
  const plain = program.withOptions(options);
  const texts = new Map<number, string>();
  return new Program(program.module, options, program.graph, {
    text(func) {
      let text = texts.get(func);
      if (text === undefined) {
        text = plain.compile(func).text.replace(/\n\/\/# sourceURL.*$/, "");
        texts.set(func, text);
      }
      return text;
    },
  });
}
