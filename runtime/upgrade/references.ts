/**
 * References of an image, for the new module.
 *
 * @module
 */
import { declaredFunctions } from "../../compiler/validate_body.ts";
import type { Renumbering } from "../../compiler/upgrade/renumbering.ts";
import type { Ref } from "../image/snapshot.ts";

/** A reference that means the same in the new module; a text that says why there is none. */
export function upgradeReference(ref: Ref, numbers: Renumbering): Ref | string {
  if (ref?.kind === "func") {
    const func = numbers.funcs.get(ref.func);
    if (func === undefined) return `refers to a function: ${numbers.missing(ref.func)}`;
    return declaredFunctions(numbers.next)[func] === 1
      ? { ...ref, func }
      : `refers to ${numbers.name(ref.func)}, of which the new module takes no references`;
  }
  if (ref?.kind !== "host") return ref;
  const known = numbers.next.imports.some(({ kind, module, name }) =>
    kind === "func" && module === ref.module && name === ref.name
  );
  return known ? ref : `refers to "${ref.module}" "${ref.name}", which the new module does not import`;
}
