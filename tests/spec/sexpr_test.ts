import { assert, assertEquals, assertThrows } from "@std/assert";
import { type List, read, ScriptError, type Sexpr } from "./sexpr.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const readText = (text: string) => read(bytes(text));

/** The shape of an expression without places: lists as arrays, strings as `"..."`. */
function shape(expr: Sexpr): unknown {
  if (expr.kind === "list") return expr.items.map(shape);
  return expr.kind === "atom" ? expr.text : `"${new TextDecoder().decode(expr.bytes)}"`;
}
const shapes = (text: string) => readText(text).map(shape);

Deno.test("sexpr: lists, atoms and strings", () => {
  assertEquals(shapes('(a $b (c "d e") -0x1p+3)f'), [["a", "$b", ["c", '"d e"'], "-0x1p+3"], "f"]);
  assertEquals(shapes("  \n"), []);
  assertEquals(shapes('(a"b"c)'), [["a", '"b"', "c"]]);
});

Deno.test("sexpr: comments, line and nested block, also at the very end", () => {
  assertEquals(shapes("a;;b (\nc(;(;;);)d(; ;; ;)e;;"), ["a", "c", "d", "e"]);
  assertEquals(shapes('(;"(;";);)a'), ["a"]);
  assertEquals(shapes("(;\0;)a ;; (;\n b"), ["a", "b"]);
});

Deno.test("sexpr: escapes give bytes, also ones that are not UTF-8", () => {
  const [all] = readText(String.raw`"\t\n\r\"\'\\\00\fF\u{1F600}\u{0_0e9}é"`);
  assert(all.kind === "string");
  assertEquals(
    [...all.bytes],
    [9, 10, 13, 34, 39, 92, 0, 0xff, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xa9, 0xc3, 0xa9],
  );
});

Deno.test("sexpr: places are byte offsets and lines", () => {
  const source = bytes('(é)\n(; \n ;) (x\n "y\\n")');
  const [, list] = read(source) as List[];
  assertEquals([list.line, list.items[0].line, list.items[1].line], [3, 3, 4]);
  assertEquals(new TextDecoder().decode(source.subarray(list.start, list.end)), '(x\n "y\\n")');
});

Deno.test("sexpr: what is broken is refused with its line", () => {
  for (
    const [text, reason, line] of [
      ["\n(a", "a '(' is not closed", 2],
      ["(a)\n)", "a ')' without its '('", 2],
      ['\n\n"a', "a string is not closed", 3],
      ['"a\\', "a string is not closed", 1],
      ['"a\n"', "a string is not closed", 1],
      ["\n(; (; ;)\n", "a block comment is not closed", 2],
      [String.raw`"\q"`, "unknown escape \\q in a string", 1],
      [String.raw`"\u{110000}"`, "\\u{110000} is no Unicode scalar value", 1],
    ] as const
  ) {
    const error = assertThrows(() => readText(text), ScriptError);
    assertEquals([error.reason, error.line], [reason, line]);
  }
});

Deno.test("sexpr: a million nested lists do not need a deep stack", () => {
  const depth = 1_000_000;
  let [expr] = readText("(".repeat(depth) + ")".repeat(depth));
  let seen = 0;
  while (expr?.kind === "list") {
    seen++;
    expr = expr.items[0];
  }
  assertEquals(seen, depth);
  assertEquals(readText("(;".repeat(depth) + ";)".repeat(depth)), []);
});
