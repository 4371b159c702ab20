/**
 * Checks the direction of imports: `cli.ts -> mod.ts -> runtime/ -> compiler/`, and that `compiler/` and the
 * core of `runtime/` are free of Deno and Node; and that nothing detaches a buffer (RATIONALE.md says why).
 * The command line may go past `mod.ts`, which loads everything, for what `mod.ts` offers.
 * Prints each violation; the exit code is 1 if there is one.
 *
 * ```sh
 * deno run --allow-read=. scripts/check_imports.ts
 * ```
 *
 * @module
 */

/** What the files of one part of the tree may use. The first part that matches a file counts. */
interface Part {
  readonly name: string;
  readonly files: RegExp;
  /** Files of the project that may be imported, by their path from the root. */
  readonly may: RegExp;
  /** Other specifiers that may be imported. */
  readonly packages: RegExp;
  /** Whether `Deno` may be used. */
  readonly deno: boolean;
  /** Files of which only names may be imported that `mod.ts` offers. */
  readonly offered?: RegExp;
}

const nothing = /^$/;
/** Any file of `runtime/` that does not touch Deno. */
const core = String.raw`runtime/(?!.*_deno\.ts$).*`;

const parts: readonly Part[] = [
  {
    name: "compiler/",
    files: /^compiler\//,
    may: /^compiler\//,
    packages: /^(acorn|astring)$/,
    deno: false,
  },
  {
    name: "runtime/ (*_deno.ts)",
    files: /^runtime\/.*_deno\.ts$/,
    may: /^(runtime|compiler)\//,
    packages: /^(@std\/msgpack|node:.+)$/,
    deno: true,
  },
  {
    name: "runtime/ (core)",
    files: /^runtime\//,
    may: new RegExp(`^(${core}|compiler/.*)$`),
    packages: /^@std\/msgpack$/,
    deno: false,
  },
  {
    name: "mod.ts",
    files: /^mod\.ts$/,
    may: new RegExp(`^(${core}|compiler/.*)$`),
    packages: nothing,
    deno: false,
  },
  {
    name: "cli.ts and cli/",
    files: /^cli(\.ts$|\/)/,
    may: /^(cli|runtime|compiler)\/|^mod\.ts$/,
    offered: new RegExp(`^(${core}|compiler/.*)$`),
    packages: /^(@std\/.+|node:.+|wabt)$/,
    deno: true,
  },
  {
    name: "examples/",
    files: /^examples\//,
    may: /^(mod\.ts|runtime\/.*_deno\.ts)$/,
    packages: /^@std\/.+$/,
    deno: true,
  },
  {
    name: "std/",
    files: /^std\//,
    may: nothing,
    packages: /^node:.+$/,
    deno: false,
  },
];

/** Comments, literals of strings, and templates, whichever begins first. */
const lexemes = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g;

/** The text with everything but line breaks blanked in what `blank` picks. */
function without(text: string, blank: (lexeme: string) => boolean): string {
  return text.replace(lexemes, (lexeme) => blank(lexeme) ? lexeme.replace(/[^\n]/g, " ") : lexeme);
}

const isComment = (lexeme: string) => lexeme.startsWith("/");
/** Templates stay: what stands in their `${}` is code. */
const isText = (lexeme: string) => isComment(lexeme) || lexeme.startsWith('"') || lexeme.startsWith("'");

/** `import ... from "x"`, `export ... from "x"`, `import "x"` and `import("x")`. */
const imported =
  /(?:^[ \t]*(?:import|export)\b[\w\s{},*$]*?\bfrom|^[ \t]*import|\bimport\()\s*["'](?<specifier>[^"'\n]+)["']/gm;

/** The file that a relative specifier names, from the root; `undefined` for any other specifier. */
function fileOf(specifier: string, from: string): string | undefined {
  if (!/^\.{0,2}\//.test(specifier)) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** The names in the braces of imports and exports, as they are where they come from, or as they are given on. */
function namesIn(clause: string, given: boolean): string[] {
  return [...clause.matchAll(/\{([^}]*)\}/g)]
    .flatMap(([, list]) => list.split(","))
    .map((name) => name.trim().replace(/^type\s+/, "").split(/\s+as\s+/))
    .map((names) => given ? names[names.length - 1] : names[0])
    .filter((name) => name !== "");
}

/** What a module exports that is its own, and what it gives on whole. */
const declared = /^export (?:abstract )?(?:interface|type|class|function|const) (\w+)/gm;
const givenOn = /^export (?:type )?\* from "([^"]+)"/gm;

/** The names that a module exports: its own, and what it gives on of others. @param read Gives a file's text. */
export function namesOffered(path: string, read: (path: string) => string): Set<string> {
  const text = without(read(path), isComment);
  const given = [...text.matchAll(/^export (?:type )?\{[^}]*\}/gm)].flatMap(([clause]) =>
    namesIn(clause, true)
  );
  const own = [...text.matchAll(declared)].map(([, name]) => name);
  const others = [...text.matchAll(givenOn)].flatMap((
    [, from],
  ) => [...namesOffered(fileOf(from, path)!, read)]);
  return new Set([...given, ...own, ...others]);
}

/** What detaches a buffer: its own methods, and messages that move it. */
const detaching = /\.transfer(?:ToFixedLength)?\(|\btransfer:|\bpostMessage\([^;]*,\s*\[[^\]]/g;

/** A broken rule. */
export interface Violation {
  readonly line: number;
  readonly reason: string;
}

/**
 * The violations in one file.
 *
 * @param path From the root of the project, with `/`.
 * @param offered What `mod.ts` offers.
 */
export function violations(path: string, text: string, offered: ReadonlySet<string>): Violation[] {
  const part = parts.find(({ files }) => files.test(path));
  if (part === undefined) return [];
  const found: Violation[] = [];
  const report = (code: string, at: number, reason: string) => {
    found.push({ line: code.slice(0, at).split("\n").length, reason });
  };
  const imports = without(text, isComment);
  for (const { 0: clause, index, groups } of imports.matchAll(imported)) {
    const specifier = groups!.specifier;
    const file = fileOf(specifier, path);
    const allowed = file === undefined ? part.packages.test(specifier) : part.may.test(file);
    if (!allowed) report(imports, index, `${part.name} may not import ${file ?? specifier}`);
    else if (file !== undefined && !file.endsWith(".ts")) {
      report(imports, index, `${specifier} has no .ts at its end`);
    } else if (file !== undefined && part.offered?.test(file)) {
      const hidden = namesIn(clause, false).filter((name) => !offered.has(name));
      if (hidden.length > 0) report(imports, index, `mod.ts does not offer ${hidden.join(", ")}`);
    }
  }
  if (!part.deno) {
    const code = without(text, isText);
    for (const { index } of code.matchAll(/\bDeno\s*(?:\?\.|[.[])/g)) {
      report(code, index, `${part.name} may not use Deno`);
    }
  }
  const code = without(text, isText);
  for (const { index } of code.matchAll(detaching)) report(code, index, "a detached buffer slows V8 down");
  return found;
}

/** Every TypeScript file below a folder, by path from the root. */
function* sources(root: URL, folder = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (name === "node_modules" || name.startsWith(".")) continue;
    if (isDirectory) yield* sources(root, `${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

function main(): number {
  const root = new URL("../", import.meta.url);
  const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
  const offered = namesOffered("mod.ts", read);
  let checked = 0;
  let wrong = 0;
  for (const path of [...sources(root)].sort()) {
    checked++;
    for (const { line, reason } of violations(path, read(path), offered)) {
      wrong++;
      console.error(`${path}:${line}: ${reason}`);
    }
  }
  console.log(
    `imports of ${checked} files: ${wrong === 0 ? "all in the right direction" : `${wrong} wrong`}`,
  );
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(main());
