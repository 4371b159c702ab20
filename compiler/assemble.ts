/**
 * Putting a lowered function together: parameters, variables, body.
 *
 * @module
 */
import {
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
import { highSlotName, slotName } from "./operands.ts";
import type { ResumePoint } from "./sites.ts";
import { isRefType, ValType } from "./types.ts";

export interface Parts {
  readonly func: number;
  readonly localTypes: readonly ValType[];
  /** How many of the locals are parameters. */
  readonly params: number;
  /** For a resume form: where it starts. */
  readonly resume: ResumePoint | undefined;
  /** The function takes the stack depth. */
  readonly passesDepth: boolean;
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
function runHead({ localTypes, params: count, passesDepth }: Parts): Head {
  const head: Head = { params: [], variables: [], statements: [] };
  localTypes.forEach((type, i) => {
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
function resumeHead({ localTypes, passesDepth }: Parts, { operands }: ResumePoint): Head {
  const variables: (readonly [string, Expression])[] = [];
  let at = 0;
  const take = (name: string, type: ValType) => {
    const value = index(id("v"), num(at++));
    variables.push([name, isInt(type) ? int(value) : value]);
  };
  localTypes.forEach((type, i) => {
    take("l" + i, type);
    if (type === ValType.i64) take("h" + i, type);
  });
  operands.forEach((type, height) => {
    take(slotName(height, type), type);
    if (type === ValType.i64) take(highSlotName(height), type);
  });
  if (passesDepth) variables.push(["d", member(id("X"), "base")]);
  return { params: [id("v"), id("w")], variables, statements: [] };
}
