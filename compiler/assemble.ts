/**
 * Putting a lowered function together: parameters, variables, body.
 *
 * @module
 */
import {
  bigint,
  block as blockOf,
  type Expression,
  id,
  index,
  int,
  letAll,
  member,
  num,
  set,
  type Statement,
} from "./estree.ts";
import { highSlotName, type Place, slotName } from "./operands.ts";
import type { ResumePoint } from "./sites.ts";
import { isRefType, ValType } from "./types.ts";
import { joined, type WideSlots } from "./wide.ts";

export interface Parts {
  readonly func: number;
  readonly localTypes: readonly ValType[];
  /** How many of the locals are parameters. */
  readonly params: number;
  /** For a resume form: where it starts. */
  readonly resume: ResumePoint | undefined;
  /** The function takes the stack depth. */
  readonly passesDepth: boolean;
  /** Where i64s are kept, if whole. */
  readonly wide: WideSlots | undefined;
  /** Variables that the code uses beside its locals. */
  readonly declared: ReadonlyMap<string, ValType>;
  /** Variables with a first value of their own. */
  readonly initialised: readonly (readonly [string, Expression])[];
  readonly code: Statement[];
}

/** The literal `null`. */
export const nullLiteral: Expression = { type: "Literal", value: null, raw: "null" };

const isInt = (type: ValType) => type === ValType.i32 || type === ValType.i64;
const initial = (type: ValType) => isRefType(type) ? nullLiteral : num(0);

/** The function expression of a run form (`F12`) or of a resume form (`R12`). */
export function assemble(parts: Parts): Expression {
  const { func, resume, code } = parts;
  const head = resume === undefined ? runHead(parts) : resumeHead(parts, resume);
  const names = new Set(head.variables.map(([name]) => name));
  const rest = [...parts.declared].filter(([name]) => !names.has(name));
  const variables = [
    ...head.variables,
    ...rest.map(([name, type]) => [name, initial(type)] as const),
    ...parts.initialised,
  ];
  const declarations = variables.length > 0 ? [letAll(variables)] : [];
  return {
    type: "FunctionExpression",
    id: id((resume === undefined ? "F" : "R") + func),
    params: head.params,
    body: blockOf([...declarations, ...head.statements, ...code]),
    generator: false,
    async: false,
  };
}

interface Head {
  readonly params: Expression[];
  readonly variables: (readonly [string, Expression])[];
  readonly statements: Statement[];
}

/** A run form takes its parameters one by one, and makes sure that V8 knows which are int32. */
function runHead({ localTypes, params: count, passesDepth, wide }: Parts): Head {
  const head: Head = { params: [], variables: [], statements: [] };
  localTypes.forEach((type, i) => {
    if (wide && type === ValType.i64) {
      const [low, high] = [id("l" + i), id("h" + i)];
      if (i < count) head.params.push(low, high);
      const value = i < count ? joined(low, high) : bigint(0n);
      head.statements.push(set(wide.local(i).big!, value));
      return;
    }
    for (const name of type === ValType.i64 ? ["l" + i, "h" + i] : ["l" + i]) {
      if (i >= count) head.variables.push([name, initial(type)]);
      else {
        head.params.push(id(name));
        if (isInt(type)) head.statements.push(set(id(name), int(id(name))));
      }
    }
  });
  if (passesDepth) head.params.push(id("d"));
  return head;
}

/** A resume form takes the frame's values `v`, and `w`, the first result of the call that it was in. */
function resumeHead({ localTypes, passesDepth, wide }: Parts, { operands }: ResumePoint): Head {
  const variables: (readonly [string, Expression])[] = [];
  const statements: Statement[] = [];
  let at = 0;
  const takeWhole = ({ node, high }: Place) => {
    for (const half of [node, high!]) statements.push(set(half, int(index(id("v"), num(at++)))));
  };
  const take = (name: string, type: ValType) => {
    const value = index(id("v"), num(at++));
    variables.push([name, isInt(type) ? int(value) : value]);
  };
  localTypes.forEach((type, i) => {
    if (wide && type === ValType.i64) return takeWhole(wide.local(i));
    take("l" + i, type);
    if (type === ValType.i64) take("h" + i, type);
  });
  operands.forEach((type, height) => {
    if (wide && type === ValType.i64) return takeWhole(wide.operand(height));
    take(slotName(height, type), type);
    if (type === ValType.i64) take(highSlotName(height), type);
  });
  if (passesDepth) variables.push(["d", member(id("X"), "base")]);
  return { params: [id("v"), id("w")], variables, statements };
}
