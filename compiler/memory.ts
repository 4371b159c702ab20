/**
 * Loads and stores as DataView accesses: unaligned-safe, little-endian, and out of bounds is a
 * RangeError, which is the trap.
 *
 * @module
 */
import {
  bin,
  call,
  cond,
  expr,
  type Expression,
  id,
  index,
  logical,
  member,
  method,
  num,
  set,
} from "./estree.ts";
import type { Lowering } from "./lower.ts";
import { Effect, effectiveAddress, floatLoad, rewritten, singleIndex, type Value } from "./operands.ts";
import { ValType } from "./types.ts";
import { wide, wideRules } from "./wide.ts";

const littleEndian: Expression = { type: "Literal", value: true, raw: "true" };
const accessed = Effect.traps | Effect.reads;

/** DataView method and, for an i64, how the high half is made from the low one. */
interface Access {
  readonly method: string;
  readonly bytes: number;
  readonly extend?: "sign" | "zero" | "full";
}

const loads: Record<string, Access> = {
  "i32.load": { method: "getInt32", bytes: 4 },
  "i32.load8_s": { method: "getInt8", bytes: 1 },
  "i32.load8_u": { method: "getUint8", bytes: 1 },
  "i32.load16_s": { method: "getInt16", bytes: 2 },
  "i32.load16_u": { method: "getUint16", bytes: 2 },
  "i64.load": { method: "getInt32", bytes: 4, extend: "full" },
  "i64.load8_s": { method: "getInt8", bytes: 1, extend: "sign" },
  "i64.load8_u": { method: "getUint8", bytes: 1, extend: "zero" },
  "i64.load16_s": { method: "getInt16", bytes: 2, extend: "sign" },
  "i64.load16_u": { method: "getUint16", bytes: 2, extend: "zero" },
  "i64.load32_s": { method: "getInt32", bytes: 4, extend: "sign" },
  "i64.load32_u": { method: "getInt32", bytes: 4, extend: "zero" },
};

const stores: Record<string, Access> = {
  "i32.store": { method: "setInt32", bytes: 4 },
  "i32.store8": { method: "setInt8", bytes: 1 },
  "i32.store16": { method: "setInt16", bytes: 2 },
  "i64.store": { method: "setInt32", bytes: 4, extend: "full" },
  "i64.store8": { method: "setInt8", bytes: 1 },
  "i64.store16": { method: "setInt16", bytes: 2 },
  "i64.store32": { method: "setInt32", bytes: 4 },
};

function get(view: Expression, { method, bytes }: Access, address: Expression): Expression {
  return call(member(view, method), bytes === 1 ? [address] : [address, littleEndian]);
}

/** Pops an address, as the unsigned twin of a local where there is one. */
function popAddress(lowering: Lowering): Value {
  const value = lowering.stack.popInt();
  if (value.place !== "local") return value;
  const pointer = lowering.pointer(value.locals[0]);
  return pointer === undefined ? value : rewritten(value, pointer);
}

/** Lowers a load; its address is on the operand stack. */
export function lowerLoad(lowering: Lowering, name: string, align: number, offset: number): void {
  const { stack } = lowering;
  const memory = lowering.use("memory", 0);
  const view = lowering.view(memory);
  if (name === "f32.load" || name === "f64.load") {
    const type = name === "f32.load" ? ValType.f32 : ValType.f64;
    const isSingle = type === ValType.f32 &&
      isElement(lowering, stack.values[stack.height - 1], align, offset);
    if (isSingle) stack.simplify(1);
    const address = popAddress(lowering);
    const singles = isSingle ? lowering.view(memory, "s") : undefined;
    const load = { memory, view, address: address.node, offset, singles };
    stack.pushExpr(type, floatLoad(load, type), [address], "number", accessed, { load });
    return;
  }
  const access = loads[name];
  if (access.extend && lowering.wide) return loadWide(lowering, access, view, offset);
  if (access.extend === "full" || access.extend === "sign") {
    stack.simplify(1);
    const address = popAddress(lowering);
    const low = get(view, access, effectiveAddress(address.node, offset));
    const height = stack.height;
    stack.claim(height, accessed);
    const slot = stack.slot(height, ValType.i64);
    lowering.emit(set(slot.node, low));
    const high = access.extend === "sign"
      ? bin(">>", slot.node, num(31))
      : get(view, access, effectiveAddress(address.node, offset + 4));
    lowering.emit(set(slot.high!, high));
    stack.push(slot);
    return;
  }
  const address = popAddress(lowering);
  const node = get(view, access, effectiveAddress(address.node, offset));
  if (access.extend === "zero") {
    stack.pushExpr(ValType.i64, node, [address], "int", accessed, { high: num(0) });
  } else {
    stack.pushExpr(ValType.i32, node, [address], "int", accessed);
  }
}

/** Lowers a store; the address and, above it, the value are on the operand stack. */
export function lowerStore(lowering: Lowering, name: string, align: number, offset: number): void {
  const { stack } = lowering;
  const memory = lowering.use("memory", 0);
  if (name === "f32.store" || name === "f64.store") {
    return storeFloat(lowering, name, memory, align, offset);
  }
  const access = stores[name];
  const view = lowering.view(memory);
  if (access.extend === "full" && lowering.wide) return storeWide(lowering, view, offset);
  stack.halve(1);
  if (access.extend === "full") stack.simplify(2);
  const value = stack.popInt();
  const address = popAddress(lowering);
  stack.flushEffects();
  const put = (node: Expression, at: number) => {
    const target = effectiveAddress(address.node, offset + at);
    const args = access.bytes === 1 ? [target, node] : [target, node, littleEndian];
    lowering.emit(expr(call(member(view, access.method), args)));
  };
  // The high half first: if it is in bounds, so is the low half, and a trap leaves nothing written.
  if (access.extend === "full") put(value.high!, 4);
  put(value.node, 0);
}

/** An i64 that is kept whole is loaded whole. */
function loadWide(lowering: Lowering, access: Access, view: Expression, offset: number): void {
  const { stack } = lowering;
  const address = popAddress(lowering);
  const target = effectiveAddress(address.node, offset);
  if (access.extend === "full") {
    const node = call(member(view, "getBigUint64"), [target, littleEndian]);
    return stack.pushExpr(ValType.i64, node, [address], "int", accessed, { big: node, exact: true });
  }
  stack.pushExpr(ValType.i32, get(view, access, target), [address], "int", accessed);
  wideRules[access.extend === "sign" ? "i64.extend_i32_s" : "i64.extend_i32_u"](lowering);
}

function storeWide(lowering: Lowering, view: Expression, offset: number): void {
  const { stack } = lowering;
  const value = stack.pop();
  const address = popAddress(lowering);
  stack.flushEffects();
  const args = [effectiveAddress(address.node, offset), wide(value), littleEndian];
  lowering.emit(expr(call(member(view, "setBigUint64"), args)));
}

/** Whether an f32 is an element of the array of f32s, as far as can be told: then it is accessed as one. */
function isElement(lowering: Lowering, address: Value, align: number, offset: number): boolean {
  return align >= 2 && offset % 4 === 0 && address.place !== "const" && lowering.uses("singles");
}

function storeFloat(
  lowering: Lowering,
  name: string,
  memory: string,
  align: number,
  offset: number,
): void {
  const { stack } = lowering;
  const method32 = name === "f32.store";
  const view = lowering.view(memory);
  const top = stack.values[stack.height - 1];
  const address = stack.values[stack.height - 2];
  if (top.load && method32 && address.effects === 0) {
    // A copy from memory to memory moves as an integer.
    const { load } = stack.pop();
    const target = popAddress(lowering);
    stack.flushEffects();
    const bits = get(view, loads["i32.load"], effectiveAddress(load!.address, load!.offset));
    const args = [effectiveAddress(target.node, offset), bits, littleEndian];
    lowering.emit(expr(call(member(view, "setInt32"), args)));
    return;
  }
  const known = top.shape === "number" && !top.load;
  const constant = top.place === "const";
  const isSingle = method32 && isElement(lowering, address, align, offset);
  if (isSingle || !constant) stack.simplify(2);
  const value = stack.pop();
  const target = popAddress(lowering);
  stack.flushEffects();
  const exact = method("H", method32 ? "storeF32" : "storeF64", [
    id(memory),
    target.node,
    num(offset),
    value.node,
  ]);
  if (isSingle) {
    const singles = lowering.view(memory, "s");
    const element = singleIndex(target.node, offset);
    const isThere = logical(
      "&&",
      bin("===", bin("&", target.node, num(3)), num(0)),
      bin("<", element, member(singles, "length")),
    );
    const test = constant ? isThere : logical("&&", isPlain(value.node, known), isThere);
    return lowering.emit(expr(cond(test, set(index(singles, element), value.node).expression, exact)));
  }
  const plain = call(member(view, method32 ? "setFloat32" : "setFloat64"), [
    effectiveAddress(target.node, offset),
    value.node,
    littleEndian,
  ]);
  lowering.emit(expr(constant ? plain : cond(isPlain(value.node, known), plain, exact)));
}

/** Whether a float can be written as it is: NaNs are written by their bits. */
function isPlain(node: Expression, isNumber: boolean): Expression {
  const same = bin("===", node, node);
  if (isNumber) return same;
  const type = { type: "UnaryExpression", operator: "typeof", prefix: true, argument: node };
  return logical("&&", bin("===", type, { type: "Literal", value: "number", raw: '"number"' }), same);
}
