/**
 * An instance's functions as a rewritten module has them, compiled by V8's own compilers for WebAssembly. They
 * share memory, globals and tables with the modules that restored frames go on in, and with generated JavaScript.
 *
 * @module
 */
import { bytesOfGlobal, type StateName, stateNames } from "../compiler/rewrite/extras.ts";
import type { RewrittenForm } from "../compiler/rewrite/body.ts";
import { codeAt } from "../compiler/rewrite/code_at.ts";
import { helperModule } from "../compiler/rewrite/helper_module.ts";
import { linkNames } from "../compiler/rewrite/links.ts";
import { mostMoved } from "../compiler/rewrite/looks.ts";
import { nameOf, type RewrittenModule } from "../compiler/rewrite/module.ts";
import { type ValType, ValType as T } from "../compiler/types.ts";
import { sharedMemoryOf } from "./control.ts";
import { type Frame, frameOf } from "./frame.ts";
import type { Code } from "./func.ts";
import type { Instance } from "./instance.ts";
import type { Program } from "../compiler/program.ts";
import type { Thread } from "./thread.ts";
import { ResumedForms } from "./resumed.ts";
import { StuckFunctions } from "./stuck.ts";
import { codeOf, importOf, type NativeFunction } from "./native_calls.ts";
import { isSupported, takeIn } from "./native_code.ts";
import { f32OfBits, f64OfBits } from "./helpers.ts";
import { TrapKind } from "./trap.ts";
import { sharedGlobal } from "./global.ts";

/**
 * After how many turns of loops an activation leaves one for the first time, to go on elsewhere. In V8's baseline code
 * they take from 1 to 100 ms, by what a turn is. Each further time needs twice as many, since it may be for nothing.
 */
const firstPatience = 2 ** 16;

/** A resumed activation begins in baseline code for sure, and is worth moving when it has run for so long. In ms. */
const resumedPatience = 10;

let helpers: WebAssembly.Module | undefined;

export class Native {
  readonly #exports: WebAssembly.Exports;
  readonly #state: Readonly<Record<StateName, WebAssembly.Global>>;

  readonly #stuck = new StuckFunctions();
  /** `undefined` where frames go on as generated JavaScript. */
  readonly #resumed: ResumedForms | undefined;

  private constructor(
    private readonly owner: Instance,
    private readonly rewritten: RewrittenModule,
    module: WebAssembly.Module,
    control: WebAssembly.Memory,
  ) {
    const { memories, funcs, globals, module: original, store: { thread } } = owner;
    const imports: Record<string, WebAssembly.ImportValue> = { [linkNames.control]: control };
    for (const memory of memories) imports[linkNames.memory] = memory.share();
    funcs.slice(0, original.imported.funcs).forEach((func, i) => imports[i] = importOf(func, thread));
    this.#exports = new WebAssembly.Instance(module, { "": imports }).exports;
    this.#state = Object.fromEntries(
      stateNames.map((name, i) => [name, this.#exports[linkNames.state + i]]),
    ) as Record<StateName, WebAssembly.Global>;
    this.#state.patience.value = firstPatience;
    helpers ??= new WebAssembly.Module(helperModule());
    const table = new WebAssembly.Instance(helpers, {
      "": {
        poll: () => thread.poll(),
        enter: (depth: number) => thread.enter(depth),
        grow: (delta: number) => memories[0].grow(delta),
        pause: (form: number, site: number, turns: number) =>
          thread.pause(() => this.#hadBetterMove(form, site, turns >>> 0)),
        leave: () => thread.leave(() => this.#waitLonger()),
        tick: (number: number, site: number) => {
          const form = this.#form(number);
          return thread.tick({ ...form, self: funcs[form.func] }, site);
        },
      },
    }).exports.t as WebAssembly.Table;
    const own = this.#exports[linkNames.helpers] as WebAssembly.Table;
    for (let i = 0; i < table.length; i++) own.set(i, table.get(i));
    const { buffer } = this.#exports[linkNames.globals] as WebAssembly.Memory;
    globals.forEach((global, i) => {
      if (!global.type.mutable) return;
      globals[i] = sharedGlobal(global, new Int32Array(buffer, bytesOfGlobal * i, 2));
    });
    if (owner.program.options.without.includes("resumes")) return;
    const links = { exports: this.#exports, imports, traits: rewritten.traits, name: nameOf(owner.index) };
    this.#resumed = new ResumedForms(owner, links);
  }

  /** The form by which a frame was saved. */
  #form(number: number): RewrittenForm {
    return this.#resumed?.numbered(number)?.form ?? this.rewritten.form(number);
  }

  /**
   * Whether an activation had better be left and resumed, since V8 leaves it in its baseline code, and there is
   * something better to go on with.
   */
  #hadBetterMove(number: number, site: number, turns: number): boolean {
    const running = this.#resumed?.numbered(number);
    const { codes, imported } = this.owner.module;
    const { bodyStart, end } = codes[(running?.form.func ?? number) - imported.funcs];
    const bytes = end - bodyStart;
    if (bytes > mostMoved) return false;
    const isStuck = running ? running.cold > resumedPatience : this.#stuck.isStuck(number, bytes, turns);
    if (!isStuck) return false;
    if (this.#resumed === undefined) return true;
    const { func, sites } = this.#form(number);
    return this.#resumed.at(func, sites[site].offset)?.warm() ?? false;
  }

  /** Activations leave loops after twice as many turns, unsigned. */
  #waitLonger(): void {
    const { patience } = this.#state;
    patience.value = patience.value < 0 ? -1 : 2 * patience.value;
  }

  /** What goes on at a site; `undefined` if that is not for rewritten code. */
  resumeForm(func: number, site: number): Code | undefined {
    return this.#resumed?.at(func, site)?.resume;
  }

  /** Whether a program can have this back end on a thread. */
  static isPossible({ rewritten }: Program, { control }: Thread): boolean {
    return rewritten !== undefined && sharedMemoryOf(control) !== undefined && isSupported();
  }

  /**
   * An instance's functions.
   *
   * @param isAsDefined Whether the module's own segments made its tables what they are.
   * @returns `undefined` if a restored table is not as the module has it, or if what was added
   * is too much for V8, which has limits for the locals and the length of a function.
   */
  static of(instance: Instance, isAsDefined: boolean): Native | undefined {
    const { program: { rewritten }, store: { thread } } = instance;
    if (!isAsDefined && !hasOwnTables(instance)) return undefined;
    const module = takeIn(rewritten!.bytes, instance.index);
    return module && new Native(instance, rewritten!, module, sharedMemoryOf(thread.control)!);
  }

  get instance(): number {
    return this.owner.index;
  }

  /** The code of a function's run form. */
  code(func: number): Code {
    const table = this.#exports[linkNames.funcs] as WebAssembly.Table;
    return codeOf(table.get(func) as NativeFunction, this.owner.module.funcTypes[func]);
  }

  /** Begins or ends unwinding. */
  set unwinding(value: number) {
    this.#state.unwinding.value = value;
  }

  /** Estimated bytes of the stack that are in use. */
  get depth(): number {
    return this.#state.depth.value;
  }
  set depth(value: number) {
    this.#state.depth.value = value;
  }

  /** Takes the frames that were captured, innermost first. */
  takeFrames(isSpill: boolean): Frame[] {
    const end = this.#state.frames.value as number;
    if (end === 0) return [];
    this.#state.frames.value = 0;
    const { buffer } = this.#exports[linkNames.frames] as WebAssembly.Memory;
    const view = new DataView(buffer, 0, end);
    const frames: Frame[] = [];
    for (let at = 0; at < end;) {
      const number = view.getInt32(at, true);
      const site = view.getInt32(at + 4, true);
      at += 8;
      const form = this.#form(number);
      const values: unknown[] = [];
      for (const type of form.saved[site]) at = take(values, view, at, type);
      frames.push(frameOf(this.owner.funcs[form.func], form, site, values, isSpill));
    }
    return frames;
  }

  /** Forgets frames that were captured: the guest trapped meanwhile. */
  dropFrames(): void {
    this.#state.frames.value = 0;
  }

  funcAt(offset: number, form: number | undefined): number | undefined {
    if (form !== undefined) return this.#form(form).func;
    const { bytes, original } = this.rewritten;
    return original(this.owner.module.imported.funcs + codeAt(bytes, offset));
  }

  /** The kind of trap that V8's error means. */
  trapKind(error: WebAssembly.RuntimeError): TrapKind {
    const [, kind] = trapMessages.find(([text]) => error.message.includes(text)) ?? [];
    if (kind === TrapKind.signatureMismatch) {
      const { e } = this.owner.tables[this.#state.table.value];
      return e[this.#state.element.value >>> 0] === null ? TrapKind.uninitializedElement : kind;
    }
    if (kind === TrapKind.invalidConversion) return this.#state.nan.value ? kind : TrapKind.overflow;
    return kind ?? TrapKind.unreachable;
  }
}

/** What V8 says of each kind of trap, beside those that JavaScript has as well. */
const trapMessages: readonly (readonly [string, TrapKind])[] = [
  ["unreachable", TrapKind.unreachable],
  ["memory access out of bounds", TrapKind.memoryBounds],
  ["divide by zero", TrapKind.divideByZero],
  ["remainder by zero", TrapKind.divideByZero],
  ["divide result unrepresentable", TrapKind.overflow],
  ["float unrepresentable in integer range", TrapKind.invalidConversion],
  ["table index is out of bounds", TrapKind.undefinedElement],
  ["function signature mismatch", TrapKind.signatureMismatch],
  ["null function", TrapKind.uninitializedElement],
];

/** Whether the tables hold what the module's segments say: an image may claim anything, and one may not fit. */
function hasOwnTables({ module, tables, funcs }: Instance): boolean {
  const wanted = module.tables.map(({ limits }) => new Array(limits.min).fill(null));
  for (const { init, mode } of module.elements) {
    if (mode.kind !== "active" || mode.offset.op !== "i32.const") continue;
    const at = mode.offset.value >>> 0;
    if (at + init.length > wanted[mode.index].length) return false;
    init.forEach((expr, i) => wanted[mode.index][at + i] = expr.op === "ref.func" ? funcs[expr.index] : null);
  }
  return tables.every(({ e }, i) =>
    e.length === wanted[i].length && e.every((ref, k) => ref === wanted[i][k])
  );
}

/** Reads a saved value in raw form, and gives where the next one stands. */
function take(values: unknown[], view: DataView, at: number, type: ValType): number {
  switch (type) {
    case T.i32:
      values.push(view.getInt32(at, true));
      return at + 4;
    case T.f32:
      values.push(f32OfBits(view.getInt32(at, true)));
      return at + 4;
    case T.i64:
      values.push(view.getInt32(at, true), view.getInt32(at + 4, true));
      return at + 8;
    default:
      values.push(f64OfBits(view.getInt32(at, true), view.getInt32(at + 4, true)));
      return at + 8;
  }
}
