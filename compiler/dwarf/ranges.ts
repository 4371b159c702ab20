/**
 * The code that an entry stands for: one range, or a list of them (DWARF 5, section 2.17).
 *
 * @module
 */
import type { Attributes, AttributeValue } from "./abbreviations.ts";
import { DW_AT, DW_RLE } from "./constants.ts";
import { DwarfError } from "./reader.ts";
import type { Ranges, Unit } from "./unit.ts";

/**
 * The ranges of an entry, without those of code that the linker or an optimiser has removed: they begin at 0,
 * where no function can be, or near the end of the addresses.
 */
export function rangesOf(unit: Unit, attributes: Attributes): Ranges {
  const { addressSize } = unit.header;
  const removed = 2 ** (8 * Math.min(addressSize, 6)) - 2;
  const ranges: number[] = [];
  const add = (low: number, high: number) => {
    unit.sections.budget.spend(1);
    if (low > 0 && low < high && low < removed) ranges.push(low, high);
  };
  const list = attributes.get(DW_AT.ranges);
  if (list !== undefined) {
    if (unit.header.version < 5) readRanges(unit, list.value, add);
    else readRangeList(unit, list, add);
    return ranges;
  }
  const low = unit.address(attributes.get(DW_AT.low_pc));
  const high = attributes.get(DW_AT.high_pc);
  // A high_pc that is no address is a length.
  if (low !== undefined && high !== undefined) add(low, unit.address(high) ?? low + high.value);
  return ranges;
}

/** `.debug_ranges` of DWARF 2 to 4 (DWARF 4, section 2.17.3). */
function readRanges(unit: Unit, offset: number, add: (low: number, high: number) => void): void {
  const { addressSize } = unit.header;
  const reader = unit.sections.reader("ranges", offset);
  const selection = 2 ** (8 * addressSize) - 1;
  let { base } = unit;
  for (;;) {
    const low = reader.uint(addressSize);
    const high = reader.uint(addressSize);
    if (low === 0 && high === 0) return;
    if (low >= selection) base = high;
    // What is removed is marked here with 1 less, so as not to be taken for a base.
    else if (low !== selection - 1) add(base + low, base + high);
    else unit.sections.budget.spend(1);
  }
}

/** `.debug_rnglists` (section 7.25). */
function readRangeList(unit: Unit, list: AttributeValue, add: (low: number, high: number) => void): void {
  const { addressSize } = unit.header;
  const reader = unit.listReader("rnglists", list);
  let { base } = unit;
  const indexed = () => unit.addressAt(reader.uleb());
  const address = () => reader.uint(addressSize);
  for (;;) {
    const kind = reader.uint(1);
    unit.sections.budget.spend(1);
    if (kind === DW_RLE.end_of_list) return;
    if (kind === DW_RLE.base_addressx) base = indexed();
    else if (kind === DW_RLE.base_address) base = address();
    else if (kind === DW_RLE.startx_endx) add(indexed(), indexed());
    else if (kind === DW_RLE.offset_pair) add(base + reader.uleb(), base + reader.uleb());
    else if (kind === DW_RLE.start_end) add(address(), address());
    else if (kind === DW_RLE.startx_length || kind === DW_RLE.start_length) {
      const low = kind === DW_RLE.start_length ? address() : indexed();
      add(low, low + reader.uleb());
    } else throw new DwarfError(`a list of ranges has an entry of the unknown kind ${kind}`);
  }
}

/** Whether an address lies in one of the ranges. */
export function contains(ranges: Ranges, address: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (address >= ranges[i] && address < ranges[i + 1]) return true;
  }
  return false;
}
