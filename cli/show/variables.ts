/**
 * The values of the source's variables in a frame, where debug information says where they are.
 *
 * @module
 */
import type { SourceVariable } from "../../compiler/dwarf/variables.ts";
import type { SiteFacts } from "../../compiler/symbols.ts";
import { WASM_PAGE_BYTES } from "../../runtime/image/format.ts";
import type { Image, ImageInfo } from "../../runtime/image/reader.ts";
import type { Frame, Value } from "../../runtime/image/snapshot.ts";

/** What a frame's variables are taken from. */
export interface FrameContext {
  /** Memories are only looked into if they are there. */
  readonly image: Image | ImageInfo;
  readonly frame: Frame;
  readonly locals: readonly Value[];
  readonly operands: readonly Value[];
  readonly site: SiteFacts | undefined;
}

type Place = NonNullable<SourceVariable["location"]>;

/** A variable as plain data; its value is left out if it is not known. */
export function variableSummary({ name, type, location }: SourceVariable, context: FrameContext) {
  const start = location && termBits(location, context);
  if (location === undefined || start === undefined) return { name, type: type.name };
  if (location.in === "value") {
    return { name, type: type.name, value: valueText(type, start), place: registerText(location) };
  }
  const address = Number(BigInt.asUintN(32, start));
  const bytes = type.size > 0 && type.size <= 8 ? bytesAt(context, address, type.size) : undefined;
  return {
    name,
    type: type.name,
    ...bytes !== undefined && type.representation !== "other" &&
      { value: valueText(type, littleEndian(bytes)) },
    place: `at 0x${address.toString(16)}`,
  };
}

/** Whether some variable lies in memory, so that memories are needed to show it. */
export function needMemory(variables: readonly SourceVariable[]): boolean {
  return variables.some(({ location, type }) => location?.in === "memory" && type.representation !== "other");
}

function registerText({ register }: Place): string | undefined {
  return register && `${register.kind} ${register.index}`;
}

/** What a register holds, and the offset. */
function termBits({ register, offset }: Place, context: FrameContext): bigint | undefined {
  const bits = register === undefined ? 0n : registerBits(register, context);
  return bits === undefined ? undefined : bits + BigInt(Math.trunc(offset));
}

function registerBits(
  { kind, index }: NonNullable<Place["register"]>,
  { image, frame, locals, operands, site }: FrameContext,
): bigint | undefined {
  if (kind === "global") {
    const value = image.globals[image.instances[frame.instance]?.globals[index]]?.value;
    return typeof value === "bigint" ? value : undefined;
  }
  // What the function does not read any more was not kept.
  if (kind === "local" && site && !site.isWanted(index)) return undefined;
  const value = kind === "local" ? locals[index] : operands[index];
  return value && "bits" in value ? BigInt(value.bits) : undefined;
}

function bytesAt({ image, frame }: FrameContext, address: number, size: number): Uint8Array | undefined {
  const memory = image.memories[image.instances[frame.instance]?.memories[0]];
  if (memory === undefined || !("buffer" in memory)) return undefined;
  const { buffer, pages } = memory as Image["memories"][number];
  if (address + size > pages * WASM_PAGE_BYTES) return undefined;
  return new Uint8Array(buffer, address, size);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value << 8n | BigInt(byte), 0n);
}

/** A value as its type has it. */
function valueText({ representation, size }: SourceVariable["type"], bits: bigint): string {
  // What is stored wider than this has no value here, and debug information can say anything.
  const width = 8 * (size >= 1 && size <= 8 ? size : 4);
  const unsigned = BigInt.asUintN(width, bits);
  switch (representation) {
    case "signed":
      return String(BigInt.asIntN(width, bits));
    case "unsigned":
      return String(unsigned);
    case "boolean":
      return String(unsigned !== 0n);
    case "float": {
      const view = new DataView(new ArrayBuffer(8));
      view.setBigUint64(0, BigInt.asUintN(64, bits));
      if (size === 8) return String(view.getFloat64(0));
      return size === 4 ? String(view.getFloat32(4)) : `0x${unsigned.toString(16)}`;
    }
  }
  return `0x${unsigned.toString(16)}`;
}
