/**
 * Ahead-of-time files: a program's binary and the JavaScript of all of its functions, in one file.
 *
 * The file is a JavaScript module, so that tools can read it; the engine itself takes each function's text
 * from it when the function is first called. Its first line is a comment with everything needed to do so:
 *
 * ```js
 * // mvvm ahead-of-time file {"format":1, "options":{...}, "module":{...}, "functions":{...}, ...}
 * export const wasm = "AGFzbQEAAAA...";
 * export const functions = [
 * (rt, K) => {
 * "use strict";
 * return (function f3(l0) {...});
 * },
 * ];
 * ```
 *
 * The code is trusted as the program itself is; the digest in the first line tells damage, not forgery.
 *
 * @module
 */
import { MvvmError } from "../compiler/errors.ts";
import { decode } from "../compiler/decode.ts";
import { type CompileOptions, compileOptions, givenOptions, optionsText } from "../compiler/policy.ts";
import { Program } from "../compiler/program.ts";
import { concatenate } from "./concatenate.ts";
import { producer } from "./producer.ts";
import { moduleHash } from "./module_hash.ts";

/** The file was refused. */
export class ArtifactError extends MvvmError {
  override readonly name = "ArtifactError";
}

const start = "// mvvm ahead-of-time file ";
const format = 1;
const opening = "(rt, K) => {\n";
const closing = "\n},\n";

/** What the first line says. Positions are in bytes behind that line. */
interface Header {
  readonly format: number;
  /** The version that made it: another one makes other code. */
  readonly producer: string;
  /** SHA-256 of everything behind the first line. */
  readonly sha256: string;
  readonly options: CompileOptions;
  readonly module: { readonly sha256: string; readonly byteLength: number };
  /** Where the binary stands, in base64. */
  readonly wasm: { readonly at: number; readonly length: number };
  /** Where the first function's text stands, and how long each is. */
  readonly functions: { readonly at: number; readonly lengths: readonly number[] };
}

const encoder = new TextEncoder();

/** Whether a file is one of ours, or claims to be. */
export function isArtifact(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, start.length)) === start;
}

/**
 * Compiles all functions of a program into a file.
 *
 * @param onProgress Called after each function.
 */
export async function writeArtifact(
  program: Program,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { module, options } = program;
  const wasm = module.bytes.toBase64();
  const before = 'export const wasm = "';
  const between = '";\nexport const functions = [\n';
  const texts = module.codes.map((_, i) => {
    const { text } = program.compile(module.imported.funcs + i);
    onProgress(i + 1, module.codes.length);
    return text.slice(0, text.lastIndexOf("\n"));
  });
  const parts = [before, wasm, between, ...texts.flatMap((text) => [opening, text, closing]), "];\n"];
  const body = encoder.encode(parts.join(""));
  const header: Header = {
    format,
    producer,
    sha256: hex(await crypto.subtle.digest("SHA-256", body)),
    options,
    module: { sha256: hex(await moduleHash(module)), byteLength: module.bytes.length },
    wasm: { at: before.length, length: wasm.length },
    functions: {
      at: before.length + wasm.length + between.length,
      lengths: texts.map((text) => encoder.encode(text).length),
    },
  };
  const line = encoder.encode(`${start}${JSON.stringify(header)}\n`);
  return concatenate([line, body]);
}

/**
 * Reads what `writeArtifact` made.
 *
 * @param wanted The options asked for. If they are others than those of the file, only the module is taken
 * from it and functions are compiled when they are called.
 * @throws {ArtifactError}
 */
export async function readArtifact(
  file: Uint8Array<ArrayBuffer>,
  wanted: Partial<CompileOptions> = {},
): Promise<Program> {
  const header = readHeader(file);
  const body = file.subarray(file.indexOf(0x0a) + 1);
  const digest = crypto.subtle.digest("SHA-256", body);
  const text = ({ at, length }: { at: number; length: number }) =>
    new TextDecoder().decode(body.subarray(at, at + length));
  // The digest is computed meanwhile; it decides which of two errors is told.
  const program = makeProgram(header, text, wanted);
  const good = hex(await digest) === header.sha256;
  if (!good) {
    throw new ArtifactError("damaged ahead-of-time file: it is not what was written; compile it again");
  }
  if (program instanceof Error) throw program;
  return program;
}

function makeProgram(
  header: Header,
  text: (part: { at: number; length: number }) => string,
  wanted: Partial<CompileOptions>,
): Program | Error {
  try {
    // What was compiled was validated before.
    const module = decode(Uint8Array.fromBase64(text(header.wasm)));
    const { at, lengths } = header.functions;
    const options = compileOptions({ ...header.options, ...givenOptions(wanted) });
    if (optionsText(options) !== optionsText(header.options)) return new Program(module, options);
    const positions = new Float64Array(lengths.length);
    let next = at;
    lengths.forEach((length, i) => {
      positions[i] = next + opening.length;
      next += opening.length + length + closing.length;
    });
    return new Program(module, options, undefined, {
      text: (func) => {
        const i = func - module.imported.funcs;
        return text({ at: positions[i], length: lengths[i] });
      },
    });
  } catch (error) {
    return error as Error;
  }
}

function readHeader(file: Uint8Array): Header {
  const end = file.indexOf(0x0a);
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(start.length, end)));
  } catch {
    throw new ArtifactError("damaged ahead-of-time file: its first line cannot be read; compile it again");
  }
  if (header.format !== format || header.producer !== producer) {
    throw new ArtifactError(
      `the ahead-of-time file was made by ${header.producer} (format ${header.format}), and this is ${producer} ` +
        `(format ${format}); compile it again`,
    );
  }
  return header;
}

function hex(bytes: ArrayBuffer | Uint8Array): string {
  return new Uint8Array(bytes).toHex();
}
