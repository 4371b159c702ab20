/**
 * `inspect`: what is in an image.
 *
 * @module
 */
import {
  frameValues,
  functionName,
  type ImageInfo,
  type Module,
  PAGE_BYTES,
  type Value,
  WASM_PAGE_BYTES,
} from "../../mod.ts";
import type { CommandLine } from "../args.ts";
import { readInfo } from "../image_file.ts";
import { say, writeOutput } from "../messages.ts";
import { loadTarget } from "../target.ts";
import { loadTrust } from "../trust.ts";

export async function inspect(line: CommandLine): Promise<number> {
  const path = line.file!;
  const info = await readInfo(path, await loadTrust(line.trust));
  const summary = summarise(info, await moduleOf(info, path, line.target));
  writeOutput(line.json ? `${JSON.stringify(summary, plain, 2)}\n` : describe(path, summary));
  return 0;
}

/** The module that the image was taken of: the one given, or one that happens to stand beside the image. */
async function moduleOf(
  info: ImageInfo,
  path: string,
  target: string | undefined,
): Promise<Module | undefined> {
  const wanted = info.modules[0]?.sha256;
  if (wanted === undefined) return undefined;
  try {
    const { module } = await loadTarget(target ?? path.replace(/(\.[^./\\]*)?$/, ".wasm"));
    const hash = new Uint8Array(
      await crypto.subtle.digest("SHA-256", module.bytes as Uint8Array<ArrayBuffer>),
    );
    if (hash.toHex() === wanted.toHex()) return module;
    if (target !== undefined) say(`${target} is another module; functions have no names`);
  } catch (error) {
    if (target !== undefined) throw error;
    // There is none beside the image, or none that we may read.
  }
  return undefined;
}

type Summary = ReturnType<typeof summarise>;

/** An image as plain data for people and for JSON. */
function summarise(info: ImageInfo, module: Module | undefined) {
  const wasi = (info.host.wasi ?? {}) as Record<string, unknown>;
  return {
    version: info.version,
    producer: info.producer,
    wallTime: info.wallTime,
    byteLength: info.byteLength,
    digest: info.digest.toHex(),
    policy: info.policy,
    modules: info.modules.map(({ sha256, byteLength, name }) => ({
      sha256: sha256.toHex(),
      byteLength,
      ...name !== undefined && { name },
    })),
    stack: [...info.stack].reverse().map((frame) => {
      const { locals, operands } = frameValues(frame);
      return {
        ...module && { name: functionName(module, frame.func) },
        instance: frame.instance,
        func: frame.func,
        site: frame.site,
        locals: locals.map(value),
        operands: operands.map(value),
      };
    }),
    memories: info.memories.map(({ pages, maxPages, storedBytes, repeatedBytes, fileBytes }) => ({
      pages,
      ...maxPages !== undefined && { maxPages },
      byteLength: pages * WASM_PAGE_BYTES,
      nonZeroPages: (storedBytes + repeatedBytes) / PAGE_BYTES,
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

const list = (value: unknown): unknown[] => Array.isArray(value) ? value : [];
const hex = (bits: number | bigint) => `0x${bits.toString(16)}`;

function value(each: Value) {
  return { type: each.type, value: "ref" in each ? each.ref : hex(each.bits) };
}

/** What JSON cannot carry. */
function plain(_: string, each: unknown): unknown {
  if (typeof each === "bigint") return hex(each);
  return each instanceof Uint8Array ? { bytes: each.length, hex: each.subarray(0, 64).toHex() } : each;
}

function describe(path: string, image: Summary): string {
  const { modules, memories, tables, globals, stack } = image;
  const lines = [
    `${path}: image of format ${image.version}, ${image.byteLength} bytes, by ${image.producer}`,
    `taken    ${image.wallTime}, policy ${image.policy}`,
    `digest   ${image.digest}`,
    ...modules.map(({ sha256, byteLength, name }) =>
      `module   ${sha256}, ${byteLength} bytes${name === undefined ? "" : ` ("${name}")`}`
    ),
    section("stack", stack.length, "innermost first"),
    ...cut(
      stack,
      ({ name, func, site, locals, operands }) =>
        `${
          name === undefined ? "" : `${name} `
        }(function ${func}) at offset ${site}, ${locals.length} locals, ` +
        `${operands.length} operands`,
    ),
    section("memories", memories.length),
    ...cut(
      memories,
      ({ pages, maxPages, byteLength, nonZeroPages, pageBytes, repeatedPages, fileBytes }) =>
        `${pages} pages of 64 KiB${
          maxPages === undefined ? "" : ` of at most ${maxPages}`
        }; ${nonZeroPages} of ` +
        `${byteLength / pageBytes} image pages (4 KiB) are not zero, ${repeatedPages} repeat another; ` +
        `${fileBytes} bytes in the image`,
    ),
    section("tables", tables.length),
    ...cut(tables, ({ type, elements, set }) => `${elements} of ${type}, ${set} not null`),
    section("globals", globals.length),
    ...cut(
      globals,
      ({ type, mutable, value }) =>
        `${mutable ? "mutable " : ""}${type} ${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    section("arguments", image.args.length),
    ...cut(image.args, (text) => JSON.stringify(text)),
    section("environment", image.env.length),
    ...cut(image.env, (text) => JSON.stringify(text)),
    section("directories", image.directories.length),
    ...cut(image.directories, (each) => {
      const { guest, host } = each as Record<string, unknown>;
      return `${JSON.stringify(guest)} is ${JSON.stringify(host)}`;
    }),
    section("open files", image.files.length),
    ...cut(image.files, (each) => descriptor(each as Record<string, unknown>)),
  ];
  return `${lines.join("\n")}\n`;
}

function section(name: string, count: number, how?: string): string {
  return `\n${name} (${count}${how && count > 1 ? `, ${how}` : ""})`;
}

/** The most entries that are listed of each kind. */
const MOST = 100;

function cut<T>(entries: readonly T[], line: (entry: T) => string): string[] {
  const lines = entries.slice(0, MOST).map((entry, i) => `  ${String(i).padStart(2)}  ${line(entry)}`);
  return entries.length > MOST
    ? [...lines, `  ... and ${entries.length - MOST} more (--json lists all)`]
    : lines;
}

function descriptor(each: Record<string, unknown>): string {
  const place = each.path === undefined || each.path === "" ? "" : ` ${JSON.stringify(each.path)}`;
  const facts = ["offset", "size", "flags"].filter((name) => each[name] !== undefined);
  const about = facts.map((name) => `${name} ${each[name]}`).join(", ");
  const ends = ["unlinked", "removed", "lost", "preopened"].filter((name) => each[name] === true);
  return `descriptor ${each.fd}: ${each.name ?? each.kind}${place}, ${[about, ...ends].join(", ")}`;
}
