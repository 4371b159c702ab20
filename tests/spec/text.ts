/**
 * Modules of scripts to bytes. Text goes through `wabt`, whose validator is not asked: what is invalid
 * must reach the engine.
 *
 * @module
 */
import wabt from "wabt";
import type { ModuleSource } from "./script.ts";

/** Text that the assembler refuses. */
export class TextError extends Error {
  override readonly name = "TextError";
}

export interface Assembler {
  /**
   * The binary format of a module. Asking again for the same source object is free.
   *
   * @throws {TextError} where `wabt` refuses the text.
   */
  assemble(source: ModuleSource): Uint8Array;
}

let loading: Promise<Assembler> | undefined;

/** The assembler; `wabt` is loaded at the first call. */
export function loadAssembler(): Promise<Assembler> {
  return loading ??= createAssembler();
}

async function createAssembler(): Promise<Assembler> {
  const { parseWat } = await wabt();
  const done = new WeakMap<ModuleSource, Uint8Array | TextError>();

  function translate(text: Uint8Array): Uint8Array | TextError {
    let module;
    try {
      // `parseWat` looks at the whole buffer behind a view, and at strings as ASCII: give it a copy.
      module = parseWat("module.wat", text.slice(), {});
      return module.toBinary({}).buffer.slice();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return new TextError(/error: .*/.exec(message)?.[0] ?? message.trim().split("\n")[0]);
    } finally {
      module?.destroy();
    }
  }

  return {
    assemble(source) {
      if (source.form === "binary") return source.bytes;
      let bytes = done.get(source);
      if (bytes === undefined) done.set(source, bytes = translate(source.bytes));
      if (bytes instanceof TextError) throw bytes;
      return bytes;
    },
  };
}
