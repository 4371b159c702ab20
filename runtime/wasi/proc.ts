/**
 * `proc_*` and `sched_yield`.
 *
 * @module
 */
import type { Context, Functions } from "./context.ts";
import { Errno, fail } from "./errno.ts";
import { ProcExit } from "./interrupt.ts";

/** The highest `$signal`, `sys`. */
const LAST_SIGNAL = 30;
/** By witx: no signal, `pipe`, `chld`, `cont`, `urg` and `winch` do not end or stop a process. */
const HARMLESS: ReadonlySet<number> = new Set([0, 13, 16, 17, 22, 27]);
/** `stop`, `tstp`, `ttin`, `ttou`: there is nobody who could continue the guest. */
const STOPPING: ReadonlySet<number> = new Set([18, 19, 20, 21]);

export function procFunctions(context: Context): Functions {
  const exit = (code: number): never => {
    context.exitCode = code;
    throw new ProcExit(code);
  };
  return {
    proc_exit: (code: number) => exit(code >>> 0),
    proc_raise(signal: number) {
      if (signal >>> 0 > LAST_SIGNAL) fail(Errno.inval);
      if (HARMLESS.has(signal)) return Errno.success;
      if (STOPPING.has(signal)) return Errno.notsup;
      // The exit code that shells give for a process ended by a signal.
      return exit(128 + signal);
    },
    sched_yield: () => Errno.success,
  };
}
