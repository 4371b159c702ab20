/**
 * The rest of a function from a site on, as a rewritten module of its own: restored frames go on there. It shares
 * with the module of its functions all that has a state, and calls them.
 *
 * @module
 */
import type { CompileOptions } from "../policy.ts";
import type { SiteInfo } from "../resume.ts";
import { type Module, type ValType, ValType as T } from "../types.ts";
import { type RewrittenForm, Use } from "./body.ts";
import { ByteWriter } from "./bytes.ts";
import { type Continuation, continuationOf } from "./continuation.ts";
import { Extras, Helper, stateNames } from "./extras.ts";
import { FunctionRewriter } from "./function.ts";
import { savingTypes } from "./saving.ts";
import { framesLimits, globalsLimits, importMemories, linkNames } from "./links.ts";
import {
  codeSection,
  exportOf,
  funcTable,
  global,
  hintSection,
  importOf,
  limits,
  nameSection,
  preamble,
  SectionId,
  typeSection,
} from "./sections.ts";
import { type CodeWriter, I } from "./writer.ts";

export interface ResumeModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly form: RewrittenForm;
  /** Types of the values that it begins with: locals, operands, results of the call that it waited for. */
  readonly values: readonly ValType[];
  /** How many of them a frame has. */
  readonly inFrame: number;
  /** Functions that it imports, each by its index as a name. */
  readonly callees: readonly number[];
}

/** Its only export, of type `[] -> results`. */
export const resumeName = "f";

/**
 * How the values are handed over: at the beginning of the memory for frames, where each takes `bytes`, behind as many
 * that hold turns to warm up. If those are not 0, that is all it does.
 *
 * V8 compiles a function anew that has run for some time, but a running activation stays where it began, and nobody
 * tells whether there is better code. So there are two loops that compute the same: for nothing if `turns` is above
 * 0, which takes no time once V8 has optimised it, and for a result if it is below.
 */
export const handover = { turns: 0, result: 4, bytes: 8 } as const;

/** Multiplications in a turn of the loops that warm up. */
const warmingSteps = 32;

/**
 * @param number By which its frames say that they are of this form.
 * @param name Names the module in stack traces.
 * @throws {NotRewritable}
 */
export function resumeModule(
  module: Module,
  traits: Uint8Array,
  options: CompileOptions,
  { func, site, info, number, name }: {
    readonly func: number;
    readonly site: number;
    readonly info: SiteInfo;
    readonly number: number;
    readonly name: string;
  },
): ResumeModule {
  // So there is a turn between looks. Under `counter` it is not worth a copy of the loop: what waits for a stop there
  // hears of it at once, and most loops do not look at their first turn.
  const inLoop = options.ticks || options.policy !== "counter";
  const continuation = continuationOf(module, func, site, info, inLoop);
  const rewriter = new ContinuationRewriter(continuation, traits, options, number);
  const body = rewriter.rewrite(continuation.module.codes.length - 1);
  return {
    bytes: written(rewriter, continuation.module, body, name),
    form: rewriter.form,
    values: continuation.values,
    inFrame: continuation.values.length - (info.callee?.results.length ?? 0),
    callees: rewriter.callees,
  };
}

class ContinuationRewriter extends FunctionRewriter {
  readonly callees: number[] = [];
  readonly #imports = new Map<number, number>();

  constructor(
    private readonly continuation: Continuation,
    traits: Uint8Array,
    options: CompileOptions,
    private readonly number: number,
  ) {
    const { module, func } = continuation;
    const all = new Uint8Array(module.funcTypes.length);
    all.set(traits);
    all[module.funcTypes.length - 1] = traits[func];
    super({ module, options, traits: all, extras: Extras.imported(module) });
  }

  get extras(): Extras {
    return this.context.extras;
  }

  protected override get formNumber(): number {
    return this.number;
  }
  protected override get ownFunc(): number {
    return this.continuation.func;
  }
  protected override get ownLocals(): number {
    return this.continuation.locals;
  }
  protected override siteAt(offset: number): number {
    return this.continuation.sites.get(offset)!;
  }
  protected override entrySite(): undefined {}
  protected override get looksLater(): boolean {
    return true;
  }

  /** It asks first, since it had better stay as soon as it is in optimised code. */
  protected override get canLeave(): boolean {
    return false;
  }

  /** It begins in baseline code, and had better be left soon. */
  protected override get looksOfPause(): number {
    return 8;
  }

  /** Behind the functions that save frames, in the order of first calls. */
  protected override target(func: number): number {
    let index = this.#imports.get(func);
    if (index === undefined) {
      this.#imports.set(func, index = savingTypes.length + this.callees.push(func) - 1);
    }
    return index;
  }

  protected override globalIndex(global: number): number {
    return global + stateNames.length;
  }

  /** Warms up, or takes over the values. */
  protected override begin(head: CodeWriter): void {
    const { frames } = this.extras;
    const [turns, result] = [this.local(Use.count, T.i32), this.local(Use.at, T.i32)];
    head.word(frames, handover.turns);
    head.tee(turns);
    head.openUnlikely();
    head.get(turns);
    head.const(0);
    head.u8(I.gtS);
    head.open("if");
    this.#warmingLoop(head, turns, -1, () => head.u8(I.drop));
    head.u8(I.else);
    this.#warmingLoop(head, turns, 1, () => {
      head.get(result);
      head.u8(I.add);
      head.set(result);
    });
    head.end();
    head.const(0);
    head.get(result);
    head.store(T.i32, frames, handover.result);
    for (const type of this.results) head.zero(type);
    head.u8(I.return);
    head.end();
    this.continuation.values.forEach((type, i) => {
      head.const(0);
      head.load(type, frames, handover.bytes * (i + 1));
      head.set(i);
    });
  }

  #warmingLoop(head: CodeWriter, turns: number, step: number, use: () => void): void {
    head.open("loop");
    head.get(turns);
    for (let i = 0; i < warmingSteps; i++) {
      head.get(turns);
      head.u8(I.mul);
    }
    use();
    head.get(turns);
    head.const(step);
    head.u8(I.add);
    head.tee(turns);
    head.brIf(0);
    head.end();
  }
}

function written(
  { extras, callees, unlikely }: ContinuationRewriter,
  module: Module,
  body: Uint8Array,
  name: string,
): Uint8Array<ArrayBuffer> {
  const { funcTypes, memories, tables, globals, codes } = module;
  const types = extras.types;
  const out = new ByteWriter(body.length + 1024);
  const rest = new ByteWriter();
  rest.section(SectionId.import, (to) => {
    to.u32(savingTypes.length + callees.length + memories.length + 3 + tables.length + 1 + stateNames.length);
    savingTypes.forEach((type, i) => {
      importOf(to, linkNames.saving + i, "func");
      to.u32(types.indexOf(type));
    });
    for (const callee of callees) {
      importOf(to, String(callee), "func");
      to.u32(types.indexOf(funcTypes[callee]));
    }
    importMemories(to, memories);
    importOf(to, linkNames.frames, "memory");
    limits(to, framesLimits);
    importOf(to, linkNames.globals, "memory");
    limits(to, globalsLimits);
    tables.forEach(({ limits: given }, i) => {
      importOf(to, linkNames.table + i, "table");
      funcTable(to, given);
    });
    importOf(to, linkNames.helpers, "table");
    funcTable(to, { min: Object.keys(Helper).length });
    stateNames.forEach((_, i) => {
      importOf(to, linkNames.state + i, "global");
      to.bytes(T.i32, 1);
    });
  });
  rest.section(SectionId.function, (to) => {
    to.u32(1);
    to.u32(codes[codes.length - 1].typeIndex);
  });
  rest.section(SectionId.global, (to) => to.vector(globals, (each) => global(to, each)));
  rest.section(SectionId.export, (to) => {
    to.u32(1);
    exportOf(to, resumeName, "func", savingTypes.length + callees.length);
  });
  preamble(out);
  typeSection(out, types.types);
  out.copy(rest.written);
  hintSection(out, [{ func: savingTypes.length + callees.length, offsets: unlikely }]);
  codeSection(out, [body]);
  nameSection(out, name);
  return out.written;
}
