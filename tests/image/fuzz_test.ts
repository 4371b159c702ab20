/**
 * A few seconds of hostile images (`deno task fuzz-images` for more), and what they have found.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Guest, readImage, RestoreError, type Snapshot } from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import { imports, makeSubjects, type Subject } from "./fuzz/subjects.ts";
import { tryImage } from "./fuzz/trial.ts";

const subjects = await makeSubjects();

Deno.test("2,000 hostile images are refused, or run as a valid program would", async () => {
  const outcomes = new Map<string, number>();
  const reached = new Set<string>();
  for (let seed = 1; seed <= 2000; seed++) {
    const { outcome, mutations, subject } = await tryImage(subjects, seed);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    for (const name of mutations) reached.add(name);
    reached.add(subject);
  }
  // All kinds of ends are met, so that none of the checks hides the ones behind it.
  for (const outcome of ["ImageError invalid", "ImageError limit", "RestoreError", "WasiRestoreError"]) {
    assert((outcomes.get(outcome) ?? 0) > 5, `${outcome}: ${outcomes.get(outcome)}`);
  }
  for (const outcome of ["finished", "trapped", "checkpointed"]) {
    assert((outcomes.get(outcome) ?? 0) > 30, `${outcome}: ${outcomes.get(outcome)}`);
  }
  for (const { name, weight } of subjects) assert(weight === 0 || reached.has(name), name);
});

const subjectNamed = (name: string) => subjects.find((each) => each.name === name) as Required<Subject>;

/** How a changed image of `later` is refused. */
async function refusal(change: (image: Snapshot) => Partial<Snapshot>): Promise<string> {
  const { bytes, program } = subjectNamed("later");
  const image = await readImage(bytes, denoCodec);
  const changed = { ...image, ...change(image) };
  return (await assertRejects(() => Guest.restore(changed, program, { imports }), RestoreError)).message;
}

Deno.test("found: an image without frames, without instances, of two instances", async () => {
  assertEquals(
    await refusal(() => ({ stack: [] })),
    "the image has no frames: there is nothing to go on with",
  );
  assertEquals(await refusal(() => ({ instances: [] })), "a guest is one instance, and the image has 0");
  const twice = await refusal(({ instances }) => ({ instances: [instances[0], instances[0]] }));
  assertEquals(twice, "a guest is one instance, and the image has 2");
});

Deno.test("found: two globals of a module that are one in the image", async () => {
  const reason = await refusal(({ instances: [instance] }) => {
    const [first, , ...rest] = instance.globals;
    return { instances: [{ ...instance, globals: [first, first, ...rest] }] };
  });
  assertEquals(
    reason,
    "the image does not fit the module: instance 0 has something that is not its own among its globals",
  );
});

Deno.test("found: a host function's frame that stands somewhere", async () => {
  const { program } = subjectNamed("later");
  const guest = Guest.start(program, { entry: "main", args: [20], imports, stopAtHostCall: 1 });
  const outcome = await guest.run();
  assert(outcome.kind === "checkpointed");
  const { image } = outcome;
  const stack = image.stack.map((frame, i) => i === image.stack.length - 1 ? { ...frame, site: 7 } : frame);
  assertEquals(
    await refusal(() => ({ stack })),
    `the image does not fit the module: frame ${stack.length - 1} stands at offset 7 of a host function`,
  );
});
