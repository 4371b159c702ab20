/**
 * A module that makes JavaScript functions callable through a table: it imports and lists them. (A rewritten
 * module cannot import them itself, since imports come first and would move its functions.)
 *
 * @module
 */
import { ByteWriter } from "./bytes.ts";
import { Helper, type HelperName, helperTypes } from "./extras.ts";
import { exportOf, funcTable, importOf, preamble, SectionId, typeSection } from "./sections.ts";

/** Exports the table as `t`; imports each helper by its name, from the module `""`. */
export function helperModule(): Uint8Array<ArrayBuffer> {
  const names = Object.keys(Helper) as HelperName[];
  const out = new ByteWriter();
  preamble(out);
  typeSection(out, names.map((name) => helperTypes[name]));
  out.section(SectionId.import, (to) =>
    to.vector(names, (name, i) => {
      importOf(to, name, "func");
      to.u32(i);
    }));
  out.section(SectionId.table, (to) => {
    to.u32(1);
    funcTable(to, { min: names.length });
  });
  out.section(SectionId.export, (to) => {
    to.u32(1);
    exportOf(to, "t", "table", 0);
  });
  out.section(SectionId.element, (to) => {
    to.bytes(1, 0, 0x41, 0, 0x0b);
    to.vector(names, (_, i) => to.u8(i));
  });
  return out.written;
}

/** A module with two memories, one of them shared: valid where rewritten modules are. */
export function probeModule(): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  preamble(out);
  out.section(SectionId.memory, (to) => to.bytes(2, 0, 1, 3, 1, 1));
  return out.written;
}
