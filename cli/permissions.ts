/**
 * Gives up Deno's permissions that a guest's run does not need, before the guest starts.
 *
 * Deno cannot narrow a grant of everything (`--allow-read` with no list) to some folders; such a grant is
 * given up only if no file is needed any more.
 *
 * @module
 */

/** What a run needs the file system for. */
export interface FileUse {
  /** The guest's. */
  readonly folders: readonly string[];
  /** Files that will be written. */
  readonly outputs: readonly string[];
  /** Files that were read and will not be read again. */
  readonly loaded: readonly string[];
}

export async function dropPermissions({ folders, outputs, loaded }: FileUse): Promise<void> {
  for (const name of ["run", "net", "env", "sys", "ffi", "import"] as const) {
    Deno.permissions.revokeSync({ name });
  }
  if (folders.length + outputs.length === 0) {
    for (const name of ["read", "write"] as const) Deno.permissions.revokeSync({ name });
    return;
  }
  // It is not loaded for most runs: with it comes much of Node.
  const { dirname, relative, resolve } = await import("node:path");
  const overlaps = (a: string, b: string) =>
    [[a, b], [b, a]].some(([folder, path]) => {
      const way = relative(resolve(folder), resolve(path));
      return way === "" || !way.startsWith("..");
    });
  const needed = [...folders, ...outputs.map((path) => dirname(path))];
  // A grant of a whole folder would go with any file in it.
  for (const path of loaded) {
    if (!needed.some((kept) => overlaps(kept, path))) Deno.permissions.revokeSync({ name: "read", path });
  }
}

/** Whether a folder may be written to, without asking anybody. */
export function mayWrite(path: string): boolean {
  return Deno.permissions.querySync({ name: "write", path }).state === "granted";
}
