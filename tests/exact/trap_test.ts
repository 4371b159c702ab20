/**
 * Traps say where the guest stood: the Wasm stack with names of functions, innermost first.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type PolicyName, policyNames } from "../../compiler/policy.ts";
import { encodeImage, Guest, type Imports, readImage } from "../../mod.ts";
import type { Func } from "../../runtime/func.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { Store } from "../../runtime/store.ts";
import { type StackFrame, Trap, TrapKind } from "../../runtime/trap.ts";
import { assemble, assertTrap, compile, Subject, test } from "./subject.ts";

const names = (stack: readonly StackFrame[]) => stack.map(({ name }) => name);

/** What traps, as the body of a function with a local `$zero` that is 0. */
const causes: Readonly<Record<string, readonly [TrapKind, string]>> = {
  "unreachable": [TrapKind.unreachable, "unreachable"],
  "i32 division": [TrapKind.divideByZero, "(drop (i32.div_u (i32.const 1) (local.get $zero)))"],
  "i64 division": [
    TrapKind.divideByZero,
    "(drop (i64.rem_s (i64.const 1) (i64.extend_i32_u (local.get $zero))))",
  ],
  "overflow": [
    TrapKind.overflow,
    "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $zero) (i32.const 1))))",
  ],
  "conversion of a NaN": [
    TrapKind.invalidConversion,
    "(drop (i32.trunc_f64_s (f64.div (f64.const 0) (f64.convert_i32_u (local.get $zero)))))",
  ],
  "conversion of a large number": [TrapKind.overflow, "(drop (i64.trunc_f32_u (f32.const 1e30)))"],
  "load": [TrapKind.memoryBounds, "(drop (i32.load offset=65533 (local.get $zero)))"],
  "i64 load": [TrapKind.memoryBounds, "(drop (i64.load offset=65533 (local.get $zero)))"],
  "store of a NaN": [TrapKind.memoryBounds, "(f64.store offset=65533 (local.get $zero) (f64.const nan:0x1))"],
  "store": [TrapKind.memoryBounds, "(i32.store8 offset=65536 (local.get $zero) (i32.const 1))"],
  "memory.fill": [TrapKind.memoryBounds, "(memory.fill (local.get $zero) (i32.const 1) (i32.const 65537))"],
  "memory.init": [TrapKind.memoryBounds, "(memory.init $data (local.get $zero) (i32.const 1) (i32.const 5))"],
  "table.get": [TrapKind.tableBounds, "(drop (table.get (i32.add (local.get $zero) (i32.const 3))))"],
  "table.init": [TrapKind.tableBounds, "(table.init $elem (i32.const 2) (local.get $zero) (i32.const 2))"],
  "element out of bounds": [
    TrapKind.undefinedElement,
    "(call_indirect (i32.add (local.get $zero) (i32.const 3)))",
  ],
  "null element": [
    TrapKind.uninitializedElement,
    "(call_indirect (i32.add (local.get $zero) (i32.const 2)))",
  ],
  "element of another type": [
    TrapKind.signatureMismatch,
    "(call_indirect (param i32) (local.get $zero) (local.get $zero))",
  ],
};

const moduleFor = (body: string) =>
  `(module
  (import "env" "pause" (func $pause))
  (memory 1)
  (table 3 funcref)
  (elem $active (i32.const 0) func $inner)
  (elem $elem func $inner $middle)
  (data $data "abcde")
  (func $inner (local $zero i32) ${body})
  (func $middle (param i32) (result i32)
    (loop (call $inner) (br_if 0 (i32.const 0)))
    (local.get 0))
  (func $outer (param i64) (result i64)
    (i64.add (local.get 0) (i64.extend_i32_u (call $middle (i32.const 1)))))
  (func (export "run") (result i64) (call $outer (i64.const 5)))
  (func $paused (local $zero i32) (call $pause) ${body})
  (func $caller (call $paused))
  (func $main (export "pause first") (call $caller))
  (func $unnamed (export "pause, then call") (call $pause) (call $inner)))`;
const host = { pause: () => {} };

test("every kind of trap has the Wasm stack with names, innermost first", async () => {
  for (const [name, [kind, body]] of Object.entries(causes)) {
    const bytes = await assemble(moduleFor(body));
    const ways = [...policyNames.map((policy) => ({ policy })), {
      maxFunctionSize: 8,
      i64s: "whole" as const,
    }];
    for (const options of ways) {
      const policy = JSON.stringify(options);
      const subject = Subject.of(bytes, options, host);
      const stack = assertTrap(kind, () => subject.call("run"), `${name}, policy ${policy}`);
      assertEquals(
        names(stack),
        ["inner", "middle", "outer", "run"],
        `${name}, policy ${policy}: ${names(stack)}`,
      );
      assertEquals(stack.map(({ func }) => func), [1, 2, 3, 4]);
      assert(stack.every(({ instance }) => instance === 0));
    }
  }
});

test("a trap after an image has the same stack: restored frames and new ones", async () => {
  const failure = async (subject: Subject, policy: PolicyName, entry: string): Promise<Trap> => {
    try {
      await subject.callWithStop({ stopAtHostCall: 1 }, policy, entry);
    } catch (error) {
      if (error instanceof Trap) return error;
      throw error;
    }
    throw new Error("no trap");
  };
  for (const [name, [kind, body]] of Object.entries(causes)) {
    const bytes = await assemble(moduleFor(body));
    for (const policy of ["none", "loop"] as const) {
      const restored = await failure(Subject.of(bytes, { policy }, host), "counter", "pause first");
      assertEquals([restored.kind, ...names(restored.wasmStack)], [kind, "paused", "caller", "main"], name);
      const mixed = await failure(Subject.of(bytes, { policy }, host), "function", "pause, then call");
      assertEquals([mixed.kind, ...names(mixed.wasmStack)], [kind, "inner", "unnamed"], name);
    }
  }
});

test("functions without a name are called by their export or their index", async () => {
  const subject = Subject.of(
    await assemble(`(module
      (import "env" "callback" (func (param i32)))
      (func (param i32) (call 0 (local.get 0)) (unreachable))
      (func (export "entry") (param i32) (call 1 (local.get 0))))`),
    {},
    { callback: () => {} },
  );
  assertEquals(names(assertTrap(TrapKind.unreachable, () => subject.call("entry", 1))), ["func[1]", "entry"]);
});

test("the stack tells the instances apart", async () => {
  const store = new Store();
  const library = compile(
    await assemble(`(module
      (table (export "table") 1 funcref)
      (func $back (export "back") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call_indirect (result i32) (i32.const 0)))
          (else (i32.div_s (i32.const 1) (local.get 0))))))`),
  );
  const user = compile(
    await assemble(`(module
      (import "library" "table" (table 1 funcref))
      (import "library" "back" (func $imported (param i32) (result i32)))
      (elem (i32.const 0) $called)
      (func $called (result i32) (call $imported (i32.const 0)))
      (func $go (export "go") (result i32) (call $imported (i32.const 1))))`),
  );
  const first = store.instantiate(library, () => undefined);
  const second = store.instantiate(user, (_, name) => first.exports.get(name));
  store.thread.start(second.exports.get("go") as Func, []);
  const stack = assertTrap(TrapKind.divideByZero, () => store.thread.drive());
  assertEquals(stack.map(({ instance, func, name }) => [instance, func, name]), [
    [0, 0, "back"],
    [1, 1, "called"],
    [0, 0, "back"],
    [1, 2, "go"],
  ]);
});

test("a trap deep in a recursion: the innermost frames first, the entry last", async () => {
  const bytes = await assemble(`(module
    (func $leaf (result i32) (unreachable))
    (func $down (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (else (call $leaf))))
    (func $entry (export "entry") (param i32) (result i32) (call $down (local.get 0))))`);
  for (const policy of policyNames) {
    for (const depth of [10, 60, 50_000]) {
      const subject = Subject.of(bytes, { policy });
      const stack = names(assertTrap(TrapKind.unreachable, () => subject.call("entry", depth)));
      assertEquals(stack.slice(0, 2), ["leaf", "down"], `depth ${depth}`);
      assertEquals(stack.slice(-2), ["down", "entry"], `depth ${depth}`);
      if (depth <= 60) assertEquals(stack.length, depth + 3);
      assert(stack.slice(1, -1).every((name) => name === "down"));
    }
  }
});

test("a trap in a call from a host function reaches the guest's outcome, with both parts of the stack", async () => {
  const bytes = await assemble(`(module
    (import "env" "callback" (func $callback))
    (func $trap (export "trap") (unreachable))
    (func $nested (export "nested") (call $trap))
    (func $before (call $callback))
    (func $entry (export "entry") (call $before)))`);
  for (const stop of [undefined, 1]) {
    const imports: Imports = { env: { callback: () => guest.call("nested") && undefined } };
    const program = compile(bytes);
    let guest = Guest.start(program, { entry: "entry", imports, stopAtHostCall: stop });
    let outcome = await guest.run();
    if (outcome.kind === "checkpointed") {
      const image = await readImage(await encodeImage(outcome.image, {}, denoCodec), denoCodec);
      guest = await Guest.restore(image, program, { imports });
      outcome = await guest.run();
    }
    assert(outcome.kind === "trapped");
    assertEquals(outcome.trap, TrapKind.unreachable);
    const wanted = ["trap", "nested", "before", "entry"];
    const shown = names(outcome.stack).filter((name) => wanted.includes(name));
    assertEquals(shown, wanted, `${stop ? "after an image" : "at once"}: ${shown}`);
  }
});

test("a trap in a start function is an outcome of the guest", async () => {
  const program = compile(
    await assemble(`(module
      (func $fails (unreachable))
      (func $begin (call $fails))
      (start $begin)
      (func (export "entry")))`),
  );
  const outcome = await Guest.start(program, { entry: "entry" }).run();
  assert(outcome.kind === "trapped");
  assertEquals([outcome.trap, ...names(outcome.stack).slice(0, 2)], [TrapKind.unreachable, "fails", "begin"]);
});

test("what a host function throws comes out as it is, and is no trap", async () => {
  const bytes = await assemble(`(module
    (import "env" "callback" (func $callback))
    (func (export "entry") (call $callback)))`);
  for (
    const problem of [
      new Error("a problem of the host"),
      new RangeError("Offset is outside the bounds"),
      "text",
    ]
  ) {
    const imports: Imports = {
      env: {
        callback: () => {
          throw problem;
        },
      },
    };
    const guest = Guest.start(compile(bytes), { entry: "entry", imports });
    const caught = await guest.run().then(() => undefined, (error) => error);
    assert(caught === problem, `${caught} instead of ${problem}`);
  }
});
