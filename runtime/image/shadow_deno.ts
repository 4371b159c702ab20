/**
 * The fastest way to compare memories that Deno has: `memcmp`, behind `Buffer.compare`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Comparer } from "./shadow.ts";

/** Three times as fast as comparing words. */
export const compareBytes: Comparer = (memory, copy) => {
  const [a, b] = [memory, copy].map((buffer) => Buffer.from(buffer as ArrayBuffer));
  return (start, end) => a.compare(b, start, end, start, end) !== 0;
};
