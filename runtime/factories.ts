/**
 * From the text of a function to its code. V8 keeps what it has learnt about a function, and its optimised
 * code, with the place where the function is made. So where several instances run the same program, each text
 * is given to V8 once, as a _factory_: every instance calls it for a function of its own, which is as fast
 * from its first call as the others have become.
 *
 * @module
 */
import type { Program } from "../compiler/program.ts";
import { pointOf, type SiteInfo, siteInfo } from "../compiler/resume.ts";
import type { Form, ResumePoint } from "../compiler/sites.ts";
import type { Module } from "../compiler/types.ts";
import type { Code, Func } from "./func.ts";

/** The form of a function as the code of one instance knows it: `K`. */
export class OwnForm implements Form {
  constructor(readonly self: Func, private readonly form: Form) {}

  get func(): number {
    return this.form.func;
  }
  get localTypes(): Form["localTypes"] {
    return this.form.localTypes;
  }
  get sites(): Form["sites"] {
    return this.form.sites;
  }
}

/** Makes the code of one form of a function. */
export interface Factory {
  /** @param rt What generated code may use; another one for each instance. */
  readonly make: (rt: unknown, form: OwnForm) => Code;
  readonly form: Form;
}

/** Run forms of a program that were made before, in another process perhaps, under the same options. */
export interface CodeCache {
  /** The functions that it has code of. Each may call those before it without asking whether there is code. */
  readonly funcs: readonly number[];
  find(func: number, module: Module): Factory | undefined;
  /** Takes note of what it did not have. */
  add(func: number, factory: Factory): void;
}

/** The factories of a program's functions, for one instance or for instances of the same kind. */
export class Factories {
  /** V8 takes a text that it knows for the same code, and treats what differs between instances as variable. */
  static #count = 0;
  readonly #mark = `\n// ${Factories.#count++}`;
  readonly #made = new Map<string, Factory>();
  readonly #sites = new Map<string, SiteInfo>();

  /**
   * @param index The instances' index in their stores: traces name it.
   * @param shared Whether there is more than one instance. Which functions have code already is then not
   * known when a call is compiled.
   * @param cache For one instance only, which then has all of its code from the beginning.
   */
  constructor(
    readonly program: Program,
    readonly index: number,
    readonly shared: boolean,
    readonly cache?: CodeCache,
  ) {}

  /**
   * The factory of a function's run form, or of the resume form that starts at `site`.
   *
   * @param isReady Which functions of the instance have code already.
   * @throws {RangeError} There is no such site.
   */
  of(func: number, site: number | undefined, isReady: (func: number) => boolean): Factory {
    const key = site === undefined ? `${func}` : `${func}@${site}`;
    const known = this.#made.get(key) ??
      (site === undefined ? this.cache?.find(func, this.program.module) : undefined);
    if (known !== undefined) return known;
    const point = site === undefined ? undefined : this.#point(func, site);
    const ready = this.shared ? undefined : isReady;
    const { text, form } = this.program.compile(func, point, ready, `wasm-${this.index}`);
    const made = { make: new Function("rt", "K", text + this.#mark) as Factory["make"], form };
    // An instance that is alone asks once.
    if (this.shared) this.#made.set(key, made);
    if (site === undefined) this.cache?.add(func, made);
    return made;
  }

  /** What stands at an offset of a defined function; `undefined` if no frame can be there. */
  site(func: number, site: number): SiteInfo | undefined {
    const key = `${func}@${site}`;
    let info = this.#sites.get(key);
    if (info === undefined) {
      info = siteInfo(this.program.module, func, site);
      if (info !== undefined) this.#sites.set(key, info);
    }
    return info;
  }

  /** The same of a site that was checked before. @throws {RangeError} There is no such site. */
  knownSite(func: number, site: number): SiteInfo {
    const info = this.site(func, site);
    if (info === undefined) throw new RangeError(`function ${func} has no site at offset ${site}`);
    return info;
  }

  #point(func: number, site: number): ResumePoint {
    return pointOf(site, this.knownSite(func, site));
  }
}
