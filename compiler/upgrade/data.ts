/**
 * Static data of two builds. The image's memory holds what the old module put there, with addresses of it in
 * places that nobody can find again; so it must be what the new module would have put there, to the byte.
 *
 * @module
 */
import type { DataSegment, Module } from "../types.ts";
import { sameConstant } from "./constants.ts";
import { count, type Finding, hex } from "./finding.ts";
import type { Renumbering } from "./renumbering.ts";

const SUBJECT = "static data";

/** Compares data segments: active ones by the bytes that they put where, passive ones one by one. */
export function compareData(numbers: Renumbering): Finding[] {
  const { old, next, datas } = numbers;
  const findings: Finding[] = [];
  const refuse = (text: string) => findings.push({ subject: SUBJECT, fits: false, text });
  const pairs = old.datas.map((segment, i) => [segment, next.datas[datas.get(i) ?? -1]] as const);
  for (const [i, [segment, match]] of pairs.entries()) {
    if (segment.mode.kind !== "passive") continue;
    if (match === undefined) refuse(`the passive segment ${i} is gone`);
    else if (!sameBytes(bytesOf(old, segment), bytesOf(next, match))) {
      refuse(`the passive segment ${i} has other contents`);
    }
  }
  const active = ({ mode }: DataSegment) => mode.kind === "active";
  const [before, after] = [old, next].map((module) => module.datas.filter(active));
  const same = before.length === after.length &&
    pairs.every(([segment, match]) =>
      !active(segment) || (match !== undefined && samePlace(segment, match, numbers) &&
        sameBytes(bytesOf(old, segment), bytesOf(next, match)))
    );
  if (same) return findings;
  const [left, right] = [ranges(old, before), ranges(next, after)];
  if (left === undefined || right === undefined) {
    refuse("segments overlap or begin at an imported global, and are not the same ones");
    return findings;
  }
  const changes = [...differences(left, right)];
  if (changes.length === 0) return findings;
  changes.slice(0, SHOWN).forEach((change) => refuse(show(change)));
  if (changes.length > SHOWN) {
    const all = changes.reduce((sum, { start, end }) => sum + end - start, 0);
    refuse(`and ${changes.length - SHOWN} ranges more, ${count(all, "byte")} together`);
  }
  return findings;
}

/** How many ranges are listed. */
const SHOWN = 4;

const bytesOf = ({ bytes }: Module, { start, end }: DataSegment) => bytes.subarray(start, end);

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function samePlace({ mode }: DataSegment, { mode: other }: DataSegment, numbers: Renumbering): boolean {
  return mode.kind === "active" && other.kind === "active" && mode.index === other.index &&
    sameConstant(mode.offset, other.offset, numbers);
}

/** Bytes from an address on. */
interface Range {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Where the active segments of a memory go, ascending; `undefined` if that cannot be told from the module. */
function ranges(module: Module, segments: readonly DataSegment[]): Range[] | undefined {
  const out: Range[] = [];
  for (const segment of segments) {
    if (segment.mode.kind !== "active" || segment.mode.offset.op !== "i32.const") return undefined;
    out.push({ start: segment.mode.offset.value >>> 0, bytes: bytesOf(module, segment) });
  }
  out.sort((a, b) => a.start - b.start);
  const overlap = out.some(({ start }, i) => i > 0 && start < out[i - 1].start + out[i - 1].bytes.length);
  return overlap ? undefined : out.filter(({ bytes }) => bytes.length > 0);
}

interface Difference {
  readonly start: number;
  end: number;
  readonly kind: "gone" | "new" | "changed";
  readonly old?: Uint8Array;
  readonly next?: Uint8Array;
}

/** Ranges that are initialised by one of the two only, or with other bytes. */
function* differences(old: readonly Range[], next: readonly Range[]): Generator<Difference> {
  const edges = [...old, ...next].flatMap(({ start, bytes }) => [start, start + bytes.length]);
  const cuts = [...new Set(edges)].sort((a, b) => a - b);
  let [i, j] = [0, 0];
  for (let k = 0; k + 1 < cuts.length; k++) {
    const [start, end] = [cuts[k], cuts[k + 1]];
    while (i < old.length && old[i].start + old[i].bytes.length <= start) i++;
    while (j < next.length && next[j].start + next[j].bytes.length <= start) j++;
    const [a, b] = [piece(old[i], start, end), piece(next[j], start, end)];
    if (a && b) yield* changes(start, a, b);
    else if (a || b) yield { start, end, kind: a ? "gone" : "new", old: a, next: b };
  }
}

function piece(range: Range | undefined, start: number, end: number): Uint8Array | undefined {
  if (range === undefined || range.start > start) return undefined;
  return range.bytes.subarray(start - range.start, end - range.start);
}

/** Differing bytes, those a few apart as one range. */
function* changes(start: number, a: Uint8Array, b: Uint8Array): Generator<Difference> {
  for (let at = 0; at < a.length; at++) {
    if (a[at] === b[at]) continue;
    let end = at + 1;
    for (let k = at; k < a.length && k < end + 16; k++) if (a[k] !== b[k]) end = k + 1;
    yield {
      start: start + at,
      end: start + end,
      kind: "changed",
      old: a.subarray(at, end),
      next: b.subarray(at, end),
    };
    at = end;
  }
}

function show({ start, end, kind, old, next }: Difference): string {
  const where = `${count(end - start, "byte")} at ${hex(start)}`;
  if (kind === "gone") {
    return `${where} (${preview(old!)}) are not initialised any more: data has moved or is gone`;
  }
  if (kind === "new") {
    return `${where} (${preview(next!)}) are new, in a place that the old program may use for something else`;
  }
  return `${where} were ${preview(old!)}, and now are ${preview(next!)}: data has moved or changed`;
}

/** The first bytes, as text if they are. */
function preview(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 24);
  const more = bytes.length > head.length ? "..." : "";
  const isText = head.every((byte) => byte === 0 || byte === 10 || (byte >= 32 && byte < 127));
  if (isText && head.some((byte) => byte !== 0)) {
    return JSON.stringify(new TextDecoder().decode(head)).replaceAll("\\u0000", "\\0") + more;
  }
  return Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ") +
    (bytes.length > 8 ? "..." : "");
}
