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
export type ScriptLoader = (text: string, data: Uint8Array | undefined) => Promise<Script>;

/** Whom code was made for: anything else makes, or needs, other code. */
export interface CodeKey {
  /** The version of everything that compiles, and the options. */
  readonly maker: string;
  /** SHA-256 of the program's binary in hexadecimal digits: this takes some time. */
  program(): Promise<string>;
  /**
   * Changes whenever the program's file is written to: while it is the same, so is the binary. `undefined` if nothing
   * tells that for sure.
   */
  readonly stamp?: string;
}

const encoder = new TextEncoder();

interface Header {
  readonly maker: string;
  readonly program: string;
  readonly stamp?: string;
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

/** The code of smaller programs is made in no time. In bytes. */
const leastBinary = 256 * 1024;
/** Less text is not worth a file. */
const leastText = 200_000;
/** What is new is worth writing all again if it is more than this share. */
const leastShare = 0.05;

const none = new Uint8Array(0);
const [opening, separator, closing] = ["[\n", ",\n", "\n]"];

/** Whether the code of a program, given its binary, may take so long to make that it is worth keeping. */
export function isLarge({ length }: Uint8Array): boolean {
  return length >= leastBinary;
}

export class CodeStore implements CodeCache {
  readonly #added: { func: number; factory: Factory }[] = [];
  readonly #positions: ReadonlyMap<number, number>;
  readonly #script: Script | undefined;
  readonly #makers: readonly Factory["make"][];
  /** V8's data before anything ran: later, it may have dropped what ran long ago. */
  readonly #early: Uint8Array | undefined;
  /** Whether there is more to keep than there was, beside generated code. */
  #isNew = false;

  private constructor(
    private readonly key: CodeKey,
    private kept?: KeptModule,
    private readonly text = "",
    private readonly sites: readonly Uint8Array[] = [],
    readonly funcs: readonly number[] = [],
    private readonly data: Uint8Array = none,
    script?: Script,
  ) {
    this.#positions = new Map(funcs.map((func, i) => [func, i]));
    this.#script = script;
    this.#makers = (script?.run() ?? []) as Factory["make"][];
    if (script && !script.isWarm) this.#early = script.data();
  }

  /** Without any code yet. */
  static empty(key: CodeKey): CodeStore {
    return new CodeStore(key);
  }

  /**
   * With the code that {@linkcode CodeStore.encode} gave before.
   *
   * @returns `undefined` if it is damaged, or was made for something else.
   */
  static async read(
    file: Uint8Array<ArrayBuffer>,
    key: CodeKey,
    load: ScriptLoader,
  ): Promise<CodeStore | undefined> {
    const [sha256, content] = cutLine(file);
    const [line, body] = cutLine(content);
    const parts = partsOf(line, body);
    // Most of what is of no use is found here: it is of another version.
    if (parts === undefined || parts.maker !== key.maker) return undefined;
    const { kept, funcs, sites, data } = parts;
    const isSame = key.stamp !== undefined && parts.stamp === key.stamp;
    const checked = Promise.all([digest(content), isSame ? parts.program : key.program()]);
    // Another thread is at it while the engine takes in what no damage makes dangerous.
    if (kept) takeIn(kept.bytes, 0);
    const [digested, program] = await checked;
    if (digested !== sha256 || program !== parts.program) return undefined;
    const text = new TextDecoder().decode(parts.text);
    const script = text === "" ? undefined : await load(text, data.length > 0 ? data : undefined);
    const store = new CodeStore(key, kept, text, sites, funcs, data, script);
    store.#isNew = !isSame && key.stamp !== undefined;
    return store;
  }

  /** The rewritten module, if there is one. */
  get rewritten(): KeptModule | undefined {
    return this.kept;
  }

  /** Takes note of a rewritten module. */
  keep(rewritten: KeptModule): void {
    this.kept = rewritten;
    this.#isNew = true;
  }

  find(func: number, module: Module): Factory | undefined {
    const at = this.#positions.get(func);
    if (at === undefined) return undefined;
    return { make: this.#makers[at], form: new StoredForm(module, func, this.sites[at]) };
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
    if (!this.#isNew && this.text.length + newText < least) return undefined;
    if (newText > this.text.length * leastShare) {
      const old = this.text === "" ? [] : [this.text.slice(opening.length, -closing.length)];
      const text = opening + [...old, ...added].join(separator) + closing;
      const sites = this.#added.map(({ factory }) => encodeSites(factory.form.sites));
      const funcs = [...this.funcs, ...this.#added.map(({ func }) => func)];
      return await this.#file(text, [...this.sites, ...sites], funcs);
    }
    const data = this.#moreData();
    return this.#isNew || data !== this.data
      ? await this.#file(this.text, this.sites, this.funcs, data)
      : undefined;
  }

  /** V8's data: what was read, if that was of use; else what it gave first, or gives now. */
  #moreData(): Uint8Array {
    if (this.#early === undefined) return this.data;
    const late = this.#script!.data();
    return late.length > this.#early.length ? late : this.#early;
  }

  async #file(
    text: string,
    sites: readonly Uint8Array[],
    funcs: readonly number[],
    data: Uint8Array = none,
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const { bytes = none, traits = none } = this.kept ?? {};
    const lengths = {
      module: bytes.length,
      traits: traits.length,
      text: text.length,
      sites: sites.map(({ length }) => length),
      data: data.length,
    };
    const { maker, stamp } = this.key;
    const header: Header = { maker, program: await this.key.program(), stamp, funcs, lengths };
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

/** What a line of JSON says, and the parts that follow it; `undefined` if the line is damaged. */
function partsOf(line: string, body: Uint8Array<ArrayBuffer>) {
  try {
    const { lengths, ...header } = JSON.parse(line) as Header;
    let at = 0;
    const take = (length: number) => body.subarray(at, at += length);
    const [bytes, traits] = [take(lengths.module), take(lengths.traits)];
    const kept = lengths.module > 0 ? { bytes, traits } : undefined;
    return {
      ...header,
      kept,
      text: take(lengths.text),
      sites: lengths.sites.map(take),
      data: take(lengths.data),
    };
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
