/**
 * The operand stack while a body is lowered. An operand stays an unevaluated expression as long as
 * nothing can change its value; then it is stored in the variable of its stack slot.
 *
 * @module
 */
import {
  bin,
  cond,
  expr,
  type Expression,
  id,
  ifThen,
  index,
  logical,
  member,
  method,
  num,
  set,
  type Statement,
} from "./estree.ts";
import type { Shape } from "./numeric.ts";
import { ValType } from "./types.ts";
import { wide, type WideSlots } from "./wide.ts";

/** What evaluating an expression may do or depend on, as bit flags. */
export const Effect = { none: 0, traps: 1, reads: 2 } as const;

/** Where a float was loaded from, so that the load can be repeated for a NaN's exact bits. */
export interface FloatLoad {
  readonly memory: string;
  /** The memory's view. */
  readonly view: Expression;
  /** For an f32 whose address should be a multiple of 4: the view of those. The address is simple. */
  readonly singles?: Expression;
  /** The address operand: an int32, or unsigned already. */
  readonly address: Expression;
  readonly offset: number;
}

/** Where a value is kept, or what it is. */
export interface Place {
  /** Its value; for an i64, the low half as an int32. */
  readonly node: Expression;
  /** The high half of an i64. An i64 without one is an expression `big`, and has no halves yet. */
  readonly high?: Expression;
  /** In functions that keep i64s whole (`wide.ts`): all of it as a BigInt. */
  readonly big?: Expression;
  /** The same, signed. */
  readonly signed?: Expression;
}

/** One operand. */
export interface Value extends Place {
  readonly type: ValType;
  readonly shape: Shape;
  readonly place: "const" | "local" | "slot" | "expr";
  readonly effects: number;
  /** How many nodes it has, roughly. */
  readonly size: number;
  /** Local indices that it reads. */
  readonly locals: readonly number[];
  /** One more than the highest stack slot that it reads. */
  readonly top: number;
  /** Set while a loaded float has not been looked at for NaNs, whose bits must be kept. */
  readonly load?: FloatLoad;
  /** Whether `big` lies in 0 to 2^64 - 1. */
  readonly exact?: boolean;
}

const slotLetters: Record<number, string> = {
  [ValType.i32]: "i",
  [ValType.i64]: "a",
  [ValType.f32]: "f",
  [ValType.f64]: "d",
  [ValType.funcref]: "r",
  [ValType.externref]: "r",
};

/** The variable of a stack slot (for an i64, of its low half). */
export function slotName(height: number, type: ValType): string {
  return slotLetters[type] + height;
}

/** The variable of the high half of an i64 in a stack slot. */
export function highSlotName(height: number): string {
  return "b" + height;
}

/** Larger expressions are stored, so that neither printing nor parsing them can run deep. */
const maxSize = 48;
const none: readonly number[] = [];
const noMore = {};

/** All operands are made here, so that V8 sees one shape: a start of CPython makes a million of them. */
function operand(
  type: ValType,
  { node, high, big, signed }: Place,
  shape: Shape,
  place: Value["place"],
  locals: readonly number[],
  top: number,
  effects: number = Effect.none,
  size = 1,
  load?: FloatLoad,
  exact?: boolean,
): Value {
  return {
    type,
    node,
    high,
    big,
    signed,
    shape,
    place,
    effects,
    size,
    locals,
    top,
    load,
    exact,
  };
}

export function constant(type: ValType, node: Expression, high?: Expression): Value {
  const shape = type === ValType.f32 || type === ValType.f64 ? "number" : "int";
  return operand(type, { node, high }, shape, "const", none, 0);
}

/** Another expression with the same value. */
export function rewritten(value: Value, node: Expression): Value {
  return { ...value, node, shape: value.shape === "bool" ? "int" : value.shape };
}

export class OperandStack {
  values: Value[] = [];

  /**
   * @param emit Appends a statement to the code being made.
   * @param declare Registers a variable of the function.
   * @param wide Where i64s are kept, if whole.
   */
  constructor(
    private readonly emit: (statement: Statement) => void,
    private readonly declare: (name: string, type: ValType) => Expression,
    private readonly wide?: WideSlots,
  ) {}

  get height(): number {
    return this.values.length;
  }

  /** The value that a slot's variables hold. */
  slot(height: number, type: ValType): Value {
    const slots = this.#slots[height] ??= [];
    return slots[type] ??= this.#makeSlot(height, type);
  }

  /** The operand that each local is, once it was one. */
  readonly #locals: Value[] = [];
  /** Slots by height and type. */
  readonly #slots: Value[][] = [];

  #makeSlot(height: number, type: ValType): Value {
    const shape = type === ValType.f32 || type === ValType.f64 ? "raw" : "int";
    const place = this.#placeOf(height, type);
    return operand(type, place, shape, "slot", none, height + 1);
  }

  #placeOf(height: number, type: ValType): Place {
    if (type !== ValType.i64) return { node: this.declare(slotName(height, type), type) };
    if (this.wide) return this.wide.operand(height);
    return {
      node: this.declare(slotName(height, type), type),
      high: this.declare(highSlotName(height), type),
    };
  }

  push(value: Value): void {
    this.values.push(value);
    if (value.size > maxSize) this.store(this.values.length - 1);
  }

  /** Pushes an expression over operands that were popped. */
  pushExpr(
    type: ValType,
    node: Expression,
    over: readonly Value[],
    shape: Shape = "int",
    effects = 0,
    { high, load, big, exact }: Partial<Pick<Value, "high" | "load" | "big" | "exact">> = noMore,
  ): void {
    let size = 1;
    let top = 0;
    let locals = none;
    for (const value of over) {
      effects |= value.effects;
      size += value.size;
      top = Math.max(top, value.top);
      if (value.locals.length > 0) locals = locals.length === 0 ? value.locals : [...locals, ...value.locals];
    }
    this.push(operand(type, { node, high, big }, shape, "expr", locals, top, effects, size, load, exact));
  }

  pushLocal(local: number, type: ValType, place: Place): void {
    const shape = type === ValType.f32 || type === ValType.f64 ? "raw" : "int";
    this.push(this.#locals[local] ??= operand(type, place, shape, "local", [local], 0));
  }

  pop(): Value {
    return this.values.pop()!;
  }

  /** Pops an i32 as an int32 expression. */
  popInt(): Value {
    const value = this.pop();
    if (value.shape !== "bool") return value;
    return rewritten(value, cond(value.node, num(1), num(0)));
  }

  /** Makes the top `count` operands variables or literals, so that they can be used more than once. */
  simplify(count: number): void {
    for (let i = this.values.length - count; i < this.values.length; i++) {
      if (this.values[i].place === "expr") this.store(i);
    }
  }

  /** Sees to it that the i64s among the top `count` operands have halves. */
  halve(count: number): void {
    if (this.wide === undefined) return;
    for (let i = Math.max(0, this.values.length - count); i < this.values.length; i++) {
      if (this.values[i].big && this.values[i].high === undefined) this.store(i);
    }
  }

  /** Looks at a freshly loaded float for a NaN, because it is about to be moved. */
  settle(count: number): void {
    for (let i = this.values.length - count; i < this.values.length; i++) {
      if (this.values[i].load) this.store(i);
    }
  }

  /** Stores operand `i` in the variable of its slot. */
  store(i: number): void {
    const value = this.values[i];
    if (value.place === "slot") return;
    this.claim(i, value.effects);
    this.values[i] = this.slot(i, value.type);
    this.assign(this.values[i], value);
  }

  /**
   * Makes slot `height` free to be written, by something with these effects: operands below that still
   * want the slot's old content are stored, and evaluation order is kept.
   */
  claim(height: number, effects: number = Effect.none): void {
    for (let i = 0; i < height; i++) {
      const below = this.values[i];
      if (below.place === "expr" && (below.top > height || (effects !== 0 && below.effects !== 0))) {
        this.store(i);
      }
    }
  }

  /** Emits the assignment of a value to its new place. */
  assign({ node: low, high, big }: Place, value: Value): void {
    if (big) {
      this.emit(set(big, wide(value)));
    } else if (value.load) {
      this.#assignLoad(low, value.load, value.type, value.node);
    } else if (high === undefined) {
      this.emit(set(low, value.shape === "bool" ? cond(value.node, num(1), num(0)) : value.node));
    } else if (!mentions(value.high!, low.name)) {
      this.#setUnlessSame(low, value.node);
      this.#setUnlessSame(high, value.high!);
    } else if (!mentions(value.node, high.name)) {
      this.#setUnlessSame(high, value.high!);
      this.#setUnlessSame(low, value.node);
    } else {
      const t = this.declare("t", ValType.i32);
      this.emit(set(t, value.node));
      this.emit(set(high, value.high!));
      this.emit(set(low, t));
    }
  }

  #setUnlessSame(variable: Expression, value: Expression) {
    if (variable !== value) this.emit(set(variable, value));
  }

  /** A plain load loses the bits of a NaN: when a NaN comes, read it again as bits. */
  #assignLoad(variable: Expression, load: FloatLoad, type: ValType, node: Expression): void {
    let { address } = load;
    if (address.type !== "Identifier" && address.type !== "Literal") {
      const t = this.declare("t", ValType.i32);
      this.emit(set(t, address));
      address = t;
      node = floatLoad({ ...load, address }, type);
    } else if (address === variable) {
      throw new Error("a float variable cannot be an address");
    }
    this.emit(set(variable, node));
    this.emit(ifThen(
      { type: "BinaryExpression", operator: "!==", left: variable, right: variable },
      [set(variable, loadExact({ ...load, address }, type))],
    ));
  }

  /** Stores every operand that a memory write, a call or a trap could change or reorder. */
  flushEffects(): void {
    for (let i = 0; i < this.values.length; i++) if (this.values[i].effects !== 0) this.store(i);
  }

  /** Stores every expression: what is left are constants, locals and slots. */
  flushExpressions(): void {
    for (let i = 0; i < this.values.length; i++) if (this.values[i].place === "expr") this.store(i);
  }

  /** Stores every operand that reads a local which is about to change. */
  flushLocal(local: number): void {
    for (let i = 0; i < this.values.length; i++) {
      if (this.values[i].locals.includes(local)) this.store(i);
    }
  }

  /** Stores everything; with `keepConstants`, constants below the top `needed` operands stay as they are. */
  flushAll(keepConstants: boolean, needed = 0): void {
    const last = this.values.length - needed;
    for (let i = 0; i < this.values.length; i++) {
      if (!keepConstants || i >= last || this.values[i].place !== "const") this.store(i);
    }
  }

  /** Drops everything above `height` and pushes slots of the given types. */
  reset(height: number, types: readonly ValType[]): void {
    this.values.length = height;
    for (const type of types) this.values.push(this.slot(this.values.length, type));
  }
}

/** The plain load of a float. */
export function floatLoad(load: FloatLoad, type: ValType): Expression {
  const { view, address, offset, singles } = load;
  if (singles) {
    const exact = loadExact(load, type);
    const element = logical("??", index(singles, singleIndex(address, offset)), exact);
    return cond(bin("&", address, num(3)), exact, element);
  }
  return {
    type: "CallExpression",
    callee: member(view, type === ValType.f32 ? "getFloat32" : "getFloat64"),
    arguments: [effectiveAddress(address, offset), { type: "Literal", value: true, raw: "true" }],
  };
}

/** The load of a float with all of its bits, from any address. */
function loadExact({ memory, address, offset }: FloatLoad, type: ValType): Expression {
  return method("H", type === ValType.f32 ? "loadF32" : "loadF64", [id(memory), address, num(offset)]);
}

/** Which f32 of the memory that is, if the address is a multiple of 4. So is the offset. */
export function singleIndex(address: Expression, offset: number): Expression {
  const element = bin(">>>", address, num(2));
  return offset === 0 ? element : bin("+", element, num(offset / 4));
}

/** The effective address (spec 4.4.7): unsigned, and never wrapped, so that the view's own check traps. */
export function effectiveAddress(address: Expression, offset: number): Expression {
  if (address.type === "Literal") return num((address.value >>> 0) + offset);
  if (address.type === "UnaryExpression" && address.operator === "-" && address.argument.type === "Literal") {
    return num((-address.argument.value >>> 0) + offset);
  }
  const unsigned = isPointer(address)
    ? address
    : { type: "BinaryExpression", operator: ">>>", left: address, right: num(0) };
  return offset === 0
    ? unsigned
    : { type: "BinaryExpression", operator: "+", left: unsigned, right: num(offset) };
}

/** Whether an expression is the unsigned twin of a local. */
function isPointer(node: Expression): boolean {
  return node.type === "Identifier" && node.name.startsWith("u");
}

/** Whether an expression reads a variable. */
function mentions(node: Expression, name: string): boolean {
  if (node.type === "Identifier") return node.name === name;
  for (const key in node) {
    const field = node[key];
    if (field !== null && typeof field === "object") {
      if (Array.isArray(field) ? field.some((part) => mentions(part, name)) : mentions(field, name)) {
        return true;
      }
    }
  }
  return false;
}

/** Emits an expression for its effects only. */
export function evaluate(value: Value): Statement[] {
  if (value.effects === 0) return [];
  return value.high === undefined || value.high.type === "Literal"
    ? [expr(value.node)]
    : [expr(value.node), expr(value.high)];
}
