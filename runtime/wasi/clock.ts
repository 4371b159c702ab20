/**
 * `clock_*`. The realtime clock is the host's; the monotonic one is the guest's own and stands still
 * while the guest is an image.
 *
 * @module
 */
import { Clockid } from "./abi.ts";
import type { Context, Functions } from "./context.ts";
import { Errno, fail } from "./errno.ts";
import type { WasiHost } from "./host.ts";

/** Where a fresh guest's monotonic clock starts: not at 0, which Go's runtime takes for a broken clock. */
const START = 1e9;

export class Clocks {
  readonly #host: WasiHost;
  /** Guest nanoseconds = host milliseconds * 1e6 + this. */
  readonly #shift: number;
  #last = 0;

  /** @param now What the monotonic clock shows now, in nanoseconds. */
  constructor(host: WasiHost, now: number = START) {
    this.#host = host;
    this.#shift = now - host.monotonic() * 1e6;
    this.#last = now;
  }

  /** Nanoseconds; never goes back. Exact for 104 days of running, then to the next few nanoseconds. */
  monotonic(): number {
    const now = Math.round(this.#host.monotonic() * 1e6 + this.#shift);
    if (now > this.#last) this.#last = now;
    return this.#last;
  }
  /** Nanoseconds since 1970. */
  realtime(): bigint {
    return nanoseconds(this.#host.realtime());
  }
}

/** Milliseconds, whole or with a fraction, as nanoseconds. */
export function nanoseconds(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.floor((ms - whole) * 1e6));
}

export function clockFunctions(context: Context): Functions {
  const { memory, clocks } = context;
  return {
    clock_res_get(id: number, resolution: number): number {
      memory.check(resolution >>>= 0, 8);
      if (id >>> 0 > Clockid.thread_cputime_id) fail(Errno.inval);
      memory.setSize(resolution, 1000);
      return Errno.success;
    },
    clock_time_get(id: number, _precision: bigint, time: number): number {
      memory.check(time >>>= 0, 8);
      switch (id) {
        case Clockid.realtime:
          memory.setU64(time, clocks.realtime());
          return Errno.success;
        // The time the guest has run is the best account of CPU time that there is.
        case Clockid.process_cputime_id:
        case Clockid.thread_cputime_id:
        case Clockid.monotonic:
          memory.setSize(time, clocks.monotonic());
          return Errno.success;
        default:
          return Errno.inval;
      }
    },
  };
}
