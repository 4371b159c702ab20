/**
 * The kernels: C programs in `kernels/` that export `run(n)` and import nothing. Sizes take 0.05 to 0.5 s
 * in V8's Wasm; quick sizes some milliseconds.
 *
 * @module
 */

/** A size and the checksum that `run` returns for it, as eight hexadecimal digits. */
export interface Sized {
  n: number;
  checksum: string;
}

/** A kernel. */
export interface Kernel extends Sized {
  /** `kernels/NAME.c` and `kernels/NAME.wasm`. */
  name: string;
  /** What most of its instructions work on. */
  kind: "i32" | "i64" | "f64" | "f32" | "graph" | "calls" | "memory";
  about: string;
  quick: Sized;
}

const kernel = (
  kind: Kernel["kind"],
  name: string,
  about: string,
  [n, checksum]: [number, string],
  [quickN, quickChecksum]: [number, string],
): Kernel => ({ name, kind, about, n, checksum, quick: { n: quickN, checksum: quickChecksum } });

/** The path of a kernel's module. */
export const kernelFile = (name: string): string =>
  decodeURIComponent(new URL(`kernels/${name}.wasm`, import.meta.url).pathname);

/** All kernels, by kind. */
export const KERNELS: readonly Kernel[] = [
  kernel("i32", "crc32", "CRC-32 by a table", [60, "7213d5e5"], [1, "d6ccf2b0"]),
  kernel("i32", "distance", "edit distance", [8000, "89f28c78"], [300, "6e2187aa"]),
  kernel("i32", "floyd", "all shortest paths", [500, "64ab762a"], [60, "67301ebd"]),
  kernel("i32", "hash32", "a 32-bit hash", [400, "528bb4e2"], [3, "1a1aa49d"]),
  kernel("i32", "interpreter", "a bytecode interpreter", [120000, "49241e7a"], [1000, "dafacf46"]),
  kernel("i32", "list", "a linked list in shuffled order", [300, "48c74a4f"], [3, "f3f09af1"]),
  kernel("i32", "lz", "LZ77 compression and back", [3000, "4d543f4b"], [50, "b755fbdb"]),
  kernel("i32", "quicksort", "quicksort", [2000000, "14a1379a"], [20000, "47db6ef5"]),
  kernel("i32", "sha256", "SHA-256", [400, "01f09e35"], [2, "864f6d46"]),
  kernel("i32", "sieve", "the sieve of Eratosthenes", [4000, "0299b6bb"], [30, "56995cfd"]),
  kernel("i32", "words", "string processing", [6000, "70379efc"], [60, "b402845e"]),
  kernel("i64", "bignum", "long multiplication and division", [16000, "4acaee00"], [500, "c51a809a"]),
  kernel("i64", "hash64", "a 64-bit hash", [1500, "36aac1a4"], [5, "7f382b61"]),
  kernel("i64", "random64", "xoshiro256**", [30000000, "60fa30d2"], [500000, "70d96968"]),
  kernel("f64", "cg", "NAS CG: sparse conjugate gradients", [100000, "6cb3c7b6"], [1500, "1e774522"]),
  kernel("f64", "ep", "NAS EP: normal deviates, log and sqrt", [4000000, "2ba72a2d"], [30000, "099c8c5c"]),
  kernel("f64", "ft", "NAS FT: three-dimensional FFT", [64, "810dc1a2"], [16, "e0045870"]),
  kernel("f64", "linpack", "LU factorisation and solve", [600, "078f6b19"], [60, "9618bb5b"]),
  kernel("f64", "mandelbrot", "the Mandelbrot set", [1200, "aa39c726"], [60, "d5c6ef91"]),
  kernel("f64", "matmul", "dense matrix product", [560, "22887e97"], [60, "d46098a4"]),
  kernel("f64", "mg", "NAS MG: multigrid", [64, "8538c941"], [16, "15241d5b"]),
  kernel("f64", "nbody", "gravity between five bodies", [1500000, "bd251ef2"], [5000, "9fb8a7b5"]),
  kernel("f32", "jacobi", "a five-point stencil", [200, "ee269945"], [2, "aebf264f"]),
  kernel("f32", "saxpy", "y = a * x + y", [4000, "5000a64e"], [20, "47a62906"]),
  kernel("f32", "sgemm", "single-precision matrix product", [560, "39477060"], [60, "aa7af966"]),
  kernel("f32", "transformer", "a small language model on random weights", [192, "c0b5fdf9"], [
    8,
    "91a4df02",
  ]),
  kernel("graph", "betweenness", "Brandes on a Kronecker graph of 2^n nodes", [16, "7f2b09f8"], [
    9,
    "550116ea",
  ]),
  kernel("graph", "bfs", "breadth-first search on a Kronecker graph", [16, "b36bcda3"], [9, "365f8907"]),
  kernel("graph", "pagerank", "PageRank on a Kronecker graph", [16, "c24b8259"], [9, "3ec09d4f"]),
  kernel("calls", "ackermann", "Ackermann and Takeuchi: recursion", [2000, "916ae984"], [20, "c70b07c4"]),
  kernel("calls", "callback_sort", "qsort with callbacks", [150000, "3678bbcc"], [2000, "97818b7d"]),
  kernel("calls", "fib", "Fibonacci by recursion", [38, "d2ed2b21"], [20, "6c294057"]),
  kernel("calls", "indirect", "function pointers and methods", [8000, "f29f99f0"], [40, "9e3cf11d"]),
  kernel("calls", "queens", "N queens by recursion and by arrays", [14, "c95fd9e1"], [7, "0c1d3929"]),
  kernel("memory", "churn", "malloc and free", [3000, "67059a97"], [30, "d4ea1f80"]),
  kernel("memory", "trees", "binary trees built and freed", [19, "9db3f23c"], [10, "e6e1d829"]),
];
