/**
 * Standard streams that are not the process's own: given input, kept output.
 *
 * @module
 */
import { concatenate } from "../concatenate.ts";
import { Filetype } from "./abi.ts";
import type { HostStream } from "./host.ts";
import { INTERRUPTED } from "./interrupt.ts";

/** A stream that delivers bytes (or a text in UTF-8) and then ends. */
export function inputStream(input: Uint8Array | string = ""): HostStream {
  let rest: Uint8Array = typeof input === "string" ? new TextEncoder().encode(input) : input;
  return {
    filetype: Filetype.unknown,
    terminal: false,
    read(buffer) {
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    available: () => Math.max(1, rest.length),
    pending: () => rest.slice(),
    unread(bytes) {
      rest = concatenate([bytes, rest]);
    },
  };
}

/**
 * A stream whose input is not there yet: a guest that reads it is stopped before that read, so that its image
 * can answer any input.
 */
export function inputToCome(): HostStream {
  return {
    filetype: Filetype.unknown,
    terminal: false,
    read: () => INTERRUPTED,
    available: () => 0,
  };
}

/** A stream that keeps what is written to it. */
export interface OutputStream extends HostStream {
  bytes(): Uint8Array;
  /** What was written, as UTF-8. */
  text(): string;
}

/** @param onWrite Told of each write as it happens; the bytes are a copy. */
export function outputStream(onWrite?: (bytes: Uint8Array) => void): OutputStream {
  const parts: Uint8Array[] = [];
  const bytes = () => concatenate(parts);
  return {
    filetype: Filetype.unknown,
    terminal: false,
    write(buffer) {
      const copy = buffer.slice();
      parts.push(copy);
      onWrite?.(copy);
      return buffer.length;
    },
    bytes,
    text: () => new TextDecoder().decode(bytes()),
  };
}
