/**
 * Stacks that never were and could have been: random calls from site to site with random values. The format and
 * the module allow them, so they are restored, and every site is resumed with values that nobody expected.
 *
 * @module
 */
import { typeKey } from "../../../compiler/callgraph.ts";
import type { Program } from "../../../compiler/program.ts";
import { frameOperands, type SiteInfo, siteInfo } from "../../../compiler/resume.ts";
import { entryOffset, localTypes } from "../../../compiler/sites.ts";
import { isRefType, type Module, type ValType } from "../../../compiler/types.ts";
import { declaredFunctions } from "../../../compiler/validate_body.ts";
import { BodyCursor } from "../../../compiler/upgrade/body.ts";
import { WORDS } from "../../../runtime/image/snapshot.ts";
import type { Random } from "../../fuzz/random.ts";

/** The offsets where a frame can stand, by defined function; made when first asked for. */
const sites = new WeakMap<Module, Map<number, number[]>>();

export function sitesOf(module: Module, func: number): readonly number[] {
  let known = sites.get(module);
  if (known === undefined) sites.set(module, known = new Map());
  let list = known.get(func);
  if (list === undefined) {
    known.set(func, list = [entryOffset(module, func)]);
    for (const cursor = new BodyCursor(module, func); cursor.next();) {
      if (["loop", "call", "call_indirect"].includes(cursor.opcode.name)) {
        list.push(cursor.offset - module.codeSectionStart);
      }
    }
  }
  return list;
}

/** Interesting bits, and any others. */
export function word(random: Random): number {
  const edges = [0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x7f800000, 0x7fa00001, 1024, 65535, 65536];
  return random.chance(0.5) ? random.pick(edges) : random.chance(0.5) ? random.below(4096) : random.u32();
}

/** The columns of a `stack` body. */
export interface Columns {
  readonly instance: number[];
  readonly func: number[];
  readonly site: number[];
  readonly locals: number[];
  readonly operands: number[];
  readonly types: number[];
  readonly words: number[];
}

/**
 * A stack that `Guest.restore` takes, unless a reference does not fit.
 *
 * @param references How many references the image has.
 */
export function plausibleStack({ module }: Program, random: Random, references: number): Columns {
  const columns: Columns = {
    instance: [],
    func: [],
    site: [],
    locals: [],
    operands: [],
    types: [],
    words: [],
  };
  const { imported, funcTypes } = module;
  const declared = declaredFunctions(module);
  const push = (func: number, site: number, locals: readonly ValType[], operands: readonly ValType[]) => {
    columns.instance.push(0);
    columns.func.push(func);
    columns.site.push(site);
    columns.locals.push(locals.length);
    columns.operands.push(operands.length);
    for (const type of [...locals, ...operands]) {
      columns.types.push(type);
      if (isRefType(type)) columns.words.push(random.chance(0.7) ? 0 : random.below(references + 1));
      else for (let i = WORDS[type]; i > 0; i--) columns.words.push(word(random));
    }
  };
  const entries = module.exports.filter(({ kind }) => kind === "func");
  let func = random.pick(entries).index;
  for (let depth = 0; depth < 12; depth++) {
    if (func < imported.funcs) {
      push(func, 0, funcTypes[func].params, []);
      break;
    }
    const found = pickSite(module, func, random, depth > 8);
    if (found === undefined) break;
    const [site, info] = found;
    push(func, site, localTypes(module, func), frameOperands(info));
    if (info.kind !== "call") break;
    const candidates = info.target !== undefined
      ? [info.target]
      : funcTypes.flatMap((type, i) =>
        declared[i] === 1 && typeKey(type) === typeKey(info.callee!) ? [i] : []
      );
    if (candidates.length === 0) break;
    func = random.pick(candidates);
  }
  return columns;
}

function pickSite(
  module: Module,
  func: number,
  random: Random,
  shallow: boolean,
): [site: number, info: SiteInfo] | undefined {
  const all = sitesOf(module, func);
  for (let tries = 0; tries < 8; tries++) {
    const site = shallow ? all[0] : random.pick(all);
    const info = siteInfo(module, func, site);
    // Calls lead to functions that cannot be the first.
    if (info && (shallow || info.kind === "call" || random.chance(0.4))) return [site, info];
  }
  return undefined;
}
