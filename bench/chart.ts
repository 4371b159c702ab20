/**
 * The report as a picture: an SVG bar chart of ratios, shorter is faster.
 *
 * @module
 */
import { type Row, SECTIONS, tabulate } from "./report.ts";

const COLORS: Readonly<Record<string, string>> = {
  "v8": "#9aa5b1",
  "v8-warm": "#5f6b7a",
  "none": "#8cc084",
  "function": "#4f9d69",
  "loop": "#e0a458",
  "counter": "#2a6f97",
  "dirty": "#b56576",
  "wasm2js": "#7d5ba6",
};

const LABEL = 130;
const BARS = 560;
const BAR = 7;
const GAP = 6;
/** Ratios beyond this are cut, and the number is written beside the bar. */
const LONGEST = 4;

const escape = (text: string) =>
  text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]!);

/** Draws the sections that compare times, with at most these columns. */
export function drawChart(rows: readonly Row[], columns: readonly string[]): string {
  const parts: string[] = [];
  let y = 40;
  const text = (x: number, at: number, value: string, more = "") =>
    parts.push(`<text x="${x}" y="${at}" ${more}>${escape(value)}</text>`);
  const bar = (at: number, column: string, ratio: number) => {
    const width = Math.min(ratio, LONGEST) / LONGEST * BARS;
    parts.push(
      `<rect x="${LABEL}" y="${at}" width="${width.toFixed(1)}" height="${BAR}" fill="${
        COLORS[column] ?? "#999"
      }"/>`,
    );
    text(LABEL + width + 4, at + BAR, ratio.toFixed(2), `font-size="8" fill="#555"`);
  };

  columns.forEach((column, at) => {
    parts.push(
      `<rect x="${LABEL + at * 90}" y="14" width="10" height="10" fill="${COLORS[column] ?? "#999"}"/>`,
    );
    text(LABEL + at * 90 + 14, 23, column);
  });
  for (const section of SECTIONS) {
    if (section.unit !== "ms" || section.title.includes("first call")) continue;
    const table = tabulate(section, rows, [
      section.base,
      ...columns.filter((column) => column !== section.base),
    ]);
    if (table === undefined || table.columns.length === 0) continue;
    y += 16;
    text(8, y, `${section.title}: time relative to ${section.base}`, `font-weight="bold"`);
    y += 8;
    const top = y, first = parts.length;
    const groups = [...table.rows, { name: "geometric mean", ratios: table.means }];
    for (const group of groups) {
      const height = table.columns.length * BAR;
      const bold = group.name === "geometric mean" ? `font-weight="bold" ` : "";
      text(LABEL - 6, y + height / 2 + 4, group.name, `${bold}text-anchor="end"`);
      group.ratios.forEach((ratio, at) => {
        if (typeof ratio === "number") bar(y + at * BAR, table.columns[at], ratio);
      });
      y += height + GAP;
    }
    const one = LABEL + BARS / LONGEST;
    // Under the bars, so that it hides no number.
    parts.splice(
      first,
      0,
      `<line x1="${one}" y1="${top - 3}" x2="${one}" y2="${y - 3}" stroke="#222" stroke-dasharray="3 2"/>`,
    );
    y += 10;
  }
  const width = LABEL + BARS + 50;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" ` +
    `font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n${
      parts.join("\n")
    }\n</svg>\n`;
}
