/**
 * The code of one program, to begin with the next time: the rewritten module, or run forms as one script, with what
 * V8 makes of it.
 *
 * The bytes are a line with the digest of the rest, a line of JSON, then the rewritten module and what the call
 * graph says of its functions, the script's text, the sites of each function as JSON, and V8's data. They are trusted as our own code is: the digest tells damage, not forgery.
 *
 * @module
 */
import { type Form, localTypes, type Site } from "../compiler/sites.ts";
import type { KeptModule } from "../compiler/rewrite/module.ts";
import type { Module, ValType } from "../compiler/types.ts";
import { concatenate } from "./concatenate.ts";
import type { CodeCache, Factory } from "./factories.ts";
import { takeIn } from "./native_code.ts";

/** A script that the engine below us has taken in. */
export interface Script {
  /** Whether `data` was of use. */
  readonly isWarm: boolean;
  /** The value of its text. */
  run(): unknown;
  /** What makes the same script quicker to take in. */
  data(): Uint8Array;
}

/** Takes in a script. `data` is of the same text; it may be of another version, and so of no use. */
export type ScriptLoader = (text: string, data: Uint8Array | undefined) => Script;

/** Whom code was made for: anything else makes, or needs, other code. */
export interface CodeKey {
  /** The version of everything that compiles. */
  readonly engine: string;
  /** The module and the options. */
  readonly program: string;
}

const encoder = new TextEncoder();

interface Header extends CodeKey {
  /** The functions, in the order in which they were made: each may call those before it without asking. */
  readonly funcs: readonly number[];
  /** In bytes. */
  readonly lengths: {
    readonly module: number;
    readonly traits: number;
    readonly text: number;
    readonly sites: readonly number[];
    readonly data: number;
  };
}

/** Modules with less code are compiled in no time. */
const leastCode = 128 * 1024;
/** Less text is not worth a file. */
const leastText = 200_000;
/** What is new is worth writing all again if it is more than this share. */
const leastShare = 0.05;

const none = new Uint8Array(0);
const [opening, separator, closing] = ["[\n", ",\n", "\n]"];

/** Whether a module's code takes so long to compile that it is worth keeping. */
export function isLarge({ codes }: Module): boolean {
  return codes.length > 0 && codes[codes.length - 1].end - codes[0].start >= leastCode;
}

export class CodeStore implements CodeCache {
  readonly funcs: readonly number[];
  readonly #added: { func: number; factory: Factory }[] = [];
  readonly #positions: ReadonlyMap<number, number>;
  readonly #script: Script | undefined;
  readonly #makers: readonly Factory["make"][];
  /** V8's data before anything ran: later, it may have dropped what ran long ago. */
  readonly #early: Uint8Array | undefined;
  #isRewrittenNew = false;

  private constructor(
    private readonly module: Module,
    private readonly key: CodeKey,
    private kept?: KeptModule,
    private readonly text = "",
    private readonly sites: readonly Uint8Array[] = [],
    funcs: readonly number[] = [],
    script?: Script,
  ) {
    this.funcs = funcs;
    this.#positions = new Map(funcs.map((func, i) => [func, i]));
    this.#script = script;
    this.#makers = (script?.run() ?? []) as Factory["make"][];
    if (script && !script.isWarm) this.#early = script.data();
  }

  /** Without any code yet. */
  static empty(module: Module, key: CodeKey): CodeStore {
    return new CodeStore(module, key);
  }

  /**
   * With the code that {@linkcode CodeStore.encode} gave before.
   *
   * @returns `undefined` if it is damaged, or was made for something else.
   */
  static async read(
    file: Uint8Array<ArrayBuffer>,
    module: Module,
    key: CodeKey,
    load: ScriptLoader,
  ): Promise<CodeStore | undefined> {
    const [sha256, content] = cutLine(file);
    // Most of what is of no use is found here: it is of another version.
    const [line, body] = cutLine(content);
    if (!line.startsWith(JSON.stringify(key).slice(0, -1))) return undefined;
    const digested = digest(content);
    // Another thread is at it while the engine takes in what no damage can make dangerous.
    const parts = partsOf(line, body);
    if (parts?.kept) takeIn(parts.kept.bytes, 0);
    if (parts === undefined || await digested !== sha256) return undefined;
    const { kept, funcs, sites, data } = parts;
    const text = new TextDecoder().decode(parts.text);
    return new CodeStore(module, key, kept, text, sites, funcs, text === "" ? undefined : load(text, data));
  }

  /** The rewritten module, if there is one. */
  get rewritten(): KeptModule | undefined {
    return this.kept;
  }

  /** Takes note of a rewritten module. */
  keep(rewritten: KeptModule): void {
    this.kept = rewritten;
    this.#isRewrittenNew = true;
  }

  find(func: number): Factory | undefined {
    const at = this.#positions.get(func);
    if (at === undefined) return undefined;
    return { make: this.#makers[at], form: new StoredForm(this.module, func, this.sites[at]) };
  }

  add(func: number, factory: Factory): void {
    this.#added.push({ func, factory });
  }

  /**
   * What is to be kept for the next time; `undefined` if that is what was read, or too little.
   *
   * @param least In characters of text.
   */
  async encode(least: number = leastText): Promise<Uint8Array<ArrayBuffer>[] | undefined> {
    const added = this.#added.map(({ factory }) => textOf(factory));
    const newText = added.reduce((sum, text) => sum + text.length, 0);
    if (!this.#isRewrittenNew && this.text.length + newText < least) return undefined;
    if (newText > this.text.length * leastShare) {
      const old = this.text === "" ? [] : [this.text.slice(opening.length, -closing.length)];
      const text = opening + [...old, ...added].join(separator) + closing;
      const sites = this.#added.map(({ factory }) => encodeSites(factory.form.sites));
      const funcs = [...this.funcs, ...this.#added.map(({ func }) => func)];
      return await this.#file(text, [...this.sites, ...sites], funcs);
    }
    if (this.#isRewrittenNew) return await this.#file(this.text, this.sites, this.funcs);
    if (this.#early === undefined) return undefined;
    const late = this.#script!.data();
    const data = late.length > this.#early.length ? late : this.#early;
    return await this.#file(this.text, this.sites, this.funcs, data);
  }

  async #file(
    text: string,
    sites: readonly Uint8Array[],
    funcs: readonly number[],
    data: Uint8Array = new Uint8Array(0),
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const { bytes = none, traits = none } = this.kept ?? {};
    const lengths = {
      module: bytes.length,
      traits: traits.length,
      text: text.length,
      sites: sites.map(({ length }) => length),
      data: data.length,
    };
    const header: Header = { ...this.key, funcs, lengths };
    const line = encoder.encode(`${JSON.stringify(header)}\n`);
    const parts = [line, bytes, traits, encoder.encode(text), ...sites, data];
    const content = concatenate(parts) as Uint8Array<ArrayBuffer>;
    return [encoder.encode(`${await digest(content)}\n`), content];
  }
}

/** The first line, and what follows it. */
function cutLine(bytes: Uint8Array<ArrayBuffer>): [string, Uint8Array<ArrayBuffer>] {
  const end = bytes.indexOf(0x0a);
  return [new TextDecoder().decode(bytes.subarray(0, Math.max(end, 0))), bytes.subarray(end + 1)];
}

/** What follows the line of JSON, by that line; `undefined` if that is damaged. */
function partsOf(line: string, body: Uint8Array<ArrayBuffer>) {
  try {
    const { funcs, lengths } = JSON.parse(line) as Header;
    let at = 0;
    const take = (length: number) => body.subarray(at, at += length);
    const rewritten = { bytes: take(lengths.module), traits: take(lengths.traits) };
    const kept = lengths.module > 0 ? rewritten : undefined;
    const text = take(lengths.text);
    return { funcs, kept, text, sites: lengths.sites.map(take), data: lengths.data > 0 ? take(lengths.data) : undefined };
  } catch {
    return undefined;
  }
}

/** A function's text as an expression. The name that it had for itself would be that of the whole script. */
function textOf({ make }: Factory): string {
  const text = String(make);
  return `(${text.slice(0, text.lastIndexOf("\n//# sourceURL="))}\n})`;
}

/** Numbers that JSON does not know are spelled. */
function encodeSites(sites: readonly Site[]): Uint8Array {
  const spell = (_: string, value: unknown) =>
    typeof value === "number" && (Object.is(value, -0) || !Number.isFinite(value))
      ? Object.is(value, -0) ? "-0" : String(value)
      : value;
  return encoder.encode(JSON.stringify(sites, spell));
}

function decodeSites(bytes: Uint8Array): Site[] {
  const unspell = (key: string, value: unknown) =>
    (key === "constant" || key === "high") && typeof value === "string" ? Number(value) : value;
  return JSON.parse(new TextDecoder().decode(bytes), unspell);
}

/** Needed only when a frame is captured. */
class StoredForm implements Form {
  #sites: readonly Site[] | undefined;
  constructor(private readonly module: Module, readonly func: number, private readonly stored: Uint8Array) {}

  get localTypes(): readonly ValType[] {
    return localTypes(this.module, this.func);
  }
  get sites(): readonly Site[] {
    return this.#sites ??= decodeSites(this.stored);
  }
}

/** SHA-256 in hexadecimal digits. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
