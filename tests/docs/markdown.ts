/**
 * What the tests need to know about Markdown: fenced blocks, links, headings.
 *
 * @module
 */

/** A fenced block. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Where its fence stands, from 1. */
  readonly line: number;
}

/** The fenced blocks of a document, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: text, index }) => ({
    language,
    text,
    line: markdown.slice(0, index).split("\n").length,
  }));
}

/** A document without its fenced blocks and without code in its lines. */
function proseOf(markdown: string): string {
  return markdown.replace(/^```\w*\n[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
}

/** The targets of links and pictures that lead to files of the project, with their anchors. */
export function localLinks(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that a document's headings have on code hosting sites. */
export function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```\w*\n[\s\S]*?^```$/gm, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, text]) => text.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")),
  );
}

/** The commands of a shell block: comments and continued lines are taken out, words split at spaces. */
export function commandsOf(block: string): string[][] {
  return block.replaceAll("\\\n", " ").split("\n")
    .map((line) =>
      [...line.replace(/(^|\s)#.*$/, "").matchAll(/"([^"]*)"|\S+/g)].map(([word, text]) => text ?? word)
    )
    .filter((words) => words.length > 0);
}
