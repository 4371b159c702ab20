/**
 * References of an image, for the new module.
 *
 * @module
 */
import type { Renumbering } from "../../compiler/upgrade/renumbering.ts";
import type { Ref } from "../image/snapshot.ts";

/** A reference that means the same in the new module; a text that says why there is none. */
export function upgradeReference(ref: Ref, numbers: Renumbering): Ref | string {
  if (ref?.kind === "func") {
    const func = numbers.funcs.get(ref.func);
    return func === undefined ? `refers to a function: ${numbers.missing(ref.func)}` : { ...ref, func };
  }
  if (ref?.kind !== "host") return ref;
  const known = numbers.next.imports.some(({ kind, module, name }) =>
    kind === "func" && module === ref.module && name === ref.name
  );
  return known ? ref : `refers to "${ref.module}" "${ref.name}", which the new module does not import`;
}
