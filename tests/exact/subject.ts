/**
 * A small module under our engine, called with exact bits: floats never become JavaScript numbers on the
 * way in or out, because that may change a NaN.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import wabt from "wabt";
import { type BackEnd, type CompileOptions, type PolicyName, policyNames } from "../../compiler/policy.ts";
import { Program } from "../../compiler/program.ts";
import { takeSnapshot } from "../../runtime/checkpoint.ts";
import type { Func } from "../../runtime/func.ts";
import type { Global } from "../../runtime/global.ts";
import type { HostFunction } from "../../runtime/host_function.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { readImage } from "../../runtime/image/reader.ts";
import { encodeImage } from "../../runtime/image/writer.ts";
import type { Memory } from "../../runtime/memory.ts";
import { moduleHash } from "../../runtime/module_hash.ts";
import { restoreStore } from "../../runtime/restore.ts";
import { type Resolver, Store } from "../../runtime/store.ts";
import type { ThreadOptions } from "../../runtime/thread.ts";
import { type StackFrame, Trap, type TrapKind } from "../../runtime/trap.ts";
import { type Bits, bitsAt, fromRaw, pushBits, toRaw } from "../../runtime/value.ts";

/** Host functions by name; a module imports them from `env`. */
export type Host = Readonly<Record<string, HostFunction>>;

let loading: ReturnType<typeof wabt> | undefined;

/** Module text to bytes, with a name section. */
export async function assemble(text: string): Promise<Uint8Array> {
  const { parseWat } = await (loading ??= wabt());
  const module = parseWat("module.wat", text, {});
  try {
    return module.toBinary({ write_debug_names: true }).buffer.slice();
  } finally {
    module.destroy();
  }
}

/** What programs are compiled to if their options do not say. */
let backEnd: BackEnd = "auto";

/** A test that is run under both back ends. */
export function test(name: string, run: () => void | Promise<void>): void {
  for (const each of ["js", "wasm"] as const) {
    Deno.test(`${name} (${each})`, async () => {
      backEnd = each;
      await run();
    });
  }
}

/** A program under the back end of the test. */
export function compile(bytes: Uint8Array, options: Partial<CompileOptions> = {}): Program {
  const program = Program.from(bytes, { backEnd, ...options });
  assertValid(program);
  return program;
}

/** What V8 refuses goes the other way without a word, so that a mistake would not be seen. */
export function assertValid({ rewritten }: Program): void {
  assert(!rewritten || WebAssembly.validate(rewritten.bytes), "what is rewritten is invalid");
}

/** One instance in a store of its own. */
export class Subject {
  /** Round trips through image bytes so far. */
  trips = 0;
  #store: Store;
  #program: Program;
  readonly #resolve: Resolver;

  private constructor(
    bytes: Uint8Array,
    options: Partial<CompileOptions>,
    host: Host,
    thread: ThreadOptions,
  ) {
    this.#resolve = (module, name) => module === "env" ? host[name] : undefined;
    this.#program = compile(bytes, options);
    this.#store = new Store(thread);
    this.#store.instantiate(this.#program, this.#resolve);
  }

  /** Decodes, validates and instantiates; the start function is not run. */
  static of(
    bytes: Uint8Array,
    options: Partial<CompileOptions> = {},
    host: Host = {},
    thread: ThreadOptions = {},
  ): Subject {
    return new Subject(bytes, options, host, thread);
  }

  get store(): Store {
    return this.#store;
  }

  #export<T>(name: string): T {
    const found = this.#store.instances[0].exports.get(name);
    if (found === undefined) throw new Error(`the module exports no "${name}"`);
    return found as T;
  }

  memory(name = "memory"): Memory {
    return this.#export<Memory>(name);
  }

  /** The bits of an exported global. */
  global(name: string): Bits {
    const { type, v, h } = this.#export<Global>(name);
    return bitsAt([v, h], 0, type.type);
  }

  #start(name: string, args: readonly Bits[]): Func {
    const func = this.#export<Func>(name);
    this.#store.thread.start(func, toRaw(args, func.type.params, pushBits));
    return func;
  }

  /**
   * Calls an exported function. i32 and f32 are unsigned numbers, i64 and f64 unsigned BigInts.
   *
   * @throws {Trap}
   */
  call(name: string, ...args: Bits[]): Bits[] {
    const { type } = this.#start(name, args);
    const completion = this.#store.thread.drive();
    if (completion.kind !== "returned") throw new Error(`unexpected end: ${completion.kind}`);
    return fromRaw(completion.raw, type.results, bitsAt);
  }

  /**
   * The same, but stopped at every site and before every host call; each stop goes through the bytes of an
   * image into a new store, whose code is compiled under the next policy. Compile with {@linkcode everySite}.
   */
  async callByImages(name: string, ...args: Bits[]): Promise<Bits[]> {
    const { type } = this.#start(name, args);
    this.#arm();
    let completion = this.#store.thread.drive();
    while (completion.kind === "stopped") {
      const { policy } = this.#program.options;
      await this.roundTrip(policyNames[(policyNames.indexOf(policy) + 1) % policyNames.length]);
      this.#arm();
      completion = this.#store.thread.drive();
    }
    if (completion.kind !== "returned") throw new Error(`unexpected end: ${completion.kind}`);
    this.#store.thread.options = {};
    return fromRaw(completion.raw, type.results, bitsAt);
  }

  #arm(): void {
    const { thread } = this.#store;
    thread.options = { stopAtTick: 1, stopAtHostCall: 1 };
    thread.ticks = thread.hostCalls = 0;
  }

  /**
   * Calls an exported function until the stop that `thread` asks for, takes a round trip under `policy`, and
   * goes on to the end.
   */
  async callWithStop(
    thread: ThreadOptions,
    policy: PolicyName,
    name: string,
    ...args: Bits[]
  ): Promise<Bits[]> {
    const { type } = this.#start(name, args);
    this.#store.thread.options = thread;
    const stopped = this.#store.thread.drive();
    assertEquals(stopped.kind, "stopped");
    await this.roundTrip(policy);
    const completion = this.#store.thread.drive();
    if (completion.kind !== "returned") throw new Error(`unexpected end: ${completion.kind}`);
    return fromRaw(completion.raw, type.results, bitsAt);
  }

  /** Through the bytes of an image into a new store. */
  async roundTrip(policy: PolicyName): Promise<void> {
    this.trips++;
    this.#program = this.#program.withOptions({ ...this.#program.options, policy });
    const { module } = this.#program;
    const hashes = new Map([[module, await moduleHash(module)]]);
    const bytes = await encodeImage(takeSnapshot(this.#store, { hashes, producer: "test" }), {}, denoCodec);
    this.#store = restoreStore(await readImage(bytes, denoCodec), [this.#program], this.#resolve);
  }
}

/** Options under which {@linkcode Subject.callByImages} stops at every site that `policy` has. */
export function everySite(policy: PolicyName): Partial<CompileOptions> {
  return { policy, ticks: true, thresholdBits: 0 };
}

/** Runs something that must trap; gives the Wasm stack, innermost first. */
export function assertTrap(kind: TrapKind, run: () => unknown, message?: string): readonly StackFrame[] {
  let outcome: unknown;
  try {
    outcome = run();
  } catch (error) {
    if (!(error instanceof Trap)) throw error;
    assertEquals(error.kind, kind, message);
    return error.wasmStack;
  }
  throw new Error(`${message ? `${message}: ` : ""}no trap, but ${String(outcome)}`);
}

/** Bits for people. */
export function hex(bits: Bits): string {
  return typeof bits === "number" || typeof bits === "bigint" ? `0x${bits.toString(16)}` : String(bits);
}

/** Compares lists of bits and shows them in hexadecimal. */
export function assertBits(actual: readonly Bits[], expected: readonly Bits[], message?: string): void {
  const [got, wanted] = [actual.map(hex).join(" "), expected.map(hex).join(" ")];
  assertEquals(got, wanted, message && `${message}: ${got} instead of ${wanted}`);
}

const view = new DataView(new ArrayBuffer(8));

/** The bits of a number that is no NaN, rounded to f32. */
export function f32(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

/** The bits of a number that is no NaN. */
export function f64(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** An i64's bits. */
export function i64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
