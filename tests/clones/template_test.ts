/**
 * Clones of one image: what they share, and that nothing of one reaches another.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  encodeImage,
  Errno,
  Guest,
  type HostFunction,
  inputToCome,
  LinkError,
  MemoryHost,
  policyNames,
  ProcExit,
  Program,
  readArtifact,
  readImage,
  RestoreError,
  type Snapshot,
  Template,
  type TemplateOptions,
  Wasi,
  writeArtifact,
} from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { assemble, changing, Mode, probed, probing, unchanged } from "./modules.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Host functions of one clone; what it finds is checked here. */
function host(mode: number, wait: (n: number) => unknown = (n) => n): Record<string, HostFunction> {
  return {
    begin: () => mode,
    report: (...found) => assertEquals(found, unchanged),
    wait,
    fail: () => {
      throw new Error("the host failed");
    },
  };
}

/** An image that went through bytes, as one from a file. */
async function imageOf(guest: Guest): Promise<Snapshot> {
  const outcome = await guest.run();
  assert(outcome.kind === "checkpointed", `expected a stop, got ${outcome.kind}`);
  return await readImage(await encodeImage(outcome.image, {}, denoCodec), denoCodec);
}

async function changingTemplate(
  options?: TemplateOptions,
  program = Program.from(changing),
): Promise<Template> {
  const imports = { host: host(Mode.end) };
  const guest = Guest.start(program, { entry: "main", imports, stopAtHostCall: 1 });
  return await Template.from(await imageOf(guest), program, options);
}

async function probingTemplate(randomSeed?: number): Promise<Template> {
  const program = Program.from(probing);
  const wasi = new Wasi(
    { args: ["before"], env: { A: "0" }, randomSeed },
    new MemoryHost({ stdin: inputToCome() }),
  );
  return await Template.from(await imageOf(Guest.start(program, { wasi })), program);
}

/** Runs one clone of `changing` to its end. */
async function once(template: Template, mode: number, wait?: (n: number) => unknown): Promise<unknown> {
  using clone = template.clone({ imports: { host: host(mode, wait) } });
  const outcome = await clone.run().catch((error) => ({ kind: error.message as string }));
  return "results" in outcome ? outcome.results[0] : outcome.kind;
}

Deno.test("clones: each finds memory, globals, tables and segments as the image has them, however others end", async () => {
  for (const maxIdle of [0, 1, 4]) {
    const template = await changingTemplate({ maxIdle });
    for (let round = 0; round < 5; round++) {
      assertEquals(await once(template, Mode.grow), 15);
      assertEquals(await once(template, Mode.growLittle), 15);
      assertEquals(await once(template, Mode.growLittle), 15);
      assertEquals(await once(template, Mode.end), 15);
      assertEquals(await once(template, Mode.trap), "trapped");
      assertEquals(await once(template, Mode.end), 15);
      assertEquals(await once(template, Mode.throw), "the host failed");
    }
    assert(template.idle <= maxIdle);
  }
});

Deno.test("clones: a used instance has the state of the image, to the last bit", async () => {
  const state = ({ instances, tables, globals, memories }: Snapshot) => ({
    instances,
    tables,
    globals,
    // Where the bytes are that are not zero.
    memories: memories.map(({ pages, buffer }) => [
      pages,
      ...new Uint8Array(buffer, 0, pages << 16).entries().filter(([, byte]) => byte !== 0),
    ]),
  });
  for (const mode of [Mode.grow, Mode.growLittle, Mode.end]) {
    const program = Program.from(changing);
    const begun = Guest.start(program, {
      entry: "main",
      imports: { host: host(Mode.end) },
      stopAtHostCall: 1,
    });
    const image = await imageOf(begun);
    const template = await Template.from(image, program, { maxIdle: 1 });
    assertEquals(await once(template, mode), 15);
    assertEquals(template.idle, 1);
    using clone = template.clone({ imports: { host: host(Mode.end) } });
    // It stops at the next host call, and has changed nothing until there.
    const outcome = await clone.run({ signal: AbortSignal.abort() });
    assert(outcome.kind === "checkpointed");
    assertEquals(state(outcome.image), state(image));
  }
});

Deno.test("clones: a stop that came too late for one does not stop the next", async () => {
  const template = await probingTemplate();
  const stop = new AbortController();
  const proc_exit = (code: number) => {
    stop.abort();
    throw new ProcExit(code);
  };
  const imports = { wasi_snapshot_preview1: { proc_exit } };
  const { outcome } = await template.answer("", { signal: stop.signal, imports });
  assertEquals([outcome.kind, template.idle], ["finished", 1]);
  assertEquals((await template.answer("")).outcome.kind, "finished");
});

Deno.test("clones: 16 interleaved in one thread, 200 in all, waiting in asynchronous imports", async () => {
  for (const policy of policyNames) {
    const template = await changingTemplate({ maxIdle: 8 }, Program.from(changing, { policy }));
    let started = 0, most = 0, waiting = 0;
    const worker = async () => {
      while (started < 200) {
        const own = started++;
        const mode = own % 7 === 3
          ? Mode.trap
          : own % 5 === 1
          ? Mode.throw
          : own % 2 === 1
          ? Mode.growLittle
          : Mode.end;
        const result = await once(template, mode, async (n) => {
          most = Math.max(most, ++waiting);
          await pause(own % 3);
          waiting--;
          return own * n;
        });
        const ends = { [Mode.trap]: "trapped", [Mode.throw]: "the host failed" } as Record<number, string>;
        assertEquals(result, ends[mode] ?? own * 15);
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    assert(most >= 8, `only ${most} waited at once`);
    assert(template.idle >= 1 && template.idle <= 8);
  }
});

Deno.test("clones: grown memory stays its clone's own", async () => {
  const template = await changingTemplate();
  const sizes: number[] = [];
  const look = (mode: number) => {
    const clone = template.clone({
      imports: { host: host(mode, (n) => (sizes.push(clone.memory.length >> 16), n)) },
    });
    return clone;
  };
  const [grown, plain] = [look(Mode.grow), look(Mode.end)];
  await grown.run();
  await plain.run();
  assertEquals(sizes, [5, 5, 5, 5, 5, 2, 2, 2, 2, 2]);
  grown.release();
  plain.release();
});

Deno.test("clones: a released one can do nothing, and a second release does nothing", async () => {
  const template = await changingTemplate();
  const clone = template.clone({ imports: { host: host(Mode.end) } });
  await clone.run();
  clone.release();
  clone.release();
  assertEquals(template.idle, 1);
  await assertRejects(() => clone.run(), Error, "released");
  assertThrows(() => clone.call("main"), Error, "released");
  assertThrows(() => clone.memory, Error, "released");
});

Deno.test("clones: a released one has closed its files", async () => {
  const template = await probingTemplate();
  const { wasi } = Wasi.restore(template.image.host.wasi, {}, new MemoryHost());
  const { fd_write } = wasi.imports.wasi_snapshot_preview1;
  const clone = template.clone({ wasi });
  assertEquals(fd_write(1, 64, 0, 40), Errno.success);
  clone.release();
  assertEquals(fd_write(1, 64, 0, 40), Errno.fault);
  wasi.memory = { buffer: new ArrayBuffer(100) };
  assertEquals(fd_write(1, 64, 0, 40), Errno.badf);
});

Deno.test("clones: one that is released while it waits is not used again", async () => {
  const template = await changingTemplate();
  const { promise, resolve } = Promise.withResolvers<number>();
  const clone = template.clone({ imports: { host: host(Mode.end, () => promise) } });
  const running = clone.run();
  await pause(0);
  clone.release();
  assertEquals(template.idle, 0);
  assertEquals(await once(template, Mode.end), 15);
  resolve(1);
  assertEquals((await running).kind, "finished");
  assertEquals(template.idle, 1);
  assertEquals(await once(template, Mode.end), 15);
});

Deno.test("clones: a clone can be stopped, has an image, and goes on as a guest of its own", async () => {
  const template = await changingTemplate();
  const clone = template.clone({ imports: { host: host(Mode.end) } });
  const outcome = await clone.run({ signal: AbortSignal.abort() });
  assert(outcome.kind === "checkpointed");
  const bytes = await encodeImage(outcome.image, {}, denoCodec);
  clone.release();
  assertEquals(template.idle, 0);
  const image = await readImage(bytes, denoCodec);
  const guest = await Guest.restore(image, template.program, { imports: { host: host(Mode.end) } });
  const end = await guest.run();
  assert(end.kind === "finished");
  assertEquals(end.results, [15]);
});

Deno.test("clones: of a program that was compiled ahead of time", async () => {
  const program = await readArtifact(await writeArtifact(Program.from(changing)) as Uint8Array<ArrayBuffer>);
  const template = await changingTemplate({ maxIdle: 0 }, program);
  for (let i = 0; i < 2; i++) {
    using clone = template.clone({ imports: { host: host(Mode.end) } });
    // Its frames are known by forms that are made when they are needed.
    assertEquals((await clone.run({ signal: AbortSignal.abort() })).kind, "checkpointed");
    const outcome = await clone.run();
    assert(outcome.kind === "finished");
    assertEquals(outcome.results, [15]);
  }
});

Deno.test("clones: the guest whose image it is may run on", async () => {
  const program = Program.from(changing);
  const imports = { host: host(Mode.grow) };
  const guest = Guest.start(program, { entry: "main", imports, stopAtHostCall: 1 });
  const outcome = await guest.run();
  assert(outcome.kind === "checkpointed");
  const template = await Template.from(outcome.image, program);
  assertEquals((await guest.run()).kind, "finished");
  assertEquals(await once(template, Mode.end), 15);
});

Deno.test("clones: the stack of a trap names functions", async () => {
  const template = await changingTemplate({ maxIdle: 0 });
  for (let i = 0; i < 3; i++) {
    using clone = template.clone({ imports: { host: host(Mode.trap) } });
    const outcome = await clone.run();
    assert(outcome.kind === "trapped");
    assertEquals(outcome.stack.map(({ name }) => name), ["main"]);
  }
});

Deno.test("clones: WASI is new in each: input, arguments, environment, randomness, exit code, output", async () => {
  const template = await probingTemplate();
  const randoms = new Set<bigint>();
  for (let i = 0; i < 20; i++) {
    const answer = await template.answer(`request ${i}`, { args: [`arg${i}`], env: { A: String(i) } });
    assertEquals(answer.outcome, { kind: "finished", exitCode: 3, results: [] });
    const { input, count, random, env, args } = probed(answer.stdout);
    assertEquals([input, count, env, args], [`request ${i}`, 1, `A=${i}`, `arg${i}`]);
    randoms.add(random);
  }
  assertEquals(randoms.size, 20);
  // What the guest had is the default.
  const { env, args } = probed((await template.answer("")).stdout);
  assertEquals([env, args], ["A=0", "before"]);
});

Deno.test("clones: the monotonic clock of each goes on from the image", async () => {
  const template = await probingTemplate();
  const { monotonic: from } = template.image.host.wasi as { monotonic: number };
  await pause(300);
  for (let i = 0; i < 3; i++) {
    const { monotonic } = probed((await template.answer("")).stdout);
    const passed = (monotonic - from) / 1e6;
    assert(passed >= 0 && passed < 300, `${passed} ms after the image`);
  }
});

Deno.test("clones: a seeded generator goes on as it was, in each", async () => {
  const template = await probingTemplate(7);
  const random = async () => probed((await template.answer("")).stdout).random;
  assertEquals(await random(), await random());
  const fresh = await probingTemplate();
  const seeded = async (randomSeed: number) => probed((await fresh.answer("", { randomSeed })).stdout).random;
  assertEquals(await seeded(1), await seeded(1));
  assertNotEquals(await seeded(1), await seeded(2));
});

Deno.test("clones: objects in externrefs are each clone's own", async () => {
  const program = Program.from(assemble(`(module
    (import "host" "make" (func $make (result externref)))
    (import "host" "add" (func $add (param externref) (result i32)))
    (import "host" "wait" (func $wait))
    (table $kept 1 externref)
    (func (export "main") (result i32)
      (table.set $kept (i32.const 0) (call $make))
      (call $wait)
      (call $add (table.get $kept (i32.const 0))))
  )`));
  const imports = {
    host: { make: () => ({ list: [] }), add: ({ list }: { list: number[] }) => list.push(1), wait: () => {} },
  };
  const guest = Guest.start(program, { entry: "main", imports, stopAtHostCall: 2 });
  const template = await Template.from(await imageOf(guest), program);
  for (let i = 0; i < 3; i++) {
    using clone = template.clone({ imports });
    const outcome = await clone.run();
    assert(outcome.kind === "finished");
    assertEquals(outcome.results, [1]);
  }
});

Deno.test("clones: another module, a missing import and a foreign function are refused, and harm nothing", async () => {
  const template = await changingTemplate();
  await assertRejects(
    () => Template.from({ ...template.image, memories: [] }, Program.from(probing)),
    RestoreError,
    "another module",
  );
  assertThrows(() => template.clone(), LinkError, '"host" "begin"');
  assertThrows(() => template.clone({ imports: { host: { begin: () => 0 } } }), LinkError, '"host" "report"');
  assertEquals(template.idle, 1);
  assertEquals(await once(template, Mode.end), 15);
});
