/**
 * Operands that mostly let an instruction do real work: addresses inside the memory, divisors that are not zero,
 * indices inside the table. Now and then, in modules that take risks, anything goes.
 *
 * @module
 */

import { ValType } from "../../compiler/types.ts";
import type { Body } from "./body.ts";
import { f32Bits, f64Bits } from "./values.ts";
import { isNumeric, type Signed } from "./signatures.ts";
import type { Segment, TableScope } from "./scope.ts";

const { i32, i64, f32 } = ValType;

/** An `i32` in `[0, mask]`, where `mask + 1` is a power of two. */
export function masked(body: Body, mask: number): void {
  body.value(i32);
  body.i32(mask);
  body.op("i32.and", [], 2, [i32]);
}

/** An address for an access of `width` bytes; the result is the immediates that go with it. */
export function address(body: Body, width: number): [align: number, offset: number] {
  const { random } = body;
  const size = body.scope.memory!.size;
  const align = random.below(Math.log2(width) + 1);
  if (size === 0 || body.risky()) {
    if (random.chance(0.5)) body.value(i32);
    else body.i32((size - random.below(width + 2)) | 0);
    return [align, random.pick([0, 1, size, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])];
  }
  if (random.chance(0.2)) { // the last place that fits, split at random between address and offset
    const offset = random.pick([0, 1, 8, random.below(size - width)]);
    body.i32(size - width - offset);
    return [align, offset];
  }
  if (random.chance(0.3)) {
    body.i32(random.below(0x100));
    return [align, random.below(0x40)];
  }
  masked(body, random.pick([0x3f, 0xff, 0xf8, 0xff0, 0x7fff]));
  return [align, random.pick([0, 0, 1, 4, 8, random.below(0x7000)])];
}

/** A space of a memory, table or segment that a bulk instruction may use. */
export interface Space {
  readonly from: number;
  readonly size: number;
}

/** The places in some spaces and one length that fits all of them, for a bulk instruction. */
export function bulk(body: Body, spaces: readonly Space[], fill?: ValType): void {
  const { random } = body;
  const longest = Math.min(300, ...spaces.map((space) => space.size - space.from));
  const length = random.below(Math.max(0, longest) + 1);
  for (const space of spaces) {
    if (body.risky()) body.value(i32);
    else body.i32(random.between(space.from, Math.max(space.from, space.size - length)));
  }
  if (fill !== undefined) body.value(fill);
  if (body.risky()) body.value(i32);
  else if (random.chance(0.5)) body.i32(length);
  else masked(body, 2 ** Math.floor(Math.log2(length + 1)) - 1);
}

/** What is left of a segment when the code runs: nothing, if it is active or may have been dropped. */
export function remains(body: Body, segment: Segment): Space {
  return { from: 0, size: segment.lasting || body.risky() ? segment.length : 0 };
}

/** An index of a slot of a table. */
export function slot(body: Body, table: TableScope, from = 0): void {
  const { random } = body;
  if (body.risky() || table.size <= from) return body.value(i32);
  if (random.chance(0.5) || from > 0) return body.i32(random.between(from, table.size - 1));
  masked(body, 2 ** Math.floor(Math.log2(table.size)) - 1);
}

/** How far to grow a memory or a table, whose size `size` emits: without a limit of its own, not beyond `most`. */
export function growth(body: Body, bounded: boolean, most: number, size: () => void): void {
  const { random } = body;
  if (bounded && random.chance(0.2)) body.value(i32);
  else if (random.chance(0.1)) body.i32(random.pick([-1, -0x8000_0000])); // always fails
  else if (bounded) masked(body, random.pick([0, 1]));
  else {
    size();
    body.i32(most);
    body.op("i32.lt_u", [], 2, [i32]);
  }
}

function constant(body: Body, type: ValType, value: bigint): void {
  if (type === i32) body.i32(Number(BigInt.asIntN(32, value)));
  else body.op("i64.const", [value], 0, [type]);
}

/** The last operand of a division or remainder: not 0, and for `div_s` not -1, which overflows under the smallest number. */
function divisor(body: Body, type: ValType, signedDivision: boolean): void {
  if (body.risky()) return body.value(type);
  const name = type === i64 ? "i64" : "i32";
  if (body.random.chance(0.4)) {
    return constant(body, type, body.random.pick([-7n, 3n, 10n, -100n, 1n, 0x7fff_ffffn, -0x8000_0000n]));
  }
  body.value(type);
  if (signedDivision) {
    constant(body, type, type === i32 ? 0x7fff_ffffn : 0x7fff_ffff_ffff_ffffn);
    body.op(`${name}.and`, [], 2, [type]);
  }
  constant(body, type, 1n);
  body.op(`${name}.or`, [], 2, [type]);
}

/** The smallest and the largest float that each truncation takes. */
const extremes: Record<string, readonly [number, number]> = {
  "i32.trunc_f32_s": [-2147483648, 2147483520],
  "i32.trunc_f32_u": [-0.99, 4294967040],
  "i32.trunc_f64_s": [-2147483648.9, 2147483647.9],
  "i32.trunc_f64_u": [-0.99, 4294967295.9],
  "i64.trunc_f32_s": [-(2 ** 63), 2 ** 63 - 2 ** 39],
  "i64.trunc_f32_u": [-0.99, 2 ** 64 - 2 ** 40],
  "i64.trunc_f64_s": [-(2 ** 63), 2 ** 63 - 1024],
  "i64.trunc_f64_u": [-0.99, 2 ** 64 - 2048],
};

/** A float with an integer of the right type near it. */
function convertible(body: Body, name: string, type: ValType): void {
  const { random } = body;
  if (body.risky()) return body.value(type, false);
  const own = type === f32 ? "f32" : "f64";
  const bits = type === f32 ? f32Bits : f64Bits;
  const float = (value: number) => body.op(`${own}.const`, [bits(value)], 0, [type]);
  if (random.chance(0.3)) return float(random.pick(extremes[name]));
  if (name.endsWith("_u")) {
    body.value(i32);
    body.op(`${own}.convert_i32_u`, [], 1, [type]);
    float(random.pick([0.25, 0.5, 0.999]));
  } else {
    body.value(i32);
    body.op(`${own}.convert_i32_s`, [], 1, [type]);
    float(random.pick([-0.25, 0.5, 0.99]));
  }
  body.op(`${own}.mul`, [], 2, [type]);
}

/** The operands of an instruction from number `from` on. */
export function operands(body: Body, entry: Signed, from = 0): void {
  const { name } = entry.opcode;
  const dividing = /\.(div|rem)_/.test(name);
  const truncating = /\.trunc_f/.test(name);
  for (let i = from; i < entry.params.length; i++) {
    const type = entry.params[i];
    if (dividing && i === 1) divisor(body, type, name.endsWith(".div_s"));
    else if (truncating) convertible(body, name, type);
    else body.value(type, !entry.blind || !isNumeric(type));
  }
}
