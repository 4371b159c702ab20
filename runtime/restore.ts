/**
 * From a snapshot to a store. The snapshot comes from a file that nobody trusts: everything in it is
 * checked against the validated modules before anything is made to run.
 *
 * @module
 */
import { MvvmError } from "../compiler/errors.ts";
import { typeKey } from "../compiler/callgraph.ts";
import type { Program } from "../compiler/program.ts";
import { frameOperands, type SiteInfo } from "../compiler/resume.ts";
import { localTypes } from "../compiler/sites.ts";
import { declaredFunctions } from "../compiler/validate_body.ts";
import { type GlobalType, type Import, ValType, valTypeName } from "../compiler/types.ts";
import { importName } from "./checkpoint.ts";
import { type Frame as HeapFrame, hostSite } from "./frame.ts";
import type { Func } from "./func.ts";
import { type Global, OwnGlobal } from "./global.ts";
import {
  type Frame,
  frameValues,
  type Ref,
  type Snapshot,
  type SnapshotInstance,
  type Value,
} from "./image/snapshot.ts";
import { checkImport, type Extern, Instance } from "./instance.ts";
import type { HostFunction } from "./host_function.ts";
import type { Factories } from "./factories.ts";
import { Memory } from "./memory.ts";
import { fillRedactions } from "./redact.ts";
import { type Resolver, Store, type StoreOptions } from "./store.ts";
import { Table } from "./table.ts";
import { type Bits, bitsAt, pushBits, toRaw } from "./value.ts";

/** The image does not fit the modules it is restored with. */
export class RestoreError extends MvvmError {
  override readonly name = "RestoreError";
}

function refuse(reason: string): never {
  throw new RestoreError(`the image does not fit the module: ${reason}`);
}

/** What a module says of a global, table or memory: of its own one, or of one that the host gives. */
interface Declared<T> {
  readonly type: T;
  readonly isOwn: boolean;
}

/** Types of globals, tables and memories as some instance's module declares them, by store address. */
function declared<T>(
  snapshot: Snapshot,
  programs: readonly Program[],
  space: "memories" | "tables" | "globals",
  types: (program: Program) => readonly T[],
): Map<number, Declared<T>> {
  const out = new Map<number, Declared<T>>();
  snapshot.instances.forEach((instance, i) => {
    const known = types(programs[i]);
    const list = instance[space];
    if (list.length !== known.length) refuse(`instance ${i} has another number of ${space}`);
    // The instance that defines something is listed before those that import it, or is the only one.
    list.forEach((address, k) => {
      const isOwn = k >= programs[i].module.imported[space];
      if (!out.has(address)) out.set(address, { type: known[k], isOwn });
      else if (isOwn) refuse(`instance ${i} has something that is not its own among its ${space}`);
    });
  });
  return out;
}

/**
 * Rebuilds a store. `programs` has a program for each instance, compiled from the module that the
 * snapshot names by hash (the caller has compared the hashes). `factories`, likewise, if the code is shared.
 *
 * @throws {RestoreError} The snapshot does not fit.
 * @throws {LinkError} A host function is missing.
 * @throws {RedactError} Values that were kept out are not put back yet.
 */
export function restoreStore(
  snapshot: Snapshot,
  programs: readonly Program[],
  resolve: Resolver,
  options: StoreOptions = {},
  factories?: readonly Factories[],
): Store {
  fillRedactions(snapshot, {});
  const store = new Store(options);
  const memories = makeMemories(snapshot, programs);
  const tables = makeTables(snapshot, programs);
  const globals = makeGlobals(snapshot, programs);
  const lists = { memory: memories, table: tables, global: globals };

  snapshot.instances.forEach((instance, i) => {
    const { module } = programs[i];
    if (instance.imports.length !== module.imported.funcs) {
      refuse(`instance ${i} has another number of imports`);
    }
    const next = { func: 0, memory: 0, table: 0, global: 0 };
    const addresses = { memory: instance.memories, table: instance.tables, global: instance.globals };
    const imports = module.imports.map((wanted, at) => {
      const k = next[wanted.kind]++;
      const value = wanted.kind === "func"
        ? importedFunc(store, instance.imports[k], wanted, i, resolve)
        : lists[wanted.kind][addresses[wanted.kind][k]];
      return typeof value === "function" ? value : checkImport(module, at, value);
    });
    const own = <T>(list: readonly T[], numbers: readonly number[], imported: number) =>
      numbers.slice(imported).map((number) => list[number]);
    const made = new Instance(store, programs[i], i, imports, {
      memories: own(memories, instance.memories, module.imported.memories),
      tables: own(tables, instance.tables, module.imported.tables),
      globals: own(globals, instance.globals, module.imported.globals),
      factories: factories?.[i],
    });
    for (const elem of instance.droppedElements) {
      if (elem >= module.elements.length) {
        refuse(`instance ${i} drops element segment ${elem}, which does not exist`);
      }
      made.elemDrop(elem);
    }
    for (const data of instance.droppedDatas) {
      if (data >= module.datas.length) {
        refuse(`instance ${i} drops data segment ${data}, which does not exist`);
      }
      made.dataDrop(data);
    }
    store.instances.push(made);
  });

  const refs = new References(store);
  snapshot.tables.forEach(({ elements }, i) => {
    tables[i].e = elements.map((ref) => refs.value(ref, tables[i].type.element));
  });
  snapshot.globals.forEach(({ value }, i) => {
    const { type } = globals[i].type;
    const raw: unknown[] = [];
    pushBits(
      raw,
      type,
      type === ValType.i32 || type === ValType.f32
        ? Number(value as bigint)
        : isNumeric(type)
        ? value as bigint
        : refs.value(value as Ref, type),
    );
    [globals[i].v, globals[i].h = 0] = raw as [unknown, number];
  });
  checkConstants(store);
  store.thread.frames = new FrameChecker(store, refs).frames(snapshot.stack);
  return store;
}

const isNumeric = (type: ValType) => type !== ValType.funcref && type !== ValType.externref;

function importedFunc(
  store: Store,
  given: SnapshotInstance["imports"][number],
  wanted: Import,
  instance: number,
  resolve: Resolver,
): Extern | HostFunction | undefined {
  if (given.kind === "host") {
    if (given.module !== wanted.module || given.name !== wanted.name) {
      refuse(
        `instance ${instance} imports "${wanted.module}" "${wanted.name}", the image has "${given.module}" "${given.name}"`,
      );
    }
    return resolve(wanted.module, wanted.name);
  }
  return store.instances[given.instance]?.funcs[given.func] ??
    refuse(`instance ${instance} imports from one made later`);
}

function makeMemories(snapshot: Snapshot, programs: readonly Program[]): Memory[] {
  const types = declared(snapshot, programs, "memories", ({ module }) => module.memories);
  return snapshot.memories.map(({ pages, maxPages, buffer }, i) => {
    const { type, isOwn } = types.get(i) ?? refuse(`memory ${i} belongs to no instance`);
    const { min, max } = type.limits;
    if (pages < min || pages > (max ?? 65536)) {
      refuse(`memory ${i} has ${pages} pages, the module allows ${min} to ${max ?? 65536}`);
    }
    checkMaximum(maxPages, max, isOwn, `memory ${i}`);
    if (!(buffer instanceof ArrayBuffer)) refuse(`memory ${i} is shared`);
    return new Memory({ limits: { min, max: maxPages } }, buffer, pages);
  });
}

/** The maximum of a memory or table is that of the module; what the host gives may have a smaller one. */
function checkMaximum(
  max: number | undefined,
  limit: number | undefined,
  isOwn: boolean,
  what: string,
): void {
  const fits = isOwn ? max === limit : limit === undefined || (max !== undefined && max <= limit);
  if (!fits) refuse(`${what} has the maximum ${max ?? "none"}, the module says ${limit ?? "none"}`);
}

function makeTables(snapshot: Snapshot, programs: readonly Program[]): Table[] {
  const types = declared(snapshot, programs, "tables", ({ module }) => module.tables);
  return snapshot.tables.map(({ type: name, max, elements }, i) => {
    const { type, isOwn } = types.get(i) ?? refuse(`table ${i} belongs to no instance`);
    if (valTypeName(type.element) !== name) refuse(`table ${i} holds ${name}, the module says otherwise`);
    const { min, max: limit } = type.limits;
    if (elements.length < min || elements.length > (limit ?? Infinity)) {
      refuse(`table ${i} has ${elements.length} elements`);
    }
    checkMaximum(max, limit, isOwn, `table ${i}`);
    const table = new Table({ element: type.element, limits: { min: 0, max } });
    // The elements may be functions of instances that are yet to be made; importing looks at the size.
    table.e = elements.map(() => null);
    return table;
  });
}

function makeGlobals(snapshot: Snapshot, programs: readonly Program[]): Global[] {
  const types = declared<GlobalType>(
    snapshot,
    programs,
    "globals",
    ({ module }) => module.globalTypes,
  );
  return snapshot.globals.map(({ type: name, mutable }, i) => {
    const { type } = types.get(i) ?? refuse(`global ${i} belongs to no instance`);
    if (valTypeName(type.type) !== name || type.mutable !== mutable) refuse(`global ${i} has another type`);
    return new OwnGlobal(type);
  });
}

/** Immutable globals with a constant for a value are part of the code: an image cannot change them. */
function checkConstants(store: Store): void {
  for (const { module, globals, index } of store.instances) {
    module.globals.forEach(({ type, init }, i) => {
      if (type.mutable || !init.op.endsWith(".const")) return;
      const global = globals[module.imported.globals + i];
      const wanted = "value" in init ? init.value : (init as { bits: number | bigint }).bits;
      const bits = BigInt(bitsAt([global.v, global.h], 0, type.type) as number | bigint);
      const width = type.type === ValType.i32 || type.type === ValType.f32 ? 32 : 64;
      if (bits !== BigInt.asUintN(width, BigInt(wanted))) {
        refuse(`instance ${index} has another value in constant global ${i}`);
      }
    });
  }
}

/** Whether there can be references to a function: only to what a module exports, or names in a segment or global. */
const isReferable = ({ instance, index }: Func) => declaredFunctions(instance.module)[index] === 1;

/** Whether a host can call a function, so that it can be the first on the stack. */
function isEntry({ instance: { module }, index }: Func): boolean {
  return module.start === index ||
    module.exports.some((each) => each.kind === "func" && each.index === index);
}

/** References of the image as values of the new store. */
class References {
  constructor(private readonly store: Store) {}

  value(ref: Ref, type: ValType): unknown {
    if (ref === null) return null;
    if (ref.kind === "extern") {
      if (type !== ValType.externref) refuse("a funcref holds a host value");
      return ref.value;
    }
    const func = ref.kind === "func" ? this.store.instances[ref.instance]?.funcs[ref.func] : this.#host(ref);
    if (func === undefined) refuse("a reference names a function that does not exist");
    if (!isReferable(func)) {
      refuse(`a reference names function ${func.index}, of which the module takes none`);
    }
    return func;
  }

  #host(name: { module: string; name: string }): Func | undefined {
    for (const instance of this.store.instances) {
      for (let i = 0; i < instance.module.imported.funcs; i++) {
        const func = instance.funcs[i];
        const known = importName(instance, i);
        const same = func.isHost && known.module === name.module && known.name === name.name;
        if (same && isReferable(func)) return func;
      }
    }
    return undefined;
  }
}

/** Checks a stack frame by frame: only what a valid execution could have left is taken. */
class FrameChecker {
  constructor(private readonly store: Store, private readonly refs: References) {}

  frames(stack: readonly Frame[]): HeapFrame[] {
    const frames: HeapFrame[] = [];
    let caller: { info: SiteInfo; func: Func; at: number } | undefined;
    let atEntry = false;
    stack.forEach((packed, at) => {
      const where = `frame ${at}`;
      const func = this.store.instances[packed.instance]?.funcs[packed.func] ??
        refuse(`${where} is in a function that does not exist`);
      if (func.instance.index !== packed.instance) refuse(`${where} is in an imported function`);
      // A start function lies on top of the entry function that is to run after it.
      const starts = at === 1 && atEntry && func === func.instance.funcs[func.instance.module.start ?? -1];
      if (at > 0 && caller === undefined && !starts) {
        refuse(`${where} has no caller: frame ${at - 1} is in no call`);
      }
      if (at === 0 && !isEntry(func)) refuse(`${where} is in a function that nothing outside can call`);
      if (caller) this.#checkCall(caller, func, where);
      if (func.isHost) {
        if (at !== stack.length - 1) refuse(`${where} is in a host function, but not the last`);
        if (packed.site !== 0) refuse(`${where} stands at offset ${packed.site} of a host function`);
        frames.push({
          func,
          site: hostSite,
          values: this.#values(packed, func.type.params, [], where),
          operands: [],
          fresh: false,
        });
        caller = undefined;
        return;
      }
      const info = func.instance.site(func.index, packed.site) ??
        refuse(`${where} stands at offset ${packed.site}, which is no site of function ${packed.func}`);
      atEntry = info.kind === "entry";
      const operands = frameOperands(info);
      const types = localTypes(func.instance.module, func.index);
      frames.push({
        func,
        site: packed.site,
        values: this.#values(packed, types, operands, where),
        operands,
        fresh: false,
      });
      caller = info.kind === "call" ? { info, func, at } : undefined;
    });
    if (caller) refuse(`the last frame, ${caller.at}, waits for a call that has no frame`);
    return frames;
  }

  #checkCall({ info, func: from }: { info: SiteInfo; func: Func }, callee: Func, where: string): void {
    const fits = info.target === undefined
      ? typeKey(callee.type) === typeKey(info.callee!) && isReferable(callee)
      : from.instance.funcs[info.target] === callee;
    if (!fits) refuse(`${where} is not what the frame before it calls`);
  }

  #values(packed: Frame, locals: readonly ValType[], operands: readonly ValType[], where: string): unknown[] {
    const wanted = [...locals, ...operands];
    const same = packed.localCount === locals.length && packed.types.length === wanted.length &&
      wanted.every((type, i) => packed.types[i] === type);
    if (!same) refuse(`${where} has other locals or operands than its site`);
    const values = frameValues(packed);
    const bits = [...values.locals, ...values.operands].map((value: Value, i): Bits =>
      "ref" in value ? this.refs.value(value.ref, wanted[i]) : value.bits
    );
    return toRaw(bits, wanted, pushBits);
  }
}
