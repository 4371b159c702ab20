/**
 * What the functions of one guest share.
 *
 * @module
 */
import type { DescriptorTable } from "./descriptor.ts";
import type { Clocks } from "./clock.ts";
import type { GuestMemory } from "./guest.ts";
import type { WasiHost } from "./host.ts";
import type { Interrupted } from "./interrupt.ts";
import type { Random } from "./random.ts";
import type { FileTimes } from "./times.ts";

/** A function as the guest imports it. 64-bit parameters are BigInts, 32-bit ones signed numbers. */
export type HostFunction = (
  ...args: (number | bigint)[]
) => number | Interrupted | Promise<number | Interrupted>;

// deno-lint-ignore no-explicit-any -- each function has parameters of its own; `SIGNATURES` lists them
export type Functions = Record<string, (...args: any[]) => ReturnType<HostFunction>>;

export interface Context {
  readonly host: WasiHost;
  readonly memory: GuestMemory;
  readonly fds: DescriptorTable;
  readonly args: readonly string[];
  /** `KEY=VALUE` strings. */
  readonly env: readonly string[];
  readonly clocks: Clocks;
  readonly random: Random;
  readonly times: FileTimes;
  /** What the guest gave to `proc_exit`. */
  exitCode: number | undefined;
  /**
   * When a `poll_oneoff` that was interrupted had begun, in nanoseconds of the guest's monotonic clock:
   * issued again, it waits for what is left.
   */
  pollStart: number | undefined;
}

/** A 64-bit parameter as an unsigned number; more than 2^53 - 1 is `undefined`. */
export function unsigned(value: bigint): number | undefined {
  const number = Number(BigInt.asUintN(64, value));
  return number <= Number.MAX_SAFE_INTEGER ? number : undefined;
}
