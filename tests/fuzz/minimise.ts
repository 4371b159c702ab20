/**
 * Makes a failing scenario smaller, as long as it keeps failing.
 *
 * @module
 */

import { op } from "../../compiler/opcodes.ts";
import { type FuncType, ValType } from "../../compiler/types.ts";
import { effect, treeStart } from "./effect.ts";
import { encode } from "./encode.ts";
import type { Scenario } from "./generate.ts";
import { type FuncIr, type Instr, instr, mapInstrs, type ModuleIr, opcodeOfInstr } from "./ir.ts";
import { splice, spliceSized } from "./layout.ts";
import { dropIndex, sizeOf, spaces } from "./renumber.ts";
import { vagueType } from "./signatures.ts";
import { keepsGuards } from "./termination.ts";

export interface Options {
  /** Whether the failure is still there. */
  readonly fails: (scenario: Scenario) => boolean | Promise<boolean>;
  /** Keep it valid and ending; for mutants, that is not wanted. */
  readonly valid: boolean;
  /** When to stop, in the time of `performance.now()`. */
  readonly deadline: number;
}

/** The smallest scenario found. */
export async function minimise(scenario: Scenario, options: Options): Promise<Scenario> {
  const minimiser = new Minimiser(scenario, options);
  await minimiser.run();
  return minimiser.scenario;
}

/** The shortest bytes found that still fail: runs of bytes removed, with and without the sizes around them made right. */
export async function minimiseBytes(
  bytes: Uint8Array<ArrayBuffer>,
  fails: (bytes: Uint8Array<ArrayBuffer>) => boolean | Promise<boolean>,
  deadline: number,
): Promise<Uint8Array<ArrayBuffer>> {
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 8; at + size <= bytes.length && performance.now() < deadline;) {
      const shorter = [spliceSized(bytes, at, size, []), splice(bytes, at, size, [])];
      let found = false;
      for (const candidate of shorter) {
        if (candidate.length >= bytes.length || !await fails(candidate)) continue;
        bytes = candidate;
        found = true;
        break;
      }
      if (!found) at += size;
    }
  }
  return bytes;
}

/** The number 0, or a null reference. */
function zero(type: ValType): Instr {
  const { i32, i64, f32, f64 } = ValType;
  const name = new Map<ValType, string>([[i32, "i32"], [i64, "i64"], [f32, "f32"], [f64, "f64"]]).get(type);
  if (name === undefined) return instr("ref.null", type);
  return instr(`${name}.const`, type === i32 ? 0 : 0n);
}

/** What a block becomes in place of it, or `undefined` if something branches to it. */
function unwrap(body: readonly Instr[]): Instr[] | undefined {
  let targeted = false;
  const labels = new Set(["br", "br_if", "br_table"].map(op));
  const list = mapInstrs(body, (instr, depth) => {
    if (!labels.has(instr.code)) return instr;
    if (instr.args.includes(depth)) targeted = true;
    return { ...instr, args: instr.args.map((arg) => Number(arg) > depth ? Number(arg) - 1 : arg) };
  });
  return targeted ? undefined : list;
}

function snapshot(scenario: Scenario): string {
  return JSON.stringify(scenario, (_, value) => typeof value === "bigint" ? `${value}n` : value);
}

const nameOf = (instr: Instr) => opcodeOfInstr(instr).name;

/** Lengths of runs to remove: halves, and in the end every length there is. */
function runLengths(length: number): number[] {
  const lengths: number[] = [];
  for (; length > 4; length >>= 1) lengths.push(length);
  return [...lengths, 4, 3, 2, 1];
}

/** What may stand in place of an instruction. */
interface Replacement {
  readonly list: readonly Instr[];
  /** It is what was inside a block that nothing branches to. */
  readonly unwrapped?: true;
}

class Minimiser {
  constructor(public scenario: Scenario, readonly options: Options) {}

  get #late(): boolean {
    return performance.now() > this.options.deadline;
  }
  get #module(): ModuleIr {
    return this.scenario.module;
  }

  async run(): Promise<void> {
    await this.#canonicalise();
    let before;
    do {
      before = snapshot(this.scenario);
      await this.#shrink(this.scenario.calls, (calls) => this.#try({ ...this.scenario, calls }));
      await this.#arguments();
      await this.#bodies();
      await this.#declarations();
      await this.#instructions();
      await this.#locals();
    } while (!this.#late && before !== snapshot(this.scenario));
  }

  /** Takes a candidate if it still fails. */
  async #try(candidate: Scenario): Promise<boolean> {
    if (this.#late) return false;
    const { exports } = candidate.module;
    if (!candidate.calls.every((call) => exports.some((entry) => entry.name === call.name))) return false;
    if (this.options.valid && !WebAssembly.validate(encode(candidate.module).bytes)) return false;
    if (!await this.options.fails(candidate)) return false;
    this.scenario = candidate;
    return true;
  }
  #tryModule(module: ModuleIr): Promise<boolean> {
    return this.#try({ ...this.scenario, module });
  }

  /** Removes runs of items, long ones first, as far as `keeps` says so; gives the list that is left. */
  async #shrink<T>(
    list: readonly T[],
    keeps: (list: readonly T[]) => Promise<boolean>,
  ): Promise<readonly T[]> {
    for (const size of runLengths(list.length)) {
      for (let at = list.length - size; at >= 0 && !this.#late; at -= size > 4 ? size : 1) {
        const shorter = list.toSpliced(at, size);
        if (await keeps(shorter)) list = shorter;
      }
    }
    return list;
  }

  /**
   * Makes every NaN of arithmetic canonical: otherwise a smaller program could come to depend on which NaN it is,
   * and differ for that reason alone.
   */
  async #canonicalise(): Promise<void> {
    if (!this.options.valid) return;
    const funcs = this.#module.funcs.map((func) => {
      const locals = [...func.locals];
      const params = this.#module.types[func.type].params.length;
      const scratch = new Map<ValType, number>();
      const body = mapInstrs(func.body, (instr) => {
        const type = vagueType(instr.code);
        if (type === undefined || instr.canonical !== undefined) return instr;
        if (!scratch.has(type)) scratch.set(type, params + locals.push(type) - 1);
        return { ...instr, canonical: scratch.get(type) };
      });
      return { ...func, locals, body };
    });
    await this.#tryModule({ ...this.#module, funcs });
  }

  /** Calls with zeros. */
  async #arguments(): Promise<void> {
    for (const i of this.scenario.calls.keys()) {
      for (const j of this.scenario.calls[i].args.keys()) {
        const { calls } = this.scenario;
        if (typeof calls[i].args[j] !== "bigint" || calls[i].args[j] === 0n) continue;
        await this.#try({
          ...this.scenario,
          calls: calls.with(i, { ...calls[i], args: calls[i].args.with(j, 0n) }),
        });
      }
    }
  }

  #withFunc(index: number, func: FuncIr): ModuleIr {
    return { ...this.#module, funcs: this.#module.funcs.with(index, func) };
  }

  /** Functions that return zeros at once. */
  async #bodies(): Promise<void> {
    for (const [index, func] of this.#module.funcs.entries()) {
      const type: FuncType | undefined = this.#module.types[func.type];
      const body = (type?.results ?? []).map(zero);
      if (func.body.length > body.length) {
        await this.#tryModule(this.#withFunc(index, { ...func, locals: [], body }));
      }
    }
  }

  async #declarations(): Promise<void> {
    const module = () => this.#module;
    await this.#shrink(module().exports, (exports) => this.#tryModule({ ...module(), exports }));
    if (module().start !== undefined) await this.#tryModule({ ...module(), start: undefined });
    for (const space of spaces) {
      for (let i = sizeOf(module(), space) - 1; i >= 0; i--) {
        const smaller = dropIndex(module(), space, i);
        if (smaller !== undefined) await this.#tryModule(smaller);
      }
    }
    for (const [i, element] of module().elements.entries()) {
      await this.#shrink(
        element.init,
        (init) => this.#tryModule({ ...module(), elements: module().elements.with(i, { ...element, init }) }),
      );
    }
    if (module().memories.length > 0) await this.#tryModule({ ...module(), memories: [] });
    if (module().datas.length === 0) await this.#tryModule({ ...module(), dataCount: false });
  }

  async #instructions(): Promise<void> {
    for (const index of this.#module.funcs.keys()) {
      const func = this.#module.funcs[index];
      await this.#list(func, func.body, (body) => this.#withFunc(index, { ...func, body }));
    }
  }

  /**
   * Makes a list smaller, and what is inside it.
   *
   * @param rebuild The module with another list in its place.
   * @param owner The instruction that the list is in.
   */
  async #list(
    func: FuncIr,
    list: readonly Instr[],
    rebuild: (list: readonly Instr[]) => ModuleIr,
    owner?: Instr,
  ): Promise<readonly Instr[]> {
    const attempt = async (after: readonly Instr[], unwrapped = false) => {
      if (this.options.valid && !unwrapped && !keepsGuards(this.#module, list, after, owner)) return false;
      if (!await this.#tryModule(rebuild(after))) return false;
      list = after;
      return true;
    };
    if (this.options.valid) await this.#trees(func, () => list, attempt);
    await this.#shrink(list, attempt);
    if (list.length <= 40) await this.#dropPairs(() => list, attempt);
    for (let i = list.length - 1; i >= 0 && !this.#late; i--) {
      const old = list[i];
      if (old.guard) continue;
      for (const replacement of this.#replacements(func, old)) {
        if (await attempt(list.toSpliced(i, 1, ...replacement.list), replacement.unwrapped)) break;
      }
      for (const part of ["body", "otherwise"] as const) {
        const inner = list[i]?.[part];
        if (inner === undefined) continue;
        const outer = list;
        const at = (inner: readonly Instr[]) => outer.with(i, { ...outer[i], [part]: inner });
        list = at(await this.#list(func, inner, (inner) => rebuild(at(inner)), outer[i]));
      }
    }
    return list;
  }

  /** Removes instructions with all that makes their operands; zeros take the place of their results. */
  async #trees(
    func: FuncIr,
    list: () => readonly Instr[],
    attempt: (list: readonly Instr[]) => Promise<boolean>,
  ): Promise<void> {
    const locals = [...this.#module.types[func.type].params, ...func.locals];
    for (let end = list().length - 1; end >= 0 && !this.#late; end--) {
      const start = treeStart(this.#module, locals, list(), end);
      const results = effect(this.#module, locals, list()[end])?.results ?? [];
      if (start === undefined || (start === end && results.length > 0)) continue;
      if (await attempt(list().toSpliced(start, end - start + 1, ...results.map(zero)))) {
        end = start + results.length;
      }
    }
  }

  /** Removes a `drop` together with what made its operand, wherever that stands before it. */
  async #dropPairs(
    list: () => readonly Instr[],
    attempt: (list: readonly Instr[]) => Promise<boolean>,
  ): Promise<void> {
    for (let at = list().length - 1; at > 0; at--) {
      if (list()[at]?.code !== op("drop")) continue;
      for (let i = at - 1; i >= 0; i--) {
        if (await attempt(list().toSpliced(at, 1).toSpliced(i, 1))) break;
      }
    }
  }

  /** Simpler things in place of an instruction, the simplest first. */
  *#replacements(func: FuncIr, old: Instr): Iterable<Replacement> {
    const name = nameOf(old);
    if (name === "ref.null") return;
    if (name.endsWith(".const")) {
      const wide = typeof old.args[0] === "bigint";
      for (const value of [0, 1]) {
        if (Number(old.args[0]) === value) return;
        yield { list: [{ ...old, args: [wide ? BigInt(value) : value] }] };
      }
      return;
    }
    if (!this.options.valid) return;
    const params = this.#module.types[func.type].params;
    const known = effect(this.#module, [...params, ...func.locals], old);
    if (known !== undefined) {
      yield { list: [...known.params.map(() => instr("drop")), ...known.results.map(zero)] };
    }
    if (name === "select") yield { list: [instr("drop"), instr("drop")] };
    if (name === "br_if") yield { list: [instr("drop")] };
    const condition = name === "if" ? [instr("drop")] : [];
    for (const inner of [old.body, old.otherwise]) {
      const flat = inner && unwrap(inner);
      if (flat !== undefined) yield { list: [...condition, ...flat], unwrapped: true };
    }
  }

  /** Removes locals that nobody names. */
  async #locals(): Promise<void> {
    const names = new Set(["local.get", "local.set", "local.tee"].map(op));
    for (const index of this.#module.funcs.keys()) {
      const params = this.#module.types[this.#module.funcs[index].type]?.params.length ?? 0;
      for (let i = this.#module.funcs[index].locals.length - 1; i >= 0; i--) {
        const func = this.#module.funcs[index];
        let used = false;
        const lower = (local: number) => {
          used ||= local === params + i;
          return local > params + i ? local - 1 : local;
        };
        const body = mapInstrs(func.body, (instr) => ({
          ...instr,
          args: names.has(instr.code) ? [lower(Number(instr.args[0]))] : instr.args,
          canonical: instr.canonical === undefined ? undefined : lower(instr.canonical),
        }));
        if (used) continue;
        await this.#tryModule(this.#withFunc(index, { ...func, locals: func.locals.toSpliced(i, 1), body }));
      }
    }
  }
}
