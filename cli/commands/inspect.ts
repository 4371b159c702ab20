/**
 * `inspect`: what is in an image, or some part of it.
 *
 * @module
 */
import type { Symbols } from "../../compiler/symbols.ts";
import type { Image, ImageInfo } from "../../runtime/image/reader.ts";
import type { Frame } from "../../runtime/image/snapshot.ts";
import { WASM_PAGE_BYTES } from "../../runtime/image/format.ts";
import { inspectAncestors } from "../../runtime/image/file_deno.ts";
import type { CommandLine } from "../args.ts";
import { readImage, readInfo, symbolsOf } from "../image_file.ts";
import type { LookArgs, MemoryRange } from "../look_args.ts";
import { Refusal, say, writeOutput } from "../messages.ts";
import { describe, describeFrame } from "../show/image.ts";
import { hexDump, stringsIn } from "../show/memory.ts";
import { frameSummary, plain, summarise } from "../show/summary.ts";
import { needMemory } from "../show/variables.ts";
import { loadTrust } from "../trust.ts";

export async function inspect({ file, target, trust, look, json }: CommandLine): Promise<number> {
  const path = file!;
  const opening = await loadTrust(trust);
  const info = await readInfo(path, opening);
  const symbols = await symbolsOf(info, path, target);
  if (look.frame !== undefined || look.ranges.length > 0 || look.strings !== undefined) {
    // Contents of memories are only read if they are wanted.
    const image = needsMemories(info, look, symbols) ? await readImage(path, opening) : info;
    for (const part of json ? asJson(image, look, symbols) : asText(image, look, symbols)) writeOutput(part);
  } else {
    const ancestry = info.parent && await inspectAncestors(path, info, opening);
    const summary = summarise(info, symbols, ancestry);
    writeOutput(json ? `${JSON.stringify(summary, plain, 2)}\n` : describe(path, summary));
  }
  if (symbols?.problem !== undefined) say(symbols.problem);
  return 0;
}

function needsMemories(info: ImageInfo, { frame, ranges, strings }: LookArgs, symbols?: Symbols): boolean {
  if (ranges.length > 0 || strings !== undefined) return true;
  const { func, site } = frameAt(info, frame!);
  return needMemory(symbols?.variables(func, site) ?? []);
}

/** An image whose memories are only there if they are looked at. */
type Looked = Image | ImageInfo;

function* asText(image: Looked, look: LookArgs, symbols: Symbols | undefined): Generator<string> {
  if (look.frame !== undefined) {
    yield describeFrame(frameOf(image, look.frame, symbols), image.stack.length);
  }
  for (const range of look.ranges) {
    yield* inParts(hexDump(bytesOf(image, range), range.address));
  }
  if (look.strings === undefined) return;
  const several = image.memories.length > 1;
  for (const [memory, bytes] of memoriesOf(image)) {
    const lines = stringsIn(bytes, look.strings).map(({ address, text }) =>
      `${several ? `${memory}:` : ""}${address.toString(16).padStart(8, "0")}  ${text}`
    );
    yield* inParts(lines);
  }
}

function* asJson(image: Looked, look: LookArgs, symbols: Symbols | undefined): Generator<string> {
  const parts = {
    ...look.frame !== undefined && { frame: frameOf(image, look.frame, symbols) },
    ...look.ranges.length > 0 && {
      memory: look.ranges.map((range) => ({ ...range, hex: bytesOf(image, range).toHex() })),
    },
    ...look.strings !== undefined && {
      strings: memoriesOf(image).flatMap(([memory, bytes]) =>
        Array.from(stringsIn(bytes, look.strings!), (each) => ({ memory, ...each }))
      ),
    },
  };
  yield `${JSON.stringify(parts, plain, 2)}\n`;
}

function frameOf(image: Looked, number: number, symbols: Symbols | undefined) {
  return frameSummary(image, number, frameAt(image, number), symbols);
}

function frameAt({ stack }: Looked, number: number): Frame {
  const frame = stack[stack.length - 1 - number];
  if (frame !== undefined) return frame;
  throw new Refusal(
    stack.length === 0
      ? "the image has no frames"
      : `there is no frame ${number}: the image has ${stack.length}, from 0 (innermost) to ${
        stack.length - 1
      }`,
  );
}

function memoriesOf({ memories }: Looked): [number, Uint8Array][] {
  return (memories as Image["memories"]).map(({ buffer, pages }, i) => [
    i,
    new Uint8Array(buffer, 0, pages * WASM_PAGE_BYTES),
  ]);
}

function bytesOf(image: Looked, { memory, address, length }: MemoryRange): Uint8Array {
  const bytes = memoriesOf(image)[memory]?.[1];
  if (bytes === undefined) {
    throw new Refusal(`there is no memory ${memory}: the image has ${image.memories.length}`);
  }
  if (address + length > bytes.length) {
    const wanted = `${length} bytes at 0x${address.toString(16)}`;
    throw new Refusal(`${wanted} are not in memory ${memory}, which ends at 0x${bytes.length.toString(16)}`);
  }
  return bytes.subarray(address, address + length);
}

/** Lines joined to parts of some size, so that few are written. */
function* inParts(lines: Iterable<string>): Generator<string> {
  let part = "";
  for (const line of lines) {
    part += `${line}\n`;
    if (part.length < 1 << 16) continue;
    yield part;
    part = "";
  }
  if (part !== "") yield part;
}
