/**
 * Writes one image after the other to the same path until it is killed: `PATH FIRST_GENERATION`. Writes a
 * byte to standard output when it begins, and after each image.
 *
 * @module
 */
import { writeImageFile } from "../../runtime/image/file_deno.ts";
import { emptySnapshot, random } from "./snapshots.ts";

const [path, first] = Deno.args;
const next = random(1);
const memory = new Uint8Array(Uint32Array.from({ length: 1 << 20 }, () => next(2 ** 32)).buffer);
Deno.stdout.writeSync(Uint8Array.of(10));
for (let generation = Number(first);; generation++) {
  memory[0] = memory[memory.length - 1] = generation;
  const memories = [{ pages: 64, buffer: memory.buffer }];
  await writeImageFile(path, { ...emptySnapshot, memories, host: { test: { generation } } });
  Deno.stdout.writeSync(Uint8Array.of(10));
}
