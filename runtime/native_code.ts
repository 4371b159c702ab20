/**
 * Rewritten modules, taken in by the engine below us.
 *
 * @module
 */
import { probeModule } from "../compiler/rewrite/helper_module.ts";
import { numbered } from "../compiler/rewrite/module.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What became of those of first instances: most are the only one of their program, or come one after the other. */
const first = new WeakMap<Bytes, WebAssembly.Module | null>();

/**
 * Takes in a rewritten module; that of a first instance only once.
 *
 * @param instance Its number in the store, which its name in stack traces has.
 * @returns `undefined` if the engine refuses it: it has limits for the locals and the length of a function.
 */
export function takeIn(rewritten: Bytes, instance: number): WebAssembly.Module | undefined {
  if (instance > 0) return moduleOf(numbered(rewritten, instance));
  let module = first.get(rewritten);
  if (module === undefined) first.set(rewritten, module = moduleOf(rewritten) ?? null);
  return module ?? undefined;
}

function moduleOf(bytes: Bytes): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return undefined;
    throw error;
  }
}

let supported: boolean | undefined;

/** Whether the engine has what rewritten modules need: several memories, one of them shared. */
export function isSupported(): boolean {
  return supported ??= WebAssembly.validate(probeModule());
}
