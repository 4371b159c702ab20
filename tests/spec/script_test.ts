import { assert, assertEquals } from "@std/assert";
import { type Command, type ModuleSource, parseScript } from "./script.ts";

const parse = (text: string) => parseScript(new TextEncoder().encode(text));
const text = (source: ModuleSource) => new TextDecoder().decode(source.bytes);

/** The only command of a script, which must be of that type. */
function only<T extends Command["type"]>(type: T, script: string): Extract<Command, { type: T }> {
  const commands = parse(script);
  assertEquals(commands.map((command) => command.type), [type], script);
  return commands[0] as Extract<Command, { type: T }>;
}

Deno.test("script: modules as text, binary and quote", () => {
  const plain = only("module", ";; é\n (module $M (func))");
  assertEquals([plain.name, plain.line, plain.source.form, text(plain.source)], [
    "$M",
    2,
    "text",
    "(module $M (func))",
  ]);
  const binary = only("module", String.raw`(module $B binary "\00asm" "" "\ff")`);
  assertEquals([binary.name, binary.source.form], ["$B", "binary"]);
  assertEquals([...binary.source.bytes], [0, 0x61, 0x73, 0x6d, 0xff]);
  const quote = only("module", String.raw`(module quote "(func" "\0a" ")")`);
  assertEquals([quote.name, quote.source.form, text(quote.source)], [undefined, "quote", "(func\n)"]);
});

Deno.test("script: the fields of a module alone are that module", () => {
  const inline = only("module", "(func) (memory 0)");
  assertEquals(text(inline.source), "(func) (memory 0)");
  assertEquals(parse(";; nothing"), []);
});

Deno.test("script: actions, named and not, with names of any UTF-8", () => {
  assertEquals(only("action", '(invoke "\\u{feff}a\\00" (i32.const 1) (ref.null func))').action, {
    type: "invoke",
    module: undefined,
    name: "\ufeffa\0",
    args: [{ type: "i32", bits: 1 }, { type: "ref.null", heap: "func" }],
  });
  assertEquals(only("action", '(get $M "g")').action, { type: "get", module: "$M", name: "g" });
  const register = only("register", '(register "m" $M)');
  assertEquals([register.as, register.module], ["m", "$M"]);
});

Deno.test("script: assertions", () => {
  const returns = only(
    "assert_return",
    '(assert_return (invoke "f") (f32.const nan:canonical) (i64.const -1))',
  );
  assertEquals(returns.expected, [{ type: "f32", nan: "canonical" }, { type: "i64", bits: 2n ** 64n - 1n }]);
  const trap = only("assert_trap", '(assert_trap (invoke $M "f") "unreachable")');
  assert("name" in trap.subject);
  assertEquals([trap.subject.module, trap.message], ["$M", "unreachable"]);
  const start = only("assert_trap", '(assert_trap (module (start 0)) "unreachable")');
  assert("form" in start.subject);
  only("assert_exhaustion", '(assert_exhaustion (invoke "f") "call stack exhausted")');
  for (const type of ["assert_malformed", "assert_invalid", "assert_unlinkable"] as const) {
    const rejected = only(type, `(${type} (module binary "a") "why")`);
    assertEquals([text(rejected.source), rejected.message], ["a", "why"]);
  }
});

Deno.test("script: commands of other versions, and broken ones, are named and do not stop the rest", () => {
  const commands = parse(`(module definition $M) (assert_exception (invoke "f"))
    (invoke "f" (v128.const i8x16)) (assert_return (call "f")) (assert_trap (invoke "f") "a" "b")
    (invoke) toString (toString) (register "m")`);
  assertEquals(commands.map((command) => command.type === "unknown" ? command.reason : command.type), [
    "module: (module definition ...) is not of WebAssembly 2.0",
    "unknown command assert_exception",
    "cannot understand the value (v128.const i8x16)",
    "call: is no action; (invoke ...) or (get ...) is needed",
    "assert_trap: more operands than expected",
    "invoke: a string is missing",
    "unknown command here",
    "unknown command toString",
    "register",
  ]);
});
