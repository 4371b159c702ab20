/**
 * The C test programs: how to run each, small and at its default size, and the last line it must print.
 *
 * @module
 */

/** One run of a program. */
export interface ProgramRun {
  /** Guest arguments after the program's name; `"DIR"` stands for a preopened directory. */
  args: readonly string[];
  /** The last line of standard output. */
  last: string;
}

/** A program beside this file, as `NAME.c` and `NAME.wasm`. */
export interface Program {
  name: string;
  /** What it exercises. */
  about: string;
  /** The default size: 0.15 to 0.5 s in V8's own Wasm. */
  full: ProgramRun;
  /** A size for tests that run it many times: some milliseconds. */
  small: ProgramRun;
  /** Text for standard input, where the program reads it. */
  stdin?: string;
  /** The exit code, where it is not 0. */
  code?: number;
}

const table = (
  name: string,
  about: string,
  full: ProgramRun,
  small: ProgramRun,
  more: Partial<Program> = {},
): Program => ({ name, about, full, small, ...more });

const run = (args: string, last: string): ProgramRun => ({
  args: args.split(" ").filter((a) => a !== ""),
  last,
});

/** All programs that end by themselves; `traps` is apart, because it ends in a trap for most arguments. */
export const PROGRAMS: readonly Program[] = [
  table(
    "frames",
    "recursion with large frames, all four types live across calls",
    run("", "done 519ba739"),
    run("1", "done 3a22c483"),
  ),
  table(
    "indirect",
    "function pointers: 10 signatures, 64 targets, recursion through a table",
    run("", "done 63cc3c24"),
    run("1", "done 53593c69"),
  ),
  table(
    "mixes",
    "64-bit integers and floats, conversions, edge values, NaN bits",
    run("", "done 2c1026fd"),
    run("1", "done a7410518"),
  ),
  table(
    "coroutines",
    "state machines without setjmp: tasks, prime filters, permutations",
    run("", "done acd96bd6"),
    run("1", "done 15222c50"),
  ),
  table(
    "files",
    "files open across the run: append, random offsets, buffered log, rename",
    run("DIR", "done 909f3ef9"),
    run("DIR 5", "done 239bbb17"),
  ),
  table(
    "churn",
    "malloc, calloc, realloc and free; a tree built and torn down",
    run("", "done 9c28307a"),
    run("1", "done 3ded35ff"),
  ),
  table(
    "grow",
    "memory.grow 41 times, zero pages, the declared maximum",
    run("", "done f14545ee"),
    run("3", "done 1f6818bd"),
  ),
  table(
    "deep",
    "deep recursion; the second argument is the depth",
    run("", "done e0826240"),
    run("1 1000", "done 84338ed0"),
  ),
  table(
    "strings",
    "text: split, count in a hash table, search, replace, format, parse",
    run("", "done 4229cb97"),
    run("1", "done e20d2429"),
  ),
  table(
    "sorting",
    "qsort and bsearch with callbacks of four kinds",
    run("", "done 4b766891"),
    run("1", "done d8b48e16"),
  ),
  table(
    "globals",
    "data segments, statics, a constructor, atexit, getenv",
    run("", "bye 42006455"),
    run("1", "bye 699299"),
  ),
  table(
    "machine",
    "a bytecode interpreter: br_table in a loop",
    run("", "done ffa4c36f"),
    run("1", "done 6a972927"),
  ),
  table("clocks", "sleeping and the monotonic clock", run("", "done 99269952"), run("3 2", "done 3e5b1f1c")),
  table(
    "lines",
    "standard input, line by line, answered at once; exits with the number of lines",
    run("", "done a55a0fd7"),
    run("", "done a55a0fd7"),
    { stdin: "a\nbb\nccc", code: 3 },
  ),
];

/** Arguments of `traps` and, for each, the trap it must end in, in the words of the core specification. */
export const TRAPS: Readonly<Record<string, string>> = {
  unreachable: "unreachable",
  divide: "integer divide by zero",
  overflow: "integer overflow",
  convert: "integer overflow",
  memory: "out of bounds memory access",
  table: "undefined element",
  signature: "indirect call type mismatch",
  stack: "call stack exhausted",
};
