/**
 * `deno task bench`: measures kernels and whole programs in every column and prints ratios.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { drawChart } from "./chart.ts";
import { type Column, columnOf, COLUMNS } from "./engines.ts";
import { FILE_CASES, FILE_COLUMNS } from "./files.ts";
import { KERNELS } from "./kernels.ts";
import { measureFiles, measureKernel, measureProgram, type Sample } from "./measure.ts";
import { benchPrograms } from "./programs.ts";
import { jsonReport, printReport, type Row } from "./report.ts";

const HELP = `deno task bench [options]

  --only NAME,...     kernels, programs or groups: kernels, long, python, tools, start,
                      files  [all]
  --columns NAME,...  ${COLUMNS.map((column) => column.name).join(", ")}
                      [all but the optional ones: ${
  COLUMNS.filter((c) => c.optional).map((c) => c.name).join(", ")
}]
  --runs N            fresh processes for each kernel and column; the median counts  [5]
  --quick             small sizes and one run: checks results, tells little about speed
  --json FILE         write all samples and ratios
  --svg FILE          draw a bar chart
  --list              print what there is and stop

A wrong checksum is an error line, and the exit code is 1.
`;

/** One row of the report, ready to be measured. */
interface Case {
  row: Row;
  /** The columns that it makes sense in, where not all do. */
  columns?: readonly string[];
  measure(column: Column): Promise<Sample>;
}

interface Options {
  only?: string[];
  columns?: string[];
  runs: number;
  quick: boolean;
  json?: string;
  svg?: string;
  list: boolean;
}

const list = (text: unknown): string[] | undefined =>
  typeof text === "string"
    ? text.split(",").map((name) => name.trim()).filter((name) => name !== "")
    : undefined;

function readOptions(args: readonly string[]): Options | string {
  let unknown: string | undefined;
  const parsed = parseArgs([...args], {
    boolean: ["quick", "list", "help"],
    string: ["only", "columns", "runs", "json", "svg"],
    unknown: (arg) => {
      unknown ??= arg;
      return false;
    },
  });
  if (parsed.help) return HELP;
  if (unknown !== undefined) return `bench: unknown argument ${unknown} (--help lists the options)`;
  const runs = parsed.runs === undefined ? (parsed.quick ? 1 : 5) : Number(parsed.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    return `bench: --runs takes a number of at least 1, not ${parsed.runs}`;
  }
  return {
    only: list(parsed.only),
    columns: list(parsed.columns),
    runs,
    quick: parsed.quick === true,
    json: parsed.json as string | undefined,
    svg: parsed.svg as string | undefined,
    list: parsed.list === true,
  };
}

/** @param folder For what columns keep from one run to the next. */
function allCases(quick: boolean, folder: string): Case[] {
  const row = (name: string, group: string, kind?: string): Row => ({
    name,
    group,
    kind,
    samples: {},
    errors: {},
  });
  return [
    ...KERNELS.map((kernel): Case => ({
      row: row(kernel.name, "kernels", kernel.kind),
      measure: (column) => measureKernel(kernel, column, quick),
    })),
    ...benchPrograms().map((program): Case => ({
      row: row(program.name, program.group),
      measure: (column) => measureProgram(program, column, quick, folder),
    })),
    ...FILE_CASES.map((files): Case => ({
      row: row(files.name, "files"),
      columns: FILE_COLUMNS,
      measure: (column) => measureFiles(files, column, quick),
    })),
  ];
}

const fits = ({ row, columns }: Case, column: Column): boolean =>
  (column.groups?.includes(row.group) ?? true) && (columns?.includes(column.name) ?? true);

/** Measures every case in every column, `runs` times, the columns of one case side by side. */
async function measureAll(
  cases: readonly Case[],
  columns: readonly Column[],
  runs: number,
): Promise<boolean> {
  let good = true, done = 0;
  const total = runs *
    cases.reduce((sum, each) => sum + columns.filter((column) => fits(each, column)).length, 0);
  const showing = Deno.stderr.isTerminal();
  const encoder = new TextEncoder();
  const progress = (text: string) => showing && Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`));
  for (let run = 0; run < runs; run++) {
    // Every other round goes the other way, so that a drift of the machine favours no column.
    const order = run % 2 === 0 ? columns : [...columns].reverse();
    for (const each of cases) {
      const { row, measure } = each;
      for (const column of order) {
        if (!fits(each, column)) continue;
        progress(`${++done}/${total} ${row.name} ${column.name}`);
        if (row.errors[column.name] !== undefined) continue;
        try {
          (row.samples[column.name] ??= []).push(await measure(column));
        } catch (error) {
          good = false;
          row.errors[column.name] = (error as Error).message;
          progress("");
          console.error(`error: ${row.name} in ${column.name}: ${(error as Error).message}`);
        }
      }
    }
  }
  progress("");
  return good;
}

async function machine(): Promise<Record<string, unknown>> {
  let cpu: string | undefined;
  try {
    cpu = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  } catch {
    // Not Linux.
  }
  return {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    os: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    cpu,
  };
}

/** Runs the bench; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === "string") {
    const help = options === HELP;
    (help ? console.log : console.error)(options);
    return help ? 0 : 2;
  }
  const folder = await Deno.makeTempDir({ prefix: "bench-" });
  try {
    return await bench(options, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function bench(options: Options, folder: string): Promise<number> {
  let cases = allCases(options.quick, folder);
  if (options.list) {
    for (const { row } of cases) console.log(`${row.group.padEnd(8)} ${row.name}`);
    for (const column of COLUMNS) console.log(`column   ${column.name.padEnd(9)} ${column.about}`);
    return 0;
  }
  const names = new Set(cases.flatMap(({ row }) => [row.name, row.group]));
  const strange = options.only?.filter((name) => !names.has(name)) ?? [];
  if (strange.length > 0) {
    console.error(`bench: there is no ${strange.join(", ")} (--list prints what there is)`);
    return 2;
  }
  cases = cases.filter(({ row }) =>
    options.only?.some((name) => name === row.name || name === row.group) ?? true
  );

  const columns: Column[] = [];
  try {
    columns.push(...options.columns?.map(columnOf) ?? COLUMNS.filter((column) => !column.optional));
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    return 2;
  }

  const good = await measureAll(cases, columns, options.runs);
  const rows = cases.map(({ row }) => row), shown = columns.map((column) => column.name);
  console.log(printReport(rows, shown));
  const about = { ...await machine(), runs: options.runs, quick: options.quick };
  if (options.json !== undefined) await Deno.writeTextFile(options.json, jsonReport(rows, shown, about));
  if (options.svg !== undefined) {
    const drawn = ["v8", "none", "counter"].filter((name) => shown.includes(name));
    await Deno.writeTextFile(options.svg, drawChart(rows, drawn.length > 1 ? drawn : shown));
  }
  return good ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
