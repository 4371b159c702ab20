/**
 * Engines by name: `engine_NAME.ts` in this folder, loaded when asked for.
 *
 * @module
 */
import type { EngineKind } from "./engine.ts";

/** The engine of that name, or `undefined` where there is no such file. */
export async function findEngine(name: string): Promise<EngineKind | undefined> {
  const url = new URL(`./engine_${name}.ts`, import.meta.url);
  const there = /^[a-z0-9]+$/.test(name) && await Deno.stat(url).then(() => true, () => false);
  return there ? (await import(url.href)).engine : undefined;
}
