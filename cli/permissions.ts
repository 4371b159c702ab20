/**
 * Gives up Deno's permissions that a guest's run does not need, before the guest starts.
 *
 * Deno cannot narrow a grant of everything (`--allow-read` with no list) to some folders; such a grant is
 * given up only if no file is needed any more.
 *
 * @module
 */
import { relative, resolve } from "node:path";

/** Paths that are still needed; a folder means everything below it. */
export interface Needed {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** @param loaded Files that were read and will not be read again. */
export function dropPermissions(needed: Needed, loaded: readonly string[]): void {
  for (const name of ["run", "net", "env", "sys", "ffi", "import"] as const) {
    Deno.permissions.revokeSync({ name });
  }
  for (const name of ["read", "write"] as const) {
    if (needed[name].length === 0) Deno.permissions.revokeSync({ name });
    else if (name === "read") {
      // A grant of a whole folder would go with any file in it.
      for (const path of loaded) {
        if (!needed.read.some((kept) => overlaps(kept, path))) Deno.permissions.revokeSync({ name, path });
      }
    }
  }
}

/** Whether a grant for one of two paths may be the grant for the other. */
function overlaps(a: string, b: string): boolean {
  return [[a, b], [b, a]].some(([folder, path]) => {
    const way = relative(resolve(folder), resolve(path));
    return way === "" || !way.startsWith("..");
  });
}

/** Whether a folder may be written to, without asking anybody. */
export function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}
