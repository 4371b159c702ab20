/**
 * What `run` loads before the guest starts: neither Node's modules nor what only images need (RATIONALE.md, "Why
 * does the command line go past `mod.ts`?").
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

/** All that a module imports, directly or not, other than by `import()` and for its types. */
async function loadedBy(path: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", path] }).output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    roots: string[];
    modules: Module[];
  };
  const known = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set(roots);
  for (const specifier of loaded) {
    for (const { isDynamic, code } of known.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier !== undefined) loaded.add(code.specifier);
    }
  }
  return [...loaded];
}

const root = new URL("../../", import.meta.url);

Deno.test("loading: run loads little", async () => {
  const unwanted = [
    ...["mod.ts", "cli/recorder.ts", "cli/saving.ts", "cli/trap.ts", "compiler/symbols.ts"],
    ...["runtime/image/msgpack.ts", "runtime/image/writer.ts", "runtime/image/reader.ts"],
  ].map((path) => new URL(path, root).href);
  for (const path of ["cli.ts", "cli/commands/run.ts"]) {
    const loaded = await loadedBy(new URL(path, root).pathname);
    assert(loaded.length > 10, `${path} loads something`);
    assertEquals(loaded.filter((each) => each.startsWith("node:") || unwanted.includes(each)), [], path);
  }
});
