/**
 * The library as a program uses it: outcomes, stops from the API, host functions, promises, images.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import wabt from "wabt";
import {
  encodeImage,
  Guest,
  type GuestOptions,
  LinkError,
  type Outcome,
  type PolicyName,
  policyNames,
  Program,
  readImage,
  RestoreError,
  type Snapshot,
} from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";

const assembler = await wabt();

function assemble(text: string): Uint8Array {
  const module = assembler.parseWat("test.wat", text);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Sums `i * 7 ^ i` for i below n, in one long loop. */
const looping = assemble(`(module
  (memory (export "memory") 1)
  (func $sum (export "sum") (param $n i32) (result i64) (local $i i32) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum)
        (i64.extend_i32_u (i32.xor (i32.mul (local.get $i) (i32.const 7)) (local.get $i)))))
      (i32.store (i32.const 16) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $sum)))`);

function expectedSum(n: number): bigint {
  let sum = 0n;
  for (let i = 0; i < n; i++) sum += BigInt((Math.imul(i, 7) ^ i) >>> 0);
  return sum;
}

async function throughBytes(image: Snapshot): Promise<Snapshot> {
  return await readImage(await encodeImage(image, {}, denoCodec), denoCodec);
}

function finished(outcome: Outcome): readonly unknown[] {
  assert(outcome.kind === "finished", `expected an end, got ${outcome.kind}`);
  return outcome.results;
}

function checkpointed(outcome: Outcome): Snapshot {
  assert(outcome.kind === "checkpointed", `expected a checkpoint, got ${outcome.kind}`);
  return outcome.image;
}

Deno.test("a run finishes with its results", async () => {
  for (const policy of policyNames) {
    const guest = Guest.start(Program.from(looping, { policy }), { entry: "sum", args: [1000] });
    assertEquals(finished(await guest.run()), [expectedSum(1000)]);
  }
});

Deno.test("a trap has a kind and a Wasm stack, innermost first", async () => {
  const bytes = assemble(`(module
    (func $inner (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
    (func $middle (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1)))
    (func (export "outer") (result i32) (call $middle (i32.const 0))))`);
  const outcome = await Guest.start(Program.from(bytes), { entry: "outer" }).run();
  assert(outcome.kind === "trapped");
  assertEquals(outcome.trap, "integer divide by zero");
  assertEquals(outcome.stack.map(({ func }) => func), [0, 1, 2]);
});

Deno.test("an AbortSignal stops a tight loop in this very thread", async () => {
  for (const policy of ["loop", "counter", "dirty"] as PolicyName[]) {
    const program = Program.from(looping, { policy, thresholdBits: 8 });
    // Far more than any machine does in so few milliseconds.
    const n = 500_000_000;
    const guest = Guest.start(program, { entry: "sum", args: [n] });
    const image = await throughBytes(checkpointed(await guest.run({ signal: AbortSignal.timeout(5) })));
    assertEquals(image.stack.length, 1);
    const again = await Guest.restore(image, Program.from(looping, { policy: "none" }));
    const [sum] = finished(await again.run());
    assert(typeof sum === "bigint" && sum > 0n);
    // The run that was stopped can go on, too, with the same end.
    assertEquals(finished(await guest.run()), [sum]);
  }
});

Deno.test("a stop at every count, under every policy, restored under every other, changes nothing", async () => {
  const want = expectedSum(40);
  for (const policy of policyNames) {
    for (let stop = 1; stop < 40; stop += 7) {
      const program = Program.from(looping, { policy, ticks: true, thresholdBits: 1 });
      const guest = Guest.start(program, { entry: "sum", args: [40], stopAtTick: stop });
      const outcome = await guest.run();
      if (outcome.kind === "finished") {
        assertEquals(outcome.results, [want]);
        continue;
      }
      const image = await throughBytes(checkpointed(outcome));
      for (const next of policyNames) {
        const restored = await Guest.restore(image, Program.from(looping, { policy: next }));
        assertEquals(finished(await restored.run()), [want], `${policy} at ${stop}, then ${next}`);
      }
    }
  }
});

Deno.test("the same count gives the same image", async () => {
  const take = async () => {
    const program = Program.from(looping, { ticks: true, policy: "loop" });
    const guest = Guest.start(program, { entry: "sum", args: [1000], stopAtTick: 123 });
    return await encodeImage({ ...checkpointed(await guest.run()), wallTime: "" }, {}, denoCodec);
  };
  assertEquals(await take(), await take());
});

const calling = assemble(`(module
  (import "env" "next" (func $next (param i32 i64 f64) (result i64)))
  (memory (export "memory") 1)
  (func $twice (param i32) (result i64)
    (i64.add (call $next (local.get 0) (i64.const -5) (f64.const 0.5)) (i64.const 1)))
  (func (export "back") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func (export "main") (result i64) (local $i i32) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (call $twice (local.get $i))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
    (local.get $sum)))`);

Deno.test("host functions get and give values; promises suspend the guest", async () => {
  const seen: unknown[][] = [];
  const sync = (i: number, big: bigint, half: number) => {
    seen.push([i, big, half]);
    return BigInt(i) << 33n;
  };
  const slow = async (i: number) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return BigInt(i) << 33n;
  };
  const want = [(45n << 33n) + 10n];
  for (const policy of policyNames) {
    const program = Program.from(calling, { policy });
    for (const next of [sync, slow]) {
      const guest = Guest.start(program, { entry: "main", imports: { env: { next } } });
      assertEquals(finished(await guest.run()), want);
    }
  }
  assertEquals(seen[3], [3, -5n, 0.5]);
});

Deno.test("a stop before any host call: the call is made once, after the restore", async () => {
  for (let stop = 1; stop <= 10; stop++) {
    const calls: number[] = [];
    const imports = { env: { next: (i: number) => (calls.push(i), 1n) } };
    const guest = Guest.start(Program.from(calling), { entry: "main", imports, stopAtHostCall: stop });
    const image = await throughBytes(checkpointed(await guest.run()));
    assertEquals(calls.length, stop - 1);
    const restored = await Guest.restore(image, Program.from(calling, { policy: "loop" }), { imports });
    assertEquals(finished(await restored.run()), [20n]);
    assertEquals(calls, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

Deno.test("a chain of images, one at each host call", async () => {
  const calls: number[] = [];
  const options: GuestOptions = {
    imports: { env: { next: (i: number) => (calls.push(i), 2n) } },
    stopAtHostCall: 1,
  };
  let outcome = await Guest.start(Program.from(calling), { ...options, entry: "main" }).run();
  let images = 0;
  while (outcome.kind === "checkpointed") {
    const image = await throughBytes(outcome.image);
    const policy = policyNames[images++ % policyNames.length];
    // The call that the frame stands before is made first; the next one stops again.
    outcome = await (await Guest.restore(image, Program.from(calling, { policy }), options)).run();
  }
  assertEquals(finished(outcome), [30n]);
  assertEquals([images, calls.length], [10, 10]);
});

Deno.test("a host function can ask for a checkpoint, and call back", async () => {
  const calls: number[] = [];
  const guest: Guest = Guest.start(Program.from(calling), {
    entry: "main",
    imports: {
      env: {
        next: (i: number) => {
          calls.push(guest.call("back", i)[0] as number);
          if (i === 4) guest.requestCheckpoint();
          return 0n;
        },
      },
    },
  });
  const image = checkpointed(await guest.run());
  assert(image.stack.length >= 1);
  assertEquals(calls, [0, 3, 6, 9, 12]);
  assertEquals(finished(await guest.run()), [10n]);
});

Deno.test("what a host function throws comes out as it is", async () => {
  const imports = {
    env: {
      next: () => {
        throw new RangeError("out of paper");
      },
    },
  };
  const guest = Guest.start(Program.from(calling), { entry: "main", imports });
  await assertRejects(() => guest.run(), RangeError, "out of paper");
  const rejecting = { env: { next: () => Promise.reject(new TypeError("gone")) } };
  await assertRejects(
    () => Guest.start(Program.from(calling), { entry: "main", imports: rejecting }).run(),
    TypeError,
    "gone",
  );
});

Deno.test("missing imports and other modules are refused with names", async () => {
  assertThrows(() => Guest.start(Program.from(calling), { entry: "main" }), LinkError, '"env" "next"');
  const program = Program.from(looping, { ticks: true });
  assertThrows(() => Guest.start(program, { entry: "nothing" }), RangeError, '"nothing"');
  const image = checkpointed(
    await Guest.start(program, { entry: "sum", args: [1 << 20], stopAtTick: 3 }).run(),
  );
  await assertRejects(() => Guest.restore(image, Program.from(calling)), RestoreError, "another module");
});

Deno.test("a frame that no execution could leave is refused", async () => {
  const program = Program.from(looping, { ticks: true, policy: "loop" });
  const image = checkpointed(await Guest.start(program, { entry: "sum", args: [100], stopAtTick: 3 }).run());
  const [frame] = image.stack;
  const forged: [Partial<Snapshot["stack"][number]>, string][] = [
    [{ site: frame.site + 1 }, "no site"],
    [{ func: 7 }, "does not exist"],
    [{ instance: 1 }, "does not exist"],
    [{ types: frame.types.slice(0, -1) }, "other locals"],
    [{ types: frame.types.map(() => 0x7f) }, "other locals"],
    [{ localCount: frame.localCount - 1 }, "other locals"],
  ];
  for (const [change, reason] of forged) {
    const changed = { ...image, stack: [{ ...frame, ...change }] };
    await assertRejects(() => Guest.restore(changed, program), RestoreError, reason);
  }
  const twice = { ...image, stack: [frame, frame] };
  await assertRejects(() => Guest.restore(twice, program), RestoreError, "no caller");
});

Deno.test("a counted loop can be stopped, also one that steps over its bound for ever", async () => {
  const bytes = assemble(`(module
    (func (export "over") (local $i i32)
      (loop $l (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 7)))))
    (func (export "down") (param $n i32) (result i32) (local $s i32)
      (loop $l
        (local.set $s (i32.add (local.get $s) (i32.const 3)))
        (br_if $l (local.tee $n (i32.add (local.get $n) (i32.const -5)))))
      (local.get $s))
    (func (export "from") (param $i i32) (result i32) (local $n i32)
      (loop $l
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.ne (i32.const 100) (local.tee $i (i32.add (local.get $i) (i32.const 1))))))
      (local.get $n)))`);
  for (const thresholdBits of [0, 3, 16, 30]) {
    const program = Program.from(bytes, { thresholdBits });
    checkpointed(await Guest.start(program, { entry: "over" }).run({ signal: AbortSignal.timeout(30) }));
    const ticking = Program.from(bytes, { thresholdBits, ticks: true });
    for (const [entry, arg, want] of [["down", 500, 300], ["from", -3, 103], ["from", 99, 1]] as const) {
      let outcome = await Guest.start(ticking, { entry, args: [arg], stopAtTick: 1 }).run();
      let stops = 0;
      while (outcome.kind === "checkpointed") {
        stops++;
        outcome = await (await Guest.restore(outcome.image, ticking, { stopAtTick: 1 })).run();
      }
      assertEquals(finished(outcome), [want]);
      assert(thresholdBits > 10 || arg === 99 || stops > 5);
    }
  }
});
