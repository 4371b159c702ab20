/**
 * What each instruction does to the lowering: one table by opcode.
 *
 * @module
 */
import { byConstant, numericRule } from "./numeric.ts";
import {
  lowerBlock,
  lowerBr,
  lowerBrIf,
  lowerBrTable,
  lowerElse,
  lowerEnd,
  lowerIf,
  lowerLoop,
  lowerReturn,
  lowerUnreachable,
} from "./control.ts";
import { lowerCall, lowerCallIndirect } from "./calls.ts";
import { bin, call, cond, expr, type Expression, id, member, method, not, num, set, uint } from "./estree.ts";
import { flatBlock, flatElse, flatEnd, flatIf, flatLoop } from "./flat.ts";
import { i64Rule } from "./i64.ts";
import { lowerLoad, lowerStore } from "./memory.ts";
import { nullLiteral } from "./assemble.ts";
import type { Lowering } from "./lower.ts";
import { constant, Effect, evaluate, type Value } from "./operands.ts";
import { type Opcode, opcodes } from "./opcodes.ts";
import type { Reader } from "./reader.ts";
import { ValType } from "./types.ts";

export type Handler = (lowering: Lowering, reader: Reader) => void;

const { i32, i64, f32, f64, funcref } = ValType;
const accessed = Effect.traps | Effect.reads;

/** Pops `count` operands as expressions, deepest first, for a call that has effects. */
function popArguments(lowering: Lowering, count: number): Expression[] {
  const { stack } = lowering;
  stack.settle(count);
  const args: Expression[] = [];
  for (let i = 0; i < count; i++) args.unshift(stack.popInt().node);
  stack.flushEffects();
  return args;
}

/** An instruction that is one call for its effects: bulk memory and table operations. */
function effect(
  count: number,
  object: (lowering: Lowering, reader: Reader) => [string, string, ...number[]],
): Handler {
  return (lowering, reader) => {
    const [name, operation, ...immediates] = object(lowering, reader);
    const args = popArguments(lowering, count);
    lowering.emit(expr(method(name, operation, [...immediates.map(num), ...args])));
  };
}

/** An i32 result that is made at once, because making it has effects. */
function pushNow(lowering: Lowering, node: Expression, type: ValType): void {
  const { stack } = lowering;
  stack.claim(stack.height);
  const slot = stack.slot(stack.height, type);
  lowering.emit(set(slot.node, node));
  stack.push(slot);
}

function setLocal(lowering: Lowering, local: number): void {
  const { stack } = lowering;
  const value = stack.pop();
  const place = lowering.place(local);
  if (value.node === place.node && value.high === place.high) return;
  if (value.effects !== 0) stack.flushEffects();
  stack.flushLocal(local);
  stack.assign(place, value);
  const pointer = lowering.pointer(local);
  if (pointer) lowering.emit(set(pointer, uint(lowering.local(local))));
}

function pushLocal(lowering: Lowering, local: number): void {
  lowering.stack.pushLocal(local, lowering.localTypes[local], lowering.place(local));
}

/** A float constant by its bits: a literal, unless it is a NaN. */
function pushFloat(lowering: Lowering, type: ValType, low: number, high: number): void {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  const value = type === f32 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  if (!Number.isNaN(value)) return lowering.stack.push(constant(type, num(value)));
  const node = type === f32
    ? method("H", "f32OfBits", [num(low | 0)])
    : method("H", "f64OfBits", [num(low | 0), num(high | 0)]);
  lowering.stack.pushExpr(type, node, [], "raw");
}

function lowerGlobalGet(lowering: Lowering, reader: Reader): void {
  const global = reader.u32();
  const { type, mutable } = lowering.module.globalTypes[global];
  const defined = lowering.module.globals[global - lowering.module.imported.globals];
  if (!mutable && defined?.init.op === "i32.const") {
    return lowering.stack.push(constant(i32, num(defined.init.value)));
  }
  const cell = id(lowering.use("global", global));
  lowering.stack.pushExpr(
    type,
    member(cell, "v"),
    [],
    type === f32 || type === f64 ? "raw" : "int",
    Effect.reads,
    {
      high: type === i64 ? member(cell, "h") : undefined,
    },
  );
}

function lowerGlobalSet(lowering: Lowering, reader: Reader): void {
  const { stack } = lowering;
  const cell = id(lowering.use("global", reader.u32()));
  stack.settle(1);
  if (stack.values[stack.height - 1].type === i64) stack.simplify(1);
  const value = stack.popInt();
  stack.flushEffects();
  lowering.emit(set(member(cell, "v"), value.node));
  if (value.high) lowering.emit(set(member(cell, "h"), value.high));
}

const isSimple = ({ place }: Value) => place !== "expr";

const extremes: Readonly<Record<string, readonly [string, string]>> = {
  "<": ["min", "max"],
  "<=": ["min", "max"],
  ">": ["max", "min"],
  ">=": ["max", "min"],
};

/**
 * A choice between two i32s without a branch, which would be mispredicted where the producer of the module saw a
 * reason for `select`: the smaller or the greater, else `b ^ (a ^ b) & -condition`.
 */
function selectInt({ stack }: Lowering): void {
  const condition = stack.pop();
  const b = stack.pop();
  const a = stack.pop();
  const { node: on, shape } = condition;
  const over = [a, b, condition];
  const extreme = on.type === "BinaryExpression" && shape === "bool" ? extremes[on.operator] : undefined;
  if (extreme) {
    const isSame = on.left === a.node && on.right === b.node;
    const isSwapped = on.left === b.node && on.right === a.node;
    if (isSame || isSwapped) {
      return stack.pushExpr(i32, call(id(extreme[isSame ? 0 : 1]), [a.node, b.node]), over);
    }
  }
  const bit = shape === "bool" ? on : bin("!==", on, num(0));
  const mask = bin("-", num(0), bin("|", bit, num(0)));
  stack.pushExpr(i32, bin("^", b.node, bin("&", bin("^", a.node, b.node), mask)), over);
}

function lowerSelect(lowering: Lowering): void {
  const { stack } = lowering;
  stack.settle(3);
  stack.halve(3);
  const [a, b, test] = stack.values.slice(stack.height - 3);
  // Only one side of `?:` is evaluated, but both sides of `select` are.
  if ((a.effects | b.effects) !== 0) {
    const height = stack.height;
    for (const i of [height - 3, height - 2]) if (stack.values[i].place === "expr") stack.store(i);
  }
  if (a.type === i32 && isSimple(a) && isSimple(b) && lowering.uses("select")) return selectInt(lowering);
  if (a.high && test.place === "expr") stack.simplify(1);
  const condition = stack.pop();
  const on = condition.node;
  const second = stack.popInt();
  const first = stack.popInt();
  const shape = first.shape === "number" && second.shape === "number"
    ? "number"
    : first.type === f32 || first.type === f64
    ? "raw"
    : "int";
  stack.pushExpr(first.type, cond(on, first.node, second.node), [first, second, condition], shape, 0, {
    high: first.high && cond(on, first.high, second.high!),
  });
}

function lowerNumeric({ name, signature }: Opcode): Handler {
  const [from, to] = signature!.split("->");
  const count = from.trim().split(" ").length;
  const result = ValType[to.trim() as "i32"];
  const rule = numericRule(name);
  if (rule === undefined) {
    const pair = i64Rule(name);
    if (pair === undefined) throw new Error(`no rule for ${name}`);
    return pair;
  }
  const { make, shape, traps, repeats } = rule;
  const moves = shape === "raw" || name.startsWith("i32.reinterpret");
  return ({ stack }) => {
    if (name === "i32.eqz" && stack.values[stack.height - 1].shape === "bool") {
      const value = stack.pop();
      return stack.pushExpr(i32, not(value.node), [value], "bool");
    }
    if (moves) stack.settle(count);
    if (repeats) stack.simplify(count);
    const b = count === 2 ? stack.popInt() : undefined;
    const a = stack.popInt();
    const over = b === undefined ? [a] : [a, b];
    const short = b && byConstant(name, a.node, b.node);
    if (short) return stack.pushExpr(result, short, over);
    stack.pushExpr(result, make({ a: a.node, b: b?.node ?? a.node }), over, shape, traps ? Effect.traps : 0);
  };
}

const table = (lowering: Lowering, reader: Reader) => lowering.use("table", reader.u32());

/** One handler for structured code, one for flat code. */
function either(structured: Handler, flat: Handler): Handler {
  return (lowering, reader) => (lowering.flat ? flat : structured)(lowering, reader);
}

const special: Record<string, Handler> = {
  "unreachable": lowerUnreachable,
  "nop": () => {},
  "block": either(lowerBlock, flatBlock),
  "loop": either(lowerLoop, flatLoop),
  "if": either(lowerIf, flatIf),
  "else": either(lowerElse, flatElse),
  "end": either(lowerEnd, flatEnd),
  "br": lowerBr,
  "br_if": lowerBrIf,
  "br_table": lowerBrTable,
  "return": lowerReturn,
  "call": lowerCall,
  "call_indirect": lowerCallIndirect,

  "drop": (lowering) => {
    const value = lowering.stack.pop();
    if (value.effects !== 0) lowering.stack.flushEffects();
    evaluate(value).forEach((statement) => lowering.emit(statement));
  },
  "select": lowerSelect,
  "select t": (lowering, reader) => {
    for (let count = reader.u32(); count > 0; count--) reader.u8();
    lowerSelect(lowering);
  },
  "local.get": (lowering, reader) => pushLocal(lowering, reader.u32()),
  "local.set": (lowering, reader) => setLocal(lowering, reader.u32()),
  "local.tee": (lowering, reader) => {
    const local = reader.u32();
    setLocal(lowering, local);
    pushLocal(lowering, local);
  },
  "global.get": lowerGlobalGet,
  "global.set": lowerGlobalSet,

  "i32.const": ({ stack }, reader) => stack.push(constant(i32, num(reader.s32()))),
  "i64.const": ({ stack }, reader) => {
    const value = reader.s64();
    const high = Number(BigInt.asIntN(32, value >> 32n));
    stack.push(constant(i64, num(Number(BigInt.asIntN(32, value))), num(high)));
  },
  "f32.const": (lowering, reader) => pushFloat(lowering, f32, reader.f32Bits(), 0),
  "f64.const": (lowering, reader) => {
    const low = reader.f32Bits();
    pushFloat(lowering, f64, low, reader.f32Bits());
  },

  "memory.size": (lowering, reader) => {
    reader.u8();
    const memory = id(lowering.use("memory", 0));
    lowering.stack.pushExpr(i32, member(memory, "pages"), [], "int", Effect.reads);
  },
  "memory.grow": (lowering, reader) => {
    reader.u8();
    const memory = lowering.use("memory", 0);
    pushNow(lowering, method(memory, "grow", popArguments(lowering, 1)), i32);
    lowering.refreshViews();
  },
  "memory.fill": effect(3, (lowering, reader) => (reader.u8(), [lowering.use("memory", 0), "fill"])),
  "memory.copy": effect(3, (lowering, reader) => {
    reader.u8();
    reader.u8();
    return [lowering.use("memory", 0), "copy"];
  }),
  "memory.init": effect(3, (_, reader) => {
    const data = reader.u32();
    reader.u8();
    return ["S", "memoryInit", data];
  }),
  "data.drop": effect(0, (_, reader) => ["S", "dataDrop", reader.u32()]),
  "elem.drop": effect(0, (_, reader) => ["S", "elemDrop", reader.u32()]),
  "table.init": effect(3, (_, reader) => {
    const elem = reader.u32();
    return ["S", "tableInit", reader.u32(), elem];
  }),
  "table.copy": effect(3, (_, reader) => ["S", "tableCopy", reader.u32(), reader.u32()]),
  "table.fill": effect(3, (lowering, reader) => [table(lowering, reader), "fill"]),
  "table.set": effect(2, (lowering, reader) => [table(lowering, reader), "set"]),
  "table.get": (lowering, reader) => {
    const index = reader.u32();
    const name = lowering.use("table", index);
    const at = lowering.stack.popInt();
    const type = lowering.module.tables[index].element;
    lowering.stack.pushExpr(type, method(name, "get", [at.node]), [at], "int", accessed);
  },
  "table.size": (lowering, reader) => {
    const size = member(id(table(lowering, reader)), "size");
    lowering.stack.pushExpr(i32, size, [], "int", Effect.reads);
  },
  "table.grow": (lowering, reader) => {
    const name = table(lowering, reader);
    // The method takes them the other way round, and either may trap.
    lowering.stack.flushEffects();
    const [init, delta] = popArguments(lowering, 2);
    pushNow(lowering, method(name, "grow", [delta, init]), i32);
  },
  "ref.null": ({ stack }, reader) => {
    const type = reader.u8() as ValType;
    stack.push(constant(type, nullLiteral));
  },
  "ref.is_null": ({ stack }) => {
    const a = stack.pop();
    stack.pushExpr(
      i32,
      { type: "BinaryExpression", operator: "===", left: a.node, right: nullLiteral },
      [a],
      "bool",
    );
  },
  "ref.func": (lowering, reader) => {
    const func = lowering.use("func", reader.u32());
    lowering.stack.pushExpr(funcref, id(func), []);
  },
};

/** The handler of every opcode. */
export const handlers: readonly Handler[] = makeHandlers();

function makeHandlers(): Handler[] {
  const out: Handler[] = [];
  for (const opcode of opcodes) {
    const { code, name, immediate } = opcode;
    out[code] = special[name] ??
      (immediate === "memarg"
        ? (lowering, reader) => {
          const align = reader.u32();
          (name.includes("load") ? lowerLoad : lowerStore)(lowering, name, align, reader.u32());
        }
        : lowerNumeric(opcode));
  }
  return out;
}
