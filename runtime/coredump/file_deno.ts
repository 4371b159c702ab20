/**
 * Core dumps as files on Deno, written as images are: whole, and for their owner alone.
 *
 * @module
 */
import { realPath, removeStale } from "../image/file_deno.ts";
import { publish } from "../image/publish_deno.ts";
import { type CoreDump, writeCoreDump } from "./coredump.ts";

/**
 * Writes a core dump, or leaves what is at `path` untouched.
 *
 * @returns Bytes written.
 * @throws CoreDumpError if its memories are too large; otherwise what the file system says.
 */
export async function writeCoreDumpFile(path: string, dump: CoreDump): Promise<number> {
  const target = realPath(path);
  const byteLength = await publish(target, {}, (sink) => writeCoreDump(dump, sink));
  removeStale(target);
  return byteLength;
}
