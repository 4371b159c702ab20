/**
 * Lowers one function body to a JavaScript function: structured control becomes labelled statements,
 * the operand stack becomes expressions and slot variables, and sites become polls and captures.
 *
 * @module
 */
import { assemble } from "./assemble.ts";
import { Captures, maxArguments, maxSitesInPlace } from "./captures.ts";
import {
  type Control,
  freeNames,
  type LoweredFunction,
  type LoweringContext,
  type View,
  views,
} from "./context.ts";
import {
  bin,
  breakTo,
  type Expression,
  id,
  ifThen,
  index,
  int,
  logical,
  member,
  method,
  num,
  set,
  type Statement,
  uint,
} from "./estree.ts";
import { FlatCode } from "./flat.ts";
import { handlers } from "./handlers.ts";
import { livenessOf } from "./liveness.ts";
import { OperandStack, type Place } from "./operands.ts";
import type { CompileOptions, PassName } from "./policy.ts";
import { Reader } from "./reader.ts";
import { emitReturn } from "./results.ts";
import { type Split, split, type VariableKind } from "./split.ts";
import { entryOffset, localTypes, type ResumePoint, type SiteKind } from "./sites.ts";
import { type Block, readOpcode, skipImmediates, type Structure, structureOf } from "./structure.ts";
import { type FuncType, type Module, ValType } from "./types.ts";
import { WideSlots } from "./wide.ts";

/** A byte of a body becomes five or six characters; few large bodies have more than this. */
const mostExpansion = 7;

/** Identifiers of locals. */
const lowNames: Expression[] = [];
const pairs: Place[] = [];
const pointerNames: Expression[] = [];

export class Lowering {
  readonly module: Module;
  readonly options: CompileOptions;
  readonly reader: Reader;
  readonly stack: OperandStack;
  readonly controls: Control[] = [];
  readonly structure: Structure;
  readonly type: FuncType;
  readonly localTypes: readonly ValType[];
  readonly free = new Set<string>();
  /** Statements being made. */
  out: Statement[] = [];
  /** The code being read cannot be reached. */
  dead = false;
  callsItself = false;
  /** File offset of the instruction being lowered. */
  offset = 0;
  /** Resume form only: the target site has not been reached yet. */
  seeking: boolean;
  /** How many loops around the current instruction hold the target site. */
  loopsAround = 0;
  readonly passesDepth: boolean;
  readonly unwinds: boolean;
  /** Set for a function that is nested too deeply for structured code. */
  readonly flat: FlatCode | undefined;
  /** Set for a function that keeps its i64s whole. */
  readonly wide: WideSlots | undefined;

  readonly #declared = new Map<string, ValType>();
  readonly #captures: Captures;
  readonly #keepsView: boolean;
  #guarded = false;
  /** Filled in at the end, when all variables are known. */
  readonly #frameBytes: Expression = { type: "Literal", value: 0, raw: "0" };
  #maxArguments = 0;

  constructor(readonly context: LoweringContext, readonly func: number, readonly resume?: ResumePoint) {
    const { module } = context;
    this.module = module;
    this.options = context.options;
    const defined = func - module.imported.funcs;
    const code = module.codes[defined];
    this.reader = new Reader(module.bytes, code.bodyStart, code.end);
    this.type = module.funcTypes[func];
    this.localTypes = localTypes(module, func);
    this.structure = structureOf(module, defined, (callee) => context.mayUnwind(callee));
    const isFlat = this.structure.depth > this.options.maxNesting;
    // The elements are there once: a function that calls itself cannot have them.
    const { i64s } = this.options;
    const isWide = i64s === "auto" ? this.structure.prefersWide : i64s === "whole";
    if (isWide && !isFlat && !context.cyclic(func)) this.wide = new WideSlots();
    this.stack = new OperandStack(
      (statement) => this.emit(statement),
      (name, type) => this.declare(name, type),
      this.wide,
    );
    this.passesDepth = context.passesDepth(func);
    this.unwinds = context.mayUnwind(func);
    this.seeking = resume !== undefined;
    this.#keepsView = this.structure.accesses > this.structure.calls;
    const inPlace = this.uses("captures") && this.structure.sites <= maxSitesInPlace &&
      this.localTypes.length < maxArguments;
    const liveness = inPlace && this.structure.sites > 0
      ? livenessOf(module, defined, this.localTypes.length)
      : new Map<number, Int32Array>();
    this.#captures = new Captures(
      this.localTypes,
      (local) => this.place(local),
      this.type.params.length,
      inPlace ? liveness : undefined,
    );
    if (isFlat) this.flat = new FlatCode(this);
  }

  /** Whether a pass is not left out. */
  uses(pass: PassName): boolean {
    return !this.options.without.includes(pass);
  }

  emit(statement: Statement): void {
    this.out.push(statement);
  }

  /** Registers a variable of the function and gives its identifier. */
  declare(name: string, type: ValType): Expression {
    if (!this.#declared.has(name)) this.#declared.set(name, type);
    return id(name);
  }

  /** Registers a free name of the generated code: something that the runtime provides. */
  use(kind: keyof typeof freeNames, index: number): string {
    const name = freeNames[kind] + index;
    this.free.add(name);
    return name;
  }

  /**
   * A view of a memory. With many accesses it is kept in a variable, which makes them shorter; it is read
   * again after everything that may grow the memory.
   */
  view(memory: string, view: View = "m"): Expression {
    return this.#keepsView ? this.declare(view, ValType.i32) : member(id(memory), views[view]);
  }

  /** Emitted after what may have grown the memory. */
  refreshViews(): void {
    if (!this.#keepsView) return;
    const memory = this.use("memory", 0);
    const needed: View[] = this.structure.singles > 0 ? ["m", "s"] : ["m"];
    for (const view of needed) this.emit(set(this.view(memory, view), member(id(memory), views[view])));
  }

  local(local: number): Expression {
    return lowNames[local] ??= id("l" + local);
  }

  /** Where a local is kept. */
  place(local: number): Place {
    if (this.localTypes[local] !== ValType.i64) return { node: this.local(local) };
    return this.wide?.local(local) ?? (pairs[local] ??= { node: this.local(local), high: id("h" + local) });
  }

  /** The unsigned twin of a local that is used as an address, or `undefined`. */
  pointer(local: number): Expression | undefined {
    if (!this.structure.pointers.has(local) || this.localTypes[local] !== ValType.i32) return undefined;
    if (!this.uses("pointers")) return undefined;
    return pointerNames[local] ??= id("u" + local);
  }

  /** Whether code is being made: a resume form leaves out what cannot run again. */
  get emitting(): boolean {
    return !this.seeking || this.loopsAround > 0 || this.flat !== undefined;
  }

  /** Whether the target site lies inside a block. */
  holdsTarget(block: Block): boolean {
    if (this.resume === undefined) return false;
    const target = this.targetOffset;
    return block.start <= target && target < block.end;
  }

  /** File offset of the target site. */
  get targetOffset(): number {
    return this.resume!.site + this.module.codeSectionStart;
  }

  lower(): LoweredFunction {
    this.openBody();
    const { reader } = this;
    while (reader.position < reader.end) {
      this.offset = reader.position;
      const opcode = readOpcode(reader);
      const opens = opcode >= 0x02 && opcode <= 0x04;
      if (this.emitting || opens || this.offset === this.targetOffset) handlers[opcode](this, reader);
      else skipImmediates(reader, opcode);
      if (this.dead && this.controls.length > 0) this.skipDead();
    }
    if (this.seeking) {
      throw new RangeError(`site ${this.resume!.site} of function ${this.func} cannot be reached`);
    }
    return this.#finish();
  }

  /** Moves on to the `else` or `end` of the current block: nothing before it can run. */
  skipDead(): void {
    const { block, thenBody, oneArmed } = this.controls[this.controls.length - 1];
    const hasElse = block.otherwise >= 0 && thenBody === undefined && !oneArmed;
    this.reader.position = hasElse ? block.otherwise : block.end;
  }

  openBody(): void {
    const body: Statement[] = this.out;
    const block = this.structure.blocks.get(-1)!;
    this.controls.push({
      block,
      type: { params: [], results: this.type.results },
      base: 0,
      label: "",
      backEdge: "",
      body,
      outer: body,
      finish: () => {},
      reached: true,
    });
    if (this.resume?.kind === "entry") this.seeking = false;
    else if (this.resume === undefined) this.#pollEntry();
  }

  #pollEntry(): void {
    const { options, func } = this;
    const offset = entryOffset(this.module, func) + this.module.codeSectionStart;
    if (func === options.watch) this.poll("entry", offset, () => method("X", "watched", []));
    if (this.context.cyclic(func)) {
      const d = id("d");
      this.poll(
        "entry",
        offset,
        (site) =>
          options.ticks && options.policy !== "none"
            ? method("X", "tickEnter", [id("K"), num(site), d])
            : logical("&&", bin(">", d, index(id("U"), num(1))), method("X", "enter", [d])),
      );
    } else if (this.unwinds && options.policy === "function") this.poll("entry", offset);
  }

  /**
   * Emits `if (a stop is to be obeyed here) capture`. The operand stack must hold no unevaluated
   * expression.
   */
  poll(kind: SiteKind, offset: number, test = (site: number) => this.#stopTest(site)): void {
    this.emit(this.pollStatement(kind, offset, test));
  }

  pollStatement(kind: SiteKind, offset: number, test = (site: number) => this.#stopTest(site)): Statement {
    const { number, leave } = this.capture(kind, offset);
    return ifThen(test(number), leave);
  }

  #stopTest(site: number): Expression {
    if (this.options.ticks) return method("X", "tick", [id("K"), num(site)]);
    return logical("&&", bin("!==", index(id("U"), num(0)), num(0)), method("X", "poll", []));
  }

  /** The statements that leave the function and save its frame at a site. */
  capture(kind: SiteKind, offset = this.offset): { number: number; leave: Statement[] } {
    return this.#captures.add(kind, offset, offset - this.module.codeSectionStart, this.stack.values);
  }

  /**
   * Resume form: what was emitted in this list before the target runs only on later iterations of the
   * loops around it. `first` runs instead when the frame is resumed.
   */
  guard(first: Statement[]): void {
    if (this.flat) return this.flat.startHere(first);
    if (this.loopsAround === 0) {
      this.out.push(...first);
      return;
    }
    this.#guarded = true;
    const before = this.out.splice(0, this.out.length);
    this.out.push(ifThen(bin("===", id("r"), num(0)), before, first));
  }

  /** The target site is reached; `first` runs once, when the frame is resumed. */
  reachTarget(first: Statement[]): void {
    const leave = this.loopsAround > 0 ? [set(id("r"), num(0))] : [];
    this.guard([...leave, ...first]);
    this.seeking = false;
  }

  /** The result types a branch to this control frame carries. */
  labelTypes({ block, type }: Control): readonly ValType[] {
    return block.opcode === 0x03 ? type.params : type.results;
  }

  /** Emits the assignments that bring the top operands to where the target expects them. */
  moveTo(base: number, types: readonly ValType[]): void {
    const { stack } = this;
    const from = stack.height - types.length;
    types.forEach((type, i) => {
      const value = stack.values[from + i];
      if (value.place === "slot" && from + i === base + i) return;
      const slot = stack.slot(base + i, type);
      stack.assign(slot, value);
    });
  }

  /** The jump to a label (a return for the outermost), operands moved. */
  branch(label: number): Statement[] {
    const control = this.controls[this.controls.length - 1 - label];
    const saved = this.out;
    this.out = [];
    if (control.block.start < 0) emitReturn(this);
    else {
      this.moveTo(control.base, this.labelTypes(control));
      if (this.flat) {
        if (control.block.opcode !== 0x03) control.reached = true;
        this.out.push(...this.flat.jump(control.block.opcode === 0x03 ? control.header! : control.end!));
      } else if (control.block.opcode === 0x03) {
        const statement = control.backEdge.startsWith("B") ? "BreakStatement" : "ContinueStatement";
        this.out.push({ type: statement, label: id(control.backEdge) });
      } else {
        control.reached = true;
        this.out.push(breakTo(control.label));
      }
    }
    const statements = this.out;
    this.out = saved;
    return statements;
  }

  /**
   * The depth argument for a callee: how many bytes of stack are in use, by estimate. A frame has a
   * register for each variable and some for what is being computed; optimised code for large functions may
   * keep values twice.
   */
  depthArgument(args: number): Expression {
    this.#maxArguments = Math.max(this.#maxArguments, args);
    return this.passesDepth ? int(bin("+", id("d"), this.#frameBytes)) : this.#frameBytes;
  }

  /** @param inPart Variables of a part, which stands on the stack with the function. */
  #setFrameBytes(inPart: number): void {
    const variables = this.#declared.size + this.localTypes.length + this.structure.pointers.size + inPart;
    const bytes = 160 + 8 * (variables + 16 + this.#maxArguments) + 16 * Math.max(0, variables - 40);
    this.#frameBytes.value = bytes;
    this.#frameBytes.raw = String(bytes);
  }

  #finish(): LoweredFunction {
    const whole = this.#captures.around(this.flat ? this.flat.statements() : this.out);
    const { code, parts, variables: inPart } = this.#split(whole) ?? { code: whole, parts: [], variables: 0 };
    this.#setFrameBytes(inPart);
    if (parts.length > 0) this.declare("e", ValType.i32);
    const initialised: [string, Expression][] = [];
    if (this.#guarded) initialised.push(["r", num(1)]);
    for (const [name, property] of Object.entries(views)) {
      if (!this.#declared.delete(name)) continue;
      initialised.push([name, member(id(this.use("memory", 0)), property)]);
    }
    for (const local of this.structure.pointers) {
      const twin = this.pointer(local);
      if (twin) initialised.push([twin.name, uint(this.local(local))]);
    }
    if (this.#captures.usesBlock) initialised.push(["pc", num(0)]);
    const node = assemble({
      func: this.func,
      localTypes: this.localTypes,
      params: this.type.params.length,
      resume: this.resume,
      passesDepth: this.passesDepth,
      wide: this.wide,
      declared: this.#declared,
      initialised,
      code,
    });
    return {
      node,
      parts,
      partVariables: inPart,
      free: this.free,
      wide: this.wide?.count ?? 0,
      form: this.#captures.form(this.func),
      callsItself: this.callsItself,
    };
  }

  /** The parts of the function's code, if it is too large. Short bodies are never looked at. */
  #split(code: Statement[]): Split | undefined {
    const { maxFunctionSize } = this.options;
    const { bodyStart, end } = this.module.codes[this.func - this.module.imported.funcs];
    if ((end - bodyStart) * mostExpansion < maxFunctionSize) return undefined;
    return split(code, this.#variables(), maxFunctionSize);
  }

  /** The variables of the function, and what each holds. */
  #variables(): Map<string, VariableKind> {
    const kinds = new Map<string, VariableKind>();
    const kindOf = (type: ValType) => type === ValType.i32 || type === ValType.i64 ? "int" : "any";
    this.localTypes.forEach((type, i) => {
      kinds.set("l" + i, kindOf(type));
      if (type === ValType.i64) kinds.set("h" + i, "int");
    });
    for (const [name, type] of this.#declared) kinds.set(name, name in views ? "view" : kindOf(type));
    for (const local of this.structure.pointers) {
      const twin = this.pointer(local);
      if (twin) kinds.set(twin.name, "twin");
    }
    for (const name of ["pc", "r", "d"]) kinds.set(name, "int");
    for (const name of ["v", "w"]) kinds.set(name, "any");
    return kinds;
  }

  /** Whether back edges are looked at under the policy. */
  get pollsLoops(): boolean {
    return this.options.policy !== "none" && this.options.policy !== "function";
  }
}
