/**
 * What a function is lowered against, what is known of the blocks around an instruction, and what comes out.
 *
 * @module
 */
import type { Expression, Statement } from "./estree.ts";
import type { CompileOptions } from "./policy.ts";
import type { Form } from "./sites.ts";
import type { Block } from "./structure.ts";
import type { FuncType, Module } from "./types.ts";

/** Prefixes of the names that generated code uses for what the runtime provides. */
export const freeNames = { memory: "M", table: "T", global: "g", func: "c", type: "t" } as const;

/**
 * Variables for the views of memory 0, and the properties of the memory that they keep: its bytes, and its
 * f32s at addresses that are multiples of 4.
 */
export const views = { m: "d", s: "s" } as const;
export type View = keyof typeof views;

/** What a function that calls itself calls: its twin, whose twin it is. V8 inlines one in the other. */
export const twinName = "B";

/** What a function is compiled against. */
export interface LoweringContext {
  readonly module: Module;
  readonly options: CompileOptions;
  /** Whether a call of the function may unwind. */
  mayUnwind(func: number): boolean;
  /** Whether a call of the function may grow a memory. */
  mayGrow(func: number): boolean;
  /** Whether the function takes the stack depth as one more argument. */
  passesDepth(func: number): boolean;
  /** Whether the function can call itself, so that its entry checks the depth. */
  cyclic(func: number): boolean;
  /** The functions of a type that tables begin with, if they are few. */
  tableFuncs(type: FuncType): readonly number[];
  /** Whether the function is compiled already, so that its code can be called without asking. */
  isReady(func: number): boolean;
}

/** A control frame (spec, Appendix "Validation Algorithm"). */
export interface Control {
  readonly block: Block;
  readonly type: FuncType;
  /** Height of the operand stack below the block and its parameters. */
  readonly base: number;
  /** Label for `break`, and for the back edge of a loop. */
  readonly label: string;
  readonly backEdge: string;
  /** The statement list that the block's own statements go to. */
  body: Statement[];
  /** The list around it. */
  readonly outer: Statement[];
  /** Builds the statements of the finished block. */
  readonly finish: (body: Statement[]) => void;
  /** For an `if`: its then-arm, once the else-arm has begun. */
  thenBody?: Statement[];
  /** For a strip-mined loop: where the induction variable ends the strip. */
  readonly stripEnd?: Expression;
  /** Flat code: the cases behind the block, of its back edge, of its else-arm. */
  end?: number;
  header?: number;
  otherwise?: number;
  /** For an `if` in a resume form: only the arm that holds the target is left of it. */
  oneArmed?: boolean;
  /** Whether the block was entered by live code, or can be by a branch. */
  reached: boolean;
}

export interface LoweredFunction {
  /** An ESTree function expression. */
  readonly node: Expression;
  /** Indexed names that the runtime must provide: `M0`, `T0`, `g3`, `c12`. */
  readonly free: ReadonlySet<string>;
  /** Function expressions that it was split into. */
  readonly parts: readonly Expression[];
  /** No part hands back more variables. */
  readonly partVariables: number;
  /** How many elements for i64s it needs. */
  readonly wide: number;
  readonly form: Form;
  /** Whether it calls itself directly, as its {@linkcode twin}. */
  readonly callsItself: boolean;
}
