/**
 * The texts of `--help`, made from the options' table.
 *
 * @module
 */
import { type CommandName, commandNames, commandsOfGroup, groups, optionsOf } from "./options.ts";

interface CommandHelp {
  readonly usage: string;
  readonly about: string;
  /** The least Deno permissions, by use. */
  readonly permissions: readonly (readonly [use: string, flags: string])[];
  readonly examples: readonly string[];
}

const guestDirs = "--allow-read=DIR --allow-write=DIR";

export const commandHelp: Readonly<Record<CommandName, CommandHelp>> = {
  run: {
    usage: "run PROG.wasm [options] [-- GUEST ARGS]",
    about: "Runs a program to its end. Its exit code is ours; a trap ends with 134 and the Wasm stack.",
    permissions: [["any program", "--allow-read=PROG.wasm"], ["each --dir DIR", `and ${guestDirs}`]],
    examples: ["run hello.wasm -- one two", "run tool.wasm --dir data::/data -e LANG=C"],
  },
  compile: {
    usage: "compile PROG.wasm [-o PROG.mvvm.js] [policy options]",
    about:
      "Compiles a program ahead of time, so that it starts faster. The result takes the program's place.",
    permissions: [["always", "--allow-read=PROG.wasm,FOLDER --allow-write=FOLDER (where the result goes)"]],
    examples: ["compile bc.wasm --policy counter", "run bc.mvvm.js"],
  },
  checkpoint: {
    usage: "checkpoint -t PROG.wasm [options] [stop options] [--image FILE] [-- GUEST ARGS]",
    about:
      "Runs a program until it is stopped, and writes an image of it. If the program ends before, its exit\n" +
      "code is ours and no image is written. A second SIGINT ends the process at once. With --every it runs on,\n" +
      "and leaves an image each time; the last one then stands there at the end.",
    permissions: [
      ["always", "--allow-read=PROG.wasm,FOLDER --allow-write=FOLDER (where the image goes)"],
      ["each --dir DIR", `and ${guestDirs}`],
    ],
    examples: [
      "checkpoint -t bc.wasm -a -g20,-n1000 --after 3000",
      "checkpoint -t bc.wasm --every 5s --keep 3",
      "checkpoint -t server.wasm -f handle_request -x 10 --image server.mvvm",
    ],
  },
  restore: {
    usage: "restore -t PROG.wasm [--image FILE] [stop options] [--image-out FILE]",
    about:
      "Goes on with a program from its image, until it ends or is stopped again (then the image is replaced,\n" +
      "or --image-out is written). Without --dir and --map-dir the guest gets the directories that the image\n" +
      "names, as far as Deno's permissions allow; with them, those and no others.",
    permissions: [
      ["always", "--allow-read=PROG.wasm,IMAGE"],
      ["from a chain", "--allow-read=PROG.wasm,FOLDER (where the images are)"],
      ["to stop again", "--allow-read=PROG.wasm,FOLDER --allow-write=FOLDER (where the image goes)"],
      ["each directory", `and ${guestDirs}`],
    ],
    examples: [
      "restore -t bc.wasm",
      "restore -t bc.wasm --after 1000 --image-out later.mvvm",
      "restore -t bc.wasm --module bc-fixed.wasm --upgrade check",
    ],
  },
  inspect: {
    usage: "inspect FILE [-t PROG.wasm] [--frame N] [--memory ADDR,LEN] [--strings] [--json]",
    about:
      "Shows what is in an image: its module, stack, memories, globals, open files, arguments, environment.\n" +
      "Functions have names, and lines if the program has debug information (DWARF), if the program is given,\n" +
      "or stands beside the image as FILE.wasm.",
    permissions: [["always", "--allow-read=FILE[,PROG.wasm]"]],
    examples: [
      "inspect bc.mvvm",
      "inspect bc.mvvm -t bc.wasm --frame 0",
      "inspect bc.mvvm --memory 0x10000,256 --strings=8 --json",
    ],
  },
  diff: {
    usage: "diff A B [-t PROG.wasm] [--json]",
    about: "Shows what differs between two images: stack, globals, tables, memories, files, environment.",
    permissions: [["always", "--allow-read=A,B"]],
    examples: ["diff before.mvvm after.mvvm"],
  },
  coredump: {
    usage: "coredump IMAGE [-t PROG.wasm] [-o FILE]",
    about: "Writes what is in an image as a WebAssembly core dump, for debuggers and other tools.",
    permissions: [["always", "--allow-read=IMAGE,FOLDER --allow-write=FOLDER (where the dump goes)"]],
    examples: ["coredump bc.mvvm -t bc.wasm -o bc.coredump"],
  },
  "image compact": {
    usage: "image compact IMAGE [-o OUT]",
    about:
      "Folds an image that holds only what changed (--every, --policy dirty) and all that it builds on into one\n" +
      "that builds on no other.",
    permissions: [["always", "--allow-read=FOLDER --allow-write=FOLDER (where the images are)"]],
    examples: ["image compact bc.mvvm", "image compact bc.3.mvvm -o third.mvvm"],
  },
  "image edit": {
    usage: "image edit IMAGE [-o OUT] [options]",
    about: "Changes the arguments, the environment or the paths of files in an image, and nothing else.",
    permissions: [["always", "--allow-read=FOLDER --allow-write=FOLDER (where the image goes)"]],
    examples: ["image edit bc.mvvm -o other.mvvm -e LANG=C"],
  },
  "image key": {
    usage: "image key FILE [--signing]",
    about:
      "Makes a random key that seals and opens images, or a pair of keys that sign and verify them. Files that\n" +
      "are there are not overwritten.",
    permissions: [["always", "--allow-read=FOLDER --allow-write=FOLDER (where the key goes)"]],
    examples: ["image key my.key", "checkpoint -t bc.wasm --key-file my.key", "image key me.pem --signing"],
  },
  "image seal": {
    usage: "image seal IMAGE [-o OUT] --key-file FILE",
    about: "Encrypts an image. What is inside stays, with its signature and what builds on it.",
    permissions: [["always", "--allow-read=KEY,FOLDER --allow-write=FOLDER (where the image goes)"]],
    examples: ["image seal bc.mvvm --key-file my.key", "image seal bc.mvvm -o sealed.mvvm --passphrase"],
  },
  "image unseal": {
    usage: "image unseal IMAGE [-o OUT] --key-file FILE",
    about: "Decrypts an image for good. What is inside stays, with its signature and what builds on it.",
    permissions: [["always", "--allow-read=KEY,FOLDER --allow-write=FOLDER (where the image goes)"]],
    examples: ["image unseal bc.mvvm -o clear.mvvm --key-file my.key"],
  },
};

export const exitCodes =
  "Exit codes: the guest's own; 0 after a checkpoint; 1 a module or image was refused;\n" +
  "2 wrong usage; 3 with diff --exit-code; 70 an error of ours; 130 interrupted; 134 the guest trapped.";

/** The help of a command, of a group of commands, or of all. */
export function helpText(topic?: string): string {
  const command = commandNames.find((name) => name === topic);
  if (command === undefined) return overview(topic ? commandsOfGroup(topic) : commandNames);
  const { usage, about, permissions, examples } = commandHelp[command];
  const width = Math.max(...permissions.map(([use]) => use.length));
  return [
    `deno run [permissions] cli.ts ${usage}`,
    "",
    about,
    ...optionLines(command),
    "",
    "Deno's permissions, at least:",
    ...permissions.map(([use, flags]) => `  ${use.padEnd(width)}  ${flags}`),
    "",
    "Examples:",
    ...examples.map((line) => `  deno run -A cli.ts ${line}`),
    "",
    exitCodes,
  ].join("\n");
}

function overview(names: readonly CommandName[]): string {
  return [
    "MVVM: runs WebAssembly programs (WASI) that can be stopped, kept in a file, and go on elsewhere.",
    "",
    ...names.map((name) => `  deno run -A cli.ts ${commandHelp[name].usage}`),
    "",
    "Each command has --help, with its options and the least permissions that it needs in place of -A.",
    "--version prints the version.",
    "",
    exitCodes,
  ].join("\n");
}

function optionLines(command: CommandName): string[] {
  const lines: string[] = [];
  const own = optionsOf(command);
  for (const [group, heading] of Object.entries(groups)) {
    const members = own.filter((each) => each.group === group);
    if (members.length === 0) continue;
    lines.push("", `${heading}:`);
    for (const { name, short, value, fallback, help } of members) {
      const left = `  ${short ? `-${short}, ` : "    "}--${name}${
        fallback ? `[${value}]` : value ? ` ${value}` : ""
      }`;
      const [first, ...rest] = wrap(help, 64);
      if (left.length > 36) lines.push(left, ...[first, ...rest].map((line) => " ".repeat(38) + line));
      else lines.push(left.padEnd(38) + first, ...rest.map((line) => " ".repeat(38) + line));
    }
  }
  return lines;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
