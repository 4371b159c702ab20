/**
 * The debug mode: a line on standard error for each site passed, each frame captured, each WASI call.
 *
 * @module
 */
import { functionName } from "../compiler/function_name.ts";
import type { Module } from "../compiler/types.ts";
import type { ThreadObserver } from "../runtime/thread.ts";
import { errnoName } from "../runtime/wasi/errno.ts";
import { INTERRUPTED } from "../runtime/wasi/interrupt.ts";
import type { CallHook } from "../runtime/wasi/wasi.ts";
import { writeError } from "./messages.ts";

/** Characters kept before they are written. */
const ROOM = 1 << 14;

export class DebugLog implements ThreadObserver {
  readonly #names = new Map<number, string>();
  #lines = "";
  #sites = 0;

  constructor(readonly module: Module) {}

  #name(func: number): string {
    let name = this.#names.get(func);
    if (name === undefined) this.#names.set(func, name = functionName(this.module, func));
    return name;
  }

  #log(text: string): void {
    this.#lines += `mvvm: ${text}\n`;
    if (this.#lines.length > ROOM) this.flush();
  }

  /** Writes what was kept; do so before anybody else writes. */
  flush(): void {
    if (this.#lines === "") return;
    writeError(this.#lines);
    this.#lines = "";
  }

  site(func: number, site: number): void {
    this.#log(`site ${++this.#sites}: ${this.#name(func)} (function ${func}) at offset ${site}`);
  }

  captured({ func, site, values }: Parameters<NonNullable<ThreadObserver["captured"]>>[0]): void {
    this.#log(
      `frame: ${this.#name(func.index)} (function ${func.index}) at offset ${site}, ${values.length} values`,
    );
  }

  readonly call: CallHook = (name, args, result) => {
    const what = typeof result === "number"
      ? errnoName(result)
      : result === INTERRUPTED
      ? "interrupted"
      : (result as Error).message;
    this.#log(`wasi: ${name}(${args.join(", ")}) = ${what}`);
    this.flush();
  };
}
