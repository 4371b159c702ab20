/**
 * A passphrase from the environment or the terminal; never from the command line, which others can see.
 *
 * @module
 */
import { ExitCode, Refusal, writeError } from "./messages.ts";

/** The environment variable that is taken in place of typing. */
const VARIABLE = "MVVM_PASSPHRASE";
/** More is no passphrase that somebody types. */
const MAX_BYTES = 4096;

const ENTER = [10, 13];
const ERASE = [8, 127];
const INTERRUPT = 3;

/**
 * The passphrase.
 *
 * @param twice Whether it is a new one, which has to be typed twice.
 */
export function askPassphrase(twice: boolean): string {
  const mayRead = Deno.permissions.querySync({ name: "env", variable: VARIABLE }).state === "granted";
  const given = mayRead ? Deno.env.get(VARIABLE) : undefined;
  if (given !== undefined && given !== "") return given;
  if (!Deno.stdin.isTerminal()) {
    throw new Refusal(
      `--passphrase: standard input is no terminal to ask at; use --passphrase-file FILE, or ${VARIABLE} ` +
        `(and --allow-env=${VARIABLE})`,
    );
  }
  const text = typed("passphrase: ");
  if (text === "") throw new Refusal("the passphrase is empty");
  if (twice && typed("again: ") !== text) throw new Refusal("the two passphrases are not the same");
  return text;
}

/** A line from the terminal, which does not show it. */
function typed(prompt: string): string {
  writeError(`mvvm: ${prompt}`);
  const bytes: number[] = [];
  const buffer = new Uint8Array(1);
  Deno.stdin.setRaw(true);
  try {
    while (bytes.length < MAX_BYTES && Deno.stdin.readSync(buffer) === 1 && !ENTER.includes(buffer[0])) {
      if (buffer[0] === INTERRUPT) {
        Deno.stdin.setRaw(false);
        writeError("\n");
        Deno.exit(ExitCode.interrupted);
      }
      if (ERASE.includes(buffer[0])) erase(bytes);
      else bytes.push(buffer[0]);
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeError("\n");
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Takes away the last character, which may have several bytes. */
function erase(bytes: number[]): void {
  while (bytes.length > 0 && (bytes.pop()! & 0xc0) === 0x80);
}
