/**
 * The benchmark of file throughput works, on a small size.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { measure } from "./throughput.ts";

Deno.test("file throughput is measured for both", () => {
  const rows = measure(1, 20, 1);
  assertEquals(rows.map(({ name }) => name), [
    "write 4096",
    "read 4096",
    "write 65536",
    "read 65536",
    "open 20",
  ]);
  for (const { ours, theirs } of rows) assert(ours > 0 && theirs > 0 && theirs < Infinity);
});
