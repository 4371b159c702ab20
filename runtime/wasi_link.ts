/**
 * Checks what a module imports from WASI against WASI's own signatures, before anything is called.
 *
 * @module
 */
import { LinkError } from "../compiler/errors.ts";
import { type Import, type Module, ValType, valTypeName } from "../compiler/types.ts";
import { SIGNATURES } from "./wasi/abi.ts";

/**
 * @param given Whether the caller gives an import itself.
 * @throws {LinkError} A function of WASI is imported with another type.
 */
export function checkWasiImports(module: Module, given: (wanted: Import) => boolean): void {
  for (const wanted of module.imports) {
    const isWasi = wanted.module === "wasi_snapshot_preview1" || wanted.module === "wasi_unstable";
    if (!isWasi || wanted.kind !== "func" || !Object.hasOwn(SIGNATURES, wanted.name) || given(wanted)) {
      continue;
    }
    const params = SIGNATURES[wanted.name].map(([, kind]) => kind === "i64" ? ValType.i64 : ValType.i32);
    const results = wanted.name === "proc_exit" ? [] : [ValType.i32];
    const [is, should] = [show(wanted.type.params, wanted.type.results), show(params, results)];
    if (is !== should) {
      throw new LinkError(
        `incompatible import type for "${wanted.module}" "${wanted.name}": ${is}, and it is ${should}`,
      );
    }
  }
}

function show(params: readonly ValType[], results: readonly ValType[]): string {
  const list = (types: readonly ValType[]) => `(${types.map(valTypeName).join(", ")})`;
  return `${list(params)} -> ${list(results)}`;
}
