/**
 * Images whose form is right and whose contents no execution of the module could have left: each is refused
 * before anything runs, with the reason.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  frameValues,
  functionsNamed,
  Guest,
  readImage,
  RestoreError,
  type Snapshot,
  Wasi,
  WasiRestoreError,
} from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { type Frame, packFrame } from "../../runtime/image/snapshot.ts";
import { sitesOf } from "./fuzz/stacks.ts";
import { imports, makeSubjects, preopens, type Subject, World } from "./fuzz/subjects.ts";

const subjects = await makeSubjects();
const subject = (name: string) => subjects.find((each) => each.name === name) as Required<Subject>;
const { bytes, program } = subject("deep");
const original = await readImage(bytes, denoCodec);
const { module } = program;
const func = (name: string) => functionsNamed(module, name)[0];
const last = original.stack.length - 1;

type Change = (image: Snapshot) => Partial<Snapshot>;
/** Changes the frame at an index. */
const frame = (at: number, change: (frame: Frame) => Partial<Frame>): Change => ({ stack }) => ({
  stack: stack.with(at, { ...stack[at], ...change(stack[at]) }),
});
const instance = (change: object): Change => ({ instances: [only] }) => ({
  instances: [{ ...only, ...change }],
});
const global = (at: number, change: object): Change => ({ globals }) => ({
  globals: globals.with(at, { ...globals[at], ...change }),
});
const table = (at: number, change: object): Change => ({ tables }) => ({
  tables: tables.with(at, { ...tables[at], ...change }),
});
const memory = (pages: number, more: object = {}): Change => () => ({
  memories: [{ pages, buffer: new ArrayBuffer(pages * 65536), ...more }],
});
const { site } = original.stack[last];
/** Stopped before a host function began. */
const inHost = await (async () => {
  const guest = Guest.start(program, { entry: "main", args: [20], imports, stopAtHostCall: 1 });
  const outcome = await guest.run();
  if (outcome.kind !== "checkpointed") throw new Error("there is no host call");
  return outcome.image;
})();

const forged: readonly (readonly [title: string, reason: string, change: Change])[] = [
  // Frames
  [
    "in the middle of an instruction",
    "which is no site of function",
    frame(last, () => ({ site: site + 1 })),
  ],
  ["before the function", "which is no site", frame(last, () => ({ site: 0 }))],
  ["behind the code", "which is no site", frame(last, () => ({ site: 0xffffffff }))],
  [
    "at a site of another function",
    "which is no site",
    frame(last, () => ({ site: sitesOf(module, func("main"))[1] })),
  ],
  ["in a function that does not exist", "in a function that does not exist", frame(0, () => ({ func: 99 }))],
  [
    "of an instance that does not exist",
    "in a function that does not exist",
    frame(0, () => ({ instance: 1 })),
  ],
  [
    "an i32 that claims to be an f32",
    "other locals or operands",
    frame(last, ({ types }) => ({
      types: types.map((type) => type === 0x7f ? 0x7d : type),
    })),
  ],
  [
    "a number that claims to be a reference",
    "other locals or operands",
    frame(last, ({ types }) => ({
      types: types.map((type) => type === 0x7f ? 0x70 : type),
      words: original.stack[last].words.map(() => 0),
    })),
  ],
  [
    "an operand too few",
    "other locals or operands",
    frame(0, (old) => {
      const values = frameValues(old);
      return packFrame({ ...old, locals: values.locals.slice(1), operands: values.operands });
    }),
  ],
  [
    "an operand too many",
    "other locals or operands",
    frame(last, (old) => {
      const values = frameValues(old);
      return packFrame({
        ...old,
        locals: values.locals,
        operands: [...values.operands, { type: "i32", bits: 0 }],
      });
    }),
  ],
  [
    "a local that counts as an operand",
    "other locals or operands",
    frame(last, ({ localCount }) => ({
      localCount: localCount - 1,
    })),
  ],
  ["called by a function that calls another", "is not what the frame before it calls", ({ stack }) => ({
    stack: [stack[0], ...stack.slice(2)],
  })],
  ["called by a function that is in no call", "has no caller", ({ stack }) => ({
    stack: [stack[last], ...stack],
  })],
  [
    "the callee is missing",
    "waits for a call that has no frame",
    ({ stack }) => ({ stack: stack.slice(0, -1) }),
  ],
  ["a host function that is called, and goes on", "is in a host function, but not the last", () => ({
    stack: [...inHost.stack, ...inHost.stack.slice(-1)],
  })],
  ["in a function that only the module itself calls", "that nothing outside can call", () => ({
    stack: [packFrame({
      ...{ instance: 0, func: func("inner"), site: sitesOf(module, func("inner"))[0], operands: [] },
      locals: [{ type: "i32", bits: 1 }],
    })],
  })],
  // References
  [
    "a reference to a function of which there are none",
    "of which the module takes none",
    table(0, {
      elements: original.tables[0].elements.with(0, { kind: "func", instance: 0, func: func("inner") }),
    }),
  ],
  [
    "a reference to a function that does not exist",
    "names a function that does not exist",
    table(0, {
      elements: original.tables[0].elements.with(0, { kind: "func", instance: 0, func: 99 }),
    }),
  ],
  [
    "a reference into an instance that does not exist",
    "names a function that does not exist",
    table(0, {
      elements: original.tables[0].elements.with(0, { kind: "func", instance: 4, func: 0 }),
    }),
  ],
  [
    "a reference to a host function that is not imported",
    "names a function that does not exist",
    table(0, {
      elements: original.tables[0].elements.with(0, { kind: "host", module: "env", name: "exec" }),
    }),
  ],
  [
    "a host value as a function",
    "a funcref holds a host value",
    global(4, { value: { kind: "extern", value: 5 } }),
  ],
  // Globals, tables, memories
  ["a constant that is another", "another value in constant global", global(6, { value: 78n })],
  ["a constant that can be changed", "has another type", global(6, { mutable: true })],
  ["an i64 as a number of the host", "has another type", global(1, { type: "f64" })],
  ["a global too few", "another number of globals", ({ instances: [only], globals }) => ({
    globals: globals.slice(0, -1),
    instances: [{ ...only, globals: only.globals.slice(0, -1) }],
  })],
  [
    "a global that is nobody's",
    "belongs to no instance",
    ({ globals }) => ({ globals: [...globals, globals[0]] }),
  ],
  [
    "two globals that are one",
    "not its own among its globals",
    instance({
      globals: original.instances[0].globals.with(1, original.instances[0].globals[0]),
    }),
  ],
  [
    "a table of another type",
    "holds externref, the module says otherwise",
    table(0, { type: "externref", elements: [] }),
  ],
  ["a table that is too short", "has 3 elements", table(0, { elements: [null, null, null] })],
  ["a table that is too long", "has 17 elements", table(0, { elements: Array(17).fill(null), max: 20 })],
  ["a memory that is too small", "has 1 pages, the module allows 2 to 4", memory(1)],
  ["a memory that is too large", "has 5 pages, the module allows 2 to 4", memory(5)],
  [
    "a memory that may grow too far",
    "has the maximum 65536, the module says 4",
    memory(2, { maxPages: 65536 }),
  ],
  ["a memory without a maximum", "has the maximum none, the module says 4", memory(2)],
  ["a table that may grow too far", "table 0 has the maximum 17, the module says 16", table(0, { max: 17 })],
  // Instances
  [
    "an import of another name",
    'imports "env" "pass", the image has "env" "exec"',
    instance({
      imports: original.instances[0].imports.with(0, { kind: "host", module: "env", name: "exec" }),
    }),
  ],
  [
    "an import of an instance made later",
    "imports from one made later",
    instance({
      imports: original.instances[0].imports.with(0, { kind: "instance", instance: 0, func: 5 }),
    }),
  ],
  [
    "an import too many",
    "another number of imports",
    instance({
      imports: [...original.instances[0].imports, { kind: "host", module: "env", name: "log" }],
    }),
  ],
  [
    "a data segment that does not exist",
    "drops data segment 9, which does not exist",
    instance({ droppedDatas: [9] }),
  ],
  [
    "an element segment that does not exist",
    "drops element segment 9, which",
    instance({ droppedElements: [9] }),
  ],
  // Modules
  ["another module", "taken of another module", ({ modules: [only] }) => ({
    modules: [{ ...only, sha256: new Uint8Array(32) }],
  })],
];

for (const [title, reason, change] of forged) {
  Deno.test(`forged: ${title}`, async () => {
    const image = { ...original, ...change(original) };
    const { message } = await assertRejects(() => Guest.restore(image, program, { imports }), RestoreError);
    assert(message.includes(reason), message);
  });
}

Deno.test("the stack that is forged here is one of calls, with operands", () => {
  assert(original.stack.length > 3 && sitesOf(module, original.stack[last].func).includes(site));
  assertEquals(original.stack[0].func, func("main"));
  assert(original.stack.some(({ types, localCount }) => types.length > localCount));
});

// deno-lint-ignore no-explicit-any
type Any = any;

const ofWasi: readonly (readonly [title: string, reason: string, change: (state: Any) => void])[] = [
  [
    "a directory that is not granted",
    'the guest has the directory "/secret"',
    ({ preopens }) =>
      preopens.push({ guest: "/secret", host: "secret", rights: 0x1fffffff, inheriting: 0x1fffffff }),
  ],
  [
    "a file of a directory that does not exist",
    "preopen is not a whole number from 0 to 1",
    ({ descriptors }) => descriptors.at(-1).preopen = 2,
  ],
  [
    "a path that leads out",
    "is not a path inside a directory",
    ({ descriptors }) => descriptors.at(-1).path = "../secret/key.txt",
  ],
  [
    "a path from the root",
    "is not a path inside a directory",
    ({ descriptors }) => descriptors.at(-1).path = "/etc/passwd",
  ],
  ["a descriptor twice", "fd is not used once only", ({ descriptors }) => descriptors.push(descriptors[0])],
  [
    "a descriptor number out of range",
    "fd is not a whole number from 0 to",
    ({ descriptors }) => descriptors[0].fd = 2 ** 31,
  ],
  [
    "rights that are none",
    "rights is not a whole number",
    ({ descriptors }) => descriptors[0].rights = 2 ** 40,
  ],
  [
    "another kind of descriptor",
    "kind is not file, directory, stream",
    ({ descriptors }) => descriptors[0].kind = "process",
  ],
];

for (const [title, reason, change] of ofWasi) {
  Deno.test(`forged: ${title}`, async () => {
    const state = structuredClone((await readImage(subject("files").bytes, denoCodec)).host.wasi);
    Wasi.restore(state, { preopens }, new World()).wasi.close();
    change(state);
    const { message } = assertThrows(() => Wasi.restore(state, { preopens }, new World()), WasiRestoreError);
    assert(message.includes(reason), message);
  });
}

Deno.test("forged: rights that were never granted are not given", async () => {
  const state = structuredClone((await readImage(subject("files").bytes, denoCodec)).host.wasi) as Any;
  for (const each of state.preopens) each.rights = each.inheriting = 0x1fffffff;
  for (const each of state.descriptors) each.rights = 0x1fffffff;
  const { wasi } = Wasi.restore(state, { preopens }, new World());
  const saved = wasi.save() as Any;
  const archive = saved.preopens.find(({ guest }: Any) => guest === "/archive");
  const root = saved.preopens.find(({ guest }: Any) => guest === "/");
  assert(archive.rights !== root.rights && (archive.rights & root.rights) === archive.rights);
});
