/**
 * What differs between two images, for JSON and for people.
 *
 * @module
 */
import type { Symbols } from "../../compiler/symbols.ts";
import { type Change, diffSnapshots, type IndexedChange, isSame } from "../../runtime/image/difference.ts";
import type { Image } from "../../runtime/image/reader.ts";
import type { Frame, SnapshotGlobal, Value } from "../../runtime/image/snapshot.ts";
import { cut, descriptorText, heading, headText, sourceText } from "./image.ts";
import { frameHead } from "./summary.ts";
import { bitsText, meaning, printable, referenceText } from "./value.ts";

export type Difference = ReturnType<typeof difference>;

/** All that differs, as plain data. */
export function difference(a: Image, b: Image, symbols: Symbols | undefined) {
  const found = diffSnapshots(a, b);
  const head = ({ digest, wallTime, policy }: Image) => ({ digest: digest.toHex(), wallTime, policy });
  const frame = (each: Frame) => frameHead(each, symbols);
  const inner = (each: { readonly number: number; readonly frame: Frame }) => ({
    number: each.number,
    ...frame(each.frame),
  });
  const wasi = wasiDifference(a.host.wasi, b.host.wasi);
  return {
    // Time goes on between any two images: that alone makes no other guest of it.
    equal: found.equal || found.onlyHost && isSame(found.host, ["wasi"]) && wasi.fields.length === 0,
    sameModules: found.sameModules,
    a: head(a),
    b: head(b),
    stack: {
      ...found.stack,
      changed: found.stack.changed.map((each) => ({
        ...each,
        frame: { a: frame(each.frame.a), b: frame(each.frame.b) },
        locals: each.locals.map((local) => {
          const name = symbols?.localName(each.frame.a.func, local.index);
          return { ...name !== undefined && { name }, ...texts(local, valueText) };
        }),
        operands: each.operands.map((operand) => texts(operand, valueText)),
      })),
      vanished: found.stack.vanished.map(inner),
      appeared: found.stack.appeared.map(inner),
    },
    globals: found.globals.map((each) => {
      const name = symbols?.module.names.globals.get(each.index);
      return { ...name !== undefined && { name }, ...texts(each, globalText) };
    }),
    tables: found.tables.map(({ index, size, elements }) => ({
      index,
      size,
      elements: elements.map((each) => texts(each, (ref) => referenceText(ref, functionNames(symbols)))),
    })),
    memories: found.memories,
    ...wasi,
    host: found.host,
  };
}

const functionNames = (symbols: Symbols | undefined) => (instance: number, func: number) =>
  symbols ? symbols.functionName(func) : `of instance ${instance}`;

/** A change of two values as one of their texts; what is not there has none. */
function texts<T>({ index, a, b }: IndexedChange<T>, text: (value: T) => string) {
  const side = (value: T | undefined) => value === undefined ? undefined : text(value);
  return { index, a: side(a), b: side(b) };
}

function valueText(value: Value): string {
  if ("ref" in value) return `${value.type} ${referenceText(value.ref, functionNames(undefined))}`;
  return `${value.type} ${bitsText(value.type, value.bits)} ${meaning(value.type, value.bits)}`.trimEnd();
}

function globalText({ type, value }: SnapshotGlobal): string {
  return valueText(
    (typeof value === "bigint"
      ? { type, bits: type === "i32" || type === "f32" ? Number(value) : value }
      : { type, ref: value }) as Value,
  );
}

/** The field with the guest's monotonic clock, in nanoseconds. */
const CLOCK = "monotonic";

/** Differences of WASI states, which are taken as they come: they are shown, not used. */
function wasiDifference(a: unknown, b: unknown) {
  const list = (state: unknown, key: string): unknown[] => {
    const value = (state as Record<string, unknown> | undefined)?.[key];
    return Array.isArray(value) ? value : [];
  };
  const strings = (state: unknown, key: string) => list(state, key).map(String);
  /** Entries of two lists by a key: those that are not the same. */
  const keyed = <T>(key: string, name: (entry: unknown) => string, show: (entry: unknown) => T) => {
    const [left, right] = [a, b].map((state) => new Map(list(state, key).map((each) => [name(each), each])));
    return [...new Set([...left.keys(), ...right.keys()])]
      .filter((each) => !isSame(left.get(each), right.get(each)))
      .map((each) => ({
        name: each,
        a: left.has(each) ? show(left.get(each)) : undefined,
        b: right.has(each) ? show(right.get(each)) : undefined,
      }));
  };
  const field = (name: string) => (entry: unknown) => String((entry as Record<string, unknown>)?.[name]);
  const args = { a: strings(a, "args"), b: strings(b, "args") };
  const fields = (state: unknown) =>
    (typeof state === "object" ? state ?? {} : {}) as Record<string, unknown>;
  const [left, right] = [fields(a), fields(b)];
  const clock = { a: left[CLOCK], b: right[CLOCK] };
  return {
    ...!isSame(args.a, args.b) && { args },
    ...!isSame(clock.a, clock.b) && { clock },
    /** All fields of the state but the clock that differ. */
    fields: [...new Set([...Object.keys(left), ...Object.keys(right)])].filter((key) =>
      key !== CLOCK && !isSame(left[key], right[key])
    ),
    env: keyed("env", (each) => String(each).split("=", 1)[0], String),
    directories: keyed("preopens", field("guest"), field("host")),
    files: keyed("descriptors", field("fd"), (each) => descriptorText(each as Record<string, unknown>)),
  };
}

/** The same for people. */
export function describeDifference(names: Change<string>, found: Difference): string {
  const side = (name: "a" | "b") =>
    `${name}  ${names[name]}: taken ${printable(found[name].wallTime)}, policy ${
      printable(found[name].policy)
    }, digest ${found[name].digest.slice(0, 16)}...`;
  const lines = [side("a"), side("b")];
  if (!found.sameModules) {
    lines.push("they are of different modules: functions are compared by their indices");
  }
  if (found.equal) lines.push("", "the guest is the same in both");
  const { stack, globals, tables, memories, args, env, directories, files } = found;
  const list = <T>(name: string, entries: readonly T[], line: (entry: T) => string) => {
    if (entries.length > 0) lines.push(heading(name, entries.length), ...cut(entries, line));
  };
  const value = (each: { name?: string; index: number; a?: string; b?: string }) =>
    `${each.index}${each.name === undefined ? "" : ` ${printable(each.name)}`}: ${arrow(each)}`;
  if (stack.changed.length + stack.vanished.length + stack.appeared.length > 0) {
    lines.push(
      "",
      `stack: ${
        count(stack.depth.a, "frame")
      } in a, ${stack.depth.b} in b; the outer ${stack.shared} are the same calls`,
    );
  }
  list("frames that went on", stack.changed, ({ number, moved, frame, locals, operands }) =>
    [
      `frame ${number.b}: ${headText(frame.b)}${moved ? `, was at offset ${frame.a.site}` : ""}`,
      ...frame.b.source ? [sourceText(frame.b.source)] : [],
      ...locals.map((each) => `local ${value(each)}`),
      ...operands.map((each) => `operand ${value(each)}`),
    ].join("\n        "));
  const inner = (each: (typeof stack.appeared)[number]) => `frame ${each.number}: ${headText(each)}`;
  list("frames only in a", stack.vanished, inner);
  list("frames only in b", stack.appeared, inner);
  list("globals", globals, value);
  list("tables", tables, ({ index, size, elements }) =>
    [
      `table ${index}: ${count(elements.length, "element")} differ${
        size.a === size.b ? "" : `, size ${arrow(size)}`
      }`,
      ...elements.slice(0, MOST_ELEMENTS).map((each) => `element ${value(each)}`),
    ].join("\n        "));
  for (const { index, pages, changedPages, changedBytes, ranges } of memories) {
    lines.push(
      "",
      `memory ${index}: ${count(changedBytes, "byte")} in ${count(changedPages, "page")} of 4 KiB differ${
        pages.a === pages.b ? "" : `, size in pages of 64 KiB ${arrow(pages)}`
      }`,
      ...cut(
        ranges,
        ({ start, end, bytes }) =>
          `0x${start.toString(16).padStart(8, "0")} to 0x${
            (end - 1).toString(16).padStart(8, "0")
          }: ${bytes}`,
      ),
    );
  }
  if (args) {
    const quotedList = (list: readonly string[]) => list.map((each) => JSON.stringify(each)).join(" ");
    lines.push("", `arguments: ${arrow({ a: quotedList(args.a), b: quotedList(args.b) })}`);
  }
  const quoted = (each: { a?: string; b?: string }) =>
    arrow({ a: each.a && JSON.stringify(each.a), b: each.b && JSON.stringify(each.b) });
  list("environment", env, quoted);
  list("directories", directories, (each) => `${JSON.stringify(each.name)}: ${quoted(each)}`);
  list("open files", files, arrow);
  const more = found.fields.filter((name) => !SHOWN_FIELDS.includes(name));
  list("other state of WASI", more, (name) => JSON.stringify(name));
  if (found.clock) {
    const seconds = (time: unknown) => typeof time === "number" ? `${(time / 1e9).toFixed(3)} s` : undefined;
    lines.push("", `the guest's clock: ${arrow({ a: seconds(found.clock.a), b: seconds(found.clock.b) })}`);
  }
  const others = found.host.filter((name) => name !== "wasi");
  list("other state of the host", others, (name) => JSON.stringify(name));
  return `${lines.join("\n")}\n`;
}

/** Fields of WASI's state that have a list of their own. */
const SHOWN_FIELDS = ["args", "env", "preopens", "descriptors"];

/** The most elements of one table that are listed. */
const MOST_ELEMENTS = 20;

function arrow({ a, b }: { readonly a?: unknown; readonly b?: unknown }): string {
  return `${a ?? "none"} -> ${b ?? "none"}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
