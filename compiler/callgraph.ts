/**
 * What may happen inside a call: can it unwind (stop and leave its frames to the heap), and can it
 * recurse? Calls that can do neither need no code around them.
 *
 * @module
 */
import { type Facts, factsOf } from "./facts.ts";
import type { CompileOptions } from "./policy.ts";
import type { FuncType, Module } from "./types.ts";

/** A structural key: equal for function types that are equal. */
export function typeKey({ params, results }: FuncType): string {
  return `${params.join()}>${results.join()}`;
}

/** An indirect call compares with this many functions that it may call, so that V8 knows them. */
const fewTargets = 4;

export class CallGraph {
  /** Facts by defined function index. */
  readonly facts: readonly Facts[];
  readonly #edges: Edges;
  readonly #imported: number;
  /** By function index: the function can call itself, directly or not, so its depth has no bound. */
  readonly #cyclic: Uint8Array;
  /** By function index: the function is on a cycle or can reach one, so it passes its depth on. */
  #reachesCycle: Uint8Array | undefined;
  /** By function index: a call of it may grow a memory. Host functions may, by calling back. */
  #grows: Uint8Array | undefined;
  /** By key of their type: the defined functions that element segments name. */
  #tableFuncs: Map<string, Set<number>> | undefined;

  constructor(readonly module: Module) {
    this.facts = factsOf(module);
    this.#imported = module.imported.funcs;
    this.#edges = new Edges(successors(module, this.facts));
    this.#cyclic = this.#edges.cyclic();
  }

  cyclic(func: number): boolean {
    return this.#cyclic[func] === 1;
  }

  mayGrow(func: number): boolean {
    if (this.#grows === undefined) {
      const growers = new Uint8Array(this.#edges.count).fill(1, 0, this.#imported);
      this.facts.forEach(({ grows }, i) => grows && (growers[this.#imported + i] = 1));
      this.#grows = this.#edges.reaching(growers);
    }
    return this.#grows[func] === 1;
  }

  passesDepth(func: number): boolean {
    this.#reachesCycle ??= this.#edges.reaching(this.#cyclic);
    return this.#reachesCycle[func] === 1;
  }

  /**
   * The defined functions of a type that element segments put into tables, if there are at most
   * {@linkcode fewTargets}.
   */
  tableFuncs(type: FuncType): readonly number[] {
    this.#tableFuncs ??= this.#collectTableFuncs();
    const funcs = this.#tableFuncs.get(typeKey(type));
    return funcs === undefined || funcs.size > fewTargets ? [] : [...funcs];
  }

  #collectTableFuncs(): Map<string, Set<number>> {
    const byType = new Map<string, Set<number>>();
    for (const { init } of this.module.elements) {
      for (const each of init) {
        if (each.op !== "ref.func" || each.index < this.#imported) continue;
        const key = typeKey(this.module.funcTypes[each.index]);
        const funcs = byType.get(key);
        if (funcs === undefined) byType.set(key, new Set([each.index]));
        else funcs.add(each.index);
      }
    }
    return byType;
  }

  /** By function index: bits of {@linkcode Trait}. */
  traits(options: CompileOptions): Uint8Array<ArrayBuffer> {
    const unwinds = this.mayUnwind(options);
    const traits = new Uint8Array(unwinds.length);
    for (let func = 0; func < traits.length; func++) {
      const facts = this.facts[func - this.#imported];
      traits[func] = (unwinds[func] && Trait.unwinds) | (this.#cyclic[func] && Trait.cyclic) |
        (facts?.loops || facts?.callees.length || facts?.indirect.length ? Trait.works : 0) |
        (facts?.callees.includes(func) ? Trait.selfCalls : 0);
    }
    return traits;
  }

  /** By function index: 1 if a call of it may unwind under these options. */
  mayUnwind(options: CompileOptions): Uint8Array {
    const loopsPoll = options.policy !== "none" && options.policy !== "function";
    const seeds = new Uint8Array(this.#edges.count);
    seeds.fill(1, 0, this.#imported);
    this.facts.forEach(({ callees, indirect, loops }, i) => {
      const func = this.#imported + i;
      const polls = (loopsPoll && loops) ||
        (options.policy === "function" && (loops || callees.length > 0)) ||
        func === options.watch;
      if (polls || indirect.length > 0 || this.cyclic(func)) seeds[func] = 1;
    });
    return this.#edges.reaching(seeds).subarray(0, this.module.funcTypes.length);
  }
}

/** What the rewriting of functions must know of the call graph: bits by function index. */
export const Trait = {
  /** A call of it may unwind. */
  unwinds: 1,
  /** It can call itself. */
  cyclic: 2,
  /** It calls or loops. */
  works: 4,
  /** It calls itself directly. */
  selfCalls: 8,
} as const;

/**
 * Successors of every function; behind them, one node per function type stands for its indirect calls
 * and leads to every function whose reference is taken.
 */
function successors(module: Module, facts: readonly Facts[]): (readonly number[])[] {
  const funcs = module.funcTypes.length;
  const typeNodes = new Map<string, number>();
  const nodes = module.types.map((type) => {
    const key = typeKey(type);
    let node = typeNodes.get(key);
    if (node === undefined) typeNodes.set(key, node = funcs + typeNodes.size);
    return node;
  });
  const edges: (readonly number[])[] = [];
  for (let i = 0; i < module.imported.funcs; i++) edges.push([]);
  for (const { callees, indirect } of facts) {
    edges.push(indirect.length === 0 ? callees : [...callees, ...indirect.map((type) => nodes[type])]);
  }
  const byType = Array.from(typeNodes, (): number[] => []);
  for (const func of referencedFuncs(module)) {
    const type = module.types.indexOf(module.funcTypes[func]);
    if (type >= 0) byType[nodes[type] - funcs].push(func);
  }
  return [...edges, ...byType];
}

/** Functions that can be called through a table: named by segments, globals or exports. */
function referencedFuncs(module: Module): Set<number> {
  const funcs = new Set<number>();
  for (const { init } of module.elements) {
    for (const expr of init) if (expr.op === "ref.func") funcs.add(expr.index);
  }
  for (const { init } of module.globals) if (init.op === "ref.func") funcs.add(init.index);
  for (const { kind, index } of module.exports) if (kind === "func") funcs.add(index);
  return funcs;
}

/** A directed graph. */
class Edges {
  readonly count: number;
  /** Where each node's predecessors stand in `#sources`. */
  readonly #starts: Int32Array;
  readonly #sources: Int32Array;

  constructor(private readonly successors: readonly (readonly number[])[]) {
    this.count = successors.length;
    const starts = this.#starts = new Int32Array(this.count + 1);
    for (const list of successors) for (const to of list) starts[to + 1]++;
    for (let i = 0; i < this.count; i++) starts[i + 1] += starts[i];
    const next = starts.slice();
    this.#sources = new Int32Array(starts[this.count]);
    successors.forEach((list, from) => {
      for (const to of list) this.#sources[next[to]++] = from;
    });
  }

  /** Marks `seeds` and every node from which a seed can be reached. */
  reaching(seeds: Uint8Array): Uint8Array {
    const marked = seeds.slice();
    const work: number[] = [];
    marked.forEach((mark, node) => mark && work.push(node));
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      for (let i = this.#starts[node]; i < this.#starts[node + 1]; i++) {
        const source = this.#sources[i];
        if (marked[source] !== 0) continue;
        marked[source] = 1;
        work.push(source);
      }
    }
    return marked;
  }

  /** Marks every node on a cycle: Tarjan's strongly connected components, without recursion. */
  cyclic(): Uint8Array {
    const { count } = this;
    const cyclic = new Uint8Array(count);
    const order = new Int32Array(count);
    const low = new Int32Array(count);
    const onStack = new Uint8Array(count);
    const next = new Int32Array(count);
    const stack: number[] = [];
    const path: number[] = [];
    let clock = 0;
    for (let root = 0; root < count; root++) {
      if (order[root] !== 0) continue;
      path.push(root);
      while (path.length > 0) {
        const node = path[path.length - 1];
        if (order[node] === 0) {
          order[node] = low[node] = ++clock;
          stack.push(node);
          onStack[node] = 1;
        }
        const successors = this.successors[node];
        if (next[node] < successors.length) {
          const successor = successors[next[node]++];
          if (successor === node) cyclic[node] = 1;
          if (order[successor] === 0) path.push(successor);
          else if (onStack[successor]) low[node] = Math.min(low[node], order[successor]);
          continue;
        }
        path.pop();
        const parent = path[path.length - 1];
        if (parent !== undefined) low[parent] = Math.min(low[parent], low[node]);
        if (low[node] !== order[node]) continue;
        const size = stack.length - stack.lastIndexOf(node);
        for (let i = 0; i < size; i++) {
          const member = stack.pop()!;
          onStack[member] = 0;
          if (size > 1) cyclic[member] = 1;
        }
      }
    }
    return cyclic;
  }
}
