/**
 * Reading the command line.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { readCommandLine } from "../../cli/args.ts";
import { helpText } from "../../cli/help.ts";
import { commandNames, options } from "../../cli/options.ts";
import { besideTarget } from "../../cli/target.ts";
import { UsageError } from "../../cli/usage.ts";

/** Words of a command line, split at blanks. */
const read = (text: string) => readCommandLine(text.split(" "));
const refuse = (text: string, reason: string) => assertThrows(() => read(text), UsageError, reason);

Deno.test("args: MVVM's own two examples", () => {
  const first = read("checkpoint -t bench/bc.wasm -a -g20,-n1000 --after 3000");
  assertEquals(first.target, "bench/bc.wasm");
  assertEquals(first.guest.args, ["-g20", "-n1000"]);
  assertEquals(first.stop, { after: 3000, ticks: undefined });
  const second = read("checkpoint -t test/tcp_client.wasm -f 193 -c 0 -x 10 -a 10 -e OMP_NUM_THREADS=1 -i");
  assertEquals(second.stop, { after: undefined, ticks: undefined, call: { func: "193", count: 10 } });
  assertEquals(second.guest.args, ["10"]);
  assertEquals(second.guest.env, { OMP_NUM_THREADS: "1" });
  assertEquals(second.debug, true);
});

Deno.test("args: every way to write an option", () => {
  for (const text of ["-c 5", "-c5", "-c=5", "--ticks 5", "--ticks=5"]) {
    assertEquals(read(`checkpoint -t a.wasm ${text}`).stop.ticks, 5, text);
  }
  assertEquals(read("run a.wasm -a=-x,--y").guest.args, ["-x", "--y"]);
  assertEquals(read("run a.wasm --args=").guest.args, []);
  assertEquals(readCommandLine(["run", "a.wasm", "-a", ""]).guest.args, []);
  assertEquals(read("run a.wasm -a a,,b").guest.args, ["a", "", "b"]);
});

Deno.test("args: what stands behind -- is the guest's alone", () => {
  const line = read("run a.wasm --dir x -- --dir y -h -- z");
  assertEquals(line.guest.args, ["--dir", "y", "-h", "--", "z"]);
  assertEquals(line.guest.dirs, [{ host: "x", guest: "x" }]);
  assertEquals(line.help, false);
  assertEquals(read("run a.wasm --").guest.args, []);
  assertEquals(read("run a.wasm").guest.args, undefined);
});

Deno.test("args: directories", () => {
  const { dirs } = read("run a.wasm -d one --dir two::/2 -m /3::three").guest;
  assertEquals(dirs, [
    { host: "one", guest: "one" },
    { host: "two", guest: "/2" },
    { host: "three", guest: "/3" },
  ]);
  refuse("run a.wasm -m /3", "GUEST::HOST");
  refuse("run a.wasm -d a::b::c", 'what is "a::b::c"?');
  refuse("run a.wasm -d ::b", 'what is "::b"?');
});

Deno.test("args: environment", () => {
  assertEquals(read("run a.wasm -e A=1 -e B=x=y --env C=").guest.env, { A: "1", B: "x=y", C: "" });
  refuse("run a.wasm -e A", "NAME=VALUE");
  refuse("run a.wasm -e =1", "NAME=VALUE");
});

Deno.test("args: policies, ours and MVVM's", () => {
  const policy = (text: string) => read(`compile a.wasm ${text}`).policy;
  assertEquals(policy("--policy loop"), { policy: "loop", thresholdBits: undefined, backEnd: undefined });
  assertEquals(policy("--enable-checkpoint").policy, "function");
  assertEquals(policy("--enable-loop-checkpoint").policy, "loop");
  assertEquals(policy("--enable-loop-dirty-checkpoint").policy, "dirty");
  assertEquals(
    policy(
      "--opt-level=3 --threshold-bits=16 --disable-aux-stack-check --enable-counter-loop-checkpoint -o x.js",
    ),
    { policy: "counter", thresholdBits: 16, backEnd: undefined },
  );
  refuse("compile a.wasm --policy often", 'one of none, function, loop, counter, dirty, not "often"');
  refuse("compile a.wasm --threshold-bits 31", "from 0 to 30");
  refuse("compile a.wasm --policy loop --enable-checkpoint", "--policy is given 2 times: loop, function");
});

Deno.test("args: counts that exclude each other are refused with the reason", () => {
  refuse("checkpoint -t a.wasm -c 5 -f main", "only one count");
  refuse("checkpoint -t a.wasm -c 5 -x 3", "only one count");
  refuse("checkpoint -t a.wasm -x 3", "give -f as well");
  refuse("checkpoint -t a.wasm -c 5 --policy none", "there are none with --policy none");
  assertEquals(read("checkpoint -t a.wasm -f main").stop.call, { func: "main", count: 1 });
  assertEquals(read("restore -t a.wasm -c 5 --after 10").stop, { after: 10, ticks: 5 });
});

Deno.test("args: what is wrong is said", () => {
  refuse("ran a.wasm", 'there is no command "ran"');
  refuse("--dir x run a.wasm", "the command stands first");
  refuse("run", "run needs a program");
  refuse("run a.wasm b", 'what is "b"? Arguments for the guest stand behind --');
  refuse("inspect a b", "takes one file");
  refuse("inspect", "say which image");
  refuse("run a.wasm --after 5", "it belongs to checkpoint, restore");
  refuse("run a.wasm -c 5", "it belongs to checkpoint, restore");
  refuse("checkpoint -t a.wasm --imag x", "did you mean --image?");
  refuse("checkpoint -t a.wasm --image", "needs a value: FILE");
  refuse("checkpoint -t a.wasm --after soon", 'a whole number of at least 0, not "soon"');
  refuse("checkpoint -t a.wasm --after -5", "whole number");
  refuse("checkpoint -t a.wasm -f f -x 0", "of at least 1");
  refuse("checkpoint -t a.wasm --compress gzip", "is not one of none, zstd");
  refuse("checkpoint -t a.wasm --image=", "--image needs a value");
  refuse("checkpoint -t a.wasm --image x --image y", "--image is given 2 times");
  refuse("run a.wasm -i=yes", "takes no value");
  refuse("run a.wasm -a x -- y", "not both");
  refuse("restore -t a.wasm --files maybe", "strict, warn, force");
});

Deno.test("args: sizes and seeds", () => {
  assertEquals(read("checkpoint -t a.wasm --embed-files 64K").embedFiles, 65536);
  assertEquals(read("checkpoint -t a.wasm --embed-files 7").embedFiles, 7);
  assertEquals(read("checkpoint -t a.wasm --embed-files 2m").embedFiles, 2 << 20);
  refuse("checkpoint -t a.wasm --embed-files lots", "a number of bytes");
  assertEquals(read("run a.wasm --random-seed 9").guest.randomSeed, 9);
});

Deno.test("args: help is asked for without a program", () => {
  for (const command of commandNames) assertEquals(read(`${command} --help`).help, true);
});

Deno.test("args: help names every option, and the permissions of every command", () => {
  for (const { name, commands } of options) {
    for (const command of commands) {
      assertEquals(helpText(command).includes(`--${name}`), true, `${command} --${name}`);
    }
  }
  for (const command of commandNames) {
    assertEquals(helpText(command).includes("--allow-read="), true, command);
    assertEquals(helpText().includes(command), true, command);
    assertEquals(Math.max(...helpText(command).split("\n").map((line) => line.length)) <= 110, true, command);
  }
});

Deno.test("args: the image stands beside the program", () => {
  assertEquals(besideTarget("bench/bc.wasm", ".mvvm"), "bench/bc.mvvm");
  assertEquals(besideTarget("bench/bc.mvvm.js", ".mvvm"), "bench/bc.mvvm");
  assertEquals(besideTarget("a.b/program", ".mvvm"), "a.b/program.mvvm");
  assertEquals(besideTarget("program.wat", ".mvvm.js"), "program.mvvm.js");
});
