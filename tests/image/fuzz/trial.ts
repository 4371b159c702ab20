/**
 * One hostile image: made, read, restored and run. It must end in a refusal of ours, or run as a valid program
 * would: nothing else may come out, and nothing beside what is granted may be touched.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  CheckpointError,
  Guest,
  ImageError,
  inspectImage,
  LinkError,
  type Module,
  type Outcome,
  type Program,
  readImage,
  RestoreError,
  type Snapshot,
  upgradeImage,
  Wasi,
  WasiRestoreError,
  WasiSaveError,
} from "../../../mod.ts";
import type { Bytes } from "../../../runtime/image/codec.ts";
import { denoCodec } from "../../../runtime/image/codec_deno.ts";
import { bytesSource } from "../../../runtime/image/record.ts";
import type { Ref } from "../../../runtime/image/snapshot.ts";
import { encodeImage } from "../../../runtime/image/writer.ts";
import { fillRedactions, RedactError } from "../../../runtime/redact.ts";
import { Random } from "../../fuzz/random.ts";
import { bodyOf, putTogether, setBody } from "../forge.ts";
import { scramble } from "./changes.ts";
import { mutate } from "./mutations.ts";
import { digestOf, imports, MARKER, preopens, type Subject, World } from "./subjects.ts";

/** What became of an image: a refusal by its error, or how its guest ended. */
export interface Verdict {
  readonly subject: string;
  readonly mutations: readonly string[];
  /** For example `ImageError invalid`, `RestoreError`, `finished`. */
  readonly outcome: string;
  readonly message?: string;
}

// deno-lint-ignore no-explicit-any
const refusals: readonly (abstract new (...args: any[]) => Error)[] = [
  ImageError,
  RestoreError,
  LinkError,
  WasiRestoreError,
  RedactError,
];

/** Site passages after which a guest is stopped; it would run for ever otherwise. */
const TICKS = 300;
const MiB = 1 << 20;

/**
 * Makes the image of a seed and tries it.
 *
 * @throws Whatever must not happen.
 */
export async function tryImage(subjects: readonly Subject[], seed: number): Promise<Verdict> {
  const random = new Random(seed);
  const subject = random.weighted(subjects);
  const { bytes, parent, mutations } = await forge(subject, random);
  const told = (outcome: string, message?: string) => ({
    subject: subject.name,
    mutations,
    outcome,
    message,
  });
  if (bytes === undefined) return told("not encodable");
  try {
    return told(await use(subject, bytes, random, parent));
  } catch (error) {
    if (!refusals.some((type) => error instanceof type)) throw error;
    const { name, message } = error as Error;
    if (message.length > 1500 && !message.includes("xxxxx")) {
      throw new Error(`a message of ${message.length} characters`);
    }
    return told(error instanceof ImageError ? `${name} ${error.kind}` : name, message);
  }
}

async function forge(
  subject: Subject,
  random: Random,
): Promise<{ bytes?: Bytes; parent?: Bytes; mutations: string[] }> {
  if (random.chance(0.04)) {
    return { bytes: scramble(subject.bytes, random) as Bytes, mutations: ["bytes of the file"] };
  }
  const records = structuredClone(subject.records) as Subject["records"][number][];
  const { parent: original } = subject;
  try {
    if (original === undefined || random.chance(0.6)) {
      const mutations = mutate({ subject, records, random });
      return {
        bytes: await putTogether(records),
        parent: original && await putTogether(original),
        mutations,
      };
    }
    const beneath = structuredClone(original) as Subject["records"][number][];
    const mutations = mutate({ subject, records: beneath, random }).map((name) => `parent: ${name}`);
    const parent = await putTogether(beneath);
    const record = records.find(({ head }) => head.section === "parent")!;
    setBody(record, { ...bodyOf(record), digest: digestOf(parent) });
    return { bytes: await putTogether(records), parent, mutations };
  } catch {
    return { mutations: ["not encodable"] };
  }
}

/** Reads an image, restores and runs it. @returns How it ended. */
async function use(subject: Subject, bytes: Bytes, random: Random, parent?: Bytes): Promise<string> {
  const options = {
    limits: { memoryBytes: 64 * MiB },
    openParent: () => bytesSource(parent ?? new Uint8Array()),
  };
  const read = await settled(() => readImage(bytes, denoCodec, options));
  const info = await settled(() => inspectImage(bytes, denoCodec, options));
  // The contents of memories are not looked at by the second: it may know less, and never more.
  if (read.error === undefined && info.error !== undefined) {
    throw new Error("read, but not inspected", { cause: info.error });
  }
  if (read.error !== undefined) throw read.error;
  const image = read.value!;
  // What was read can be written and read again.
  await readImage(await encodeImage(image, { compress: "none" }, denoCodec), denoCodec, options);
  const { program } = subject;
  if (program === undefined) return "read";
  const world = new World();
  const { wasi } = image.host.wasi === undefined
    ? { wasi: undefined }
    : Wasi.restore(image.host.wasi, { preopens }, world);
  // An upgrade looks at images before they are restored.
  if (random.chance(0.1)) await upgradeImage(image, program, program);
  const whole = fillRedactions(image, { TOKEN: "a-secret-value" });
  const guest = await Guest.restore(whole, program, { wasi, imports, stopAtTick: TICKS });
  try {
    // Every value was taken as it stood.
    assertEquals(state(await guest.snapshot(), program.module), state(whole, program.module));
    const outcome = await guest.run();
    if (outcome.kind !== "checkpointed") {
      if (wasi === undefined && random.chance(0.3)) {
        await compare(guest, outcome, await readImage(bytes, denoCodec, options), program);
      }
      return outcome.kind;
    }
    await readImage(await encodeImage(outcome.image, { compress: "none" }, denoCodec), denoCodec);
    return outcome.kind;
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof WasiSaveError) return error.name;
    throw error;
  } finally {
    checkWorld(world, guest);
  }
}

/** A guest that has ended must end so under another policy, too. */
async function compare(guest: Guest, outcome: Outcome, image: Snapshot, program: Program): Promise<void> {
  const otherwise = program.withOptions({ ...program.options, policy: "function" });
  const twin = await Guest.restore(image, otherwise, { imports, stopAtTick: 20 * TICKS });
  const other = await twin.run();
  if (other.kind === "checkpointed") return;
  const shown = (each: Outcome) => each.kind === "trapped" ? [each.kind, each.trap] : each;
  assertEquals(shown(other), shown(outcome));
  const contents = ({ instance }: Guest) =>
    instance.memories.map(({ buffer }) => new Uint8Array(buffer as ArrayBuffer));
  for (const [i, bytes] of contents(guest).entries()) {
    const others = contents(twin)[i];
    if (bytes.length !== others.length || bytes.some((byte, at) => byte !== others[at])) {
      throw new Error("memories differ under another policy");
    }
  }
}

/** What a snapshot says of the store and the stack; imported functions by their names. */
function state({ instances, tables, globals, stack }: Snapshot, { imports, imported }: Module): unknown {
  const names = imports.filter(({ kind }) => kind === "func");
  const named = (ref: Ref | bigint) => {
    if (typeof ref === "bigint" || ref?.kind !== "func" || ref.func >= imported.funcs) return ref;
    const { module, name } = names[ref.func];
    return { kind: "host", module, name };
  };
  return {
    instances,
    tables: tables.map((table) => ({ ...table, elements: table.elements.map(named) })),
    globals: globals.map((global) => ({ ...global, value: named(global.value) })),
    stack: stack.map((frame) => ({ ...frame, refs: frame.refs.map(named) })),
  };
}

async function settled<T>(run: () => Promise<T>): Promise<{ value?: T; error?: unknown }> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error };
  }
}

/** What is not granted was neither changed nor read. */
function checkWorld(world: World, guest: Guest): void {
  const text = JSON.stringify(
    [world.tree("secret"), world.tree("archive")].map((tree) =>
      Object.entries(tree).map(([name, bytes]) => [name, new TextDecoder().decode(bytes as Uint8Array)])
    ),
  );
  if (text !== JSON.stringify([[["key.txt", MARKER]], [["old.txt", "old"]]])) {
    throw new Error(`the world has changed: ${text}`);
  }
  for (const { buffer } of guest.instance.memories) {
    if (buffer.byteLength > 16 * MiB) continue;
    const bytes = new Uint8Array(buffer as ArrayBuffer);
    for (let at = -1; (at = bytes.indexOf(0x27, at + 1)) >= 0;) {
      if (new TextDecoder().decode(bytes.subarray(at - 14, at + 11)) === MARKER) {
        throw new Error("the guest has read the marker");
      }
    }
  }
}
