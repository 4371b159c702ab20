/**
 * Commands that are known to fail, by name and with the reason. A listed command that passes, or that is
 * not there any more, is a failure itself ("stale"), so this list cannot rot. The aim for `mvvm` is none.
 *
 * @module
 */

export interface KnownFailure {
  readonly engine: string;
  /** Folder and file below the directory of test scripts: `"wg-2.0/binary.wast"`. */
  readonly script: string;
  /** Where the command starts, from 1. */
  readonly line: number;
  /** Only under this policy; without it under all. */
  readonly policy?: string;
  readonly reason: string;
}

/** V8 runs newer versions of WebAssembly, where these modules are right. */
function newerInV8(script: string, lines: readonly number[], reason: string): KnownFailure[] {
  return lines.map((line) => ({ engine: "v8", script, line, reason }));
}

const multipleMemories = "V8 has multiple memories (WebAssembly 3.0)";
const memoryIndex = `${multipleMemories}: the reserved byte is a memory index, any LEB128 of 0`;
const constantGlobals = "V8 lets constant expressions read any earlier immutable global (WebAssembly 3.0)";

export const knownFailures: readonly KnownFailure[] = [
  ...newerInV8("wg-2.0/binary.wast", [145, 165, 184, 203, 242, 261, 279, 297], memoryIndex),
  ...newerInV8("wg-2.0/data.wast", [88, 92], constantGlobals),
  ...newerInV8("wg-2.0/elem.wast", [170, 174], constantGlobals),
  ...newerInV8("wg-2.0/global.wast", [351, 355], constantGlobals),
  ...newerInV8("wg-2.0/imports.wast", [487, 491, 495], multipleMemories),
  ...newerInV8("wg-2.0/memory.wast", [10, 11], multipleMemories),
];
