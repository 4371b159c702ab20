/**
 * Compilation units (DWARF 5, section 7.5.1): their headers, and what their root entries say for all entries.
 *
 * @module
 */
import { Abbreviations, type Attributes, type AttributeValue } from "./abbreviations.ts";
import { DW_AT, DW_UT } from "./constants.ts";
import type { Encoding } from "./forms.ts";
import { rangesOf } from "./ranges.ts";
import { DwarfError, type DwarfReader } from "./reader.ts";
import type { DwarfSections } from "./sections.ts";

/** A unit of which only the header is read. */
interface UnitHeader extends Encoding {
  /** Where it begins and ends in `.debug_info`. */
  readonly offset: number;
  readonly endOffset: number;
  /** Where the entries begin and end, in the file. */
  readonly entries: number;
  readonly end: number;
  readonly abbreviations: Abbreviations;
}

/** An entry without its children. */
export interface Entry {
  readonly tag: number;
  readonly attributes: Attributes;
}

/** Addresses in pairs: from each first one to just before the second. */
export type Ranges = readonly number[];

export class Unit {
  readonly #root: Attributes;
  /** The code of the unit. */
  readonly ranges: Ranges;

  constructor(readonly sections: DwarfSections, readonly header: UnitHeader) {
    const reader = this.reader();
    const abbreviation = header.abbreviations.get(reader.uleb());
    this.#root = header.abbreviations.read(reader, abbreviation);
    this.ranges = rangesOf(this, this.#root);
    sections.budget.keep(this.ranges.length);
  }

  /** A cursor at the root entry. */
  reader(): DwarfReader {
    return this.at(this.header.entries);
  }

  /** A cursor at an entry. @param position In the file. */
  at(position: number): DwarfReader {
    const { entries, end } = this.header;
    const reader = this.sections.reader("info");
    if (position < entries || position >= end) throw new DwarfError(`an entry lies outside of its unit`);
    reader.position = position;
    reader.end = end;
    return reader;
  }

  /** Offset of its line table in `.debug_line`. */
  get lineTable(): number | undefined {
    return this.#root.get(DW_AT.stmt_list)?.value;
  }
  /** Where it was compiled. */
  get directory(): string | undefined {
    return this.string(this.#root.get(DW_AT.comp_dir));
  }
  get name(): string | undefined {
    return this.string(this.#root.get(DW_AT.name));
  }
  /** What offsets in `.debug_ranges` count from. */
  get base(): number {
    return this.address(this.#root.get(DW_AT.low_pc)) ?? 0;
  }

  /** A reader at a list of `.debug_rnglists` or `.debug_loclists`, which is named by its offset or its number. */
  listReader(section: "rnglists" | "loclists", { form, value }: AttributeValue): DwarfReader {
    if (form.kind !== "list index") return this.sections.reader(section, value);
    const { offsetSize } = this.header;
    const base = this.#root.get(DW_AT[`${section}_base`])?.value ?? 0;
    const offset = this.sections.reader(section, base + value * offsetSize).uint(offsetSize);
    return this.sections.reader(section, base + offset);
  }

  /** The entry that an attribute refers to, if it is one of this unit. */
  entryAt(attribute: AttributeValue | undefined): Entry | undefined {
    const { kind } = attribute?.form ?? {};
    if (attribute === undefined || kind !== "entry" && kind !== "any entry") return undefined;
    const offset = kind === "entry" ? this.header.offset + attribute.value : attribute.value;
    if (offset < this.header.offset || offset >= this.header.endOffset) return undefined;
    const reader = this.at(this.sections.reader("info", offset).position);
    const abbreviation = this.header.abbreviations.get(reader.uleb());
    return { tag: abbreviation.tag, attributes: this.header.abbreviations.read(reader, abbreviation) };
  }

  address(attribute: AttributeValue | undefined): number | undefined {
    if (attribute === undefined) return undefined;
    if (attribute.form.kind === "address") return attribute.value;
    return attribute.form.kind === "address index" ? this.addressAt(attribute.value) : undefined;
  }

  addressAt(index: number): number {
    const { addressSize } = this.header;
    const base = this.#root.get(DW_AT.addr_base)?.value ?? 8;
    return this.sections.reader("addr", base + index * addressSize).uint(addressSize);
  }

  string(attribute: AttributeValue | undefined): string | undefined {
    if (attribute === undefined) return undefined;
    return stringOf(this.sections, attribute, (index) => {
      const { offsetSize } = this.header;
      const base = this.#root.get(DW_AT.str_offsets_base)?.value ?? 8;
      return this.sections.reader("str_offsets", base + index * offsetSize).uint(offsetSize);
    });
  }
}

/** A string by whatever form; `undefined` if it is none. @param offsetAt The offset that an index stands for. */
export function stringOf(
  sections: DwarfSections,
  { form, value }: AttributeValue,
  offsetAt: (index: number) => number,
): string | undefined {
  switch (form.kind) {
    case "string": {
      const reader = sections.reader("info");
      reader.position = value;
      reader.end = reader.bytes.length;
      return reader.string();
    }
    case "string offset":
      return sections.reader("str", value).string();
    case "line string offset":
      return sections.reader("line_str", value).string();
    case "string index":
      return sections.reader("str", offsetAt(value)).string();
  }
  return undefined;
}

/** All units with code, in the order of the file. Those of versions that are not known are left out. */
export function readUnits(sections: DwarfSections): Unit[] {
  const units: Unit[] = [];
  const reader = sections.reader("info");
  const last = reader.end;
  while (reader.position < last) {
    sections.budget.keep(16);
    const offset = sections.offsetIn("info", reader);
    const { end, offsetSize } = reader.initialLength();
    reader.end = end;
    const header = readHeader(sections, reader, offsetSize);
    reader.position = end;
    const endOffset = sections.offsetIn("info", reader);
    if (header !== undefined) units.push(new Unit(sections, { ...header, offset, endOffset }));
    reader.end = last;
  }
  return units;
}

function readHeader(
  sections: DwarfSections,
  reader: DwarfReader,
  offsetSize: 4 | 8,
): Omit<UnitHeader, "offset" | "endOffset"> | undefined {
  const version = reader.uint(2);
  if (version < 2 || version > 5) return undefined;
  const kind = version === 5 ? reader.uint(1) : DW_UT.compile;
  let addressSize = version === 5 ? reader.uint(1) : 0;
  const abbreviations = reader.uint(offsetSize);
  if (version < 5) addressSize = reader.uint(1);
  if (kind !== DW_UT.compile && kind !== DW_UT.partial) return undefined;
  if (addressSize !== 4 && addressSize !== 8) throw new DwarfError(`its addresses have ${addressSize} bytes`);
  const encoding = { version, addressSize, offsetSize };
  return {
    ...encoding,
    entries: reader.position,
    end: reader.end,
    abbreviations: new Abbreviations(sections, abbreviations, encoding),
  };
}
