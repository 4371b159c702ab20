/**
 * Frames that go on as rewritten code: the rest of a function from a site on, in a module of its own that V8
 * compiles as it compiles the others.
 *
 * @module
 */
import { linkNames } from "../compiler/rewrite/links.ts";
import { NotRewritable, type RewrittenForm } from "../compiler/rewrite/body.ts";
import { stateNames } from "../compiler/rewrite/extras.ts";
import { savingTypes } from "../compiler/rewrite/saving.ts";
import { handover, type ResumeModule, resumeModule, resumeName } from "../compiler/rewrite/resume_module.ts";
import { type ValType, ValType as T } from "../compiler/types.ts";
import type { Code } from "./func.ts";
import { bitsOfF32, bitsOfF64, type Float } from "./helpers.ts";
import type { Instance } from "./instance.ts";
import { codeOf, type NativeFunction } from "./native_calls.ts";
import { R, takeResults } from "./results.ts";
import { rawLength } from "./value.ts";

/** Turns that are enough for V8 to compile a function anew, and to see whether it has. */
const warmingTurns = 50_000, probingTurns = 1000;
/** What is computed for nothing takes so much less time in optimised code. */
const speedup = 3;
/** Milliseconds until the second probe, and by how much longer every further one waits. */
const firstWait = 1, longerWait = 1.25;

/** What the resume forms of an instance are made against. */
export interface ResumeLinks {
  /** Exports of the rewritten module. */
  readonly exports: WebAssembly.Exports;
  readonly imports: Readonly<Record<string, WebAssembly.ImportValue>>;
  /** By function index: bits of `Trait`. */
  readonly traits: Uint8Array;
  /** First part of the modules' names in stack traces. */
  readonly name: string;
}

/** The resume forms of an instance, made when they are asked for. */
export class ResumedForms {
  readonly #made: ResumedForm[] = [];
  readonly #found = new Map<string, ResumedForm | undefined>();

  constructor(private readonly owner: Instance, private readonly links: ResumeLinks) {}

  /** What begins at a site; `undefined` if it is too much for V8, which has limits for a function. */
  at(func: number, site: number): ResumedForm | undefined {
    const key = `${func}@${site}`;
    if (!this.#found.has(key)) this.#found.set(key, this.#make(func, site));
    return this.#found.get(key);
  }

  /** The form that frames of a number are of; `undefined` for run forms. */
  numbered(number: number): ResumedForm | undefined {
    return this.#made[number - this.#first];
  }

  /** Numbers of functions come before. */
  get #first(): number {
    return this.owner.module.funcTypes.length;
  }

  #make(func: number, site: number): ResumedForm | undefined {
    const { owner: { module, program: { options } }, links } = this;
    const info = this.owner.knownSite(func, site);
    const number = this.#first + this.#made.length;
    try {
      const name = `${links.name}r${number}`;
      const made = resumeModule(module, links.traits, options, { func, site, info, number, name });
      const { [resumeName]: native } = new WebAssembly.Instance(new WebAssembly.Module(made.bytes), {
        "": this.#imports(made),
      }).exports;
      const frames = links.exports[linkNames.frames] as WebAssembly.Memory;
      const form = new ResumedForm(made, native as NativeFunction, frames, module.funcTypes[func].results);
      this.#made.push(form);
      return form;
    } catch (error) {
      if (error instanceof NotRewritable || error instanceof WebAssembly.CompileError) return undefined;
      throw error;
    }
  }

  #imports({ callees }: ResumeModule): Record<string, WebAssembly.ImportValue> {
    const { exports, imports } = this.links;
    const funcs = exports[linkNames.funcs] as WebAssembly.Table;
    const given: Record<string, WebAssembly.ImportValue> = {};
    for (const callee of callees) given[callee] = imports[callee] ?? funcs.get(callee);
    for (const name of [linkNames.memory, linkNames.control]) given[name] = imports[name];
    savingTypes.forEach((_, i) => given[linkNames.saving + i] = exports[linkNames.saving + i]);
    for (const name of [linkNames.frames, linkNames.globals, linkNames.helpers]) {
      given[name] = exports[name] as WebAssembly.ImportValue;
    }
    const { tables } = this.owner;
    tables.forEach((_, i) => given[linkNames.table + i] = exports[linkNames.table + i] as WebAssembly.Table);
    stateNames.forEach((_, i) =>
      given[linkNames.state + i] = exports[linkNames.state + i] as WebAssembly.Global
    );
    return given;
  }
}

/** One place to go on from. */
export class ResumedForm {
  readonly form: RewrittenForm;
  readonly #values: readonly ValType[];
  /** Of the values, those that are in frames take so many raw values; the others are results of a call. */
  readonly #inFrame: number;
  readonly #results: readonly ValType[];
  readonly #call: Code;
  readonly #warmth: Warmth;
  /** Since when the latest activation runs, if it began before there was optimised code. */
  #coldSince: number | undefined;

  constructor(
    { form, values, inFrame }: ResumeModule,
    private readonly native: NativeFunction,
    private readonly frames: WebAssembly.Memory,
    results: readonly ValType[],
  ) {
    this.form = form;
    this.#values = values;
    this.#inFrame = rawLength(values.slice(0, inFrame));
    this.#results = values.slice(inFrame);
    this.#call = codeOf(native, { params: [], results });
    this.#warmth = new Warmth((turns) => this.#spin(turns));
  }

  /**
   * Goes on. @param values Of the frame, in raw form.
   * @param result The first result of the call that the frame waited for; others are where results are.
   */
  readonly resume: Code = (values: readonly unknown[], result: unknown) => {
    const before = this.#coldSince;
    this.#coldSince = this.#warmth.isWarm ? undefined : performance.now();
    this.#give(values, takeResults(result, this.#results));
    try {
      return this.#call();
    } finally {
      this.#coldSince = before;
    }
  };

  /** For how long the latest activation has been running in V8's baseline code, if it is. In milliseconds. */
  get cold(): number {
    return this.#coldSince === undefined ? 0 : performance.now() - this.#coldSince;
  }

  /** Sees to it that there will be optimised code. @returns Whether there is. */
  warm(): boolean {
    return this.#warmth.warm();
  }

  #view(count: number): DataView {
    const missing = handover.bytes * (count + 1) - this.frames.buffer.byteLength;
    if (missing > 0) this.frames.grow(Math.ceil(missing / 65536));
    return new DataView(this.frames.buffer);
  }

  #spin(turns: number): void {
    const view = this.#view(0);
    view.setInt32(handover.turns, turns, true);
    this.native();
    view.setInt32(handover.turns, 0, true);
  }

  #give(values: readonly unknown[], results: readonly unknown[]): void {
    const view = this.#view(this.#values.length);
    view.setInt32(handover.turns, 0, true);
    let next = 0;
    const raw = () => {
      const at = next++;
      return at < this.#inFrame ? values[at] : results[at - this.#inFrame];
    };
    this.#values.forEach((type, i) => {
      const at = handover.bytes * (i + 1);
      switch (type) {
        case T.f32:
          return view.setInt32(at, bitsOfF32(raw() as Float), true);
        case T.f64:
          view.setInt32(at, bitsOfF64(raw() as Float), true);
          return view.setInt32(at + 4, R[0], true);
        case T.i64:
          view.setInt32(at, raw() as number, true);
          return view.setInt32(at + 4, raw() as number, true);
        default:
          view.setInt32(at, raw() as number, true);
      }
    });
  }
}

/** Whether V8 has compiled a function with its optimising compiler, which nothing tells but its speed. */
class Warmth {
  isWarm = false;
  #isAsked = false;
  #next = 0;
  #wait = firstWait;

  constructor(private readonly spin: (turns: number) => void) {}

  warm(): boolean {
    if (this.isWarm || performance.now() < this.#next) return this.isWarm;
    // V8 may have known the module from before.
    // Once may be by chance.
    this.isWarm = this.#isFast() && this.#isFast();
    if (!this.isWarm && !this.#isAsked) {
      this.#isAsked = true;
      this.spin(warmingTurns);
    } else this.#wait *= longerWait;
    this.#next = performance.now() + this.#wait;
    return this.isWarm;
  }

  #isFast(): boolean {
    return speedup * this.#time(probingTurns) < this.#time(-probingTurns);
  }

  /** The shortest of some, since this thread may have to wait, and the first takes longer in any case. */
  #time(turns: number): number {
    const times = [0, 1, 2].map(() => {
      const start = performance.now();
      this.spin(turns);
      return performance.now() - start;
    });
    return Math.min(...times);
  }
}
