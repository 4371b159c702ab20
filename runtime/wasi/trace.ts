/**
 * Calls as text, for the debug mode.
 *
 * @module
 */
import { SIGNATURES } from "./abi.ts";
import { errnoName } from "./errno.ts";
import { INTERRUPTED, type Interrupted } from "./interrupt.ts";

/**
 * One call in one line.
 *
 * @example
 * ```ts
 * describeCall("fd_close", [4], 0); // "fd_close(fd=4) = success"
 * ```
 */
export function describeCall(
  name: string,
  args: readonly (number | bigint)[],
  result: number | Interrupted | Error,
): string {
  const params = SIGNATURES[name] ?? [];
  const shown = args.map((value, i) => {
    const [param, kind] = params[i] ?? [`arg${i}`, "i32"];
    const pointer = kind === "in" || kind === "out";
    return `${param}=${pointer ? `0x${(Number(value) >>> 0).toString(16)}` : value}`;
  });
  const ended = result === INTERRUPTED
    ? "interrupted"
    : result instanceof Error
    ? result.message
    : errnoName(result);
  return `${name}(${shown.join(", ")}) = ${ended}`;
}
