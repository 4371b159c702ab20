/**
 * What the samples say: medians, ratios, geometric means, the targets, as text and as JSON.
 *
 * @module
 */
import type { Sample } from "./measure.ts";

/** All samples of one kernel or program. */
export interface Row {
  name: string;
  group: string;
  /** A kernel's kind, where that matters for a target. */
  kind?: string;
  /** By column. */
  samples: Record<string, Sample[]>;
  /** By column, where a measurement failed. */
  errors: Record<string, string>;
}

/** The median, or `undefined` of nothing. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The geometric mean, or `undefined` of nothing. */
export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The median of one metric of a row in a column. */
export function cell(row: Row, column: string, metric: string): number | undefined {
  if (row.errors[column] !== undefined) return undefined;
  return median(
    (row.samples[column] ?? []).map((sample) => sample[metric]).filter((value) => value !== undefined),
  );
}

/** One table: rows of some groups, one metric, ratios to a base column. */
export interface Section {
  title: string;
  groups: readonly string[];
  /** What is read of a column; the base's median is printed in this unit. */
  metric: string;
  /** Columns that have another metric to be read, for example V8's first call beside warm calls. */
  instead?: Readonly<Record<string, string>>;
  unit: "ms" | "MB";
  base: string;
  /** A column left out. */
  without?: string;
}

/** The tables, in order. */
export const SECTIONS: readonly Section[] = [
  {
    title: "Kernels, warm calls",
    groups: ["kernels"],
    metric: "warm",
    instead: { v8: "first" },
    unit: "ms",
    base: "v8-warm",
  },
  {
    title: "Kernels, first call in a fresh process",
    groups: ["kernels"],
    metric: "first",
    unit: "ms",
    base: "v8",
    without: "v8-warm",
  },
  { title: "Long single calls", groups: ["long"], metric: "wall", unit: "ms", base: "v8" },
  {
    title: "CPython scripts",
    groups: ["python"],
    metric: "wall",
    unit: "ms",
    base: "v8",
    without: "v8-warm",
  },
  { title: "Tools", groups: ["tools"], metric: "wall", unit: "ms", base: "v8", without: "v8-warm" },
  { title: "Start", groups: ["start"], metric: "wall", unit: "ms", base: "v8", without: "v8-warm" },
  {
    title: "Files (v8 has Deno's node:wasi, wasi has ours on V8's own Wasm)",
    groups: ["files"],
    metric: "time",
    unit: "ms",
    base: "v8",
  },
  {
    title: "Peak memory of whole programs",
    groups: ["long", "python", "tools", "start"],
    metric: "peak",
    unit: "MB",
    base: "v8",
    without: "v8-warm",
  },
];

/** What is to be reached: `column` over `base`, in one section's metric. */
export interface Target {
  groups: readonly string[];
  metric: string;
  column: string;
  base: string;
  mean: number;
  /** The worst allowed row; `f32` for kernels of that kind. `memory` kernels have no limit where one is set. */
  worst?: { any: number; f32?: number };
}

/** The targets of the project. */
export const TARGETS: readonly Target[] = [
  { groups: ["kernels"], metric: "warm", column: "counter", base: "none", mean: 1.03, worst: { any: 1.12 } },
  { groups: ["kernels"], metric: "warm", column: "loop", base: "none", mean: 1.06 },
  { groups: ["kernels"], metric: "warm", column: "function", base: "none", mean: 1.04 },
  {
    groups: ["kernels"],
    metric: "warm",
    column: "counter",
    base: "v8-warm",
    mean: 1.25,
    worst: { any: 2.5, f32: 3 },
  },
  { groups: ["long"], metric: "wall", column: "counter", base: "v8", mean: 1 },
  { groups: ["python"], metric: "wall", column: "counter", base: "v8", mean: 1.6 },
  { groups: ["start"], metric: "wall", column: "counter", base: "v8", mean: 2 },
  { groups: ["start"], metric: "wall", column: "again", base: "v8", mean: 1.3 },
  { groups: ["start"], metric: "peak", column: "counter", base: "v8", mean: 2 },
  { groups: ["files"], metric: "time", column: "wasi", base: "v8", mean: 1.2, worst: { any: 1.2 } },
];

/** How a target stands. */
export interface Standing {
  target: Target;
  mean: number;
  worst: number;
  worstRow: string;
  reached: boolean;
}

/** The targets for which there are samples. */
export function standings(rows: readonly Row[]): Standing[] {
  return TARGETS.flatMap((target): Standing[] => {
    const ratios = rows.filter((row) => target.groups.includes(row.group)).flatMap((row) => {
      const [a, b] = [cell(row, target.column, target.metric), cell(row, target.base, target.metric)];
      return a === undefined || b === undefined ? [] : [{ row, ratio: a / b }];
    });
    if (ratios.length === 0) return [];
    const mean = geometricMean(ratios.map(({ ratio }) => ratio))!;
    const worst = ratios.reduce((a, b) => b.ratio > a.ratio ? b : a);
    const within = ({ row, ratio }: { row: Row; ratio: number }): boolean => {
      if (target.worst === undefined) return true;
      if (row.kind === "memory" && target.worst.f32 !== undefined) return true;
      return ratio <= (row.kind === "f32" ? target.worst.f32 ?? target.worst.any : target.worst.any);
    };
    const reached = mean <= target.mean && ratios.every(within);
    return [{ target, mean, worst: worst.ratio, worstRow: worst.row.name, reached }];
  });
}

/** Ratios of a section: per row the base's median and each other column's ratio to it. */
export interface SectionTable {
  section: Section;
  columns: string[];
  rows: { name: string; base?: number; ratios: (number | string | undefined)[] }[];
  means: (number | undefined)[];
}

/** Fills a section in; `undefined` where nothing was measured for it. */
export function tabulate(
  section: Section,
  rows: readonly Row[],
  columns: readonly string[],
): SectionTable | undefined {
  const metric = (column: string) => section.instead?.[column] ?? section.metric;
  const inside = rows.filter((row) => section.groups.includes(row.group));
  // Some columns are for some groups only.
  const measured = (column: string) =>
    inside.some((row) => row.samples[column] !== undefined || row.errors[column] !== undefined);
  const others = columns.filter((column) =>
    column !== section.base && column !== section.without && measured(column)
  );
  const filled = inside.map((row) => {
    const base = cell(row, section.base, metric(section.base));
    const ratios = others.map((column) => {
      if (row.errors[column] !== undefined) return "error";
      const value = cell(row, column, metric(column));
      return value === undefined || base === undefined ? undefined : value / base;
    });
    return { name: row.name, base, ratios };
  });
  if (filled.every((row) => row.base === undefined && row.ratios.every((ratio) => ratio === undefined))) {
    return undefined;
  }
  const means = others.map((_, at) => {
    const numbers = filled.map((row) => row.ratios[at]).filter((ratio) => typeof ratio === "number");
    return geometricMean(numbers);
  });
  return { section, columns: others, rows: filled, means };
}

/** The whole report as text. */
export function printReport(rows: readonly Row[], columns: readonly string[]): string {
  const lines: string[] = [];
  for (const section of SECTIONS) {
    const table = tabulate(section, rows, columns);
    if (table === undefined) continue;
    const width = Math.max(8, ...table.rows.map((row) => row.name.length));
    const line = (name: string, base: string, cells: string[]) =>
      `${name.padEnd(width)} ${base.padStart(12)} ${cells.map((text) => text.padStart(9)).join("")}`;
    const ratio = (value: number | string | undefined) =>
      typeof value === "number" ? value.toFixed(2) : value ?? "-";
    lines.push(`${section.title}: ${section.unit} of ${section.base}, ratios to it`, "");
    lines.push(line("", `${section.base} ${section.unit}`, table.columns));
    for (const row of table.rows) {
      lines.push(line(row.name, row.base?.toFixed(1) ?? "-", row.ratios.map(ratio)));
    }
    lines.push(line("geomean", "", table.means.map(ratio)), "");
  }
  const reached = standings(rows);
  if (reached.length > 0) lines.push("Targets (geometric mean; worst row)", "");
  for (const { target, mean, worst, worstRow, reached: good } of reached) {
    const what = `${target.groups.join("+")} ${target.metric}: ${target.column} / ${target.base}`;
    const limit = target.worst === undefined ? "" : `, limit ${target.worst.any}`;
    lines.push(
      `${good ? "reached" : "MISSED "} ${what.padEnd(40)} ${mean.toFixed(3)} of ${target.mean.toFixed(2)};` +
        ` ${worst.toFixed(2)} ${worstRow}${limit}`,
    );
  }
  return lines.join("\n").trimEnd() + "\n";
}

/** The whole report as data. */
export function jsonReport(rows: readonly Row[], columns: readonly string[], about: unknown): string {
  const tables = SECTIONS.flatMap((section) => tabulate(section, rows, columns) ?? []);
  return JSON.stringify({ about, columns, rows, tables, targets: standings(rows) }, null, 1) + "\n";
}
