/**
 * Operands that mostly let an instruction do real work: addresses inside the memory, divisors that are not zero,
 * indices inside the table. Now and then, in modules that take risks, anything goes.
 *
 * @module
 */

import { ValType } from "../../compiler/types.ts";
import type { Body } from "./body.ts";
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

/** How far to grow a memory or a table: seldom by much, unless it has a limit. */
export function growth(body: Body, bounded: boolean): void {
  if (bounded && body.random.chance(0.2)) body.value(i32);
  else if (body.random.chance(0.1)) body.i32(body.random.pick([-1, -0x8000_0000])); // always fails
  else masked(body, body.random.pick([0, 1]));
}

/** The last operand of a division or remainder: not 0, and not -1 under the smallest number. */
function divisor(body: Body, type: ValType): void {
  if (body.risky()) return body.value(type);
  const name = type === i64 ? "i64" : "i32";
  body.value(type);
  if (type === i64) body.op("i64.const", [0x7fff_ffff_ffff_ffffn], 0, [type]);
  else body.i32(0x7fff_ffff);
  body.op(`${name}.and`, [], 2, [type]);
  if (type === i64) body.op("i64.const", [1n], 0, [type]);
  else body.i32(1);
  body.op(`${name}.or`, [], 2, [type]);
}

/** A float that every integer type holds; `value & 0x7fff`, converted. */
function convertible(body: Body, type: ValType): void {
  if (body.risky()) return body.value(type, false);
  masked(body, 0x7fff);
  body.op(type === f32 ? "f32.convert_i32_s" : "f64.convert_i32_u", [], 1, [type]);
}

/** The operands of an instruction from number `from` on. */
export function operands(body: Body, entry: Signed, from = 0): void {
  const { name } = entry.opcode;
  const dividing = /\.(div|rem)_/.test(name);
  const truncating = /\.trunc_f/.test(name);
  for (let i = from; i < entry.params.length; i++) {
    const type = entry.params[i];
    if (dividing && i === 1) divisor(body, type);
    else if (truncating) convertible(body, type);
    else body.value(type, !entry.blind || !isNumeric(type));
  }
}
