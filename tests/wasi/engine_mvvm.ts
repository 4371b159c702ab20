/**
 * Our own engine for the WASI tests. With `every`, the whole guest goes through an image before every
 * so many host calls, not only its WASI.
 *
 * @module
 */
import { encodeImage, Guest, Program, readImage, Wasi } from "../../mod.ts";
import { denoCodec } from "../../runtime/image/codec_deno.ts";
import type { Engine } from "./engine.ts";

export const mvvmEngine: Engine = async (bytes, { options, host, every }) => {
  const program = Program.from(bytes);
  let wasi = new Wasi(options, host);
  let guest = Guest.start(program, { wasi, stopAtHostCall: every });
  try {
    for (;;) {
      const outcome = await guest.run();
      if (outcome.kind === "finished") return { kind: "finished", code: outcome.exitCode };
      if (outcome.kind === "trapped") return { kind: "trapped", reason: outcome.trap };
      const image = await readImage(await encodeImage(outcome.image, {}, denoCodec), denoCodec);
      wasi.close();
      wasi = Wasi.restore(image.host.wasi, options, host).wasi;
      // The call that it was stopped before is issued first; it does not count again.
      guest = await Guest.restore(image, Program.from(bytes), { wasi, stopAtHostCall: every });
    }
  } finally {
    wasi.close();
  }
};
