/**
 * A guest that is recorded is killed at any moment: the newest image is there, whole, and goes on.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import wabt from "wabt";
import { readImageFile } from "../../runtime/image/file_deno.ts";
import { random } from "../image/snapshots.ts";
import { mvvm, Running, withFolder } from "./command.ts";

/** Steps of the program below. */
const LIMIT = 2 ** 30;
/** Where it keeps the time of every 2^14th step, in nanoseconds since 1970. */
const TIME = 0x130000;

/**
 * Step `i` writes `i` to word `i & 1023` of page `(i >> 18) & 255`, so its memory follows from its count, and
 * a link of a chain has some of the pages. At the end it writes a checksum to standard output.
 */
const COUNTING = `(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 20)
  (global $i (mut i32) (i32.const 0))
  (func (export "_start") (local $at i32) (local $sum i32)
    (loop $step
      (i32.store
        (i32.or
          (i32.shl (i32.and (i32.shr_u (global.get $i) (i32.const 18)) (i32.const 255)) (i32.const 12))
          (i32.shl (i32.and (global.get $i) (i32.const 1023)) (i32.const 2)))
        (global.get $i))
      (if (i32.eqz (i32.and (global.get $i) (i32.const 16383)))
        (then (drop (call $clock (i32.const 0) (i64.const 0) (i32.const ${TIME})))))
      (global.set $i (i32.add (global.get $i) (i32.const 1)))
      (br_if $step (i32.lt_u (global.get $i) (i32.const ${LIMIT}))))
    (loop $word
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (i32.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $word (i32.lt_u (local.get $at) (i32.const 0x100000))))
    (i32.store (i32.const ${TIME + 16}) (local.get $sum))
    (i32.store (i32.const ${TIME + 20}) (i32.const ${TIME + 16}))
    (i32.store (i32.const ${TIME + 24}) (i32.const 4))
    (drop (call $write (i32.const 1) (i32.const ${TIME + 20}) (i32.const 1) (i32.const ${TIME + 32})))))`;

/** The program's memory after so many steps. */
function memoryAfter(steps: number): Int32Array {
  const words = new Int32Array(2 ** 18);
  const top = (steps - 1) >>> 18;
  for (let page = 0; page < 256; page++) {
    for (let word = 0; word < 1024; word++) {
      let block = top - (((top - page) % 256) + 256) % 256;
      let last = (block << 18) + 0x3fc00 + word;
      // In the block of the last step, only the words up to it.
      if (block === top) last = ((steps - 1 - word) >>> 10 << 10) + word;
      if (block === top && (word > steps - 1 || last >>> 18 !== block)) {
        block -= 256;
        last = (block << 18) + 0x3fc00 + word;
      }
      words[(page << 10) + word] = block < 0 ? 0 : last;
    }
  }
  return words;
}

/** Reads the image and compares it with what the program must be. @returns When it last looked at the clock. */
async function check(path: string): Promise<number> {
  const { globals, memories } = await readImageFile(path);
  const steps = Number(globals[0].value);
  // A stop can lie between the store and the count, at the call of the clock.
  const words = new Int32Array(memories[0].buffer, 0, 2 ** 18);
  const expected = [steps, steps + 1].map(memoryAfter);
  const fits = expected.some((each) => each.every((word, i) => word === words[i]));
  assert(fits, `the memory is not that after ${steps} steps`);
  return Number(new BigInt64Array(memories[0].buffer, TIME, 1)[0]) / 1e6;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const recording = ["--every", "20ms", "--keep", "3"];

Deno.test({
  name: "--every: killed 50 times, nothing is corrupt and little is lost",
  ignore: Deno.build.os === "windows",
  async fn() {
    const next = random(Date.now());
    const losses: number[] = [];
    let none = 0;
    let finished = 0;
    /** Milliseconds to the first image. */
    let startup = 300;
    await withFolder(async (folder) => {
      const target = `${folder}/counting.wasm`;
      Deno.writeFileSync(target, (await wabt()).parseWat("counting.wat", COUNTING).toBinary({}).buffer);
      const sum = new Uint8Array(
        Int32Array.of(memoryAfter(LIMIT).reduce((a, b) => Math.imul(a, 31) + b | 0, 0)).buffer,
      );
      const expected = new TextDecoder().decode(sum);
      for (let kills = 0; kills < 50; kills++) {
        // In each folder a chain is begun, killed, and four times gone on with.
        const image = `${folder}/${Math.floor(kills / 5)}/x.mvvm`;
        Deno.mkdirSync(`${folder}/${Math.floor(kills / 5)}`, { recursive: true });
        const isThere = has(image);
        const before = inode(image);
        const command = isThere ? "restore" : "checkpoint";
        const running = new Running([
          command,
          "-t",
          target,
          "--image",
          image,
          "--policy",
          "loop",
          ...recording,
        ]);
        // One in five is killed while it starts, the others some images later.
        const start = performance.now();
        if (next(5) === 0) await pause(next(startup));
        else {
          await replaced(image, running);
          startup = Math.max(startup, performance.now() - start);
          await pause(next(250));
        }
        running.kill("SIGKILL");
        const killed = Date.now();
        const { code, stdout } = await running.ended();
        if (code === 0) {
          finished++;
          assertEquals(stdout, expected);
          Deno.removeSync(image);
        } else if (!has(image)) {
          assert(!isThere, "the image that was there is gone");
          none++;
        } else {
          const time = await check(image);
          // Before its first image a process has nothing to lose.
          if (inode(image) !== before) losses.push(killed - time);
        }
        const names = [...Deno.readDirSync(`${folder}/${Math.floor(kills / 5)}`)].map(({ name }) => name);
        assert(names.length < 80, `files are left: ${names}`);
      }
      // What was left behind is cleared away by the next, which ends as if nothing had happened.
      for (const name of ["0", "9"]) {
        const image = `${folder}/${name}/x.mvvm`;
        if (!has(image)) continue;
        const { code, stdout, stderr } = await mvvm([
          "restore",
          "-t",
          target,
          "--image",
          image,
          ...recording,
        ]);
        assertEquals([code, stdout], [0, expected], stderr);
        const left = [...Deno.readDirSync(`${folder}/${name}`)].filter((each) => each.name.endsWith(".part"));
        assertEquals(left, []);
      }
    });
    losses.sort((a, b) => a - b);
    console.log(
      `killed ${losses.length} times with an image, ${none} times before there was one, ${finished} times too late; ` +
        `lost ${Math.round(losses[losses.length >> 1])} ms (median), ${Math.round(losses.at(-1)!)} ms (most)`,
    );
    assert(losses.length >= 20, "most kills must find an image");
    assert(losses[losses.length >> 1] < 2000, "an image each 20 ms loses less than seconds");
  },
});

/** Waits until a file is another than now, or the command has ended. */
async function replaced(path: string, running: Running): Promise<void> {
  const before = inode(path);
  let ended = false;
  running.ended().then(() => ended = true);
  while (!ended && inode(path) === before) await pause(5);
}

function inode(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch {
    return null;
  }
}

function has(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
