/**
 * The two ways in which a WASI function ends without an error number.
 *
 * @module
 */

/**
 * Returned by a function that would block when a stop was requested. The call had no effect; issue it
 * again, with the same arguments, when the guest goes on (in this process or in another).
 */
export const INTERRUPTED: unique symbol = Symbol("interrupted");
export type Interrupted = typeof INTERRUPTED;

/** Thrown by `proc_exit` (and by `proc_raise` with a signal that ends a process). */
export class ProcExit extends Error {
  override readonly name = "ProcExit";
  /** @param code The exit code, an unsigned 32-bit number. */
  constructor(readonly code: number) {
    super(`the guest exited with code ${code}`);
  }
}
