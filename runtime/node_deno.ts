/**
 * Node's modules for what Deno has nothing for. With the first of them much of Node is loaded, which takes 30 ms; so
 * they are when they are needed.
 *
 * @module
 */
import type * as fs from "node:fs";

declare const process: { getBuiltinModule(name: "node:fs"): typeof fs };

export function nodeFs(): typeof fs {
  return process.getBuiltinModule("node:fs");
}
