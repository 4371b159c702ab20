/**
 * Where a variable is (DWARF 5, section 2.6), as far as it can be said without running anything: a local, a
 * global or an operand of the frame, a place in memory relative to one, or a constant.
 *
 * @module
 */
import type { AttributeValue } from "./abbreviations.ts";
import { DW_LLE, DW_OP } from "./constants.ts";
import { DwarfError, type DwarfReader } from "./reader.ts";
import type { Unit } from "./unit.ts";

/** A place that WebAssembly has. */
export interface Register {
  readonly kind: "local" | "global" | "operand";
  readonly index: number;
}

/** What a register holds, if there is one, and `offset` more. */
export interface Term {
  readonly register?: Register;
  readonly offset: number;
}

/** A variable's value itself, or where it is in memory. */
export interface Location extends Term {
  readonly in: "value" | "memory";
}

/** The kinds of registers, by the first operand of `DW_OP_WASM_location`. */
const REGISTERS = ["local", "global", "operand", "global"] as const;
/** The kind whose index is no LEB128 but has 4 bytes, so that a linker can change it. */
const RELOCATABLE = 3;

/**
 * The location that an attribute gives for code at an address; `undefined` if it gives none, or one that is not
 * understood.
 *
 * @param frameBase What the function's `DW_AT_frame_base` gives.
 */
export function locationAt(
  unit: Unit,
  attribute: AttributeValue | undefined,
  address: number,
  frameBase: Term | undefined,
): Location | undefined {
  const expression = attribute && expressionAt(unit, attribute, address);
  return expression && evaluate(unit, expression, frameBase);
}

/** The expression that holds at an address. */
function expressionAt(unit: Unit, attribute: AttributeValue, address: number): DwarfReader | undefined {
  const { kind } = attribute.form;
  if (kind === "block") {
    const reader = unit.reader();
    reader.position = attribute.value;
    reader.end = attribute.end;
    return reader;
  }
  if (kind !== "offset" && kind !== "list index") return undefined;
  return unit.header.version < 5
    ? fromList(unit, attribute.value, address)
    : fromLocationList(unit, attribute, address);
}

/** `.debug_loc` of DWARF 2 to 4. */
function fromList(unit: Unit, offset: number, address: number): DwarfReader | undefined {
  const { addressSize } = unit.header;
  const reader = unit.sections.reader("loc", offset);
  let { base } = unit;
  for (;;) {
    unit.sections.budget.spend(1);
    const low = reader.uint(addressSize);
    const high = reader.uint(addressSize);
    if (low === 0 && high === 0) return undefined;
    if (low >= 2 ** (8 * addressSize) - 1) {
      base = high;
      continue;
    }
    const length = reader.uint(2);
    const start = reader.skip(length);
    if (address >= base + low && address < base + high) return part(reader, start);
  }
}

/** `.debug_loclists` (section 7.29). */
function fromLocationList(unit: Unit, list: AttributeValue, address: number): DwarfReader | undefined {
  const { addressSize } = unit.header;
  const reader = unit.listReader("loclists", list);
  let { base } = unit;
  let otherwise: number | undefined;
  let otherwiseEnd = 0;
  const indexed = () => unit.addressAt(reader.uleb());
  const absolute = () => reader.uint(addressSize);
  /** How the bounds of each kind of entry are stored. */
  const bounds: Readonly<Record<number, () => [low: number, high: number]>> = {
    [DW_LLE.startx_endx]: () => [indexed(), indexed()],
    [DW_LLE.startx_length]: () => withLength(indexed(), reader.uleb()),
    [DW_LLE.offset_pair]: () => [base + reader.uleb(), base + reader.uleb()],
    [DW_LLE.default_location]: () => [0, 0],
    [DW_LLE.start_end]: () => [absolute(), absolute()],
    [DW_LLE.start_length]: () => withLength(absolute(), reader.uleb()),
  };
  for (;;) {
    unit.sections.budget.spend(1);
    const kind = reader.uint(1);
    if (kind === DW_LLE.end_of_list) break;
    if (kind === DW_LLE.base_addressx) base = indexed();
    else if (kind === DW_LLE.base_address) base = absolute();
    else {
      if (bounds[kind] === undefined) throw new DwarfError(`a list of places has an entry of kind ${kind}`);
      const [low, high] = bounds[kind]();
      const start = reader.skip(reader.uleb());
      if (address >= low && address < high) return part(reader, start);
      if (kind === DW_LLE.default_location) [otherwise, otherwiseEnd] = [start, reader.position];
    }
  }
  if (otherwise === undefined) return undefined;
  reader.position = otherwiseEnd;
  return part(reader, otherwise);
}

const withLength = (low: number, length: number): [number, number] => [low, low + length];

/** What `reader` has passed since `start`. */
function part(reader: DwarfReader, start: number): DwarfReader {
  reader.end = reader.position;
  reader.position = start;
  return reader;
}

/** Evaluates an expression; `undefined` for one with operations that are not understood. */
function evaluate(unit: Unit, reader: DwarfReader, frameBase: Term | undefined): Location | undefined {
  const stack: Term[] = [];
  const { addressSize } = unit.header;
  const signed = (value: number, bits: number) => value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
  const constants: Readonly<Record<number, () => number>> = {
    [DW_OP.addr]: () => reader.uint(addressSize),
    [DW_OP.addrx]: () => unit.addressAt(reader.uleb()),
    [DW_OP.const1u]: () => reader.uint(1),
    [DW_OP.const1s]: () => reader.int8(),
    [DW_OP.const2u]: () => reader.uint(2),
    [DW_OP.const2s]: () => signed(reader.uint(2), 16),
    [DW_OP.const4u]: () => reader.uint(4),
    [DW_OP.const4s]: () => signed(reader.uint(4), 32),
    [DW_OP.constu]: () => reader.uleb(),
    [DW_OP.consts]: () => reader.sleb(),
  };
  let found: Location["in"] = "memory";
  while (reader.position < reader.end) {
    unit.sections.budget.spend(1);
    const op = reader.uint(1);
    if (constants[op] !== undefined) stack.push({ offset: constants[op]() });
    else if (op >= DW_OP.lit0 && op <= DW_OP.lit31) stack.push({ offset: op - DW_OP.lit0 });
    else if (op === DW_OP.WASM_location) {
      const kind = reader.uleb();
      if (REGISTERS[kind] === undefined) return undefined;
      const index = kind === RELOCATABLE ? reader.uint(4) : reader.uleb();
      stack.push({ register: { kind: REGISTERS[kind], index }, offset: 0 });
    } else if (op === DW_OP.fbreg) {
      if (frameBase === undefined) return undefined;
      stack.push({ ...frameBase, offset: frameBase.offset + reader.sleb() });
    } else if (op === DW_OP.plus_uconst) {
      const term = stack.pop();
      if (term === undefined) return undefined;
      stack.push({ ...term, offset: term.offset + reader.uleb() });
    } else if (op === DW_OP.plus) {
      const [b, a] = [stack.pop(), stack.pop()];
      if (a === undefined || b === undefined || a.register && b.register) return undefined;
      const register = a.register ?? b.register;
      stack.push({ ...register && { register }, offset: a.offset + b.offset });
    } else if (op === DW_OP.stack_value && reader.position === reader.end) found = "value";
    else return undefined;
  }
  return stack.length === 1 ? { ...stack[0], in: found } : undefined;
}
