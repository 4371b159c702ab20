/**
 * The two columns made by binaryen: wasm2js, and Asyncify with polls, the usual ways to run Wasm where
 * there is none and to stop it in the middle. The package is large and only these optional columns want
 * it, so it is loaded by its full name when one of them is asked for.
 *
 * @module
 */

/** The little of binaryen's API that is used. */
interface Binaryen {
  setOptimizeLevel(level: number): void;
  setShrinkLevel(level: number): void;
  setPassArgument(name: string, value: string): void;
  Features: { All: number; SIMD128: number };
  readBinary(bytes: Uint8Array): BinaryenModule;
  parseText(text: string): BinaryenModule;
}

interface BinaryenModule {
  setFeatures(features: number): void;
  optimize(): void;
  runPasses(passes: string[]): void;
  validate(): number;
  emitAsmjs(): string;
  emitText(): string;
  emitBinary(): Uint8Array<ArrayBuffer>;
}

async function loadBinaryen(): Promise<Binaryen> {
  const specifier = "npm:binaryen@132.0.0";
  const binaryen = (await import(specifier)).default as Binaryen;
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  return binaryen;
}

/** Turns a module into JavaScript, and gives its exports. */
export async function loadWasm2js(bytes: Uint8Array): Promise<Record<string, unknown>> {
  const binaryen = await loadBinaryen();
  const module = binaryen.readBinary(bytes);
  module.setFeatures(binaryen.Features.All);
  module.optimize();
  return await import(`data:text/javascript,${encodeURIComponent(module.emitAsmjs())}`);
}

/**
 * Makes a module that could be unwound at every loop and function entry: a counter is looked at there, and
 * every 65,536 times the import `env.pause` is called, which Asyncify takes for something that may unwind.
 */
export async function asyncify(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const binaryen = await loadBinaryen();
  const plain = binaryen.readBinary(bytes);
  plain.setFeatures(binaryen.Features.All);
  const module = binaryen.parseText(addPolls(plain.emitText()));
  module.setFeatures(binaryen.Features.All);
  if (!module.validate()) throw new Error("the module with polls is not valid");
  binaryen.setPassArgument("asyncify-imports", "env.pause");
  module.runPasses(["asyncify"]);
  module.optimize();
  return module.emitBinary();
}

const POLL = `
 (global $bench_ticks (mut i32) (i32.const 65536))
 (func $bench_poll
  (global.set $bench_ticks (i32.sub (global.get $bench_ticks) (i32.const 1)))
  (if (i32.eqz (global.get $bench_ticks))
   (then (global.set $bench_ticks (i32.const 65536)) (call $bench_pause))))
`;

/** Works on binaryen's own text, which has one line for a function's head and one for each of its locals. */
function addPolls(text: string): string {
  const lines: string[] = [];
  let entered = false;
  for (const line of text.split("\n")) {
    if (entered && !line.startsWith("  (local ")) {
      lines.push("  (call $bench_poll)");
      entered = false;
    }
    if (line.startsWith(" (func ")) entered = true;
    lines.push(line.replace(/\(loop( \$[^\s()]+)?( \([^)]*\))*$/, "$& (call $bench_poll)"));
  }
  const body = lines.join("\n").replace("(module", '(module\n (import "env" "pause" (func $bench_pause))');
  return body.slice(0, body.lastIndexOf(")")) + POLL + ")";
}
