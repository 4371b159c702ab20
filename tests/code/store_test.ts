/**
 * Code that was kept does what code does that was just made: every program, from code alone, with V8's data,
 * and through stops.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type CompileOptions, Guest, Program } from "../../mod.ts";
import { type CodeKey, CodeStore } from "../../runtime/code_store.ts";
import { loadScript } from "../../runtime/code_folder_deno.ts";
import { concatenate } from "../../runtime/concatenate.ts";
import { Factories } from "../../runtime/factories.ts";
import { assemble } from "../exact/subject.ts";
import { Random } from "../fuzz/random.ts";
import { countTicks, journey, type Leg, loadProgram, OWN_STORE } from "../migration/journey.ts";
import { PROGRAMS } from "../programs/table.ts";

const key: CodeKey = { maker: "this", program: () => Promise.resolve("one") };

type Bytes = Uint8Array<ArrayBuffer>;

async function encoded(store: CodeStore): Promise<Bytes | undefined> {
  const parts = await store.encode(0);
  return parts && concatenate(parts) as Bytes;
}

const read = (bytes: Bytes, wanted = key) => CodeStore.read(bytes, wanted, loadScript);

for (const { name, small, stdin } of PROGRAMS) {
  if (OWN_STORE.includes(name)) continue;
  Deno.test(`code: ${name} from kept code, stopped and restored`, async () => {
    const load = loadProgram(name, small.args, { stdin });
    const random = new Random(3);
    for (const policy of ["none", "counter", "function"] as const) {
      const options: Partial<CompileOptions> = {
        policy,
        ticks: policy !== "none",
        maxFunctionSize: 2000,
        backEnd: "js",
      };
      const fresh = CodeStore.empty(key);
      const { ending } = await journey(load, [{ options, codeCache: fresh }]);
      const plain = await encoded(fresh);
      assert(plain, "there is code");

      const again = (await read(plain))!;
      assertEquals((await journey(load, [{ options, codeCache: again }])).ending, ending);
      const withData = await encoded(again);
      assert(withData && withData.length > plain.length, "V8's data is added");

      const warm = (await read(withData))!;
      assertEquals((await journey(load, [{ options, codeCache: warm }])).ending, ending);
      assertEquals(await encoded(warm), undefined, "nothing is new");

      if (policy === "none") continue;
      const ticks = await countTicks(load, options);
      const stop = () => ({ stopAtTick: 1 + random.below(Math.ceil(ticks / 3)) });
      const legs: Leg[] = [{ options, stop: stop() }, { options, stop: stop() }, { options }];
      const cached: Leg[] = [];
      for (const leg of legs) cached.push({ ...leg, codeCache: await read(withData) });
      assertEquals((await journey(load, cached)).ending, (await journey(load, legs)).ending);
    }
  });
}

Deno.test("code: sites are kept to the last detail", async () => {
  for (const name of ["frames", "mixes", "machine"]) {
    const program = Program.from(Deno.readFileSync(new URL(`../programs/${name}.wasm`, import.meta.url)));
    const store = CodeStore.empty(key);
    const factories = new Factories(program, 0, false, store);
    const made = program.module.codes.map((_, i) =>
      factories.of(program.module.imported.funcs + i, undefined, () => false)
    );
    const kept = (await read((await encoded(store))!))!;
    assertEquals(kept.funcs.length, made.length);
    for (const { form } of made) {
      const { sites, localTypes } = kept.find(form.func, program.module)!.form;
      assertEquals([sites, localTypes], [form.sites, form.localTypes], `${name}, function ${form.func}`);
    }
  }
});

Deno.test("code: constants that JSON does not know survive in a frame", async () => {
  const program = Program.from(
    await assemble(`(module (import "a" "b" (func $b))
      (func (export "main") (result f64 f64 f64 f64)
        f64.const -0  f64.const inf  f64.const -inf  f64.const nan:0x123  call $b))`),
    { backEnd: "js" },
  );
  const run = async (codeCache: CodeStore, stopAtHostCall?: number) => {
    const imports = { a: { b: () => [] } };
    const guest = Guest.start(program, { entry: "main", imports, codeCache, stopAtHostCall });
    const outcome = await guest.run();
    if (outcome.kind !== "checkpointed") return outcome;
    const restored = await Guest.restore(outcome.image, program, { imports });
    return await restored.run();
  };
  const store = CodeStore.empty(key);
  const expected = await run(store);
  const kept = (await read((await encoded(store))!))!;
  assertEquals(await run(kept, 1), expected);
  assert(expected.kind === "finished");
  assertEquals(expected.results.slice(0, 3), [-0, Infinity, -Infinity]);
});

Deno.test("code: a trap in kept code has the same stack", async () => {
  const program = Program.from(
    await assemble(`(module (table funcref (elem $inner))
      (func $inner (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
      (func $outer (param i32) (result i32) (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
      (func $again (param i32) (result i32)
        (if (result i32) (local.get 0) (then (call $again (i32.sub (local.get 0) (i32.const 1))))
          (else (call $outer (i32.const 0)))))
      (func (export "main") (drop (call $again (i32.const 3)))))`),
    { backEnd: "js" },
  );
  const run = async (codeCache: CodeStore) => {
    const outcome = await Guest.start(program, { entry: "main", codeCache }).run();
    assert(outcome.kind === "trapped");
    return outcome.stack.map(({ name }) => name);
  };
  const store = CodeStore.empty(key);
  const expected = await run(store);
  assertEquals(expected.slice(0, 3), ["inner", "outer", "again"]);
  assertEquals(await run((await read((await encoded(store))!))!), expected);
});

Deno.test("code: a rewritten module from kept code, stopped and restored", async () => {
  for (const { name, small, stdin } of PROGRAMS) {
    if (OWN_STORE.includes(name)) continue;
    const load = loadProgram(name, small.args, { stdin });
    const random = new Random(4);
    for (const policy of ["counter", "function"] as const) {
      const options: Partial<CompileOptions> = { policy, ticks: true, backEnd: "wasm" };
      const program = load.program.withOptions(options);
      const store = CodeStore.empty(key);
      assertEquals(store.rewritten, undefined);
      store.keep(program.rewritten!);
      const bytes = (await encoded(store))!;
      const again = (await read(bytes))!;
      assertEquals(again.rewritten, { bytes: program.rewritten!.bytes, traits: program.rewritten!.traits });
      assertEquals(again.funcs, []);
      assertEquals(await again.encode(), undefined, "nothing is new");

      const kept = (): Program => {
        const program = Program.decoded(load.program.module.bytes, options);
        program.takeRewritten(again.rewritten!);
        return program;
      };
      const { rewritten } = kept();
      program.module.codes.forEach((_, i) => {
        const func = program.module.imported.funcs + i;
        assertEquals(rewritten!.form(func), program.rewritten!.form(func), `${name}, function ${func}`);
      });
      const ticks = await countTicks(load, options);
      const stop = { stopAtTick: 1 + random.below(ticks) };
      const { ending } = await journey(load, [{ options, stop }, { options }]);
      const fromKept = await journey(load, [{ program: kept(), stop }, { program: kept() }]);
      assertEquals([fromKept.ending, fromKept.images.length], [ending, 1]);
    }
  }
});

Deno.test("code: generated code comes to a rewritten module, and both are kept", async () => {
  const load = loadProgram("sorting", PROGRAMS.find(({ name }) => name === "sorting")!.small.args);
  const { program } = load;
  const store = CodeStore.empty(key);
  store.keep(program.rewritten!);
  const first = (await read((await encoded(store))!))!;
  await journey(load, [{ options: { backEnd: "js" }, codeCache: first }]);
  const second = (await read((await encoded(first))!))!;
  assertEquals(second.rewritten!.bytes, program.rewritten!.bytes);
  assert(second.funcs.length > 0, "there is generated code");
  // From here on the module is kept with V8's data, too.
  const third = (await read((await encoded(second))!))!;
  assertEquals([third.rewritten!.bytes, third.funcs], [second.rewritten!.bytes, second.funcs]);
});

Deno.test("code: what is damaged, or made for something else, is none", async () => {
  const load = loadProgram("machine", ["1"]);
  const store = CodeStore.empty(key);
  store.keep(load.program.rewritten!);
  await journey(load, [{ options: { backEnd: "js" }, codeCache: store }]);
  const bytes = (await encoded(store))!;
  assert(await read(bytes));
  assertEquals(await read(bytes, { ...key, maker: "that" }), undefined);
  assertEquals(await read(bytes, { ...key, program: () => Promise.resolve("another") }), undefined);
  const random = new Random(11);
  for (let round = 0; round < 400; round++) {
    // Now and then it is cut, too; the lines at its beginning are what is most likely to be believed.
    const damaged = bytes.slice(0, round % 2 ? bytes.length : random.below(bytes.length));
    if (damaged.length > 0) {
      damaged[random.below(Math.min(damaged.length, round % 4 ? 1000 : Infinity))] ^= 1 + random.below(255);
    }
    assertEquals(await read(damaged), undefined);
  }
});

Deno.test("code: the program is known by its file's stamp, and else by its hash", async () => {
  const { program } = loadProgram("machine", ["1"]);
  const store = CodeStore.empty({ ...key, stamp: "a" });
  store.keep(program.rewritten!);
  const bytes = (await encoded(store))!;
  const never = () => Promise.reject(new Error("the hash is not needed"));

  const same = await read(bytes, { ...key, program: never, stamp: "a" });
  assert(same);
  assertEquals(await same.encode(), undefined, "nothing is new");
  assertEquals(
    await read(bytes, { ...key, program: () => Promise.resolve("another"), stamp: "b" }),
    undefined,
  );
  assertEquals(await read(bytes, { ...key, program: () => Promise.resolve("another") }), undefined);

  const touched = await read(bytes, { ...key, stamp: "b" });
  assert(touched);
  const again = (await encoded(touched))!;
  assert(await read(again, { ...key, program: never, stamp: "b" }), "the new stamp is kept");
});
