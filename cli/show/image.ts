/**
 * Images and frames as text for people.
 *
 * @module
 */
import type { SourcePlace } from "../../compiler/dwarf/debug_info.ts";
import { placeText } from "../../compiler/symbols.ts";
import type { Ref } from "../../runtime/image/snapshot.ts";
import type { frameSummary, Summary } from "./summary.ts";
import { printable, referenceText } from "./value.ts";

/** All of an image but the contents of memories. */
export function describe(path: string, image: Summary): string {
  const { modules, memories, tables, globals, stack } = image;
  const lines = [
    `${path}: image of format ${image.version}, ${image.byteLength} bytes, by ${printable(image.producer)}`,
    `taken    ${printable(image.wallTime)}, policy ${printable(image.policy)}`,
    `digest   ${image.digest}`,
    ...trustLines(image),
    ...parentLines(image),
    ...modules.map(({ sha256, byteLength, name }) =>
      `module   ${sha256}, ${byteLength} bytes${name === undefined ? "" : ` (${JSON.stringify(name)})`}`
    ),
    heading("stack", stack.length, "innermost first"),
    ...cut(
      stack,
      (frame) =>
        `${headText(frame)}, ${frame.locals.length} locals, ${frame.operands.length} operands${
          frame.source ? `\n${SOURCE_INDENT}${sourceText(frame.source)}` : ""
        }`,
    ),
    heading("memories", memories.length),
    ...cut(
      memories,
      ({ pages, maxPages, byteLength, nonZeroPages, changedPages, pageBytes, repeatedPages, fileBytes }) =>
        `${pages} pages of 64 KiB${maxPages === undefined ? "" : ` of at most ${maxPages}`}; ${
          changedPages ?? nonZeroPages
        } of ` +
        `${byteLength / pageBytes} image pages (4 KiB) ${
          changedPages === undefined ? "are not zero" : "changed"
        }, ${repeatedPages} repeat another; ` +
        `${fileBytes} bytes in the image`,
    ),
    heading("tables", tables.length),
    ...cut(tables, ({ type, elements, set }) => `${elements} of ${type}, ${set} not null`),
    heading("globals", globals.length),
    ...cut(
      globals,
      ({ type, mutable, value }) =>
        `${mutable ? "mutable " : ""}${type} ${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    heading("arguments", image.args.length),
    ...cut(image.args, (text) => JSON.stringify(text)),
    heading("environment", image.env.length),
    ...cut(image.env, (text) => JSON.stringify(text)),
    heading("directories", image.directories.length),
    ...cut(image.directories, (each) => {
      const { guest, host } = each as Record<string, unknown>;
      return `${JSON.stringify(guest)} is ${JSON.stringify(host)}`;
    }),
    heading("open files", image.files.length),
    ...cut(image.files, (each) => descriptorText(each as Record<string, unknown>)),
  ];
  return `${lines.join("\n")}\n`;
}

/** What an image that holds only what changed builds on. */
function trustLines({ signature, redactions = [] }: Summary): string[] {
  return [
    ...signature ? [`signed   with the ${signature.algorithm} key ${signature.key}`] : [],
    ...redactions.map(({ name, byteLength, places }) =>
      `left out ${printable(name)}, ${byteLength} bytes in ${places} ${places === 1 ? "place" : "places"}; ` +
      `restore needs it again with -e`
    ),
  ];
}

function parentLines({ parent, ancestors = [], problem }: Summary): string[] {
  if (parent === undefined) return [];
  const names = ancestors.map(({ name }) => printable(name));
  return [
    `parent   ${parent.digest} (${printable(parent.name)})`,
    ...names.length > 0
      ? [
        `chain    ${names.length + 1} images: builds on ${names.slice(0, 5).join(", ")}${
          names.length > 5 ? ", ..." : ""
        }`,
      ]
      : [],
    ...problem === undefined ? [] : [`problem  ${printable(problem)}; it cannot be restored`],
  ];
}

const KINDS = { entry: "about to begin", loop: "at a loop", call: "in a call" } as const;

/** One frame and its values. @param depth How many frames there are. */
export function describeFrame(frame: ReturnType<typeof frameSummary>, depth: number): string {
  type Row = (typeof frame.locals)[number];
  const rows = (title: string, values: readonly Row[], how?: string) => [
    heading(title, values.length, how),
    ...values.map(({ name, type, bits, value, unused }, i) => {
      const called = name === undefined ? "" : `  ${printable(name)}`;
      const text = bits === undefined
        ? referenceText(value as Ref, (_, func) => `function ${func}`)
        : `${bits}  ${value}`;
      const kept = unused ? "  (not read any more)" : "";
      return `${String(i).padStart(4)}  ${type.padEnd(4)}  ${text}${called}${kept}`;
    }),
  ];
  const { kind, callee, variables = [] } = frame;
  const what = kind === undefined
    ? ""
    : `, ${KINDS[kind]}${callee === undefined ? "" : ` of ${printable(callee)}`}`;
  const lines = [
    `frame ${frame.frame} of ${depth} (0 is the innermost): ${headText(frame)}${what}`,
    ...frame.source ? [sourceText(frame.source)] : [],
    ...variables.length > 0 ? [heading("variables", variables.length)] : [],
    ...variables.map(({ name, type, value, place }) => {
      if (value === undefined) return printable(`  ${name}: ${type} ${place ?? "is not known here"}`);
      return printable(`  ${name}: ${type} = ${value}${place ? `  (${place})` : ""}`);
    }),
    ...rows("locals", frame.locals),
    ...rows("operands", frame.operands, "bottom first"),
  ];
  return `${lines.join("\n")}\n`;
}

const SOURCE_INDENT = " ".repeat(8);

/** A frame's function and site. */
export function headText(
  { name, func, site }: { readonly name?: string; readonly func: number; readonly site: number },
): string {
  return `${name === undefined ? "" : `${printable(name)} `}(function ${func}) at offset ${site}`;
}

/** Where code comes from, as `at file:line:column`, outwards through what was inlined. */
export function sourceText(places: readonly SourcePlace[]): string {
  return places.map((place, i) => {
    const at = placeText(place) ?? "an unknown place";
    return i === 0 && places.length === 1 ? `at ${at}` : `${place.function ?? "?"} at ${at}`;
  }).join(", inlined into ");
}

export function heading(name: string, count: number, how?: string): string {
  return `\n${name} (${count}${how && count > 1 ? `, ${how}` : ""})`;
}

/** The most entries that are listed of each kind. */
const MOST = 100;

/** Entries with their numbers, one a line. */
export function cut<T>(entries: readonly T[], line: (entry: T) => string): string[] {
  const lines = entries.slice(0, MOST).map((entry, i) => `  ${String(i).padStart(2)}  ${line(entry)}`);
  return entries.length > MOST
    ? [...lines, `  ... and ${entries.length - MOST} more (--json lists all)`]
    : lines;
}

/** A saved descriptor of WASI. */
export function descriptorText(each: Record<string, unknown>): string {
  const place = each.path === undefined || each.path === "" ? "" : ` ${JSON.stringify(each.path)}`;
  const facts = ["offset", "size", "flags"].filter((name) => each[name] !== undefined);
  const about = facts.map((name) => `${name} ${each[name]}`).join(", ");
  const ends = ["unlinked", "removed", "lost", "preopened"].filter((name) => each[name] === true);
  return printable(
    `descriptor ${each.fd}: ${each.name ?? each.kind}${place}, ${[about, ...ends].join(", ")}`,
  );
}
