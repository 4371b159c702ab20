/**
 * What a command line asks for, checked and typed.
 *
 * @module
 */
import { type BackEnd, backEnds, mvvmPolicyFlags, type PolicyName, policyNames } from "../compiler/policy.ts";
import { parseCompression } from "../runtime/image/codec.ts";
import type { PreopenOption } from "../runtime/wasi/grant.ts";
import type { FilePolicy } from "../runtime/wasi/reopen.ts";
import { type EditArgs, editArgs, type LookArgs, lookArgs } from "./look_args.ts";
import type { CommandName } from "./options.ts";
import { commandOf, type RawArgs, splitArgs, UsageError } from "./usage.ts";

/** What the guest is given. */
export interface GuestArgs {
  /** Without the program's name; `undefined` if none were given. */
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dirs: readonly PreopenOption[];
  /** Grant the directories that the image names, too. */
  readonly imageDirs?: boolean;
  readonly randomSeed?: number;
  readonly files?: FilePolicy;
}

/** When to stop, besides at a signal. */
export interface StopArgs {
  /** Milliseconds after the start. */
  readonly after?: number;
  /** Site passages. */
  readonly ticks?: number;
  /** A function by index or name, and at which of its calls. */
  readonly call?: { readonly func: string; readonly count: number };
}

/** A rebuilt program that is to take over an image. */
export interface UpgradeArgs {
  readonly module: string;
  /** Only tell whether it can, and go no further. */
  readonly explain: boolean;
}

/** Keys by their files, and what is kept out of images. */
export interface TrustArgs {
  /** At most one of these three opens and seals images. */
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly passphrase: boolean;
  /** A private key. */
  readonly signKey?: string;
  /** Public keys; one of them must have signed. */
  readonly verifyKeys: readonly string[];
  /** Names of environment variables. */
  readonly redactEnv: readonly string[];
}

export interface PolicyArgs {
  readonly policy?: PolicyName;
  readonly thresholdBits?: number;
  readonly backEnd?: BackEnd;
}

/** A checked command line. */
export interface CommandLine {
  readonly command: CommandName;
  /** The program; where `file` is the command's subject, it is optional. */
  readonly target?: string;
  /** The image that a command is about, and the one it is compared with. */
  readonly file?: string;
  readonly other?: string;
  readonly help: boolean;
  readonly guest: GuestArgs;
  readonly stop: StopArgs;
  readonly policy: PolicyArgs;
  readonly trust: TrustArgs;
  readonly upgrade?: UpgradeArgs;
  readonly look: LookArgs;
  readonly edit: EditArgs;
  readonly image?: string;
  readonly imageOut?: string;
  /** Milliseconds between two images of a guest that runs on. */
  readonly every?: number;
  /** How many of its newest states are kept. */
  readonly keep: number;
  readonly compress?: string;
  readonly embedFiles?: number;
  readonly output?: string;
  readonly debug: boolean;
  readonly json: boolean;
  /** `diff`: tell by the exit code, too. */
  readonly exitCode: boolean;
  /** Where a core dump goes if the guest traps. */
  readonly coredump?: string;
  /** Where compiled code is kept, or `none`. */
  readonly codeCache?: string;
  /** `image key`: keys for signatures. */
  readonly signing: boolean;
}

/**
 * Reads a command line, the command first.
 *
 * ```ts
 * import { readCommandLine } from "./args.ts";
 * readCommandLine(["checkpoint", "-t", "bc.wasm", "-a", "-g20,-n1000", "--after", "3000"]).stop.after; // 3000
 * ```
 *
 * @throws {UsageError}
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const { command, rest } = commandOf(args);
  const raw = splitArgs(command, rest);
  const given = new Values(raw);
  const help = given.has("help");
  const place = help ? {} : places(command, raw, given);
  return {
    command,
    help,
    ...place,
    guest: guestArgs(raw, given),
    stop: stopArgs(given),
    policy: {
      policy: given.oneOf("policy", policyNames),
      thresholdBits: given.whole("threshold-bits", 0, 30),
      backEnd: given.oneOf("back-end", backEnds),
    },
    trust: trustArgs(given),
    upgrade: upgradeArgs(given),
    look: lookArgs(given),
    edit: editArgs(given),
    image: given.text("image"),
    imageOut: given.text("image-out"),
    ...everyArgs(given),
    compress: given.text("compress", (text) => {
      try {
        parseCompression(text);
      } catch (error) {
        throw new UsageError(`--compress: ${(error as Error).message}`);
      }
    }),
    embedFiles: given.bytes("embed-files"),
    output: given.text("output"),
    debug: given.has("debug"),
    json: given.has("json"),
    exitCode: given.has("exit-code"),
    coredump: given.text("coredump"),
    codeCache: given.text("code-cache"),
    signing: given.has("signing"),
  };
}

type Places = { target?: string; file?: string; other?: string };

/** What commands take that are not about a program: the files by their order, and the words for them. */
const subjects: Readonly<
  Partial<Record<CommandName, { readonly files: (keyof Places)[]; readonly usage: string }>>
> = {
  inspect: { files: ["file"], usage: "inspect FILE: say which image" },
  diff: { files: ["file", "other"], usage: "diff A B: say which two images" },
  coredump: { files: ["file"], usage: "coredump IMAGE: say which image" },
  "image compact": { files: ["file"], usage: "image compact IMAGE: say which image" },
  "image edit": { files: ["file"], usage: "image edit IMAGE: say which image" },
  "image key": { files: ["file"], usage: "image key FILE: say where the key goes" },
  "image seal": { files: ["file"], usage: "image seal IMAGE: say which image" },
  "image unseal": { files: ["file"], usage: "image unseal IMAGE: say which image" },
};

/** Which files the command is about. */
function places(command: CommandName, raw: RawArgs, given: Values): Places {
  const names = [...raw.positional];
  const places: Places = { target: given.text("target") };
  const subject = subjects[command];
  if (subject) {
    for (const file of subject.files) places[file] = names.shift() ?? missing(subject.usage);
  } else places.target ??= names.shift() ?? missing(`${command} needs a program: ${command} -t PROG.wasm`);
  if (names.length === 0) return places;
  const count = subject?.files.length ?? 1;
  throw new UsageError(
    subject || command === "compile"
      ? `what is ${JSON.stringify(names[0])}? ${command} takes ${count === 1 ? "one file" : `${count} files`}`
      : `what is ${
        JSON.stringify(names[0])
      }? Arguments for the guest stand behind -- or are given with -a A,B`,
  );
}

function missing(text: string): never {
  throw new UsageError(text);
}

function guestArgs(raw: RawArgs, given: Values): GuestArgs {
  const list = given.text("args", () => {}, true);
  if (list !== undefined && raw.behind !== undefined) {
    throw new UsageError("give the guest's arguments with -a or behind --, not both");
  }
  return {
    args: raw.behind ?? (list === "" ? [] : list?.split(",")),
    env: Object.fromEntries(
      given.all("env").map((text) => {
        const at = text.indexOf("=");
        if (at < 1) throw new UsageError(`--env takes NAME=VALUE, not ${JSON.stringify(text)}`);
        return [text.slice(0, at), text.slice(at + 1)];
      }),
    ),
    dirs: [
      ...given.all("dir").map((text) => directory("dir", text, (host, guest = host) => ({ host, guest }))),
      ...given.all("map-dir").map((text) =>
        directory(
          "map-dir",
          text,
          (guest, host) => ({ guest, host: host ?? missing(`--map-dir takes GUEST::HOST, not ${text}`) }),
        )
      ),
    ],
    imageDirs: given.has("image-dirs"),
    randomSeed: given.whole("random-seed", 0, Number.MAX_SAFE_INTEGER),
    files: given.oneOf("files", ["strict", "warn", "force"]),
  };
}

function directory(
  option: string,
  text: string,
  make: (first: string, second?: string) => PreopenOption,
): PreopenOption {
  const parts = text.split("::");
  if (parts.length > 2 || parts.includes("")) throw new UsageError(`--${option}: what is "${text}"?`);
  return make(parts[0], parts[1]);
}

function stopArgs(given: Values): StopArgs {
  // MVVM writes `-c 0` for no count.
  const ticks = given.whole("ticks", 0, Number.MAX_SAFE_INTEGER) || undefined;
  const func = given.text("function");
  const count = given.whole("calls", 1, Number.MAX_SAFE_INTEGER);
  if (ticks !== undefined && (func !== undefined || count !== undefined)) {
    throw new UsageError(
      "-c counts site passages and -f with -x counts calls of one function: there can be only one count to stop at",
    );
  }
  if (func === undefined && count !== undefined) {
    throw new UsageError("-x counts calls of the function that -f names: give -f as well");
  }
  if (ticks !== undefined && given.oneOf("policy", policyNames) === "none") {
    throw new UsageError("-c counts site passages, and there are none with --policy none");
  }
  return {
    after: given.whole("after", 0, Number.MAX_SAFE_INTEGER),
    ticks,
    ...(func === undefined ? {} : { call: { func, count: count ?? 1 } }),
  };
}

function everyArgs(given: Values): { every?: number; keep: number } {
  const every = given.duration("every");
  const keep = given.whole("keep", 1, 10_000);
  if (keep !== undefined && every === undefined) {
    throw new UsageError("--keep says how many images of --every are kept: give --every as well");
  }
  return { every, keep: keep ?? 3 };
}

function trustArgs(given: Values): TrustArgs {
  const ways = ["key-file", "passphrase-file", "passphrase"].filter((name) => given.has(name));
  if (ways.length > 1) {
    throw new UsageError(`an image has one key: give ${ways.map((name) => `--${name}`).join(" or ")}`);
  }
  return {
    keyFile: given.text("key-file"),
    passphraseFile: given.text("passphrase-file"),
    passphrase: given.has("passphrase"),
    signKey: given.text("sign-key"),
    verifyKeys: given.all("verify-key"),
    redactEnv: given.all("redact-env").map((name) => {
      if (!name.includes("=")) return name;
      throw new UsageError("--redact-env takes a NAME; the value is given with -e NAME=VALUE");
    }),
  };
}

function upgradeArgs(given: Values): UpgradeArgs | undefined {
  const module = given.text("module");
  const how = given.oneOf("upgrade", ["check", "explain"]);
  if (module === undefined && how === undefined) return undefined;
  if (module === undefined) {
    missing(
      "--upgrade compares two programs: give the image's own with -t, and the rebuilt one with --module",
    );
  }
  if (how === undefined) {
    missing("--module names a rebuilt program: say --upgrade check, or --upgrade explain");
  }
  return { module, explain: how === "explain" };
}

/** The values of options, with complaints that name the option. */
class Values {
  constructor(private readonly raw: RawArgs) {}

  all(name: string): readonly string[] {
    return this.raw.options.get(name) ?? [];
  }
  has(name: string): boolean {
    return this.raw.options.has(name);
  }
  text(name: string, check: (text: string) => void = () => {}, mayBeEmpty = false): string | undefined {
    const text = this.all(name).at(-1);
    if (text === undefined) return undefined;
    if (text === "" && !mayBeEmpty) throw new UsageError(`--${name} needs a value`);
    check(text);
    return text;
  }
  whole(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new UsageError(`--${name} takes a whole number ${range}, not ${JSON.stringify(text)}`);
  }
  /** In milliseconds. */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? [];
    const milliseconds = Number(digits) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit ?? "ms"]!;
    if (milliseconds >= 1) return milliseconds;
    throw new UsageError(`--${name} takes a time, for example 500ms, 5s or 2m, not ${JSON.stringify(text)}`);
  }
  bytes(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const [, digits, unit] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
    if (digits === undefined) {
      throw new UsageError(`--${name} takes a number of bytes, for example 4096, 64K or 10M, not "${text}"`);
    }
    return Number(digits) * 1024 ** " KMG".indexOf(unit.toUpperCase() || " ");
  }
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = allowed.find((each) => each === text);
    if (found !== undefined) return found;
    const meant = mvvmPolicyFlags[text] === undefined ? "" : ` (${text} stands for itself: --${text})`;
    throw new UsageError(`--${name} is one of ${allowed.join(", ")}, not ${JSON.stringify(text)}${meant}`);
  }
}
