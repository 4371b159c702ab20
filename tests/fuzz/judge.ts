/**
 * Whether our decoder and validator accept the same modules as V8. V8 has proposals that came after WebAssembly 2.0 and
 * limits that the specification leaves open; where those may be the cause, `wabt`, told to know only 2.0, decides.
 *
 * @module
 */

import wabt from "wabt";
import { decode } from "../../compiler/decode.ts";
import { InvalidError, MalformedError, UnsupportedError } from "../../compiler/errors.ts";
import { validate } from "../../compiler/validate.ts";

/** WebAssembly 2.0 without SIMD, and nothing else. */
const features = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  multi_value: true,
  bulk_memory: true,
  reference_types: true,
  simd: false,
  exceptions: false,
  threads: false,
  function_references: false,
  tail_call: false,
  annotations: false,
  code_metadata: false,
  gc: false,
  memory64: false,
  extended_const: false,
  relaxed_simd: false,
};

/** V8's own limits, in the words of its messages. */
const limit = /exceeds|maximum|limit|too (large|many|big)|size .* > /i;

/**
 * Where the specification is stricter than V8 and `wabt`: a block type is one byte or a non-negative s33 (5.4.1), but both
 * take a negative s33 in several bytes.
 */
function stricter(error: Error, bytes: Uint8Array): boolean {
  return error instanceof MalformedError && error.reason === "malformed block type" &&
    bytes[error.offset] >= 0x80;
}

/** Why we refuse a module, or `undefined`; any error but the three of ours is a bug. */
function refusal(bytes: Uint8Array): Error | undefined {
  try {
    validate(decode(bytes));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function v8Refusal(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    new WebAssembly.Module(bytes);
    return "nothing";
  } catch (error) {
    return (error as Error).message;
  }
}

export interface Judge {
  /** What is wrong with our answer, or `undefined`. */
  disagreement(bytes: Uint8Array<ArrayBuffer>): string | undefined;
  /** How often V8's answer was explained: by a newer proposal, by a limit, by not being strict. */
  readonly excused: { proposals: number; limits: number; lenient: number };
}

/** Loads `wabt` and gives a judge. */
export async function makeJudge(): Promise<Judge> {
  const { readWasm } = await wabt();
  const excused = { proposals: 0, limits: 0, lenient: 0 };

  /** Why `wabt` refuses a module, or `undefined`. */
  function wabtRefusal(bytes: Uint8Array): string | undefined {
    try {
      const module = readWasm(bytes, { ...features, readDebugNames: false });
      try {
        module.validate();
      } finally {
        module.destroy();
      }
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  function disagreement(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    const accepted = WebAssembly.validate(bytes);
    const ours = refusal(bytes);
    if (
      ours !== undefined &&
      ![MalformedError, InvalidError, UnsupportedError].some((type) => ours instanceof type)
    ) {
      return `not one of our errors: ${ours.stack}`;
    }
    if (accepted === (ours === undefined)) return undefined;
    if (accepted) {
      if (stricter(ours!, bytes)) excused.lenient++;
      else if (wabtRefusal(bytes) !== undefined) excused.proposals++;
      else return `V8 and wabt accept it, we say: ${ours!.message}`;
      return undefined;
    }
    const reason = v8Refusal(bytes);
    if (!limit.test(reason)) {
      return `we accept it, V8 says: ${reason} (wabt says: ${wabtRefusal(bytes) ?? "nothing"})`;
    }
    excused.limits++;
    return undefined;
  }

  return { disagreement, excused };
}
