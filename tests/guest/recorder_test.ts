/**
 * Recording a guest from the library.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { controlWords, Guest, MemoryHost, outputStream, Program, Wasi } from "../../mod.ts";
import { readImageFile } from "../../runtime/image/file_deno.ts";
import { Recorder } from "../../runtime/recorder_deno.ts";
import { programPath, withFolder } from "../cli/command.ts";

const program = Program.from(Deno.readFileSync(programPath("churn")), { policy: "loop" });

function start(control?: Int32Array<SharedArrayBuffer>) {
  const stdout = outputStream();
  const wasi = new Wasi({ args: ["churn", "100"] }, new MemoryHost({ stdout }));
  return { guest: Guest.start(program, { wasi, control }), stdout };
}

Deno.test("a guest is recorded from the library, and each image goes on", async () => {
  const whole = start();
  assertEquals((await whole.guest.run()).kind, "finished");
  await withFolder(async (folder) => {
    const control = controlWords();
    const { guest, stdout } = start(control);
    const reports: boolean[] = [];
    const recorder = await Recorder.open(`${folder}/a.mvvm`, {
      every: 5,
      keep: 4,
      words: { control },
      onImage: ({ whole }) => reports.push(whole),
      onFailure: (reason) => {
        throw new Error(reason);
      },
    });
    assertEquals((await recorder.run(guest)).kind, "finished");
    await recorder[Symbol.asyncDispose]();
    assertEquals(stdout.text(), whole.stdout.text());
    assert(reports.length > 1 && reports[0], `${reports}`);
    assertEquals(recorder.images, reports.length);

    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    for (const name of names) {
      const image = await readImageFile(`${folder}/${name}`);
      const output = outputStream();
      const { wasi } = Wasi.restore(image.host.wasi, {}, new MemoryHost({ stdout: output }));
      const twin = await Guest.restore(image, program, { wasi });
      assertEquals((await twin.run()).kind, "finished");
      assert(whole.stdout.text().endsWith(output.text()), `${name} goes on to the same end`);
    }
  });
});

Deno.test("a recorded guest that somebody stops is finished by one more image", async () => {
  await withFolder(async (folder) => {
    const control = controlWords();
    const { guest } = start(control);
    await using recorder = await Recorder.open(`${folder}/a.mvvm`, {
      every: 10_000,
      keep: 1,
      words: { control },
    });
    guest.requestCheckpoint();
    const outcome = await recorder.run(guest);
    assert(outcome.kind === "checkpointed");
    const { whole, digest } = await recorder.finish(outcome.image);
    assertEquals([whole, recorder.images], [true, 1]);
    assertEquals((await readImageFile(`${folder}/a.mvvm`)).digest.toHex(), digest.toHex());
  });
});
