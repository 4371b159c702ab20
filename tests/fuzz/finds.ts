/**
 * What the fuzzer found, as files: a scenario is a `.wat` whose leading comments are the calls, bytes that were wrongly
 * accepted or refused are a `.hex`. Every file in `finds/` is a test.
 *
 * @module
 */

import wabt from "wabt";
import { decode } from "../../compiler/decode.ts";
import { encode } from "./encode.ts";
import type { Program } from "./engine.ts";
import type { Call, Scenario } from "./generate.ts";
import { showValue, type Value } from "./values.ts";

export const findsFolder = new URL("./finds/", import.meta.url);

const features = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  multi_value: true,
  bulk_memory: true,
  reference_types: true,
};

function comments(text: string, mark: string): string {
  return text.split("\n").map((line) => `${mark} ${line}\n`).join("");
}

/** The text of a scenario; `why` says what was wrong. */
export async function scenarioText({ module, calls }: Scenario, why: string): Promise<string> {
  const { readWasm } = await wabt();
  const read = readWasm(encode(module).bytes, features);
  try {
    const lines = calls.map(({ name, args }) =>
      `;; call ${JSON.stringify(name)} ${args.map(showValue).join(" ")}`
    );
    return comments(why, ";;") + lines.map((line) => `${line.trimEnd()}\n`).join("") + read.toText({});
  } finally {
    read.destroy();
  }
}

/** The program and the calls of a scenario's text. */
export async function readScenario(name: string, text: string): Promise<{ program: Program; calls: Call[] }> {
  const { parseWat } = await wabt();
  const module = parseWat(name, text, features);
  try {
    const calls = [...text.matchAll(/^;; call ("(?:[^"\\]|\\.)*")(.*)$/gm)].map(([, name, args]) => ({
      name: JSON.parse(name) as string,
      args: args.split(" ").filter((word) => word !== "").map(readValue),
    }));
    return { program: programOfBytes(Uint8Array.from(module.toBinary({}).buffer)), calls };
  } finally {
    module.destroy();
  }
}

function readValue(word: string): Value {
  return word === "null" ? null : word.startsWith("0x") ? BigInt(word) : Number(word);
}

function programOfBytes(bytes: Uint8Array<ArrayBuffer>): Program {
  const module = decode(bytes);
  const exported = <T>(kind: string, types: readonly T[]) =>
    module.exports.filter((entry) => entry.kind === kind).map(({ name, index }) => ({
      name,
      type: types[index],
    }));
  return {
    bytes,
    imports: module.imports.flatMap((entry) =>
      entry.kind === "func" ? [{ module: entry.module, name: entry.name, type: entry.type }] : []
    ),
    funcs: exported("func", module.funcTypes),
    globals: exported("global", module.globalTypes),
    tables: exported("table", module.tables),
    memories: exported("memory", module.memories).map(({ name }) => name),
  };
}

/** The text of bytes that are judged wrongly. */
export function bytesText(bytes: Uint8Array, why: string): string {
  return comments(why, "#") + (bytes.toHex().match(/.{1,64}/g) ?? []).join("\n") + "\n";
}

export function readBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text.replaceAll(/^#.*$/gm, "").replaceAll(/\s/g, "")) as Uint8Array<ArrayBuffer>;
}
