/**
 * A module that makes JavaScript functions callable through a table: it imports and lists them. (A rewritten
 * module cannot import them itself, since imports come first and would move its functions.)
 *
 * @module
 */
import { ByteWriter } from "./bytes.ts";
import { Helper, type HelperName, helperTypes } from "./extras.ts";

/** Exports the table as `t`; imports each helper by its name, from the module `""`. */
export function helperModule(): Uint8Array<ArrayBuffer> {
  const names = Object.keys(Helper) as HelperName[];
  const out = new ByteWriter();
  out.bytes(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  out.section(1, (to) =>
    to.vector(names, (name) => {
      const { params, results } = helperTypes[name];
      to.u8(0x60);
      to.vector(params, (type) => to.u8(type));
      to.vector(results, (type) => to.u8(type));
    }));
  out.section(2, (to) =>
    to.vector(names, (name, i) => {
      to.name("");
      to.name(name);
      to.bytes(0, i);
    }));
  out.section(4, (to) => to.bytes(1, 0x70, 0, names.length));
  out.section(7, (to) => {
    to.u32(1);
    to.name("t");
    to.bytes(1, 0);
  });
  out.section(9, (to) => {
    to.bytes(1, 0, 0x41, 0, 0x0b);
    to.vector(names, (_, i) => to.u8(i));
  });
  return out.written;
}

/** A module with two memories, one of them shared: valid where rewritten modules are. */
export function probeModule(): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.bytes(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  out.section(5, (to) => to.bytes(2, 0, 1, 3, 1, 1));
  return out.written;
}
