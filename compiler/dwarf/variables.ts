/**
 * The parameters and variables of the functions that an address lies in.
 *
 * @module
 */
import { DW_AT, DW_ATE, DW_TAG } from "./constants.ts";
import { type Location, locationAt, type Term } from "./location.ts";
import { contains, rangesOf } from "./ranges.ts";
import type { Entry, Unit } from "./unit.ts";

/** How the bytes of a value are to be read. */
export type Representation = "signed" | "unsigned" | "float" | "boolean" | "pointer" | "other";

export interface VariableType {
  /** As the source would write it, roughly. */
  readonly name: string;
  readonly representation: Representation;
  /** Bytes; 0 if it is not known. */
  readonly size: number;
}

export interface SourceVariable {
  readonly name: string;
  readonly type: VariableType;
  /** `undefined` if it is nowhere at this address, or not where it can be found. */
  readonly location?: Location;
}

/** The most variables of one function that are looked at. */
const MAX_VARIABLES = 1 << 12;

/** The variables that are in scope at an address of a unit, those of outer scopes first. */
export function variablesAt(unit: Unit, address: number): SourceVariable[] {
  const { abbreviations } = unit.header;
  const reader = unit.reader();
  const found: SourceVariable[] = [];
  /** The depth of the function that was found, and of a subtree that is passed over. */
  let inside: number | undefined;
  let skipped: number | undefined;
  let frameBase: Term | undefined;
  for (let depth = 0; reader.position < reader.end;) {
    unit.sections.budget.spend(1);
    const code = reader.uleb();
    if (code === 0) {
      depth--;
      if (skipped !== undefined && depth <= skipped) skipped = undefined;
      if (inside !== undefined && depth <= inside) break;
      if (depth <= 0) break;
      continue;
    }
    const abbreviation = abbreviations.get(code);
    const { tag, hasChildren } = abbreviation;
    if (skipped !== undefined) abbreviations.skip(reader, abbreviation);
    else if (tag === DW_TAG.subprogram || inside !== undefined && isScope(tag)) {
      const attributes = abbreviations.read(reader, abbreviation);
      const ranges = rangesOf(unit, attributes);
      unit.sections.budget.spend(ranges.length);
      if (!contains(ranges, address)) {
        if (hasChildren) skipped = depth;
      } else if (tag === DW_TAG.subprogram) {
        inside = depth;
        frameBase = locationAt(unit, attributes.get(DW_AT.frame_base), address, undefined);
      }
    } else if (inside !== undefined && isVariable(tag)) {
      const variable = variableOf(unit, abbreviations.read(reader, abbreviation), address, frameBase);
      if (variable) found.push(variable);
      if (found.length >= MAX_VARIABLES) break;
    } else {
      abbreviations.skip(reader, abbreviation);
      // In a function, what is neither scope nor variable is a type.
      if (inside !== undefined && hasChildren) skipped = depth;
    }
    if (hasChildren) depth++;
  }
  return found;
}

const isScope = (tag: number) => tag === DW_TAG.lexical_block || tag === DW_TAG.inlined_subroutine;
const isVariable = (tag: number) => tag === DW_TAG.variable || tag === DW_TAG.formal_parameter;

function variableOf(
  unit: Unit,
  attributes: Entry["attributes"],
  address: number,
  frameBase: Term | undefined,
): SourceVariable | undefined {
  const origin = unit.entryAt(attributes.get(DW_AT.abstract_origin))?.attributes;
  const attribute = (name: number) => attributes.get(name) ?? origin?.get(name);
  const name = unit.string(attribute(DW_AT.name));
  if (name === undefined) return undefined;
  const constant = attribute(DW_AT.const_value);
  const location: Location | undefined = constant?.form.kind === "number"
    ? { in: "value", offset: constant.value }
    : locationAt(unit, attributes.get(DW_AT.location), address, frameBase);
  const type = typeOf(unit, unit.entryAt(attribute(DW_AT.type)));
  return { name, type, ...location && { location } };
}

/** How far types are followed that refer to others. */
const MAX_DEPTH = 16;
const POINTER_BYTES = 4;

const representations: Readonly<Record<number, Representation>> = {
  [DW_ATE.boolean]: "boolean",
  [DW_ATE.float]: "float",
  [DW_ATE.signed]: "signed",
  [DW_ATE.signed_char]: "signed",
  [DW_ATE.unsigned]: "unsigned",
  [DW_ATE.unsigned_char]: "unsigned",
  [DW_ATE.UTF]: "unsigned",
};

/** What is written before or behind the name of the type that a type refers to. */
const wrappers: Readonly<Record<number, (inner: string) => string>> = {
  [DW_TAG.const_type]: (inner) => `const ${inner}`,
  [DW_TAG.volatile_type]: (inner) => `volatile ${inner}`,
  [DW_TAG.restrict_type]: (inner) => inner,
  [DW_TAG.array_type]: (inner) => `${inner}[]`,
  [DW_TAG.pointer_type]: (inner) => inner.endsWith("*") ? `${inner}*` : `${inner} *`,
  [DW_TAG.reference_type]: (inner) => `${inner} &`,
};

function typeOf(unit: Unit, entry: Entry | undefined, depth = 0): VariableType {
  if (entry === undefined) return { name: "void", representation: "other", size: 0 };
  const { tag, attributes } = entry;
  const own = unit.string(attributes.get(DW_AT.name));
  const size = attributes.get(DW_AT.byte_size)?.value ?? 0;
  const inner = () =>
    depth >= MAX_DEPTH
      ? { name: "...", representation: "other" as const, size: 0 }
      : typeOf(unit, unit.entryAt(attributes.get(DW_AT.type)), depth + 1);
  if (tag === DW_TAG.typedef) return { ...inner(), ...own !== undefined && { name: own } };
  if (tag === DW_TAG.base_type) {
    const encoding = attributes.get(DW_AT.encoding)?.value ?? 0;
    return { name: own ?? "?", representation: representations[encoding] ?? "other", size };
  }
  if (tag === DW_TAG.enumeration_type) return { name: own ?? "enum", representation: "signed", size };
  const wrap = wrappers[tag];
  if (wrap === undefined) return { name: own ?? "?", representation: "other", size };
  const within = inner();
  const name = wrap(within.name);
  if (tag === DW_TAG.array_type) return { name, representation: "other", size: 0 };
  return tag === DW_TAG.pointer_type || tag === DW_TAG.reference_type
    ? { name, representation: "pointer", size: size || POINTER_BYTES }
    : { ...within, name };
}
