/**
 * The numbers of DWARF version 5 (section 7.5) that are needed here, by their names in the standard.
 *
 * @module
 */

export const DW_TAG = { inlined_subroutine: 0x1d, compile_unit: 0x11, subprogram: 0x2e } as const;

export const DW_AT = {
  name: 0x03,
  stmt_list: 0x10,
  low_pc: 0x11,
  high_pc: 0x12,
  comp_dir: 0x1b,
  abstract_origin: 0x31,
  decl_file: 0x3a,
  decl_line: 0x3b,
  specification: 0x47,
  ranges: 0x55,
  call_column: 0x57,
  call_file: 0x58,
  call_line: 0x59,
  linkage_name: 0x6e,
  str_offsets_base: 0x72,
  addr_base: 0x73,
  rnglists_base: 0x74,
} as const;

/** Units with code of their own; types, and what lies in other files, are not read. */
export const DW_UT = { compile: 0x01, partial: 0x03 } as const;

/** Entry formats of line tables (6.2.4.1). */
export const DW_LNCT = { path: 1, directory_index: 2 } as const;

export const DW_LNS = {
  copy: 1,
  advance_pc: 2,
  advance_line: 3,
  set_file: 4,
  set_column: 5,
  const_add_pc: 8,
  fixed_advance_pc: 9,
} as const;
export const DW_LNE = { end_sequence: 1, set_address: 2 } as const;

export const DW_RLE = {
  end_of_list: 0,
  base_addressx: 1,
  startx_endx: 2,
  startx_length: 3,
  offset_pair: 4,
  base_address: 5,
  start_end: 6,
  start_length: 7,
} as const;
