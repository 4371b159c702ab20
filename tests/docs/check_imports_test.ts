/** The check of imports finds what it must, and nothing else. */
import { assertEquals } from "@std/assert";
import { namesOffered, violations } from "../../scripts/check_imports.ts";

const files: Record<string, string> = {
  "mod.ts": 'export type { Module } from "./compiler/types.ts";\nexport { Code as Other } from "./b.ts";\n' +
    'export * from "./runtime/wasi/mod.ts";\nimport { hidden } from "./b.ts";',
  "runtime/wasi/mod.ts": 'export type * from "./host.ts";',
  "runtime/wasi/host.ts": "export interface Host {}\ninterface Hidden {}",
};
const offered = namesOffered("mod.ts", (path) => files[path]);

Deno.test("imports: what is allowed where", () => {
  const cases: [path: string, code: string, reasons: string[]][] = [
    ["compiler/a.ts", 'import { b } from "./b.ts";\nimport { generate } from "astring";', []],
    [
      "compiler/a.ts",
      'import {\n  type B,\n} from "../runtime/b.ts";',
      ["compiler/ may not import runtime/b.ts"],
    ],
    ["compiler/a.ts", 'const fs = await import("node:fs");', ["compiler/ may not import node:fs"]],
    ["compiler/a.ts", 'type T = import("../mod.ts").T;', ["compiler/ may not import mod.ts"]],
    ["compiler/a.ts", 'export * from "./b";', ["./b has no .ts at its end"]],
    ["compiler/a.ts", "const host = `${Deno.build.os}`;", ["compiler/ may not use Deno"]],
    ["compiler/a.ts", '// Deno.cwd(), import "node:fs"\nconst text = "Deno.cwd()";', []],
    ["runtime/a.ts", 'import { b } from "./b_deno.ts";', [
      "runtime/ (core) may not import runtime/b_deno.ts",
    ]],
    ["runtime/a.ts", "globalThis.Deno?.build;", ["runtime/ (core) may not use Deno"]],
    ["runtime/image/a_deno.ts", 'import { join } from "node:path";\nDeno.cwd();', []],
    ["runtime/a_deno.ts", 'import { main } from "../cli/main.ts";', [
      "runtime/ (*_deno.ts) may not import cli/main.ts",
    ]],
    ["mod.ts", 'export * from "./runtime/a_deno.ts";', ["mod.ts may not import runtime/a_deno.ts"]],
    ["cli/a.ts", 'import { Guest } from "../mod.ts";\nimport { b } from "../runtime/b_deno.ts";', []],
    ["cli/a.ts", 'import type { Module } from "../compiler/types.ts";', []],
    ["cli/a.ts", 'import { type Code, type Module as M } from "../compiler/types.ts";', [
      "mod.ts does not offer Code",
    ]],
    ["cli/a.ts", 'import { b } from "../bench/b.ts";', ["cli.ts and cli/ may not import bench/b.ts"]],
    ["runtime/a.ts", "const b = a.transfer(8);", ["a detached buffer slows V8 down"]],
    ["cli/a.ts", "worker.postMessage(a, [a.buffer]);", ["a detached buffer slows V8 down"]],
    ["cli/a.ts", "worker.postMessage(a);\nconst b = [1];", []],
    ["tests/a_test.ts", 'import { x } from "../cli/x.ts";', []],
  ];
  for (const [path, code, reasons] of cases) {
    assertEquals(violations(path, code, offered).map(({ reason }) => reason), reasons, `${path}: ${code}`);
  }
});

Deno.test("imports: what a module offers is its own, and what it gives on", () => {
  assertEquals([...offered].sort(), ["Host", "Module", "Other"]);
});

Deno.test("imports: a violation is found in its line", () => {
  const code = '/*\n * Deno.cwd()\n */\nimport { b } from "./b.ts";\nimport { c } from "../cli.ts";\n';
  assertEquals(violations("compiler/a.ts", code, offered).map(({ line }) => line), [5]);
});
