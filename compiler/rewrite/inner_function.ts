/**
 * Recursive functions: counting the depth of the stack in a global takes longer than many of them do. So a small
 * function that calls itself becomes two. The inner one is called by itself, and takes the depth as one more
 * parameter; the outer one is called by all others, and calls it.
 *
 * @module
 */
import type { FuncType, Module, ValType } from "../types.ts";
import { ValType as T } from "../types.ts";
import { Trait } from "../callgraph.ts";
import type { CompileOptions } from "../policy.ts";
import type { RewriteContext } from "./body.ts";
import { FunctionRewriter, heardWithLocals } from "./function.ts";
import { CodeWriter, I } from "./writer.ts";

/** Functions with more code are not worth it. In bytes. */
const maxSize = 1000;

/** The functions that become two. */
export function functionsWithInner(
  { codes, imported }: Module,
  traits: Uint8Array,
  { without }: CompileOptions,
): number[] {
  if (without.includes("twins")) return [];
  return codes.flatMap(({ bodyStart, end }, i) => {
    const func = imported.funcs + i;
    return (traits[func] & Trait.selfCalls) !== 0 && end - bodyStart <= maxSize ? [func] : [];
  });
}

export function innerType({ params, results }: FuncType): FuncType {
  return { params: [...params, T.i32], results };
}

/** The outer function: it keeps the depth of the stack in the global, and has no frame. */
export function outerFunction({ module, extras }: RewriteContext, func: number): Uint8Array {
  const { params } = module.funcTypes[func];
  const depth = params.length;
  const code = new CodeWriter(64);
  code.bytes(1, 1, T.i32);
  params.forEach((_, i) => code.get(i));
  code.globalGet(extras.state("depth"));
  code.tee(depth);
  code.call(extras.inner.get(func)!);
  code.get(depth);
  code.globalSet(extras.state("depth"));
  code.end();
  return code.written;
}

/** Rewrites functions to inner ones. The depth is where their first local was, which comes behind all others. */
export class InnerRewriter extends FunctionRewriter {
  protected override readonly heard = heardWithLocals;

  get #depth(): number {
    return this.module.funcTypes[this.func].params.length;
  }

  protected override get firstAdded(): number {
    return this.localTypes.length + 1;
  }

  protected override place(local: number): number {
    return local === this.#depth ? this.localTypes.length : local;
  }

  protected override get declared(): readonly { readonly count: number; readonly type: ValType }[] {
    const [first, ...others] = super.declared.filter(({ count }) => count > 0);
    if (first === undefined) return [];
    const { count, type } = first;
    return [{ count: count - 1, type }, ...others, { count: 1, type }];
  }

  protected override get countsDepth(): boolean {
    return false;
  }

  protected override target(func: number): number {
    return func === this.func ? this.context.extras.inner.get(func)! : func;
  }

  protected override passDepth(callee: { readonly func: number } | object): void {
    this.writer.get(this.#depth);
    const isInner = "func" in callee && callee.func === this.context.extras.inner.get(this.func);
    if (!isInner) this.writer.globalSet(this.context.extras.state("depth"));
  }

  protected override deepen(head: CodeWriter, entry: number | undefined): void {
    head.get(this.#depth);
    if (entry !== undefined) {
      this.lookAtDepth(this.#depth, head, entry);
      head.get(this.#depth);
    }
    head.const(this.frameBytes);
    head.u8(I.add);
    head.set(this.#depth);
  }
}
