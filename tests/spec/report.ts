/**
 * Reports in words: failures line by line, then tables.
 *
 * @module
 */
import type { Failure, Report } from "./runner.ts";

/** One line per failure: script, line, command, what was expected, what came. */
export function failureLine(report: Report, { line, what, wanted, got }: Failure): string {
  return `FAILED ${report.script}:${line} [${report.policy}] ${what}: wanted ${wanted}, got ${got}`;
}

interface Row {
  readonly title: string;
  passed: number;
  failed: number;
  apart: number;
}

/** Sums of reports that have the same title. */
function sum(reports: readonly Report[], title: (report: Report) => string): Row[] {
  const rows = new Map<string, Row>();
  for (const report of reports) {
    const key = title(report);
    let row = rows.get(key);
    if (row === undefined) rows.set(key, row = { title: key, passed: 0, failed: 0, apart: 0 });
    row.passed += report.passed;
    row.failed += report.failures.length;
    row.apart += report.apart.length;
  }
  return [...rows.values()];
}

function table(heading: string, rows: readonly Row[]): string[] {
  const width = Math.max(...[heading, ...rows.map((row) => row.title)].map((title) => title.length));
  const cell = (value: number | string) => String(value).padStart(8);
  return [
    heading.padEnd(width) + cell("passed") + cell("failed") + cell("apart"),
    ...rows.map((row) => row.title.padEnd(width) + cell(row.passed) + cell(row.failed) + cell(row.apart)),
  ];
}

/** What was counted apart, by name: one line per script and reason. */
function apartLines(reports: readonly Report[]): string[] {
  const lines = new Map<string, Set<number>>();
  for (const { script, apart } of reports) {
    for (const { line, reason } of apart) {
      const key = `${script}: ${reason}`;
      lines.set(key, (lines.get(key) ?? new Set()).add(line));
    }
  }
  return [...lines].map(([key, at]) => `apart: ${key} (${at.size}: ${[...at].join(" ")})`);
}

/**
 * The tables after all failures; the last line is `N passed, N failed`.
 *
 * @param roundTrip Whether round trips were asked for: then their number is said, were it 0.
 */
export function summaryLines(reports: readonly Report[], roundTrip = false): string[] {
  const [total = { title: "all", passed: 0, failed: 0, apart: 0 }] = sum(reports, () => "all");
  const policies = sum(reports, (report) => report.policy);
  const roundTrips = reports.reduce((count, report) => count + report.roundTrips, 0);
  return [
    ...apartLines(reports),
    "",
    ...table("script", [...sum(reports, (report) => report.script), total]),
    "",
    ...table("policy", policies),
    ...(roundTrip ? ["", `${roundTrips} checkpoints and restores in the middle of invocations`] : []),
    "",
    `${total.passed} passed, ${total.failed} failed`,
  ];
}
