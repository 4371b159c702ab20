/**
 * Traps (spec 4.2): what stops a guest for good, and where it stood.
 *
 * @module
 */

/** The kinds of traps; each is also the message that the specification's test scripts expect. */
export const TrapKind = {
  unreachable: "unreachable",
  divideByZero: "integer divide by zero",
  overflow: "integer overflow",
  invalidConversion: "invalid conversion to integer",
  memoryBounds: "out of bounds memory access",
  tableBounds: "out of bounds table access",
  undefinedElement: "undefined element",
  uninitializedElement: "uninitialized element",
  signatureMismatch: "indirect call type mismatch",
  stackExhausted: "call stack exhausted",
} as const;
export type TrapKind = (typeof TrapKind)[keyof typeof TrapKind];

/** One activation on the Wasm stack of a trap. */
export interface StackFrame {
  /** Index of the instance in its store. */
  readonly instance: number;
  /** Function index in that instance's module. */
  readonly func: number;
  /** From the name section, an export or an import; else `func[N]`. */
  readonly name: string;
}

/** Thrown inside the guest; the outcome of a run carries `kind` and the stack. */
export class Trap extends Error {
  override readonly name = "Trap";
  /** The Wasm stack, innermost first; known when the trap has left the outermost driver. */
  wasmStack: readonly StackFrame[] = [];
  /** Activations that each driver had on the heap, the innermost driver first. */
  readonly heap: Activation[][] = [];
  constructor(readonly kind: TrapKind) {
    super(kind);
  }
}

/** An error that a host function threw, on its way through the guest to whoever called it. */
export class HostError extends Error {
  override readonly name = "HostError";
  constructor(override readonly cause: unknown) {
    super("a host function failed");
  }
}

/** Whether V8's stack has overflowed. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes("call stack");
}

/** The trap that an error stands for: V8's own range errors are two of them. */
export function trapOf(error: unknown, readers: readonly TrapReader[] = []): Trap | undefined {
  if (error instanceof Trap) return error;
  const kind = error instanceof WebAssembly.RuntimeError
    ? readers.find(({ instance }) => instance === activations(error.stack, readers)[0][0]?.instance)
      ?.trapKind(error)
    : isStackOverflow(error)
    ? TrapKind.stackExhausted
    : error instanceof RangeError
    ? TrapKind.memoryBounds
    : undefined;
  if (kind === undefined) return undefined;
  const trap = new Trap(kind);
  trap.stack = (error as Error).stack;
  return trap;
}

/** Knows what the traps of rewritten code mean. */
export interface TrapReader {
  /** Index of the instance. */
  readonly instance: number;
  /**
   * The function that has an offset of the rewritten module in its code, or the one that a resume form is of;
   * `undefined` for what has no frame.
   */
  funcAt(offset: number, form: number | undefined): number | undefined;
  trapKind(error: WebAssembly.RuntimeError): TrapKind;
}

/** An activation of generated code. */
export interface Activation {
  readonly instance: number;
  readonly func: number;
}

const activation =
  /at (?:(?:\w+\.)?[FR](\d+)\b[^\n]*\(wasm-(\d+)\/|[^\n]*wasm:\/\/wasm\/rewritten(\d+)(?:r(\d+))?-\w+:[^\n]*:0x([0-9a-f]+)\))/g;

/**
 * Reads the activations of generated code off a JavaScript stack trace, where functions are called `F12` or
 * `R12`, and their scripts begin with `wasm-INSTANCE/`: one list for each driver on the stack, the innermost
 * first. (What a large function was split into stands above it, as `P0`.) Of rewritten functions there is an
 * offset; the index that Deno prints is always 0.
 */
export function activations(stack: string | undefined, readers: readonly TrapReader[]): Activation[][] {
  const rewrittenFunc = (instance: number, form: string | undefined, offset: string) =>
    readers.find((reader) => reader.instance === instance)
      ?.funcAt(parseInt(offset, 16), form === undefined ? undefined : Number(form));
  return (stack ?? "").split("Thread.drive").map((part) =>
    [...part.matchAll(activation)].flatMap(([, own, instance, rewritten, form, offset]) => {
      if (own !== undefined) return [{ instance: Number(instance), func: Number(own) }];
      const func = rewrittenFunc(Number(rewritten), form, offset);
      return func === undefined ? [] : [{ instance: Number(rewritten), func }];
    })
  );
}
