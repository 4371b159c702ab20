/**
 * One thread of execution: the frames on the heap, and the part on V8's stack above them. Generated
 * code knows it as `X`.
 *
 * To stop, the innermost function sets `u` and returns through its capture block; every caller sees
 * `u`, captures its own frame and returns, until the driver here is reached. To go on, the driver
 * resumes the innermost frame alone; when that returns, the frame below it, and so on. So a stack of any
 * depth needs little of V8's.
 *
 * @module
 */
import type { Form } from "../compiler/sites.ts";
import { clearPause, clearStop, ControlWord, controlWords, defaultDepthLimit } from "./control.ts";
import { type Frame, frameOf, hostSite } from "./frame.ts";
import type { Func } from "./func.ts";
import { putResults, takeResults } from "./results.ts";
import type { SliceTimer } from "./slice_timer.ts";
import { activations, HostError, type StackFrame, Trap, TrapKind, trapOf, type TrapReader } from "./trap.ts";

/** Why the stack is being unwound. */
type Reason = "stop" | "spill" | "move" | "pause" | "await";

/** How a drive of the thread ended. */
export type Completion =
  | { readonly kind: "returned"; readonly raw: unknown[]; readonly func: Func }
  /** All frames are on the heap: an image can be taken, or `drive` goes on. */
  | { readonly kind: "stopped" }
  /** The time slice is over; drive again. */
  | { readonly kind: "paused" }
  /** A host function gave a promise of its raw results (or of `INTERRUPTED`); hand them to `drive`. */
  | HostPromise;

export interface HostPromise {
  readonly kind: "awaiting";
  readonly value: Promise<unknown>;
  readonly func: Func;
  /** The raw arguments of the call. */
  readonly args: readonly unknown[];
}

/** Hears of what passes, for counting and debugging. */
export interface ThreadObserver {
  site?(func: number, site: number): void;
  captured?(frame: Frame): void;
}

export interface ThreadOptions {
  readonly control?: Int32Array;
  /** Stop at this many site passages (code compiled with `ticks`). */
  readonly stopAtTick?: number;
  /** Stop at this many entries of the watched function. */
  readonly stopAtCall?: number;
  /** Stop before this many host calls. */
  readonly stopAtHostCall?: number;
  /** Values in frames on the heap beyond this are a stack overflow. */
  readonly maxHeapValues?: number;
  readonly observer?: ThreadObserver;
}

/** What a frame takes besides its values, in values. */
const frameOverhead = 16;
/** About 40 MB: some 250,000 small frames. */
const defaultMaxHeapValues = 5_000_000;

/** Host functions that call the guest may be nested this deeply. */
const maxDrivers = 64;

/** Polls between two looks at the clock, when slices are on. */
const pollsPerLook = 64;

/** What a thread asks of rewritten code. */
export interface NativeCode extends TrapReader {
  unwinding: number;
  depth: number;
  takeFrames(isSpill: boolean): Frame[];
  dropFrames(): void;
}

export class Thread {
  /** Not 0 while the stack unwinds; generated code looks after every call. */
  u = 0;
  /** Stack depth below the current driver, for nested calls. */
  base = 0;
  /** Site passages so far. */
  ticks = 0;
  /** Entries of the watched function so far. */
  calls = 0;
  hostCalls = 0;
  /** Frames on the heap, outermost first. */
  frames: Frame[] = [];
  /** Come up for air this often, so that the event loop of this very thread can run. */
  sliceMilliseconds: number | undefined;
  /** Ends slices in place of the clock. */
  timer: SliceTimer | undefined;
  readonly control: Int32Array;
  options: ThreadOptions;

  /** Rewritten code that runs on this thread. */
  readonly natives: NativeCode[] = [];

  #reason: Reason = "stop";
  /** Frames captured by the unwinding in progress, innermost first. */
  #captured: Frame[] = [];
  #more: { func: Func; form: Form; site: number; values: unknown[] } | undefined;
  #awaiting: HostPromise | undefined;
  /** Values of the frames on the heap, roughly. */
  #heapValues = 0;
  /** Drivers on the stack; only the outermost may leave frames behind. */
  #drivers = 0;
  #resumingHost = false;
  /** The i64s of functions that keep theirs in elements. */
  readonly #wides: BigUint64Array<ArrayBuffer>[] = [];
  #sliceEnd = Infinity;
  #looks = 0;
  /** The attention word, as it is to be when the outermost driver goes on. */
  #attention = 0;

  constructor(options: ThreadOptions = {}) {
    this.options = options;
    this.control = options.control ?? controlWords();
  }

  /** As new, with these frames: for a store that begins again. Only between two drives. */
  reset(frames: readonly Frame[]): void {
    this.frames = [...frames];
    this.sliceMilliseconds = undefined;
    this.#sliceEnd = Infinity;
    clearStop(this.control);
  }

  #setUnwinding(value: 0 | 1): void {
    this.u = value;
    for (const native of this.natives) native.unwinding = value;
  }

  // ---- called by generated code ----

  /** Saves a frame. `form` is the code's own description, `site` an index into its sites. */
  capture(form: Form & { self: Func }, site: number, ...values: unknown[]): void {
    this.takeNative();
    this.#more = { func: form.self, form, site, values };
  }

  /** The rest of the values of a frame with very many. */
  captureMore(...values: unknown[]): void {
    this.#more!.values.push(...values);
  }

  /** Takes the frames that rewritten code captured since the last of the others: one module's, at any time. */
  takeNative(): void {
    this.#finishCapture();
    for (const native of this.natives) {
      for (const frame of native.takeFrames(this.#reason === "spill")) {
        this.options.observer?.captured?.(frame);
        this.#captured.push(frame);
      }
    }
  }

  #finishCapture(): void {
    if (this.#more === undefined) return;
    const { func, form, site, values } = this.#more;
    const frame = frameOf(func, form, site, values, this.#reason === "spill");
    this.options.observer?.captured?.(frame);
    this.#captured.push(frame);
    this.#more = undefined;
  }

  /** A poll that found the attention word set. */
  poll(): boolean {
    if (this.control[ControlWord.stop] !== 0) return this.#leave("stop");
    if (this.control[ControlWord.pause] !== 0) return this.#leave("pause");
    if (this.#sliceEnd !== Infinity && --this.#looks <= 0) {
      this.#looks = pollsPerLook;
      if (performance.now() > this.#sliceEnd) return this.#leave("pause");
    }
    return false;
  }

  /**
   * Rewritten code that has run for long looks up.
   *
   * @param isStuck Whether it is code that V8 will not make better while it runs, and there is better code for its
   * frames to go on in.
   */
  pause(isStuck: () => boolean): boolean {
    if (this.control[ControlWord.attention] !== 0 && this.poll()) return true;
    return isStuck() && this.#begin("move");
  }

  /**
   * Rewritten code that leaves, whatever for.
   *
   * @param wait Sees to it that what has moved for having run for long does so less often.
   */
  leave(wait: () => void): void {
    const { control } = this;
    if (control[ControlWord.stop] !== 0 && this.#leave("stop")) return;
    if (control[ControlWord.pause] !== 0 && this.#leave("pause")) return;
    if (this.#drivers > 1 && Atomics.exchange(control, ControlWord.attention, 0) !== 0) this.#attention = 1;
    if (this.#sliceEnd === Infinity) wait();
    else if (performance.now() > this.#sliceEnd && this.#leave("pause")) return;
    this.#begin("move");
  }

  /** An entry of a recursive function found the depth limit passed, or lowered to make it look. */
  enter(depth: number): boolean {
    if (depth > defaultDepthLimit) {
      if (this.#heapValues > (this.options.maxHeapValues ?? defaultMaxHeapValues)) {
        throw new Trap(TrapKind.stackExhausted);
      }
      return this.#begin("spill");
    }
    return this.poll();
  }

  /** A site passage that is counted. */
  tick(form: Form & { self: Func }, site: number): boolean {
    this.ticks++;
    this.options.observer?.site?.(form.func, form.sites[site].offset);
    if (this.ticks === this.options.stopAtTick) return this.#leave("stop");
    return this.control[ControlWord.attention] !== 0 && this.poll();
  }

  tickEnter(form: Form & { self: Func }, site: number, depth: number): boolean {
    if (depth > defaultDepthLimit) return this.enter(depth);
    return this.tick(form, site);
  }

  /** An entry of the function that `-f` names. */
  watched(): boolean {
    return ++this.calls === this.options.stopAtCall && this.#leave("stop");
  }

  // ---- called by host functions' wrappers ----

  /**
   * Before a host call: whether to stop here, with the call not begun. The call that a resumed frame
   * stands before is always made.
   */
  stopsBefore(func: Func, raw: readonly unknown[]): boolean {
    if (this.#resumingHost) {
      this.#resumingHost = false;
      return false;
    }
    this.hostCalls++;
    const due = this.hostCalls === this.options.stopAtHostCall || this.control[ControlWord.stop] !== 0;
    return due && this.interrupt(func, raw);
  }

  /** Unwinds with the host call not begun. */
  interrupt(func: Func, raw: readonly unknown[]): boolean {
    if (!this.#leave("stop")) return false;
    this.#captured.push({ func, site: hostSite, values: [...raw], operands: [], fresh: false });
    return true;
  }

  /** Unwinds until a promise of a host call's raw results is fulfilled. */
  suspend(func: Func, args: readonly unknown[], value: Promise<unknown>): void {
    if (this.#drivers > 1) {
      throw new HostError(
        new Error(
          `the asynchronous import "${func.instance.nameOf(func.index)}" was called inside a synchronous one`,
        ),
      );
    }
    this.#begin("await");
    this.#awaiting = { kind: "awaiting", value, func, args };
  }

  #leave(reason: Reason): boolean {
    return this.#drivers <= 1 && this.#begin(reason);
  }

  #begin(reason: Reason): true {
    this.#setUnwinding(1);
    this.#reason = reason;
    return true;
  }

  // ---- the driver ----

  /** Calls a function and drives it until it returns; stops are put off (used for calls from the host). */
  call(func: Func, raw: readonly unknown[]): unknown[] {
    this.start(func, raw);
    const wides = this.#wides.map((wide) => wide.slice());
    try {
      const completion = this.drive(undefined, this.frames.length - 1);
      if (completion.kind !== "returned") {
        throw new Error(`a nested call cannot be left (${completion.kind})`);
      }
      return completion.raw;
    } finally {
      wides.forEach((wide, i) => this.#wides[i].set(wide));
    }
  }

  /**
   * Elements for the i64s of a function that does not call itself. A host function may call it all the same
   * while it runs: then they are kept for it.
   */
  wide(count: number): BigUint64Array<ArrayBuffer> {
    const wide = new BigUint64Array(count);
    this.#wides.push(wide);
    return wide;
  }

  /** Puts a call on the heap, to be driven. */
  start(func: Func, raw: readonly unknown[]): void {
    this.frames.push({ func, site: func.isHost ? hostSite : 0, values: raw, operands: [], fresh: true });
    this.#heapValues += raw.length + frameOverhead;
  }

  /**
   * Runs until the frames above `floor` have returned, or must be left.
   *
   * @param delivered Raw results for the innermost frame, if it waits for an awaited host call.
   * @throws {Trap | ProcExit | HostError} with `wasmStack` filled in for a trap.
   */
  drive(delivered?: { func: Func; raw: unknown[] }, floor = 0): Completion {
    // Before any code runs that keeps a view of a memory.
    for (const instance of this.store?.instances ?? []) instance.prepare();
    const outerBase = this.base;
    const limit = Error.stackTraceLimit;
    const slice = this.sliceMilliseconds;
    if (this.#drivers === 0) clearPause(this.control);
    if (this.#drivers === 0 && this.timer) this.timer.turn();
    else if (this.#drivers === 0 && slice !== undefined) {
      this.#sliceEnd = performance.now() + slice;
      this.control[ControlWord.depthLimit] = -1;
      this.control[ControlWord.attention] = 1;
    }
    if (this.#drivers === maxDrivers) throw new Trap(TrapKind.stackExhausted);
    if (this.#drivers === 0) this.#heapValues = valuesIn(this.frames);
    // A driver inside another has half of what the other could have used.
    else this.base = (outerBase + defaultDepthLimit) >> 1;
    Error.stackTraceLimit = 100;
    this.#drivers++;
    const depths = this.natives.map(({ depth }) => depth);
    let callee = delivered?.func;
    let value = delivered && putResults(delivered.raw, delivered.func.type.results);
    let current: Frame | undefined;
    try {
      while (this.frames.length > floor) {
        current = this.frames.pop()!;
        this.#heapValues -= current.values.length + frameOverhead;
        value = this.#resume(current, value);
        callee = current.func;
        if (this.u === 0) continue;
        this.#setUnwinding(0);
        this.takeNative();
        const captured = this.#captured;
        this.#captured = [];
        for (let i = captured.length - 1; i >= 0; i--) this.frames.push(captured[i]);
        this.#heapValues += valuesIn(captured);
        value = undefined;
        if (this.#reason === "stop") return { kind: "stopped" };
        if (this.#reason === "pause") return { kind: "paused" };
        if (this.#reason === "await") {
          const awaiting = this.#awaiting!;
          this.#awaiting = undefined;
          return awaiting;
        }
      }
      return { kind: "returned", raw: takeResults(value, callee!.type.results), func: callee! };
    } catch (error) {
      throw this.#abandon(error, floor);
    } finally {
      this.#drivers--;
      if (this.#drivers === 0) this.timer?.turn();
      if (this.#drivers === 1 && this.#attention !== 0) {
        this.#attention = 0;
        Atomics.store(this.control, ControlWord.attention, 1);
      }
      this.base = outerBase;
      this.natives.forEach((native, i) => native.depth = depths[i] ?? outerBase);
      Error.stackTraceLimit = limit;
    }
  }

  #resume({ func, site, values, fresh }: Frame, value: unknown): unknown {
    for (const native of this.natives) native.depth = this.base;
    if (site === hostSite) {
      this.#resumingHost = !fresh;
      return func.g()(...values);
    }
    if (fresh) {
      const params = values.slice(0, func.instance.rawParams(func.index));
      return func.g()(...params, this.base);
    }
    return func.instance.resumeForm(func.index, site)(values, value);
  }

  /** A trap or exit: everything above `floor` is gone. */
  #abandon(error: unknown, floor: number): unknown {
    this.#setUnwinding(0);
    for (const native of this.natives) native.dropFrames();
    this.#more = undefined;
    this.#captured = [];
    const trap = trapOf(error, this.natives);
    const gone = this.frames.splice(floor);
    this.#heapValues -= valuesIn(gone);
    if (trap === undefined) return error;
    trap.heap.push(gone.reverse().map(({ func }) => ({ instance: func.instance.index, func: func.index })));
    // Deep in nested calls there may be no stack left to read the trace with.
    if (this.#drivers === 1) {
      const live = activations(trap.stack, this.natives);
      trap.wasmStack = trap.heap.flatMap((heap, i) => [...live[i] ?? [], ...heap]).map((
        each,
      ): StackFrame => ({
        ...each,
        name: this.store?.instances[each.instance]?.nameOf(each.func) ?? `func[${each.func}]`,
      }));
    }
    return trap;
  }

  /** Set by the store. */
  store: { readonly instances: readonly { nameOf(func: number): string; prepare(): void }[] } | undefined;
}

function valuesIn(frames: readonly Frame[]): number {
  let values = 0;
  for (const frame of frames) values += frame.values.length + frameOverhead;
  return values;
}
