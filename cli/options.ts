/**
 * The table of all command-line options: parsing and help read it.
 *
 * @module
 */
import { mvvmPolicyFlags } from "../compiler/policy.ts";

/** What stands first on a command line; a command of a group has two words. */
export const commandNames = [
  "run",
  "compile",
  "checkpoint",
  "restore",
  "inspect",
  "diff",
  "coredump",
  "image compact",
  "image edit",
  "image key",
  "image seal",
  "image unseal",
] as const;
export type CommandName = (typeof commandNames)[number];

/** One option. */
export interface OptionSpec {
  readonly name: string;
  /** A single letter that means the same. */
  readonly short?: string;
  /** What the value is, for help; an option without one is a switch. */
  readonly value?: string;
  /** The value if none is given; one that is, stands behind a `=`. */
  readonly fallback?: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  /** Shown under this heading in help. */
  readonly group: Group;
  readonly commands: readonly CommandName[];
  readonly help: string;
  /** MVVM's spelling of another option: the option and value it stands for. */
  readonly means?: readonly [name: string, value: string];
}

export const groups = {
  program: "The program",
  guest: "What the guest is given",
  stop: "When to stop (without any: at SIGINT or SIGUSR1)",
  policy: "Where it can be stopped",
  image: "The image",
  trust: "Keys and secrets",
  look: "What to show (without any of these: everything but the contents of memories)",
  edit: "What to change",
  other: "Other",
  mvvm: "MVVM's spellings",
} as const;
export type Group = keyof typeof groups;

const guests: readonly CommandName[] = ["run", "checkpoint", "restore"];
const stoppable: readonly CommandName[] = ["checkpoint", "restore"];
const writing: readonly CommandName[] = [...stoppable, "image compact", "image edit"];
const sealing: readonly CommandName[] = ["image seal", "image unseal"];
const reading: readonly CommandName[] = [...writing, ...sealing, "inspect", "diff", "coredump"];
const compiling: readonly CommandName[] = ["run", "compile", "checkpoint", "restore"];

const option = (
  name: string,
  group: Group,
  commands: readonly CommandName[],
  help: string,
  more: Partial<OptionSpec> = {},
): OptionSpec => ({ name, group, commands, help, ...more });

export const options: readonly OptionSpec[] = [
  option(
    "target",
    "program",
    [...guests, "inspect", "diff", "coredump"],
    "the program: .wasm, .wat, or what `compile` wrote (inspect, diff: to name functions)",
    { short: "t", value: "FILE" },
  ),
  option("output", "program", ["compile"], "where to write; PROG.mvvm.js if not given", {
    short: "o",
    value: "FILE",
  }),
  option("output", "program", ["coredump"], "where to write; IMAGE's name with .coredump if not given", {
    short: "o",
    value: "FILE",
  }),
  option(
    "output",
    "program",
    ["image compact", "image edit", ...sealing],
    "where to write; in the image's place if not given",
    {
      short: "o",
      value: "FILE",
    },
  ),
  option(
    "module",
    "program",
    ["restore"],
    "a rebuilt program that is to go on with the image; with --upgrade",
    {
      value: "FILE",
    },
  ),
  option(
    "upgrade",
    "program",
    ["restore"],
    "compare the image and the program of -t with that of --module: check goes on if all fits, explain only tells",
    { value: "check|explain" },
  ),

  option(
    "args",
    "guest",
    [...guests, "image edit"],
    "the guest's arguments, separated by commas; or everything behind --. Its name is FILE as it is given",
    {
      short: "a",
      value: "A,B,...",
    },
  ),
  option("env", "guest", [...guests, "image edit"], "an environment variable (repeatable)", {
    short: "e",
    value: "K=V",
    repeatable: true,
  }),
  option("dir", "guest", guests, "a directory, and what the guest calls it (repeatable)", {
    short: "d",
    value: "HOST[::GUEST]",
    repeatable: true,
  }),
  option("map-dir", "guest", [...guests, "image edit"], "the same the other way round (repeatable)", {
    short: "m",
    value: "GUEST::HOST",
    repeatable: true,
  }),
  option(
    "image-dirs",
    "guest",
    ["restore"],
    "grant the directories that the image names, where it says they were; else each is granted by --dir or -m",
  ),
  option("random-seed", "guest", guests, "makes the guest's random bytes deterministic", { value: "N" }),
  option(
    "files",
    "guest",
    ["restore"],
    "what to do about open files that have changed: strict refuses, warn tells (and refuses if one is gone), force goes on; warn if not given",
    { value: "strict|warn|force" },
  ),

  option("after", "stop", stoppable, "so many milliseconds after the guest has started", { value: "MS" }),
  option("ticks", "stop", stoppable, "after exactly N site passages; the same N gives the same image", {
    short: "c",
    value: "N",
  }),
  option(
    "function",
    "stop",
    stoppable,
    "when this function is called: its index, export name or name in the name section",
    { short: "f", value: "FUNC" },
  ),
  option("calls", "stop", stoppable, "with -f: at its N-th call; 1 if not given", { short: "x", value: "N" }),

  option(
    "policy",
    "policy",
    compiling,
    "none|function|loop|counter|dirty; if not given counter, for restore that of the image",
    { value: "POLICY" },
  ),
  option("threshold-bits", "policy", compiling, "counter looks every 2^N back edges; 16 if not given", {
    value: "N",
  }),

  option(
    "back-end",
    "policy",
    guests,
    "wasm|js|auto: functions as WebAssembly or as JavaScript; auto is the quicker one as far as is known",
    { value: "NAME" },
  ),

  option("image", "image", stoppable, "the image; FILE's name with its extension replaced by .mvvm", {
    value: "FILE",
  }),
  option("image-out", "image", ["restore"], "where a further stop writes; the image itself if not given", {
    value: "FILE",
  }),
  option(
    "every",
    "image",
    stoppable,
    "run on, and write an image each time so long has passed (500ms, 5s, 2m)",
    {
      value: "TIME",
    },
  ),
  option(
    "keep",
    "image",
    stoppable,
    "with --every: keep the N newest; FILE is the newest, FILE.1.mvvm and so on are older; 3 if not given",
    { value: "N" },
  ),
  option(
    "compress",
    "image",
    [...stoppable, "image compact"],
    "none, zstd[:1-19] or deflate[:1-9]; zstd:1 if not given",
    {
      value: "HOW",
    },
  ),
  option("embed-files", "image", stoppable, "carry open files of at most MAX bytes (K, M, G) in the image", {
    value: "MAX",
  }),

  option(
    "key-file",
    "trust",
    reading,
    "seals and opens images with the key in FILE, which `image key` makes",
    { value: "FILE" },
  ),
  option("passphrase-file", "trust", reading, "seals and opens images with the passphrase in FILE", {
    value: "FILE",
  }),
  option("passphrase", "trust", reading, "the same with the passphrase in MVVM_PASSPHRASE, or asked for"),
  option("sign-key", "trust", writing, "signs images with the Ed25519 private key in FILE", {
    value: "FILE",
  }),
  option(
    "verify-key",
    "trust",
    reading.filter((name) => name !== "checkpoint" && !sealing.includes(name)),
    "refuse what was not signed with the public key in FILE, or another one given (repeatable)",
    { value: "FILE", repeatable: true },
  ),
  option(
    "redact-env",
    "trust",
    stoppable,
    "keep the value of an environment variable out of images; restore needs it again with -e (repeatable)",
    { value: "NAME", repeatable: true },
  ),
  option(
    "signing",
    "trust",
    ["image key"],
    "make a pair of keys for signatures instead: FILE for --sign-key, and with .pub.pem for --verify-key",
  ),

  option("frame", "look", ["inspect"], "the values of a frame; 0 is the innermost", { value: "N" }),
  option(
    "memory",
    "look",
    ["inspect"],
    "bytes of memory 0, or of memory I, from an address on; decimal or 0x... (repeatable)",
    { value: "[I:]ADDR,LEN", repeatable: true },
  ),
  option("strings", "look", ["inspect"], "strings of at least MIN characters in memories; 4 if not given", {
    value: "=MIN",
    fallback: "4",
  }),

  option("unset-env", "edit", ["image edit"], "remove an environment variable (repeatable)", {
    value: "NAME",
    repeatable: true,
  }),
  option(
    "path",
    "edit",
    ["image edit"],
    "open files and directories with path OLD in their directory, or below it, get NEW (repeatable)",
    { value: "OLD::NEW", repeatable: true },
  ),

  option("json", "other", ["inspect", "diff"], "print JSON"),
  option("exit-code", "other", ["diff"], "exit with 3 if the guest differs"),
  option(
    "code-cache",
    "other",
    guests,
    "where compiled code of large programs is kept for their next start; the user's cache folder if not given",
    { value: "DIR|none" },
  ),
  option("coredump", "other", guests, "write a WebAssembly core dump to FILE if the guest traps", {
    value: "FILE",
  }),
  option("debug", "other", guests, "log each site passed, each frame captured, each WASI call", {
    short: "i",
  }),
  option("help", "other", commandNames, "print this", { short: "h" }),

  ...Object.entries(mvvmPolicyFlags).map(([name, policy]) =>
    option(name, "mvvm", compiling, `--policy ${policy}`, { means: ["policy", policy] })
  ),
  option("disable-aux-stack-check", "mvvm", compiling, "accepted, means nothing here"),
  option("opt-level", "mvvm", compiling, "accepted, means nothing here", { value: "N" }),
];

/** The commands of a group, for example `image`; none if there is no such group. */
export function commandsOfGroup(group: string): readonly CommandName[] {
  return commandNames.filter((name) => name.startsWith(`${group} `));
}

/** The options of one command. */
export function optionsOf(command: CommandName): readonly OptionSpec[] {
  return options.filter(({ commands }) => commands.includes(command));
}
