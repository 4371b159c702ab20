/**
 * The numbers of DWARF version 5 (section 7.5) that are needed here, by their names in the standard.
 *
 * @module
 */

export const DW_TAG = {
  array_type: 0x01,
  enumeration_type: 0x04,
  formal_parameter: 0x05,
  lexical_block: 0x0b,
  pointer_type: 0x0f,
  reference_type: 0x10,
  typedef: 0x16,
  inlined_subroutine: 0x1d,
  base_type: 0x24,
  const_type: 0x26,
  subprogram: 0x2e,
  variable: 0x34,
  volatile_type: 0x35,
  restrict_type: 0x37,
} as const;

export const DW_AT = {
  location: 0x02,
  name: 0x03,
  byte_size: 0x0b,
  stmt_list: 0x10,
  low_pc: 0x11,
  high_pc: 0x12,
  comp_dir: 0x1b,
  const_value: 0x1c,
  abstract_origin: 0x31,
  decl_file: 0x3a,
  decl_line: 0x3b,
  encoding: 0x3e,
  frame_base: 0x40,
  specification: 0x47,
  type: 0x49,
  ranges: 0x55,
  call_column: 0x57,
  call_file: 0x58,
  call_line: 0x59,
  linkage_name: 0x6e,
  str_offsets_base: 0x72,
  addr_base: 0x73,
  rnglists_base: 0x74,
  loclists_base: 0x8c,
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

export const DW_LLE = {
  end_of_list: 0,
  base_addressx: 1,
  startx_endx: 2,
  startx_length: 3,
  offset_pair: 4,
  default_location: 5,
  base_address: 6,
  start_end: 7,
  start_length: 8,
} as const;

/** Operations of expressions; those not named here are not understood. */
export const DW_OP = {
  addr: 0x03,
  const1u: 0x08,
  const1s: 0x09,
  const2u: 0x0a,
  const2s: 0x0b,
  const4u: 0x0c,
  const4s: 0x0d,
  constu: 0x10,
  consts: 0x11,
  plus: 0x22,
  plus_uconst: 0x23,
  lit0: 0x30,
  lit31: 0x4f,
  fbreg: 0x91,
  stack_value: 0x9f,
  addrx: 0xa1,
  /** Of WebAssembly: a local, a global or an operand. */
  WASM_location: 0xed,
} as const;

/** Encodings of base types. */
export const DW_ATE = {
  boolean: 0x02,
  float: 0x04,
  signed: 0x05,
  signed_char: 0x06,
  unsigned: 0x07,
  unsigned_char: 0x08,
  UTF: 0x10,
} as const;
