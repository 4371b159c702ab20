/**
 * What is said, and written, of a guest that has trapped.
 *
 * @module
 */
import { placeText, Symbols } from "../compiler/symbols.ts";
import type { Module } from "../compiler/types.ts";
import { trapDump } from "../runtime/coredump/sources.ts";
import type { Guest } from "../runtime/guest.ts";
import type { StackFrame } from "../runtime/trap.ts";
import { writeCoreDumpFile } from "../runtime/coredump/file_deno.ts";
import { explain, say, writeError } from "./messages.ts";
import { printable } from "./show/value.ts";

/** How many activations are shown at each end of a deep stack. */
const SHOWN = 40;

/** Tells the trap and the Wasm stack, with sources if the module has debug information. */
export function sayTrap(kind: string, stack: readonly StackFrame[], module: Module): void {
  const symbols = new Symbols(module);
  const line = ({ instance, func, name }: StackFrame) => {
    // Every instance of a program is of the one module.
    const known = instance === 0 || name.startsWith("func[") ? symbols.functionName(func) : name;
    const place = symbols.definition(func);
    const defined = place && placeText(place);
    return `    at ${printable(known)} (function ${func}${defined ? `, defined at ${defined}` : ""})\n`;
  };
  const left = stack.length - 2 * SHOWN;
  const lines = left > 1
    ? [...stack.slice(0, SHOWN).map(line), `    ... ${left} more\n`, ...stack.slice(-SHOWN).map(line)]
    : stack.map(line);
  say(`trap: ${kind}`);
  writeError(lines.join(""));
}

/** Writes a core dump, if it can be; a failure is told, and changes nothing else. */
export async function dumpTrap(
  path: string,
  guest: Guest | undefined,
  target: string,
  stack: readonly StackFrame[],
): Promise<void> {
  if (guest === undefined) {
    say("no core dump was written: the program trapped before it began");
    return;
  }
  try {
    const byteLength = await writeCoreDumpFile(path, trapDump(guest, target, stack));
    say(`wrote ${path}: ${byteLength} bytes, a core dump`);
  } catch (error) {
    explain(error);
    say("no core dump was written");
  }
}
