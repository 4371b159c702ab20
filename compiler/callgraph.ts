/**
 * What may happen inside a call: can it unwind (stop and leave its frames to the heap), and can it
 * recurse? Calls that can do neither need no code around them.
 *
 * @module
 */
import type { CompileOptions } from "./policy.ts";
import { type Facts, factsOf } from "./structure.ts";
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
  /** By function index: the function can call itself, directly or not, so its depth has no bound. */
  readonly #cyclic: Uint8Array;
  /** By function index: the function is on a cycle or can reach one, so it passes its depth on. */
  readonly #reachesCycle: Uint8Array;
  /** By function index: a call of it may grow a memory. Host functions may, by calling back. */
  readonly #grows: Uint8Array;
  readonly #imported: number;
  /** By key of their type: the defined functions that element segments name. */
  #tableFuncs: Map<string, Set<number>> | undefined;

  constructor(readonly module: Module) {
    this.facts = module.codes.map((_, i) => factsOf(module, i));
    this.#imported = module.imported.funcs;
    const edges = this.#edges();
    this.#cyclic = cyclicNodes(edges);
    this.#reachesCycle = reaching(edges, this.#cyclic);
    const growers = new Uint8Array(edges.length).fill(1, 0, this.#imported);
    this.facts.forEach(({ grows }, i) => grows && (growers[this.#imported + i] = 1));
    this.#grows = reaching(edges, growers);
  }

  cyclic(func: number): boolean {
    return this.#cyclic[func] === 1;
  }

  mayGrow(func: number): boolean {
    return this.#grows[func] === 1;
  }

  passesDepth(func: number): boolean {
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

  /** By function index: 1 if a call of it may unwind under these options. */
  mayUnwind(options: CompileOptions): Uint8Array {
    const { module, facts } = this;
    const loopsPoll = options.policy !== "none" && options.policy !== "function";
    const seeds = new Uint8Array(module.funcTypes.length);
    seeds.fill(1, 0, this.#imported);
    facts.forEach(({ callees, indirect, loops }, i) => {
      const func = this.#imported + i;
      const polls = (loopsPoll && loops) ||
        (options.policy === "function" && (loops || callees.length > 0)) ||
        func === options.watch;
      if (polls || indirect.length > 0 || this.cyclic(func)) seeds[func] = 1;
    });
    return reaching(this.#edges(), seeds).subarray(0, module.funcTypes.length);
  }

  /**
   * Successors of every function; behind them, one node per function type stands for its indirect calls
   * and leads to every function whose reference is taken.
   */
  #edges(): (readonly number[])[] {
    const { module, facts } = this;
    const funcs = module.funcTypes.length;
    const typeNodes = new Map<string, number>();
    const typeNode = (type: FuncType) => {
      const key = typeKey(type);
      let node = typeNodes.get(key);
      if (node === undefined) typeNodes.set(key, node = funcs + typeNodes.size);
      return node;
    };
    const edges: number[][] = [];
    for (let i = 0; i < this.#imported; i++) edges.push([]);
    for (const { callees, indirect } of facts) {
      edges.push([...callees, ...indirect.map((type) => typeNode(module.types[type]))]);
    }
    for (let i = 0; i < typeNodes.size; i++) edges.push([]);
    for (const func of referencedFuncs(module)) {
      const node = typeNodes.get(typeKey(module.funcTypes[func]));
      if (node !== undefined) edges[node].push(func);
    }
    return edges;
  }
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

/** Marks `seeds` and every node from which a seed can be reached. */
function reaching(edges: readonly (readonly number[])[], seeds: Uint8Array): Uint8Array {
  const callers: number[][] = edges.map(() => []);
  edges.forEach((successors, node) => {
    for (const successor of successors) callers[successor].push(node);
  });
  const marked = new Uint8Array(edges.length);
  marked.set(seeds);
  const work: number[] = [];
  marked.forEach((mark, node) => mark && work.push(node));
  for (let node = work.pop(); node !== undefined; node = work.pop()) {
    for (const caller of callers[node]) {
      if (marked[caller] === 0) {
        marked[caller] = 1;
        work.push(caller);
      }
    }
  }
  return marked;
}

/** Marks every node on a cycle: Tarjan's strongly connected components, without recursion. */
function cyclicNodes(edges: readonly (readonly number[])[]): Uint8Array {
  const count = edges.length;
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
      const successors = edges[node];
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
