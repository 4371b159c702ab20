/**
 * Line tables (DWARF 5, section 6.2): a program for a small machine that makes, row by row, the table of which
 * address belongs to which line.
 *
 * @module
 */
import type { AttributeValue } from "./abbreviations.ts";
import { DW_LNCT, DW_LNE, DW_LNS } from "./constants.ts";
import { type Encoding, formOf, readForm } from "./forms.ts";
import { DwarfError, type DwarfReader } from "./reader.ts";
import type { DwarfSections } from "./sections.ts";
import { stringOf } from "./unit.ts";

/** A row of the table. */
export interface Row {
  readonly file: number;
  /** From 1; 0 stands for no line. */
  readonly line: number;
  /** From 1; 0 is unknown. */
  readonly column: number;
}

interface FileEntry {
  readonly name: AttributeValue;
  readonly directory: number;
}

/** The versions whose tables are read. */
const OLDEST = 2, NEWEST = 5;

export class LineTable {
  readonly #encoding: Encoding;
  readonly #directories: FileEntry[] = [];
  readonly #files: FileEntry[] = [];
  /** Where the program begins and ends, in the file. */
  readonly #program: number;
  readonly #end: number;
  readonly #minInstructionLength: number;
  readonly #lineBase: number;
  readonly #lineRange: number;
  readonly #opcodeBase: number;
  /** How many operands each standard opcode has. */
  readonly #lengths: readonly number[];

  /** Reads the header. @param offset In `.debug_line`. @throws {DwarfError} */
  constructor(private readonly sections: DwarfSections, offset: number) {
    const reader = sections.reader("line", offset);
    const { end, offsetSize } = reader.initialLength();
    reader.end = end;
    const version = reader.uint(2);
    if (version < OLDEST || version > NEWEST) throw new DwarfError(`a line table has version ${version}`);
    const addressSize = version >= 5 ? reader.uint(1) : 4;
    if (version >= 5) reader.skip(1);
    this.#encoding = { version, addressSize, offsetSize };
    const headerLength = reader.uint(offsetSize);
    const program = reader.position + headerLength;
    if (program > end) throw new DwarfError("the header of a line table ends too late");
    this.#minInstructionLength = reader.uint(1);
    // max_ops (1 on every machine that Wasm is) and default_is_stmt.
    reader.skip(version >= 4 ? 2 : 1);
    this.#lineBase = reader.int8();
    this.#lineRange = reader.uint(1);
    if (this.#lineRange === 0) throw new DwarfError("a line table has a line range of 0");
    this.#opcodeBase = reader.uint(1);
    this.#lengths = Array.from({ length: Math.max(0, this.#opcodeBase - 1) }, () => reader.uint(1));
    if (version >= 5) {
      this.#directories = this.#entries(reader);
      this.#files = this.#entries(reader);
    } else this.#oldEntries(reader);
    this.#program = program;
    this.#end = end;
  }

  /** Directories and files since version 5: described, then listed. */
  #entries(reader: DwarfReader): FileEntry[] {
    const format = Array.from({ length: reader.uint(1) }, () => {
      const content = reader.uleb();
      return { content, form: formOf(reader.uleb(), this.#encoding) };
    });
    const entries: FileEntry[] = [];
    for (let count = reader.uleb(); count > 0; count--) {
      this.sections.budget.keep(4 + format.length);
      let name: AttributeValue | undefined;
      let directory = 0;
      for (const { content, form } of format) {
        const value = readForm(reader, form, this.#encoding);
        if (content === DW_LNCT.path) name = { form, value, end: reader.position };
        else if (content === DW_LNCT.directory_index) directory = value;
      }
      if (name === undefined) throw new DwarfError("a line table has files without a name");
      entries.push({ name, directory });
    }
    return entries;
  }

  /** Directories and files up to version 4: both are counted from 1, directory 0 is the unit's own. */
  #oldEntries(reader: DwarfReader): void {
    const text = formOf(0x08, this.#encoding);
    const next = () => {
      this.sections.budget.keep(4);
      const value = reader.skipString();
      return reader.position === value + 1 ? undefined : { form: text, value, end: reader.position };
    };
    for (let name = next(); name !== undefined; name = next()) this.#directories.push({ name, directory: 0 });
    for (let name = next(); name !== undefined; name = next()) {
      this.#files.push({ name, directory: reader.uleb() });
      // The time of its last change, and its length.
      reader.uleb();
      reader.uleb();
    }
  }

  #text(entry: FileEntry | undefined): string | undefined {
    return entry && stringOf(this.sections, entry.name, (index) => index);
  }

  /** The path of a file. @param unitDirectory Where its unit was compiled. */
  path(file: number, unitDirectory: string | undefined): string | undefined {
    const first = this.#encoding.version >= 5 ? 0 : 1;
    const entry = this.#files[file - first];
    const name = this.#text(entry);
    if (name === undefined) return undefined;
    const directory = this.#text(this.#directories[entry.directory - first]);
    return [directory, unitDirectory].reduce<string>(
      (path, folder) => folder && !isAbsolute(path) ? `${folder.replace(/\/$/, "")}/${path}` : path,
      name,
    ).replaceAll(/(?<=^|\/)\.\//g, "");
  }

  /**
   * The row that an address belongs to. Compilers give code that belongs to no line the line 0: then it is the
   * last row before it that has one, if `accepts` says of its address that it may stand for this one.
   */
  rowAt(address: number, accepts: (address: number) => boolean): Row | undefined {
    const { sections } = this;
    const reader = sections.reader("line");
    reader.position = this.#program;
    reader.end = this.#end;
    const start = { address: 0, file: 1, line: 1, column: 0 };
    let at = { ...start };
    /** The row before, and the last one with a line. */
    let before: typeof start | undefined;
    let known: Row | undefined;
    /** Appends a row. @returns Whether the address lies in the row before. */
    const append = (): boolean => {
      const found = before !== undefined && before.address <= address && address < at.address;
      if (found) return true;
      if (at.line > 0 && at.address <= address && accepts(at.address)) known = { ...at };
      before = { ...at };
      return false;
    };
    const result = () => before!.line > 0 ? before : known;
    const advance = (operations: number) => at.address += operations * this.#minInstructionLength;
    while (reader.position < reader.end) {
      sections.budget.spend(1);
      const opcode = reader.uint(1);
      if (opcode >= this.#opcodeBase) {
        const special = opcode - this.#opcodeBase;
        advance(Math.floor(special / this.#lineRange));
        at.line += this.#lineBase + special % this.#lineRange;
        if (append()) return result();
        continue;
      }
      switch (opcode) {
        case 0: {
          const length = reader.uleb();
          const next = reader.skip(length) + length;
          if (length === 0) break;
          const extended = reader.bytes[next - length];
          if (extended === DW_LNE.end_sequence) {
            if (append()) return result();
            at = { ...start };
            before = known = undefined;
          } else if (extended === DW_LNE.set_address) {
            reader.position = next - length + 1;
            at.address = reader.uint(length === 9 ? 8 : 4);
            reader.position = next;
          }
          break;
        }
        case DW_LNS.copy:
          if (append()) return result();
          break;
        case DW_LNS.advance_pc:
          advance(reader.uleb());
          break;
        case DW_LNS.advance_line:
          at.line += reader.sleb();
          break;
        case DW_LNS.set_file:
          at.file = reader.uleb();
          break;
        case DW_LNS.set_column:
          at.column = reader.uleb();
          break;
        case DW_LNS.const_add_pc:
          advance(Math.floor((255 - this.#opcodeBase) / this.#lineRange));
          break;
        case DW_LNS.fixed_advance_pc:
          at.address += reader.uint(2);
          break;
        default:
          for (let count = this.#lengths[opcode - 1]; count > 0; count--) reader.uleb();
      }
    }
    return undefined;
  }
}

/** A path from a root, of a drive, or in a namespace of its own as `sdk://`. */
function isAbsolute(path: string): boolean {
  return /^(\/|[A-Za-z]:[\\/]|[A-Za-z][\w+.-]*:\/\/)/.test(path);
}
