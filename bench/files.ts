/**
 * File throughput: a program that reads, writes and opens files, and times itself.
 *
 * @module
 */

/** One way to use files. */
export interface FileCase {
  name: string;
  /** For `files.wasm`. */
  args: readonly string[];
  quick: readonly string[];
}

/** Deno's `node:wasi` and our WASI, both on V8's own Wasm; our WASI on our own engine. */
export const FILE_COLUMNS: readonly string[] = ["v8", "wasi", "counter"];

const transfer = (action: string, size: number): FileCase => ({
  name: `${action}-${size / 1024}k`,
  args: [action, String(size), "256"],
  quick: [action, String(size), "1"],
});

const open = (name: string, path: string): FileCase => ({
  name,
  args: ["open", path, "10000"],
  quick: ["open", path, "20"],
});

/** All of them: 256 MB in calls of 4 KB and of 64 KB, and 10,000 times opened and closed. */
export const FILE_CASES: readonly FileCase[] = [
  transfer("read", 4096),
  transfer("read", 65536),
  transfer("write", 4096),
  transfer("write", 65536),
  open("open-close", "/data"),
  open("open-below", "/folder/data"),
];
