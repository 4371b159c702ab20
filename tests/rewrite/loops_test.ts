/**
 * Loops that count, which are rewritten to run in strips, and other innermost ones: they take exactly the turns
 * that they take in V8, wherever they are stopped.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type PolicyName, Program } from "../../mod.ts";
import { clearStop, ControlWord, requestStop } from "../../runtime/control.ts";
import type { Func } from "../../runtime/func.ts";
import { assemble, assertBits, assertValid, Subject } from "../exact/subject.ts";

const bits = [0, 1, 16];
const policies: readonly PolicyName[] = ["counter", "loop", "dirty"];

/** Each gives how many turns it took; at most 200,000, which is another way out. */
const shapes: Readonly<Record<string, (step: number) => string>> = {
  "bound behind the sum": (step) => `(br_if $loop (i32.ne ${sum(step)} (local.get $to)))`,
  "bound before the sum": (step) => `(br_if $loop (i32.ne (local.get $to) ${sum(step)}))`,
};
const constants: Readonly<Record<string, (step: number, to: number) => string>> = {
  "constant behind the sum": (step, to) => `(br_if $loop (i32.ne ${sum(step)} (i32.const ${to})))`,
  "constant before the sum": (step, to) => `(br_if $loop (i32.ne (i32.const ${to}) ${sum(step)}))`,
  "to zero": (step) => `(br_if $loop ${sum(step)})`,
};
const sum = (step: number) => `(local.tee $i (i32.add (local.get $i) (i32.const ${step})))`;

function loop(name: string, end: string): string {
  return `(func (export ${
    JSON.stringify(name)
  }) (param $i i32) (param $to i32) (result i32 i32) (local $turns i32)
    (block $out
      (loop $loop
        (br_if $out (i32.ge_u (local.get $turns) (i32.const 200000)))
        (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
        ${end}))
    (local.get $i) (local.get $turns))`;
}

const steps = [1, -1, 3, -3, 7, 4096, -4096, 4097];

/** Start and end: near, far, past the ends of the integers, of a distance that no number of steps has. */
function ranges(step: number): [from: number, to: number][] {
  const near = [1, 2, 5, 65535, 65536, 65537, 140_000].map((
    turns,
  ): [number, number] => [10, 10 + turns * step | 0]);
  const wrapping = [3, 65537].map((turns): [number, number] => {
    const from = step > 0 ? 0x7fffffff - 1 : -0x80000000 + 1;
    return [from, from + turns * step | 0];
  });
  const unsigned = [4].map((turns): [number, number] => {
    const from = step > 0 ? -2 : 2;
    return [from, from + turns * step | 0];
  });
  // All the way around, or never.
  return [...near, ...wrapping, ...unsigned, [5, 5], [0, 1], [0, -1], [1, 0], [-5, 0], [12, 0]];
}

const text = `(module
  ${
  steps.flatMap((step) => Object.entries(shapes).map(([name, end]) => loop(`${name}, ${step}`, end(step))))
    .join("\n")
}
  ${
  steps.flatMap((step) =>
    Object.entries(constants).flatMap(([name, end]) =>
      (name === "to zero" ? [0] : [0, 77, -4096]).map((to) => loop(`${name}, ${step}, ${to}`, end(step, to)))
    )
  ).join("\n")
})`;

/** The calls of all loops, with what V8 says. */
function* calls(module: WebAssembly.Instance) {
  for (const [name, func] of Object.entries(module.exports)) {
    const [, step, bound] = name.split(", ").map(Number);
    const pairs = Number.isNaN(bound) || bound === undefined
      ? ranges(step)
      : ranges(step).map(([from, to]): [number, number] => [from - to + bound | 0, 0]);
    for (const args of pairs) {
      const expected = (func as (...args: number[]) => number[])(...args).map((value) => value >>> 0);
      yield { name, args: args.map((value) => value >>> 0), expected };
    }
  }
}

Deno.test("rewritten loops: strips end where the loops end", async () => {
  const bytes = await assemble(text);
  const reference = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  const all = [...calls(reference)];
  assert(new Set(all.map(({ expected }) => expected[1])).size > 10, "there are many numbers of turns");
  for (const thresholdBits of bits) {
    const subject = Subject.of(bytes, { policy: "counter", thresholdBits, backEnd: "wasm" });
    for (const { name, args, expected } of all) {
      assertBits(subject.call(name, ...args), expected, `${name} from ${args}, ${thresholdBits} bits`);
    }
  }
});

Deno.test("rewritten loops: what is asked for at any look stops them in the middle", async () => {
  const bytes = await assemble(text);
  const reference = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  const all = [...calls(reference)].filter(({ expected }) => expected[1] > 4);
  for (const policy of policies) {
    for (const [i, thresholdBits] of [0, 1, 4].entries()) {
      for (const { name, args, expected } of all.filter((_, k) => k % 30 === 7 * i)) {
        const subject = Subject.of(bytes, { policy, thresholdBits, backEnd: "wasm" });
        const where = `${policy}, ${name} from ${args}, ${thresholdBits} bits`;
        // A request that is there before the call is seen at the first look: at once, or 2^thresholdBits turns later.
        const free = policy === "counter" ? 2 ** thresholdBits : 0;
        requestStop(subject.store.thread.control);
        const func = subject.store.instances[0].exports.get(name) as Func;
        subject.store.thread.start(func, args.map((value) => value as number | 0));
        const { kind } = subject.store.thread.drive();
        assertEquals(kind, expected[1] > free ? "stopped" : "returned", where);
        if (kind !== "stopped") continue;
        await subject.roundTrip(policy);
        const turns = (subject.store.thread.frames[0].values[2] as number) >>> 0;
        assertEquals(turns, free, `${where}: turns before the first look`);
        const completion = subject.store.thread.drive();
        assert(completion.kind === "returned", where);
        assertEquals(completion.raw.map((value) => (value as number) >>> 0), expected, where);
      }
    }
  }
});

const nested = `(module
  (import "env" "during" (func $during))
  (func (export "outer") (call $during))
  (func (export "counted") (param $n i32) (result i32) (local $turns i32)
    (loop $loop
      (local.set $turns (i32.add (local.get $turns) (i32.const 2)))
      (br_if $loop (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $turns))
  (func (export "other") (param $n i32) (result i32) (local $turns i32)
    (block $out
      (loop $loop
        (br_if $out (i32.le_s (local.get $n) (i32.const 0)))
        (local.set $turns (i32.add (local.get $turns) (i32.const 2)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $loop)))
    (local.get $turns))
  (func (export "inside") (param $n i32) (result i32) (local $i i32) (local $k i32) (local $turns i32)
    (loop $outer
      (local.set $i (i32.const 0))
      (loop $middle
        (local.set $k (i32.const 0))
        (loop $inner
          (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
          (br_if $inner (i32.ne (i32.const 2) (local.tee $k (i32.add (local.get $k) (i32.const 1))))))
        (br_if $middle (i32.ne (local.get $n) (local.tee $i (i32.add (local.get $i) (i32.const 1)))))))
    (local.get $turns)))`;

Deno.test("rewritten loops: a request that has to wait lets them go on", async () => {
  const bytes = await assemble(nested);
  for (const policy of policies) {
    for (const thresholdBits of [0, 1, 16]) {
      for (const backEnd of ["js", "wasm"] as const) {
        const seen: unknown[] = [];
        const subject: Subject = Subject.of(bytes, { policy, thresholdBits, backEnd }, {
          // What the host calls cannot be stopped by itself.
          during() {
            const { thread, instances: [{ exports }] } = subject.store;
            requestStop(thread.control);
            for (const name of ["counted", "other", "inside"]) {
              seen.push(...thread.call(exports.get(name) as Func, [100]));
            }
            clearStop(thread.control);
          },
        });
        subject.call("outer");
        assertEquals(seen, [200, 200, 200], `${policy}, ${thresholdBits} bits, ${backEnd}`);
      }
    }
  }
});

Deno.test("rewritten loops: looks that find nothing to do cost no turn, and no turn costs more than one look", async () => {
  const bytes = await assemble(nested);
  for (const policy of policies) {
    for (const thresholdBits of [0, 2]) {
      for (const name of ["counted", "other"]) {
        const subject = Subject.of(bytes, { policy, thresholdBits, backEnd: "wasm" }, { during: () => [] });
        const { thread } = subject.store;
        let looks = 0;
        const poll = thread.poll.bind(thread);
        thread.poll = () => {
          looks++;
          return poll();
        };
        thread.control[ControlWord.attention] = 1;
        assertBits(subject.call(name, 1000), [2000], `${policy}, ${name}`);
        const most = policy === "counter" ? 1000 / 2 ** thresholdBits : 1000;
        assert(
          looks >= most - 1 && looks <= most + 1,
          `${looks} looks in ${name} under ${policy}, not ${most}`,
        );
      }
    }
  }
});

Deno.test("rewritten loops: those inside others leave when they are asked to, or have made many turns", async () => {
  const bytes = await assemble(nested);
  const turns = 3 * 2 ** 20;
  const subjectOf = (captured: () => void) =>
    Subject.of(bytes, { policy: "counter", backEnd: "wasm" }, { during: () => [] }, {
      observer: { captured },
    });
  let moved = 0;
  assertBits(subjectOf(() => moved++).call("inside", turns), [2 * turns]);
  assert(moved > 0, "never moved");

  const sliced = subjectOf(() => {});
  const { thread } = sliced.store;
  thread.sliceMilliseconds = 1;
  thread.start(sliced.store.instances[0].exports.get("inside") as Func, [turns]);
  let slices = 0;
  let completion = thread.drive();
  for (; completion.kind === "paused"; slices++) completion = thread.drive();
  assert(slices > 0, "never paused");
  assert(completion.kind === "returned");
  assertEquals(completion.raw, [2 * turns]);
});

Deno.test("rewritten loops: what finds a request leaves, however frames are saved", async () => {
  const bytes = await assemble(nested);
  for (const policy of policies) {
    for (const without of [[], ["exits"], ["captures"]] as const) {
      for (const name of ["counted", "other", "inside"]) {
        const subject = Subject.of(bytes, { policy, thresholdBits: 2, backEnd: "wasm", without }, {
          during: () => [],
        });
        requestStop(subject.store.thread.control);
        subject.store.thread.start(subject.store.instances[0].exports.get(name) as Func, [100]);
        assertEquals(subject.store.thread.drive().kind, "stopped", `${name}, ${policy}`);
        await subject.roundTrip(policy);
        const completion = subject.store.thread.drive();
        assert(completion.kind === "returned");
        assertEquals(completion.raw, [200], `${name}, ${policy}`);
      }
    }
  }
});

Deno.test("rewritten loops: those of the tests are rewritten", async () => {
  for (const source of [text, nested]) {
    const program = Program.from(await assemble(source), { backEnd: "wasm" });
    assert(program.rewritten !== undefined);
    assertValid(program);
  }
});
