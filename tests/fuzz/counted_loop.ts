/**
 * Loops over an induction variable, in the shapes that compilers make: these are the ones that an engine treats
 * specially. They end by themselves, so that only their entry pays for all turns.
 *
 * @module
 */

import { ValType } from "../../compiler/types.ts";
import type { Body } from "./body.ts";
import { instr } from "./ir.ts";
import { randomNumber } from "./values.ts";

const { i32, i64 } = ValType;

/** The plan of a counted loop: `for (v = start; v compare limit; v += step)` with `turns` turns. */
interface Plan {
  readonly type: typeof i32 | typeof i64;
  readonly name: "i32" | "i64";
  readonly start: bigint;
  readonly step: bigint;
  readonly limit: bigint;
  readonly compare: string;
  readonly turns: number;
}

function plan(body: Body): Plan {
  const { random } = body;
  const type = random.chance(0.8) ? i32 : i64;
  const bits = type === i32 ? 32 : 64;
  const turns = random.between(1, random.pick([3, 8, 20]));
  const step = random.pick([1n, 1n, 1n, 2n, 3n, 4n, 8n, -1n, -1n, -3n, -8n]);
  const wild = random.chance(0.2); // may pass the end of the number range, so only "not equal" is right
  const start = wild
    ? randomNumber(random, type)
    : BigInt(random.pick([0, 0, 1, 200, random.between(200, 9999)]));
  const base = !wild && step < 0n ? start + 200n : start;
  const end = base + step * BigInt(turns);
  const up = random.pick([["lt_s", 0n], ["lt_u", 0n], ["le_s", -1n], ["le_u", -1n], ["ne", 0n]] as const);
  const down = random.pick([["gt_s", 0n], ["gt_u", 0n], ["ge_s", 1n], ["ge_u", 1n], ["ne", 0n]] as const);
  const [compare, shift] = wild ? ["ne", 0n] as const : step > 0n ? up : down;
  return {
    type,
    name: type === i32 ? "i32" : "i64",
    start: BigInt.asIntN(bits, base),
    step,
    limit: BigInt.asIntN(bits, end + shift),
    compare,
    turns,
  };
}

/** Writes a counted loop as a statement. */
export function countedLoop(body: Body): void {
  const { random } = body;
  const { type, name, start, step, limit, compare, turns } = plan(body);
  const variable = body.newLocal(type, true);
  const limitLocal = random.chance(0.3) ? body.newLocal(type, true) : undefined;
  const constant = (value: bigint) =>
    body.op(`${name}.const`, [type === i32 ? Number(value) : value], 0, [type]);
  const advance = (keep: boolean) => {
    body.op("local.get", [variable], 0, [type]);
    constant(step);
    body.op(`${name}.add`, [], 2, [type]);
    body.op(keep ? "local.tee" : "local.set", [variable], 1, keep ? [type] : []);
  };
  const test = (compare: string) => {
    if (limitLocal === undefined) constant(limit);
    else body.op("local.get", [limitLocal], 0, [type]);
    body.op(`${name}.${compare}`, [], 2, [i32]);
  };

  body.charge(turns);
  body.guarding(() => {
    if (limitLocal !== undefined) {
      constant(limit);
      body.op("local.set", [limitLocal], 1);
    }
    constant(start);
    body.op("local.set", [variable], 1);
  });
  const guard = (write: () => void) => () => body.guarding(write);
  const inside = () => body.statements(random.between(1, 4));

  if (random.chance(0.5)) { // do { ... } while (...)
    const loop = body.frame([], [], { types: [], open: false }, () => {
      inside();
      guard(() => {
        advance(true);
        test(compare);
        body.op("br_if", [0], 1);
      })();
    });
    body.emit({ ...instr("loop", -0x40), body: loop }, 0);
    return;
  }
  // while (...) { ... }; a `continue` is right only if the step is made first
  const early = random.chance(0.5);
  const block = body.frame([], [], { types: [], open: true }, () => {
    const loop = body.frame([], [], { types: [], open: early }, () => {
      guard(() => {
        body.op("local.get", [variable], 0, [type]);
        test(compare);
        body.op("i32.eqz", [], 1, [i32]);
        body.op("br_if", [1], 1);
        if (early) advance(false);
      })();
      inside();
      guard(() => {
        if (!early) advance(false);
        body.op("br", [0], 0);
      })();
      body.closed = true;
      body.stack = [];
    });
    body.emit({ ...instr("loop", -0x40), body: loop }, 0);
  });
  body.emit({ ...instr("block", -0x40), body: block }, 0);
}
