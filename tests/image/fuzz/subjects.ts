/**
 * Images to begin with: of programs that hold a little of everything, and in every form of the format.
 *
 * @module
 */
import wabt from "wabt";
import { Guest, type Imports, inputStream, MemoryHost, outputStream, Program, Wasi } from "../../../mod.ts";
import { denoCodec } from "../../../runtime/image/codec_deno.ts";
import { newSigningKeys, signerFromPem } from "../../../runtime/image/signature.ts";
import type { Snapshot } from "../../../runtime/image/snapshot.ts";
import { redact } from "../../../runtime/redact.ts";
import { encodeImage, type WriteOptions } from "../../../runtime/image/writer.ts";
import { type ForgedRecord, takeApart } from "../forge.ts";
import { smallSnapshot } from "../snapshots.ts";

/** An image, and what can be done with it once it was read. */
export interface Subject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly records: readonly ForgedRecord[];
  /** `undefined` if there is nothing to restore it with. */
  readonly program?: Program;
  /** The records of the image that it builds on. */
  readonly parent?: readonly ForgedRecord[];
  /** How often it is chosen. */
  readonly weight: number;
}

/** In a directory beside what is granted: no guest may ever see it. */
export const MARKER = "this is nobody's business";

/** A world in memory in which nothing waits: `work` is granted, `archive` for reading, `secret` is not. */
export class World extends MemoryHost {
  constructor() {
    super({
      stdin: inputStream("one\ntwo\n"),
      stdout: outputStream(),
      stderr: outputStream(),
      files: {
        work: { "log.txt": "round 1\n", "data.bin": new Uint8Array(640), inner: { "a.txt": "a" } },
        archive: { "old.txt": "old" },
        secret: { "key.txt": MARKER },
      },
    });
  }

  override wait(): "time" {
    return "time";
  }
}

/** What the world grants. */
export const preopens = [
  { guest: "/", host: "work" },
  { guest: "/archive", host: "archive", readOnly: true },
];

/** For the module below. */
export const imports: Imports = {
  env: { pass: (value: unknown) => value, pair: (a: unknown, b: unknown) => [b, a], log: () => {} },
};

/** Every type of value in locals, operands, globals and tables; every kind of site; every kind of segment. */
const EVERYTHING = `(module
  (type $unary (func (param i32) (result i32)))
  (import "env" "pass" (func $pass (param externref) (result externref)))
  (import "env" "pair" (func $pair (param i64 f32) (result f32 i64)))
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 2 4)
  (table $calls (export "calls") 8 16 funcref)
  (table $things 4 externref)
  (elem (i32.const 1) $count $fall $sum $log)
  (elem $more func $fall $sum)
  (elem declare func $main)
  (data (i32.const 1024) "static data")
  (data $late "passive data")
  (global $i32 (export "i32") (mut i32) (i32.const -5))
  (global $i64 (mut i64) (i64.const 0x8000000000000001))
  (global $f32 (mut f32) (f32.const nan:0x200001))
  (global $f64 (mut f64) (f64.const -0))
  (global $ref (mut funcref) (ref.func $sum))
  (global $thing (mut externref) (ref.null extern))
  (global $fixed i64 (i64.const 77))
  (func $inner (type $unary) (call $log (local.get 0)) (local.get 0))
  (func $count (export "count") (type $unary) (local $i i32) (local $wide i64) (local $f f32) (local $d f64)
    (loop $again
      (local.set $wide (i64.add (local.get $wide) (i64.extend_i32_u (local.get $i))))
      (local.set $d (f64.add (local.get $d) (f64.convert_i64_s (local.get $wide))))
      (local.set $f (f32.demote_f64 (local.get $d)))
      (i32.store (i32.and (local.get $i) (i32.const 0xffff)) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.and (local.get 0) (i32.const 255)))))
    (global.set $i64 (local.get $wide))
    (global.set $f32 (local.get $f))
    (global.set $f64 (local.get $d))
    (i32.wrap_i64 (local.get $wide)))
  (func $fall (export "fall") (type $unary)
    (if (result i32) (i32.le_s (local.get 0) (i32.const 0))
      (then (call $count (i32.const 20)))
      (else (i32.add (local.get 0) (call $fall (call $inner (i32.sub (i32.and (local.get 0) (i32.const 63)) (i32.const 1))))))))
  (func $sum (export "sum") (type $unary) (local $i i32) (local $sum i32)
    (block $out
      (loop $again
        (br_if $out (i32.ge_u (local.get $i) (i32.const 6)))
        (local.set $sum (i32.add (local.get $sum)
          (call_indirect (type $unary) (local.get $i) (i32.add (i32.const 1) (i32.and (local.get $i) (i32.const 1))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))
    (local.get $sum))
  (func $mixed (export "mixed") (param $x externref) (param $n i64) (result f64) (local $r externref) (local $g funcref)
    (local.set $g (global.get $ref))
    (local.set $r (call $pass (local.get $x)))
    (table.set $things (i32.const 1) (local.get $r))
    (table.init $calls $more (i32.const 5) (i32.const 0) (i32.const 2))
    (memory.init $late (i32.const 2000) (i32.const 0) (i32.const 7))
    (call $log (memory.grow (i32.const 1)))
    (f64.add
      (f64.promote_f32 (f32.const 1.5))
      (f64.add
        (f64.convert_i64_s (local.get $n))
        (block (result f64)
          (call $pair (local.get $n) (f32.const 2.5))
          (global.set $i64) (f64.promote_f32)
          (f64.convert_i32_s (call $fall (i32.const 30)))
          (f64.add)))))
  (func $main (export "main") (param i32) (result i32 f64) (local $i i32)
    (loop $again
      (drop (call $mixed (global.get $thing) (i64.const 123456789012)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 3))))
    (elem.drop $more)
    (data.drop $late)
    (call $sum (local.get 0))
    (call $mixed (table.get $things (i32.const 1)) (i64.const -1))))`;

const options = { policy: "loop", ticks: true } as const;
const read = (name: string) =>
  Program.from(Deno.readFileSync(new URL(`../../programs/${name}.wasm`, import.meta.url)), options);

/** The image of a guest at each of these ticks. */
async function snapshots(
  program: Program,
  ticks: readonly number[],
  args?: readonly string[],
): Promise<Snapshot[]> {
  const all: Snapshot[] = [];
  for (const stopAtTick of ticks) {
    const wasi = args &&
      new Wasi({ args, env: { HOME: "/", TOKEN: "a-secret-value" }, preopens, randomSeed: 1 }, new World());
    const start = args ? {} : { entry: "main", args: [20], imports };
    const outcome = await Guest.start(program, { ...start, wasi, stopAtTick }).run();
    if (outcome.kind !== "checkpointed") throw new Error(`no image at tick ${stopAtTick}`);
    all.push(outcome.image);
  }
  return all;
}

async function subject(
  name: string,
  weight: number,
  snapshot: Snapshot,
  program?: Program,
  write: WriteOptions = {},
): Promise<Subject> {
  const bytes = await encodeImage(snapshot, { compress: "none", ...write }, denoCodec);
  return { name, bytes, records: await takeApart(bytes), program, weight };
}

/** The digest of an image: what its last record's chain is. */
export const digestOf = (bytes: Uint8Array): Uint8Array => bytes.slice(-37, -5);

/** All subjects; made anew in each process. */
export async function makeSubjects(): Promise<Subject[]> {
  const assembler = await wabt();
  const features = { reference_types: true, bulk_memory: true, multi_value: true, sat_float_to_int: true };
  const module = assembler.parseWat("everything.wat", EVERYTHING, features);
  const everything = Program.from(module.toBinary({ write_debug_names: true }).buffer, options);
  const [early, later, deep] = await snapshots(everything, [3, 45, 90]);
  const files = read("files");
  const [open] = await snapshots(files, [3000], ["files", "/", "9"]);
  const indirect = read("indirect");
  const [pointers] = await snapshots(indirect, [500], ["indirect", "1"]);
  const first = await subject("parent", 0, early, everything);
  const changed = [new Uint8Array(Math.max(...later.memories.map(({ pages }) => pages * 16))).fill(1, 0, 3)];
  const parent = { name: "parent.mvvm", digest: digestOf(first.bytes), changed };
  const child = await subject("incremental", 2, later, everything, { parent });
  const signer = await signerFromPem((await newSigningKeys()).privatePem);
  using redacted = redact(open, ["TOKEN"]);
  return [
    await subject("early", 2, early, everything),
    await subject("later", 4, later, everything),
    await subject("deep", 2, deep, everything),
    await subject("files", 6, open, files),
    await subject("indirect", 1, pointers, indirect),
    await subject("small", 2, smallSnapshot()),
    { ...child, parent: first.records },
    await subject("signed", 1, later, everything, { signer }),
    await subject("redacted", 1, redacted.snapshot, files),
  ];
}
