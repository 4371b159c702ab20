/**
 * Core dumps of what there is: an image, or a guest that has trapped.
 *
 * @module
 */
import { entryOffset, localTypes } from "../../compiler/sites.ts";
import type { Module } from "../../compiler/types.ts";
import { takeSnapshot } from "../checkpoint.ts";
import type { Guest } from "../guest.ts";
import { frameValues, type Snapshot } from "../image/snapshot.ts";
import type { StackFrame } from "../trap.ts";
import type { CoreDump, DumpFrame } from "./coredump.ts";

/** What is alike in both: all but the stack. */
function withStack(
  { modules, instances, memories, globals }: Snapshot,
  name: string,
  stack: readonly DumpFrame[],
): CoreDump {
  return {
    executable: name,
    modules: modules.map((module, i) => i === 0 ? name : module.name ?? `module ${i}`),
    instances,
    memories,
    globals,
    stack,
  };
}

/**
 * The core dump of a stopped program. A frame stands at the instruction where it goes on.
 *
 * @param name What the program is called.
 * @param module The image's module; without it, it is not known where its functions start, and all offsets are 0.
 */
export function imageDump(image: Snapshot, name: string, module: Module | undefined): CoreDump {
  const stack = image.stack.map((frame): DumpFrame => {
    const { instance, func, site } = frame;
    // Nobody has checked yet that an image's frames fit the module.
    const known = module !== undefined && module.codes[func - module.imported.funcs] !== undefined;
    const codeOffset = known ? Math.max(0, site - entryOffset(module, func)) : 0;
    return { instance, func, codeOffset, ...frameValues(frame) };
  });
  return withStack(image, name, stack.reverse());
}

/**
 * The core dump of a guest that has trapped. Which functions were active is known, but neither where in them
 * nor their values: V8 keeps these to itself.
 *
 * @param stack Of the outcome `trapped`.
 */
export function trapDump({ store }: Guest, name: string, stack: readonly StackFrame[]): CoreDump {
  // Nobody compares this with another module: its hash is not worth the time.
  const hashes = new Map(store.instances.map(({ module }) => [module, new Uint8Array(32)]));
  const snapshot = takeSnapshot(store, { hashes, producer: "" });
  return withStack(
    snapshot,
    name,
    stack.map(({ instance, func }) => {
      const { module } = store.instances[instance];
      const count = func < module.imported.funcs
        ? module.funcTypes[func].params.length
        : localTypes(module, func).length;
      return { instance, func, codeOffset: 0, locals: Array(count).fill(undefined), operands: [] };
    }),
  );
}
