/**
 * An image, or a part of one, as plain data: what JSON says, and what texts for people are made of.
 *
 * @module
 */
import type { Symbols } from "../../compiler/symbols.ts";
import { PAGE_BYTES, WASM_PAGE_BYTES } from "../../runtime/image/format.ts";
import type { Image, ImageInfo } from "../../runtime/image/reader.ts";
import { type Frame, frameValues, type Value } from "../../runtime/image/snapshot.ts";
import type { Ancestry } from "../../runtime/image/file_deno.ts";
import { bitsText, meaning } from "./value.ts";
import { variableSummary } from "./variables.ts";

export type Summary = ReturnType<typeof summarise>;

/** All of an image but the contents of memories. The stack is listed innermost first. */
export function summarise(info: ImageInfo, symbols: Symbols | undefined, ancestry?: Ancestry) {
  const wasi = (info.host.wasi ?? {}) as Record<string, unknown>;
  return {
    version: info.version,
    producer: info.producer,
    wallTime: info.wallTime,
    byteLength: info.byteLength,
    digest: info.digest.toHex(),
    policy: info.policy,
    ...info.parent && {
      parent: { name: info.parent.name, digest: info.parent.digest.toHex() },
      ancestors: ancestry?.links.map(({ name, info }) => ({
        name,
        digest: info.digest.toHex(),
        wallTime: info.wallTime,
        byteLength: info.byteLength,
      })) ?? [],
      ...ancestry?.problem !== undefined && { problem: ancestry.problem },
    },
    ...info.signature && {
      signature: { algorithm: info.signature.algorithm, key: info.signature.fingerprint },
    },
    ...info.redactions && {
      redactions: info.redactions.map(({ name, byteLength, memories, host }) => ({
        name,
        byteLength,
        places: host.length + memories.reduce((sum, { offsets }) => sum + offsets.length, 0),
      })),
    },
    modules: info.modules.map(({ sha256, byteLength, name }) => ({
      sha256: sha256.toHex(),
      byteLength,
      ...name !== undefined && { name },
    })),
    stack: [...info.stack].reverse().map((frame) => {
      const { locals, operands } = frameValues(frame);
      return { ...frameHead(frame, symbols), locals: locals.map(value), operands: operands.map(value) };
    }),
    memories: info.memories.map((
      { pages, maxPages, storedBytes, repeatedBytes, zeroedBytes, fileBytes },
    ) => ({
      pages,
      ...maxPages !== undefined && { maxPages },
      byteLength: pages * WASM_PAGE_BYTES,
      ...!info.parent && { nonZeroPages: (storedBytes + repeatedBytes) / PAGE_BYTES },
      ...info.parent && { changedPages: (storedBytes + repeatedBytes + zeroedBytes) / PAGE_BYTES },
      repeatedPages: repeatedBytes / PAGE_BYTES,
      pageBytes: PAGE_BYTES,
      fileBytes,
    })),
    tables: info.tables.map(({ type, elements, max }) => ({
      type,
      elements: elements.length,
      set: elements.filter((each) => each !== null).length,
      ...max !== undefined && { max },
    })),
    globals: info.globals.map(({ type, mutable, value }) => ({
      type,
      mutable,
      value: typeof value === "bigint" ? hex(value) : value,
    })),
    args: list(wasi.args),
    env: list(wasi.env),
    directories: list(wasi.preopens),
    files: list(wasi.descriptors),
    host: Object.keys(info.host),
    ...info.unknown && { unknown: info.unknown.map(({ section }) => section) },
  };
}

/** Where a frame stands; names and sources if they are known. */
export function frameHead({ instance, func, site }: Frame, symbols: Symbols | undefined) {
  const source = symbols?.sourceOf(func, site) ?? [];
  return {
    ...symbols && { name: symbols.functionName(func) },
    ...source.length > 0 && { source },
    instance,
    func,
    site,
  };
}

/**
 * One frame with its values: type, raw bits and meaning, and the name of a local if it has one. Locals that the
 * function does not read any more are `unused`; their values are not kept.
 */
export function frameSummary(
  image: Image | ImageInfo,
  number: number,
  frame: Frame,
  symbols: Symbols | undefined,
) {
  const { locals, operands } = frameValues(frame);
  const site = symbols?.site(frame.func, frame.site);
  const variables = symbols?.variables(frame.func, frame.site) ?? [];
  return {
    frame: number,
    ...frameHead(frame, symbols),
    ...site && { kind: site.kind },
    ...site?.callee !== undefined && { callee: symbols!.functionName(site.callee) },
    locals: locals.map((each, i) => {
      const name = symbols?.localName(frame.func, i);
      const unused = site !== undefined && !site.isWanted(i);
      return { ...name !== undefined && { name }, ...explained(each), ...unused && { unused } };
    }),
    operands: operands.map(explained),
    ...variables.length > 0 && {
      variables: variables.map((each) => variableSummary(each, { image, frame, locals, operands, site })),
    },
  };
}

function explained(each: Value) {
  if ("ref" in each) return { type: each.type, value: each.ref };
  return {
    type: each.type,
    bits: bitsText(each.type, each.bits),
    value: meaning(each.type, each.bits),
  };
}

const list = (value: unknown): unknown[] => Array.isArray(value) ? value : [];
const hex = (bits: number | bigint) => `0x${bits.toString(16)}`;

function value(each: Value) {
  return { type: each.type, value: "ref" in each ? each.ref : hex(each.bits) };
}

/** Text for `JSON.stringify` of what JSON cannot carry. */
export function plain(_: string, each: unknown): unknown {
  if (typeof each === "bigint") return hex(each);
  return each instanceof Uint8Array ? { bytes: each.length, hex: each.subarray(0, 64).toHex() } : each;
}
