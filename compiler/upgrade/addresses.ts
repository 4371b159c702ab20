/**
 * Addresses of static data in code. A variable without an initial value is in no data segment: that it has
 * moved shows only in the addresses that code names. No number says that it is an address, so every constant
 * that could be one counts.
 *
 * @module
 */
import { op } from "../opcodes.ts";
import type { Module } from "../types.ts";
import { functionName } from "../function_name.ts";
import { BodyCursor } from "./body.ts";
import { few, type Finding, hex } from "./finding.ts";
import type { FunctionComparison } from "./functions.ts";
import type { Renumbering } from "./renumbering.ts";

const WASM_PAGE_BYTES = 65536;
/** Where linkers put static data that begins nowhere else. */
const USUAL_BASE = 1024;

/** Instructions whose second operand is never an address. */
const arithmetic = new Set(
  `i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr
   i32.lt_s i32.gt_s i32.le_s i32.ge_s drop`.trim().split(/\s+/).map(op),
);
const i32Const = op("i32.const");

/** Where static data is. */
interface Area {
  readonly start: number;
  readonly end: number;
}

/** Between the first data segment and the stack; else what the memory has from the start. */
function staticArea({ memories, datas, globals, imported, names }: Module): Area | undefined {
  if (memories.length === 0) return undefined;
  let start = Infinity;
  for (const { mode } of datas) {
    if (mode.kind === "active" && mode.offset.op === "i32.const") {
      start = Math.min(start, mode.offset.value >>> 0);
    }
  }
  if (start === Infinity) start = USUAL_BASE;
  const all = memories[0].limits.min * WASM_PAGE_BYTES;
  const stack = globals.findIndex((_, i) => names.globals.get(imported.globals + i) === "__stack_pointer");
  const init = globals[stack]?.init;
  const top = init?.op === "i32.const" ? init.value >>> 0 : 0;
  return { start, end: top > start ? Math.min(top, all) : all };
}

/** The constant of the current instruction, if it may be the address of data, or of what lies right behind it. */
function addressAt({ opcode, values, following }: BodyCursor, { start, end }: Area): number | undefined {
  let address: number;
  if (opcode.code === i32Const) {
    if (arithmetic.has(following)) return undefined;
    address = Number(values[0]) >>> 0;
  } else if (opcode.immediate === "memarg") address = Number(values[1]);
  else return undefined;
  return address >= start && address <= end ? address : undefined;
}

/**
 * Says which functions that are not the same name other addresses than before: those of the same instructions
 * any other address, the others one that the old program does not name at all.
 */
export function compareAddresses(
  numbers: Renumbering,
  { changed, retyped, added }: FunctionComparison,
): Finding[] {
  const { old, next } = numbers;
  const area = staticArea(old);
  if (area === undefined || changed.size + retyped.length + added.length === 0) return [];
  const findings: Finding[] = [];
  const refuse = (subject: string, text: string) => findings.push({ subject, fits: false, text });
  let known: Set<number> | undefined;
  const isNew = (address: number) => !(known ??= allAddresses(old, area)).has(address);
  const checkNew = (match: number, subject: string) => {
    const names = [...new Set(addresses(next, match, area))].filter(isNew).map(hex);
    if (names.length > 0) refuse(subject, `names ${few(names)}, ${UNKNOWN}`);
  };
  for (const [func, { match }] of changed) {
    const subject = `function ${numbers.name(func)}`;
    const moved = movedAddresses(numbers, func, match, area);
    if (moved === undefined) checkNew(match, subject);
    else if (moved.size > 0) refuse(subject, `names ${few([...moved])}: ${MOVED}`);
  }
  for (const [func, match] of retyped) checkNew(match, `function ${numbers.name(func)}`);
  for (const match of added) checkNew(match, `function ${functionName(next, match)}, which is new,`);
  const more = findings.length - SHOWN;
  if (more <= 1) return findings;
  return [
    ...findings.slice(0, SHOWN),
    { subject: `${more} functions more`, fits: false, text: "name other addresses, too" },
  ];
}

/** How many functions are listed. When data has moved, most functions name it elsewhere. */
const SHOWN = 4;

const MOVED = "static data has moved (or a constant changed that could be an address)";
const UNKNOWN =
  "which no code of the old module names: a variable is new or has moved (or a constant is new " +
  "that could be an address)";

function* addresses(module: Module, func: number, area: Area): Generator<number> {
  for (const cursor = new BodyCursor(module, func); cursor.next();) {
    const address = addressAt(cursor, area);
    if (address !== undefined) yield address;
  }
}

function allAddresses(module: Module, area: Area): Set<number> {
  const all = new Set<number>();
  module.codes.forEach((_, i) => {
    for (const address of addresses(module, module.imported.funcs + i, area)) all.add(address);
  });
  return all;
}

/** For two bodies of the same instructions: which addresses became others. Else `undefined`. */
function movedAddresses(
  { old, next }: Renumbering,
  func: number,
  match: number,
  area: Area,
): Set<string> | undefined {
  const before = new BodyCursor(old, func);
  const after = new BodyCursor(next, match);
  const moved = new Set<string>();
  for (;;) {
    const [more, others] = [before.next(), after.next()];
    if (!more && !others) return moved;
    if (!more || !others || before.opcode !== after.opcode) return undefined;
    const [a, b] = [addressAt(before, area), addressAt(after, area)];
    if (a !== b && b !== undefined) {
      moved.add(`${hex(b)} where ${a === undefined ? "no address" : hex(a)} was`);
    } else if (a !== b && a !== undefined) moved.add(`no address where ${hex(a)} was`);
  }
}
