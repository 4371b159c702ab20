/**
 * Finding a site again from its name, the byte offset: what kind it is and which operands are on the
 * stack. This is read off the validated module alone, so an image can claim nothing else.
 *
 * @module
 */
import { entryOffset, type ResumePoint, type SiteKind } from "./sites.ts";
import type { FuncType, Module, ValType } from "./types.ts";
import { Reader } from "./reader.ts";
import { validateFunction } from "./validate_function.ts";

/** A place where the function may stop, as the module has it. */
export interface SiteInfo {
  readonly kind: SiteKind;
  /** Operand types just before the instruction, the top last. */
  readonly stack: readonly ValType[];
  /** For a call: its type. */
  readonly callee?: FuncType;
  /** For a direct call: the function index. */
  readonly target?: number;
  readonly bases: ReadonlyMap<number, number>;
}

/** What stands at a site of a defined function; `undefined` if no frame can be there. */
export function siteInfo(module: Module, func: number, site: number): SiteInfo | undefined {
  const defined = func - module.imported.funcs;
  if (module.codes[defined] === undefined) return undefined;
  if (site === entryOffset(module, func)) return { kind: "entry", stack: [], bases: new Map() };
  const target = site + module.codeSectionStart;
  let found: SiteInfo | undefined;
  // Blocks around the current instruction: offset and height below them.
  const open: [number, number][] = [];
  validateFunction(module, defined, (offset, opcode, stack, reachable) => {
    if (found) return;
    if (offset === target) {
      const types = [...stack] as ValType[];
      const bases = new Map(open);
      if (!reachable) return;
      if (opcode === 0x03) found = { kind: "loop", stack: types, bases };
      else if (opcode === 0x10) {
        const index = new Reader(module.bytes, offset + 1).u32();
        found = { kind: "call", stack: types, bases, callee: module.funcTypes[index], target: index };
      } else if (opcode === 0x11) {
        const index = new Reader(module.bytes, offset + 1).u32();
        found = { kind: "call", stack: types, bases, callee: module.types[index] };
      }
      return;
    }
    if (opcode >= 0x02 && opcode <= 0x04) {
      const type = new Reader(module.bytes, offset + 1).s33();
      const params = type >= 0 ? module.types[type].params.length : 0;
      open.push([offset, stack.length - params - (opcode === 0x04 ? 1 : 0)]);
    } else if (opcode === 0x0b) open.pop();
  });
  return found;
}

/** The operands of a frame at a site: those of a call are gone, its results are to come. */
export function frameOperands({ stack, callee, target }: SiteInfo): readonly ValType[] {
  const gone = callee ? callee.params.length + (target === undefined ? 1 : 0) : 0;
  return stack.slice(0, stack.length - gone);
}

/** Where a resume form starts, or `undefined` if the site is none. */
export function resumePoint(module: Module, func: number, site: number): ResumePoint | undefined {
  const info = siteInfo(module, func, site);
  return info && pointOf(site, info);
}

/** Where the resume form starts that belongs to a site. */
export function pointOf(site: number, info: SiteInfo): ResumePoint {
  return { site, kind: info.kind, operands: frameOperands(info), bases: info.bases };
}
