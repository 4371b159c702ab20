/**
 * Abbreviations (DWARF 5, section 7.5.3): which attributes the entries with a certain code have.
 *
 * @module
 */
import { type Encoding, fixedSize, type Form, formOf, IMPLICIT_CONST, INDIRECT, readForm } from "./forms.ts";
import { DwarfError, type DwarfReader } from "./reader.ts";
import type { DwarfSections } from "./sections.ts";

interface AttributeSpec {
  readonly name: number;
  readonly form: Form | undefined;
  /** The value of an implicit constant. */
  readonly value?: number;
}

/** An attribute as it stands in an entry. */
export interface AttributeValue {
  readonly form: Form;
  readonly value: number;
  /** Where it ends, in the file. */
  readonly end: number;
}
export type Attributes = ReadonlyMap<number, AttributeValue>;

export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AttributeSpec[];
  /** Bytes of all attributes, if that is the same in all entries. */
  readonly size?: number;
}

/** The abbreviations of a unit, read as far as they are asked for. */
export class Abbreviations {
  readonly #known = new Map<number, Abbreviation>();
  readonly #reader: DwarfReader;
  #complete = false;

  constructor(private readonly sections: DwarfSections, offset: number, private readonly encoding: Encoding) {
    this.#reader = sections.reader("abbrev", offset);
  }

  get(code: number): Abbreviation {
    for (;;) {
      const known = this.#known.get(code);
      if (known !== undefined) return known;
      if (this.#complete) throw new DwarfError(`there is no abbreviation ${code}`);
      this.#next();
    }
  }

  #next(): void {
    const reader = this.#reader;
    const code = reader.uleb();
    if (code === 0) {
      this.#complete = true;
      return;
    }
    const tag = reader.uleb();
    const hasChildren = reader.uint(1) !== 0;
    const attributes: AttributeSpec[] = [];
    let size: number | undefined = 0;
    for (;;) {
      const name = reader.uleb();
      const form = reader.uleb();
      if (name === 0 && form === 0) break;
      this.sections.budget.keep(4);
      const known = form === INDIRECT ? undefined : formOf(form, this.encoding);
      attributes.push({
        name,
        form: known,
        ...form === IMPLICIT_CONST && { value: reader.sleb() },
      });
      const own: number | undefined = known && fixedSize(known, this.encoding);
      size = size === undefined || own === undefined ? undefined : size + own;
    }
    this.sections.budget.keep(8);
    if (!this.#known.has(code)) this.#known.set(code, { tag, hasChildren, attributes, size });
  }

  /** Reads the attributes of an entry. */
  read(reader: DwarfReader, { attributes }: Abbreviation): Attributes {
    const read = new Map<number, AttributeValue>();
    this.sections.budget.spend(attributes.length);
    for (const { name, form = this.#indirect(reader), value } of attributes) {
      const own = value ?? readForm(reader, form, this.encoding);
      read.set(name, { form, value: own, end: reader.position });
    }
    return read;
  }

  /** Passes over the attributes of an entry. */
  skip(reader: DwarfReader, { attributes, size }: Abbreviation): void {
    if (size !== undefined) {
      reader.skip(size);
      return;
    }
    this.sections.budget.spend(attributes.length);
    for (const { form = this.#indirect(reader) } of attributes) readForm(reader, form, this.encoding);
  }

  #indirect(reader: DwarfReader): Form {
    const code = reader.uleb();
    if (code === INDIRECT || code === IMPLICIT_CONST) throw new DwarfError("an indirect form is indirect");
    return formOf(code, this.encoding);
  }
}
