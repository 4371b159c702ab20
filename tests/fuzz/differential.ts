/**
 * Runs a scenario in two engines and says where they part.
 *
 * @module
 */

import {
  type Engine,
  type HostCall,
  makeHost,
  type Outcome,
  type Program,
  type Running,
  sameOutcome,
  type State,
} from "./engine.ts";
import { engine as v8 } from "./engine_v8.ts";
import type { Call } from "./generate.ts";
import type { Random } from "./random.ts";
import { showValue, type Value } from "./values.ts";

/** How one engine got through the calls. */
export interface Trace {
  /** The outcome of each call; the last one is the first that ran out of stack, if any did. */
  readonly outcomes: readonly Outcome[];
  /** The host calls up to the end of each call. */
  readonly hostCalls: readonly number[];
  readonly log: readonly HostCall[];
  /** There is none if instantiation failed or the stack ran out. */
  readonly state?: State;
  /** How instantiation failed. */
  readonly failed?: Outcome;
}

export async function run(
  engine: Engine,
  program: Program,
  calls: readonly Call[],
  random: Random,
): Promise<Trace> {
  const { host, log } = makeHost(program);
  const outcomes: Outcome[] = [];
  const hostCalls: number[] = [];
  const running = await engine.instantiate(program, host, random);
  if (!isRunning(running)) return { outcomes, hostCalls, log, failed: running };
  for (const { name, args } of calls) {
    const outcome = await running.call(name, args);
    outcomes.push(outcome);
    hostCalls.push(log.length);
    if (outcome.kind === "exhausted") return { outcomes, hostCalls, log };
  }
  return { outcomes, hostCalls, log, state: await running.state() };
}

function isRunning(value: Running | Outcome): value is Running {
  return "call" in value;
}

export function showOutcome(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "nothing";
  if (outcome.kind === "results") return `results (${outcome.values.map(showValue).join(", ")})`;
  return outcome.kind === "trap" ? `trap: ${outcome.trap}` : "stack exhausted";
}

/**
 * What differs, or `undefined`. Once the reference has run out of stack, nothing that follows is compared.
 *
 * @param expected The reference's trace.
 */
export function difference(expected: Trace, actual: Trace, calls: readonly Call[]): string | undefined {
  if (expected.failed?.kind === "exhausted") return undefined;
  if (expected.failed !== undefined || actual.failed !== undefined) {
    const same = expected.failed !== undefined && actual.failed !== undefined &&
      sameOutcome(expected.failed, actual.failed);
    return same
      ? undefined
      : `instantiation: expected ${showOutcome(expected.failed)}, got ${showOutcome(actual.failed)}`;
  }
  for (const [i, outcome] of expected.outcomes.entries()) {
    if (outcome.kind === "exhausted") return undefined;
    const where = `call ${i} (${showCall(calls[i])})`;
    if (actual.outcomes[i] === undefined || !sameOutcome(outcome, actual.outcomes[i])) {
      return `${where}: expected ${showOutcome(outcome)}, got ${showOutcome(actual.outcomes[i])}`;
    }
    const host = differentHostCalls(expected, actual, i);
    if (host !== undefined) return `${where}: ${host}`;
  }
  return differentState(expected.state!, actual.state!);
}

function showCall({ name, args }: Call): string {
  return `${JSON.stringify(name)}(${args.map(showValue).join(", ")})`;
}

function differentHostCalls(expected: Trace, actual: Trace, call: number): string | undefined {
  const from = call === 0 ? 0 : expected.hostCalls[call - 1];
  const show = ({ index, args }: HostCall) => `${index}(${args.map(showValue).join(", ")})`;
  for (let i = from; i < Math.max(expected.hostCalls[call], actual.hostCalls[call]); i++) {
    const a = i < expected.hostCalls[call] ? show(expected.log[i]) : "none";
    const b = i < actual.hostCalls[call] ? show(actual.log[i]) : "none";
    if (a !== b) return `host call ${i}: expected ${a}, got ${b}`;
  }
  return undefined;
}

function differentState(expected: State, actual: State): string | undefined {
  const differ = (what: string, a: unknown, b: unknown) => `${what}: expected ${a}, got ${b}`;
  for (const [name, value] of expected.globals) {
    const got = actual.globals.get(name);
    if (got !== value) return differ(`global ${name}`, showValue(value), showValue(got as Value));
  }
  for (const [name, elements] of expected.tables) {
    const got = actual.tables.get(name) ?? [];
    if (got.length !== elements.length) return differ(`size of ${name}`, elements.length, got.length);
    const i = elements.findIndex((value, i) => value !== got[i]);
    if (i >= 0) return differ(`${name}[${i}]`, showValue(elements[i]), showValue(got[i]));
  }
  for (const [name, bytes] of expected.memories) {
    const got = actual.memories.get(name) ?? new Uint8Array();
    if (got.length !== bytes.length) return differ(`size of ${name}`, bytes.length, got.length);
    if (equalBytes(bytes, got)) continue;
    const i = bytes.findIndex((byte, i) => byte !== got[i]);
    return differ(`${name}[${i}]`, bytes[i], got[i]);
  }
  return undefined;
}

/** Whether two byte arrays of one length are equal, eight bytes at a time. */
function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const words = (bytes: Uint8Array) => {
    const copy = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    return new BigUint64Array(copy.buffer, copy.byteOffset, copy.length >> 3);
  };
  const [left, right] = [words(a), words(b)];
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  for (let i = left.length * 8; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export type EngineName = "v8" | "mvvm";

/** The engine of a name; `mvvm` is loaded when asked for, and `undefined` if there is none. */
export async function engineOf(name: EngineName): Promise<Engine | undefined> {
  if (name === "v8") return v8;
  const url = new URL("./engine_mvvm.ts", import.meta.url);
  try {
    await Deno.stat(url);
  } catch {
    return undefined;
  }
  return (await import(url.href) as { engine: Engine }).engine;
}

/** How an engine's run of a program differs from V8's, or `undefined`. */
export async function compare(
  engine: Engine,
  program: Program,
  calls: readonly Call[],
  random: Random,
): Promise<string | undefined> {
  if (!WebAssembly.validate(program.bytes)) return "the generator made an invalid module";
  const expected = await run(v8, program, calls, random);
  try {
    return difference(expected, await run(engine, program, calls, random), calls);
  } catch (error) {
    return `${engine.name} threw ${ownStack(error as Error)}`;
  }
}

/** An error and where it was in generated code; where it was in ours depends on the machine. */
function ownStack(error: Error): string {
  const stack = error.stack ?? error.message;
  return stack.split("\n").filter((line) => !line.includes("file://")).join("\n");
}
