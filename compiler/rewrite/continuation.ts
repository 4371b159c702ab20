/**
 * The rest of a function from a site on, as a function of its own: plain WebAssembly, which has the frame's values
 * in its locals to begin with. What comes before the site is left out; a loop around it is finished once, from the
 * site on, and then there whole.
 *
 * ```wat
 * (loop $l A (call $f) B)    ;;  (block $exit
 *                            ;;    (block $l         ;; a branch to the loop ends its first turn
 *                            ;;      ...the results of $f... B
 *                            ;;      (br $exit))
 *                            ;;    (loop $l A (call $f) B))
 * ```
 *
 * @module
 */
import { Scan } from "../passing.ts";
import { Reader } from "../reader.ts";
import { frameOperands, type SiteInfo } from "../resume.ts";
import { localTypes } from "../sites.ts";
import type { Code, Module, ValType } from "../types.ts";
import { mostBytes, NotRewritable } from "./body.ts";
import { TypeSpace } from "./extras.ts";
import { CodeWriter, I } from "./writer.ts";

export interface Continuation {
  /** The original, but its last function is the continuation, and there are no bytes but of that. */
  readonly module: Module;
  /** The function that it is of. */
  readonly func: number;
  /** Types of its locals to begin with: those of the function, the operands at the site, results of its call. */
  readonly values: readonly ValType[];
  /** How many of them are the function's. */
  readonly locals: number;
  /** By offset of an instruction with a site: the site's name. */
  readonly sites: ReadonlyMap<number, number>;
}

/** A block around the site. */
interface Around {
  readonly opcode: number;
  /** File offset of the opcode. */
  readonly start: number;
  /** File offset of the first instruction of the part that the site is in. */
  contents: number;
  /** File offset of what ends that part: `else` or `end`. */
  contentsEnd: number;
  /** File offset behind its `end`. */
  end: number;
  /** How many operands are below it. */
  readonly base: number;
}

const [block, loop, ifOp, elseOp, end] = [I.block, I.loop, I.if, I.else, I.end];

/**
 * @param site Name of the site: its offset in the contents of the code section.
 * @param info What stands there.
 * @param inLoop Whether to go on behind the look of a loop that is the site, which takes a copy of the loop.
 * @throws {NotRewritable}
 */
export function continuationOf(
  module: Module,
  func: number,
  site: number,
  info: SiteInfo,
  inLoop: boolean,
): Continuation {
  return new ContinuationWriter(module, func, site, info, inLoop).write();
}

class ContinuationWriter {
  readonly #code: Code;
  readonly #out = new CodeWriter();
  readonly #types: TypeSpace;
  readonly #sites = new Map<number, number>();
  /** The blocks around the site, outermost first. */
  readonly #around: Around[];
  /** By number of blocks: how many of them are loops. */
  readonly #loops: number[] = [0];
  readonly #locals: readonly ValType[];
  readonly #operands: readonly ValType[];
  readonly #results: readonly ValType[];

  constructor(
    private readonly module: Module,
    private readonly func: number,
    private readonly site: number,
    private readonly info: SiteInfo,
    inLoop: boolean,
  ) {
    this.#code = module.codes[func - module.imported.funcs];
    this.#types = new TypeSpace(module.types);
    this.#locals = localTypes(module, func);
    this.#operands = frameOperands(info);
    this.#results = info.callee?.results ?? [];
    this.#around = this.#blocks(inLoop && info.kind === "loop");
    for (const { opcode } of this.#around) {
      this.#loops.push(this.#loops[this.#loops.length - 1] + (opcode === loop ? 1 : 0));
    }
  }

  get #offset(): number {
    return this.site + this.module.codeSectionStart;
  }

  /** Finds the blocks around the site; the loop that is the site is one of them if it is to be entered. */
  #blocks(entersLoop: boolean): Around[] {
    const { bytes } = this.module;
    const open: Around[] = [];
    const found = new Set<Around>();
    const scan = new Scan(bytes, this.#code.bodyStart, this.#code.end);
    const target = this.#offset;
    while (!scan.ended) {
      const start = scan.at;
      const opcode = scan.opcode();
      if (start === target) open.forEach((each) => found.add(each));
      scan.immediates(opcode);
      if (opcode === block || opcode === loop || opcode === ifOp) {
        const base = this.info.bases.get(start) ??
          this.#operands.length - this.#blockType(start).params.length;
        const around = { opcode, start, contents: scan.at, contentsEnd: 0, end: 0, base };
        open.push(around);
        if (start === target && entersLoop) found.add(around);
      } else if (opcode === elseOp) {
        const around = open[open.length - 1];
        // The site is in the first part, if it was met already.
        if (found.has(around)) around.contentsEnd ||= start;
        else around.contents = scan.at;
      } else if (opcode === end) {
        const around = open.pop();
        if (around === undefined) break;
        around.contentsEnd ||= start;
        around.end = scan.at;
      }
    }
    return [...found];
  }

  #blockType(start: number): { readonly params: readonly ValType[]; readonly results: readonly ValType[] } {
    const type = new Reader(this.module.bytes, start + 1).s33();
    if (type >= 0) return this.module.types[type];
    return { params: [], results: type === -64 ? [] : [(type + 0x80) as ValType] };
  }

  write(): Continuation {
    const { module, func } = this;
    this.#body();
    this.#out.end();
    const values = [...this.#locals, ...this.#operands, ...this.#results];
    const typeIndex = this.#types.indexOf({ params: [], results: module.funcTypes[func].results });
    const locals = values.map((type) => ({ count: 1, type }));
    const code: Code = { typeIndex, start: 0, bodyStart: 0, end: this.#out.length, locals };
    const { types } = this.#types;
    return {
      module: {
        ...module,
        bytes: this.#out.written,
        types,
        funcTypes: [...module.funcTypes, types[typeIndex]],
        codes: [...module.codes, code],
      },
      func,
      values,
      locals: this.#locals.length,
      sites: this.#sites,
    };
  }

  /** Blocks may be nested deeper than calls: no recursion. */
  #body(): void {
    this.#around.forEach((around, level) => {
      this.#operandsAt(level);
      this.#open(around);
    });
    this.#operandsAt(this.#around.length);
    this.#fromSite();
    for (let level = this.#around.length - 1; level >= 0; level--) {
      const around = this.#around[level];
      this.#close(around, level);
      this.#copy(around.end, this.#contentsEnd(level), (label) => this.#label(level, label));
    }
  }

  /** The operands that the contents of the innermost of so many blocks have, and not those of the next. */
  #operandsAt(level: number): void {
    const to = this.#baseOf(level + 1);
    for (let i = this.#baseOf(level); i < to; i++) this.#out.get(this.#locals.length + i);
  }

  /** How many operands are below the contents of the innermost of so many blocks. */
  #baseOf(level: number): number {
    if (level === 0) return 0;
    return this.#around[level - 1]?.base ?? this.#operands.length;
  }

  /** Where the contents of the innermost of so many blocks end. */
  #contentsEnd(level: number): number {
    return level === 0 ? this.#code.end - 1 : this.#around[level - 1].contentsEnd;
  }

  #fromSite(): void {
    const { info: { kind } } = this;
    const level = this.#around.length;
    const innermost = this.#around[level - 1] as Around | undefined;
    this.#results.forEach((_, i) => this.#out.get(this.#locals.length + this.#operands.length + i));
    let from = this.#offset;
    if (kind === "entry") from = this.#code.bodyStart;
    else if (innermost?.start === from) from = innermost.contents;
    else if (kind === "call") {
      const scan = new Scan(this.module.bytes, from);
      scan.immediates(scan.opcode());
      from = scan.at;
    }
    this.#copy(from, this.#contentsEnd(level), (label) => this.#label(level, label));
  }

  #open({ opcode, start }: Around): void {
    const { params, results } = this.#blockType(start);
    this.#out.open("block", this.#types.blockType(results));
    if (opcode === loop) this.#out.open("block", this.#types.blockType(params));
  }

  #close({ opcode, start, end }: Around, level: number): void {
    if (opcode === loop) {
      this.#out.br(1);
      this.#out.end();
      // One block further in than the loop was.
      this.#copy(start, end, (label) => 1 + this.#label(level, label));
    }
    this.#out.end();
  }

  /** A label in the contents of the innermost of so many blocks: where a loop was are two blocks. */
  #label(level: number, label: number): number {
    return label + this.#loops[level] - this.#loops[Math.max(level - label, 0)];
  }

  /** Copies instructions. @param outside Gives what a label becomes that leads out of them. */
  #copy(from: number, to: number, outside: (label: number) => number): void {
    const { bytes, codeSectionStart } = this.module;
    const scan = new Scan(bytes, from, to);
    let copied = from;
    let depth = 0;
    const copyTo = (offset: number) => {
      this.#out.copy(bytes, copied, offset);
      copied = offset;
    };
    const label = () => {
      const given = scan.u32();
      this.#out.u32(given < depth ? given : depth + outside(given - depth));
      copied = scan.at;
    };
    while (!scan.ended) {
      const start = scan.at;
      const opcode = scan.opcode();
      if (opcode === I.br || opcode === I.brIf) {
        copyTo(scan.at);
        label();
        continue;
      }
      if (opcode === I.brTable) {
        const labels = scan.u32();
        copyTo(scan.at);
        for (let i = 0; i <= labels; i++) label();
        continue;
      }
      if (opcode === loop || opcode === I.call || opcode === I.callIndirect) {
        copyTo(start);
        this.#sites.set(this.#out.length, start - codeSectionStart);
      }
      if (opcode === block || opcode === loop || opcode === ifOp) depth++;
      else if (opcode === end) depth--;
      scan.immediates(opcode);
    }
    copyTo(to);
    // Of every loop around the site there is a copy.
    if (this.#out.length > mostBytes) throw new NotRewritable("a function too long for V8");
  }
}
