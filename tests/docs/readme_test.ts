/**
 * The documents keep their promises: every example is type-checked and run, every command line is one that
 * we understand, every permission is one that `--help` names, every link leads somewhere.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readCommandLine } from "../../cli/args.ts";
import { commandHelp } from "../../cli/help.ts";
import { anchorsOf, type Block, blocksOf, commandsOf, localLinks } from "./markdown.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => Deno.readTextFileSync(join(root, path));
const readme = blocksOf(read("README.md"));

/** What a command printed. */
async function deno(
  cwd: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

const config = ["--config", join(root, "deno.json"), "--lock", join(root, "deno.lock")];

/** A folder with the examples as `1.ts`, `2.ts`, ... and what they read; gone at the end. */
async function withExamples(use: (folder: string, examples: readonly string[]) => Promise<void>) {
  const folder = Deno.makeTempDirSync({ prefix: "readme-" });
  try {
    for (const name of ["tests", "bench"]) Deno.symlinkSync(join(root, name), join(folder, name));
    const examples = readme.filter(({ language }) => language === "ts").map(({ text }, i) => {
      const name = `${i + 1}.ts`;
      const here = pathToFileURL(root).href;
      Deno.writeTextFileSync(join(folder, name), text.replaceAll(/(from ")\.\//g, `$1${here}`));
      return name;
    });
    await use(folder, examples);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The block behind an example, if it says what is printed; `...` stands for any lines. */
function expectedOutput(example: Block): RegExp | undefined {
  const next = readme[readme.indexOf(example) + 1];
  if (next?.language !== "text") return undefined;
  const lines = next.text.split("\n").map((line) =>
    line === "..." ? "[^]*" : line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${lines.join("\n")}$`);
}

Deno.test("README: the examples pass the type checker and print what it says", async () => {
  await withExamples(async (folder, examples) => {
    assert(examples.length >= 5, "the examples are gone");
    const checked = await deno(folder, "check", ...config, ...examples);
    assertEquals(checked.code, 0, checked.stderr);
    const blocks = readme.filter(({ language }) => language === "ts");
    for (const [i, example] of blocks.entries()) {
      const { code, stdout, stderr } = await deno(folder, "run", "-A", "--no-check", ...config, examples[i]);
      assertEquals(code, 0, `the example in line ${example.line}: ${stderr}`);
      const expected = expectedOutput(example);
      if (expected) assertMatch(stdout, expected, `the example in line ${example.line} printed ${stdout}`);
    }
    // The first two are one program, stopped and restored.
    assert(Deno.statSync(join(folder, "machine.mvvm")).size > 0, "the first example wrote no image");
  });
});

Deno.test("README: every command line is understood", () => {
  const commands = readme.filter(({ language }) => language === "sh").flatMap(({ text }) => commandsOf(text));
  let checked = 0;
  for (const words of commands) {
    const at = words.indexOf("cli.ts");
    // The synopsis has options in brackets.
    if (at < 0 || words[1] !== "run" || words.some((word) => /^\[|[A-Z]+\.wasm$/.test(word))) continue;
    const line = readCommandLine(words.slice(at + 1));
    const target = line.target ?? line.file!;
    if (target.endsWith(".wasm")) assert(Deno.statSync(join(root, target)).isFile, target);
    checked++;
  }
  assert(checked >= 10, `only ${checked} commands were found`);
  const text = read("README.md");
  for (
    const line of [
      "npx -y deno@2.9.6 task demo",
      "npx -y deno@2.9.6 task test",
      "deno run -A cli.ts checkpoint -t bench/bc.wasm -a -g20,-n1000 --after 3000",
      "deno run -A cli.ts restore -t bench/bc.wasm",
    ]
  ) assert(text.includes(`\n${line}\n`), `the README lacks: ${line}`);
});

Deno.test("README: the permissions are those of --help", () => {
  const section = read("README.md").split("\n## ").find((part) => part.startsWith("Permissions"))!;
  for (const { permissions } of Object.values(commandHelp)) {
    for (const [, flags] of permissions) {
      for (const flag of flags.match(/--allow-\w+=[\w.,]+/g) ?? []) {
        assert(section.includes(flag), `the README does not name ${flag}`);
      }
    }
  }
});

/** Documents that stand in folders; those at the top are found by themselves. */
const documents = [
  ...[...Deno.readDirSync(root)].map(({ name }) => name).filter((name) => name.endsWith(".md")),
  "docs/image-format.md",
  "bench/README.md",
  "tests/programs/README.md",
];

for (const document of documents) {
  Deno.test(`${document}: every link leads somewhere`, () => {
    for (const link of localLinks(read(document))) {
      const [path, anchor] = link.split("#");
      const target = path === "" ? document : join(dirname(document), path);
      assert(Deno.statSync(join(root, target)), `${document} links to ${link}`);
      if (anchor !== undefined) assert(anchorsOf(read(target)).has(anchor), `no heading for ${link}`);
    }
  });
}

Deno.test("documents: files and tasks that they name are there", () => {
  const { tasks } = JSON.parse(read("deno.json")) as { tasks: Record<string, unknown> };
  for (const document of ["README.md", "RATIONALE.md", "CONTRIBUTING.md"]) {
    const text = read(document);
    for (
      const [, path] of text.matchAll(
        /\b((?:compiler|runtime|cli|tests|scripts|docs|bench|std)\/[\w/-]+\.\w+)/g,
      )
    ) {
      if (!path.endsWith(".mvvm")) assert(Deno.statSync(join(root, path)), `${document} names ${path}`);
    }
    for (const [, task] of text.matchAll(/deno(?:@[\d.]+)? task ([\w-]+)/g)) {
      assert(Object.hasOwn(tasks, task), `${document} names the task ${task}`);
    }
  }
});

Deno.test("CONTRIBUTING: its tree names every folder and file, and nothing that is not there", () => {
  const tree = blocksOf(read("CONTRIBUTING.md")).find(({ text }) => text.startsWith("compiler/"))!.text;
  const entries = (folder: string) =>
    [...Deno.readDirSync(join(root, folder))].map(({ name, isDirectory }) => isDirectory ? `${name}/` : name);
  const named = [...tree.matchAll(/^([\w.]\S*)/gm)].map(([, name]) => name);
  const top = entries("").filter((name) =>
    /^(\.ci\/|[A-Za-z]\w+\/|\w+\.(ts|md)|deno[.\w]*\.(json|lock)|LICENSE)$/.test(name)
  );
  const built = ["node_modules/", "tmp/", "dist/"];
  assertEquals(
    named.sort(),
    top.filter((name) => !built.includes(name)).sort(),
    "the top of the tree differs",
  );
  // Folders one level below are indented by two.
  const below = [...tree.matchAll(/^ {2}([\w.]+\/)/gm)].map(([, name]) => name).sort();
  const there = ["compiler", "runtime", "cli", "tests", "bench"].flatMap((parent) =>
    entries(parent).filter((name) => name.endsWith("/"))
  );
  assertEquals(below, there.sort(), "the folders below compiler, runtime, cli, tests and bench differ");
});
