/**
 * What people call a module's code: names of functions and locals, files and lines, from the name section and
 * from debug information, whichever the module has.
 *
 * @module
 */
import { DebugInfo, type SourcePlace } from "./dwarf/debug_info.ts";
import type { SourceVariable } from "./dwarf/variables.ts";
import { functionName } from "./function_name.ts";
import { isLive, livenessOf } from "./liveness.ts";
import { localNames } from "./local_names.ts";
import { siteInfo } from "./resume.ts";
import { localTypes, type SiteKind } from "./sites.ts";
import type { Module } from "./types.ts";

export interface SiteFacts {
  readonly kind: SiteKind;
  /** The function that a direct call calls. */
  readonly callee?: number;
  /** Whether the function still reads a local; images hold zero for the others. */
  isWanted(local: number): boolean;
}

export class Symbols {
  readonly #debug: DebugInfo | undefined;
  /** Names that were asked for: a deep stack is of few functions. */
  readonly #names = new Map<number, string>();

  constructor(readonly module: Module) {
    this.#debug = DebugInfo.of(module);
  }

  /** Why debug information that is there says nothing; known once it was asked. */
  get problem(): string | undefined {
    return this.#debug?.problem;
  }

  /** A function's name: from the name section, debug information, its export or import; else `func[N]`. */
  functionName(func: number): string {
    let name = this.#names.get(func);
    if (name === undefined) {
      name = this.module.names.funcs.get(func) ?? this.definition(func)?.function ??
        functionName(this.module, func);
      this.#names.set(func, name);
    }
    return name;
  }

  /** Where a function is defined. */
  definition(func: number): SourcePlace | undefined {
    const start = this.#start(func);
    return start === undefined ? undefined : this.#debug?.definition(start);
  }

  /** The name of a function's local. */
  localName(func: number, local: number): string | undefined {
    return localNames(this.module, func).get(local);
  }

  /**
   * Where a site comes from: the function that was inlined last first, and last the function itself.
   *
   * @param site Bytes from the start of the code section's contents.
   */
  sourceOf(func: number, site: number): readonly SourcePlace[] {
    return this.#start(func) === undefined ? [] : this.#debug?.at(site) ?? [];
  }

  /** The parameters and variables that the source has at a site. */
  variables(func: number, site: number): readonly SourceVariable[] {
    return this.#start(func) === undefined ? [] : this.#debug?.variables(site) ?? [];
  }

  /** What a site is; `undefined` if it is none of the function. */
  site(func: number, site: number): SiteFacts | undefined {
    const { module } = this;
    const info = siteInfo(module, func, site);
    if (info === undefined) return undefined;
    const locals = localTypes(module, func).length;
    const wanted = livenessOf(module, func - module.imported.funcs, locals)
      .get(site + module.codeSectionStart);
    return {
      kind: info.kind,
      ...info.target !== undefined && { callee: info.target },
      isWanted: (local) => wanted === undefined || isLive(wanted, local),
    };
  }

  /** Where a function's code starts; an imported one has none. */
  #start(func: number): number | undefined {
    const { codes, imported, codeSectionStart } = this.module;
    const code = codes[func - imported.funcs];
    return code && code.start - codeSectionStart;
  }
}

/** A place as `file:line:column`, as far as it is known. */
export function placeText({ file, line, column }: SourcePlace): string | undefined {
  if (file === undefined) return undefined;
  return [file, ...line ? [line, ...column ? [column] : []] : []].join(":");
}
