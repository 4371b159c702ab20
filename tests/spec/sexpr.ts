/**
 * Reader for the S-expressions of the text format (WebAssembly 2.0, section 6.3 "Lexical Format").
 * It keeps byte offsets, so that the text of a module can be cut out and handed on unchanged, and it
 * uses its own stack, so that no nesting is too deep for it.
 *
 * @module
 */

interface Place {
  /** Byte offset of the first byte. */
  readonly start: number;
  /** Byte offset just past the last byte. */
  end: number;
  /** Line number, from 1. */
  readonly line: number;
}
/** A keyword, an identifier or a number. */
export interface Atom extends Place {
  readonly kind: "atom";
  readonly text: string;
}
/** A string, escapes resolved; any bytes at all, not always UTF-8. */
export interface Str extends Place {
  readonly kind: "string";
  readonly bytes: Uint8Array;
}
export interface List extends Place {
  readonly kind: "list";
  readonly items: Sexpr[];
}
export type Sexpr = Atom | Str | List;

/** A script that cannot be read or understood, with the line where that was noticed. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  constructor(readonly reason: string, readonly line: number) {
    super(`line ${line}: ${reason}`);
  }
}

const TAB = 9, NEWLINE = 10, RETURN = 13, SPACE = 32, QUOTE = 34, OPEN = 40, CLOSE = 41, SEMICOLON = 59;
const BACKSLASH = 92;

const simpleEscapes: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  r: 13,
  '"': QUOTE,
  "'": 39,
  "\\": BACKSLASH,
};

/** Whether a byte ends an atom. */
function isDelimiter(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === CLOSE || byte === OPEN || byte === QUOTE ||
    byte === SEMICOLON || byte === TAB || byte === RETURN;
}

/**
 * Reads all expressions of a source.
 *
 * ```ts
 * const [list] = read(new TextEncoder().encode('(invoke "f")'));
 * ```
 *
 * @throws {ScriptError} on unbalanced parentheses, open strings and comments, unknown escapes.
 */
export function read(source: Uint8Array): Sexpr[] {
  // One character per byte, so that offsets agree. What stands outside ASCII is never looked at as text.
  const text = new TextDecoder("latin1").decode(source);
  const top: Sexpr[] = [];
  const open: List[] = [];
  let items = top;
  let line = 1;
  let at = 0;

  /** Leaves `at` behind the comment that starts there. */
  function skipBlockComment() {
    const startLine = line;
    let depth = 0;
    do {
      const byte = source[at];
      if (byte === undefined) throw new ScriptError("a block comment is not closed", startLine);
      if (byte === NEWLINE) line++;
      if (byte === OPEN && source[at + 1] === SEMICOLON) depth++, at += 2;
      else if (byte === SEMICOLON && source[at + 1] === CLOSE) depth--, at += 2;
      else at++;
    } while (depth > 0);
  }

  /** Leaves `at` behind the string whose opening quote is there. */
  function readString(): Str {
    const start = at++;
    while (source[at] !== QUOTE) {
      if (at >= source.length || source[at] === NEWLINE) {
        throw new ScriptError("a string is not closed", line);
      }
      at += source[at] === BACKSLASH ? 2 : 1;
    }
    at++;
    return {
      kind: "string",
      bytes: unescape(source.subarray(start + 1, at - 1), line),
      start,
      end: at,
      line,
    };
  }

  while (at < source.length) {
    const byte = source[at];
    if (byte === NEWLINE) {
      line++;
      at++;
    } else if (byte === SPACE || byte === TAB || byte === RETURN) {
      at++;
    } else if (byte === SEMICOLON && source[at + 1] === SEMICOLON) {
      while (at < source.length && source[at] !== NEWLINE) at++;
    } else if (byte === OPEN && source[at + 1] === SEMICOLON) {
      skipBlockComment();
    } else if (byte === OPEN) {
      const list: List = { kind: "list", items: [], start: at++, end: at, line };
      items.push(list);
      open.push(list);
      items = list.items;
    } else if (byte === CLOSE) {
      const list = open.pop();
      if (list === undefined) throw new ScriptError("a ')' without its '('", line);
      list.end = ++at;
      items = open.at(-1)?.items ?? top;
    } else if (byte === QUOTE) {
      items.push(readString());
    } else {
      const start = at++;
      while (at < source.length && !isDelimiter(source[at])) at++;
      items.push({ kind: "atom", text: text.slice(start, at), start, end: at, line });
    }
  }
  const unclosed = open.at(-1);
  if (unclosed) throw new ScriptError("a '(' is not closed", unclosed.line);
  return top;
}

/** The bytes that a string literal stands for (6.3.3). */
function unescape(raw: Uint8Array, line: number): Uint8Array {
  if (!raw.includes(BACKSLASH)) return raw;
  const out: number[] = [];
  for (let at = 0; at < raw.length;) {
    if (raw[at] !== BACKSLASH) {
      out.push(raw[at++]);
      continue;
    }
    // Escapes are ASCII and at most `\u{10FFFF}` without underscores.
    const escape = String.fromCharCode(...raw.subarray(at + 1, at + 24));
    const simple = simpleEscapes[escape[0]];
    const hex = /^[0-9a-f]{2}/i.exec(escape);
    const unicode = /^u\{([0-9a-f_]+)\}/i.exec(escape);
    if (simple !== undefined) {
      out.push(simple);
      at += 2;
    } else if (hex) {
      out.push(parseInt(hex[0], 16));
      at += 3;
    } else if (unicode) {
      const code = parseInt(unicode[1].replaceAll("_", ""), 16);
      if (code > 0x10ffff) throw new ScriptError(`\\u{${unicode[1]}} is no Unicode scalar value`, line);
      out.push(...new TextEncoder().encode(String.fromCodePoint(code)));
      at += 1 + unicode[0].length;
    } else {
      throw new ScriptError(`unknown escape \\${escape[0] ?? ""} in a string`, line);
    }
  }
  return Uint8Array.from(out);
}
