/**
 * The bodies of `stack` sections: frames as columns (one array per field), because a deep recursion has
 * hundreds of thousands of them.
 *
 * @module
 */
import { isRefType } from "../../compiler/types.ts";
import { columnBytes, type Field } from "./field.ts";
import type { ImageLimits } from "./format.ts";
import type { ReferenceReader, ReferenceWriter } from "./references.ts";
import { type Frame, type Ref, WORDS } from "./snapshot.ts";

/** About how many bytes of frames go into one body; bounds the memory that writing takes. */
const BODY_BYTES = 1 << 19;

const frameBytes = (frame: Frame) => 20 + frame.types.length + 4 * frame.words.length;

/** Calls `visit` for every reference slot that is not null, with its index in `words`. */
function eachReference(types: Uint8Array, words: Uint32Array, visit: (at: number) => void): void {
  let at = 0;
  for (const type of types) {
    if (isRefType(type) && words[at] !== 0) visit(at);
    at += WORDS[type];
  }
}

/** The bodies that hold the frames of a stack, outermost first. */
export function* stackBodies(stack: readonly Frame[], references: ReferenceWriter): Generator<object> {
  for (let start = 0; start < stack.length;) {
    let end = start;
    for (let bytes = 0; end < stack.length && bytes < BODY_BYTES; end++) bytes += frameBytes(stack[end]);
    yield columns(stack.slice(start, end), references);
    start = end;
  }
}

function columns(frames: readonly Frame[], references: ReferenceWriter): object {
  const types = new Uint8Array(frames.reduce((sum, frame) => sum + frame.types.length, 0));
  const words = new Uint32Array(frames.reduce((sum, frame) => sum + frame.words.length, 0));
  let typeAt = 0;
  let wordAt = 0;
  for (const frame of frames) {
    const own = words.subarray(wordAt, wordAt + frame.words.length);
    types.set(frame.types, typeAt);
    own.set(frame.words);
    if (frame.refs.length > 0) {
      eachReference(frame.types, own, (at) => own[at] = references.number(frame.refs[own[at] - 1]));
    }
    typeAt += frame.types.length;
    wordAt += frame.words.length;
  }
  const column = (of: (frame: Frame) => number) => columnBytes(Uint32Array.from(frames, of));
  return {
    instance: column((frame) => frame.instance),
    func: column((frame) => frame.func),
    site: column((frame) => frame.site),
    locals: column((frame) => frame.localCount),
    operands: column((frame) => frame.types.length - frame.localCount),
    types,
    words: columnBytes(words),
  };
}

/** Reads the bodies of `stack` sections, one after the other. */
export class StackReader {
  readonly frames: Frame[] = [];
  #words = 0;

  constructor(private readonly references: ReferenceReader, private readonly limits: ImageLimits) {}

  read(body: Field): void {
    const instance = body.get("instance").column();
    const count = instance.length;
    const func = body.get("func").column(count);
    const site = body.get("site").column(count);
    const locals = body.get("locals").column(count);
    const operands = body.get("operands").column(count);
    const types = body.get("types").bytes().slice();
    const words = body.get("words").column();
    this.#words += words.length;
    if (this.frames.length + count > this.limits.frames || this.#words > this.limits.frameWords) {
      const { frames, frameWords } = this.limits;
      body.refuse(`has more than the ${frames} frames or ${frameWords} words allowed`, "limit");
    }
    let typeAt = 0;
    let wordAt = 0;
    for (let i = 0; i < count; i++) {
      const typeEnd = typeAt + locals[i] + operands[i];
      if (typeEnd > types.length) body.refuse(`has ${types.length} types, too few for frame ${i}`);
      const own = types.subarray(typeAt, typeEnd);
      let wordEnd = wordAt;
      for (const type of own) {
        if (WORDS[type] === 0) body.refuse(`has the unknown type 0x${type.toString(16)} in frame ${i}`);
        wordEnd += WORDS[type];
      }
      if (wordEnd > words.length) body.refuse(`has ${words.length} words, too few for frame ${i}`);
      this.frames.push({
        instance: instance[i],
        func: func[i],
        site: site[i],
        localCount: locals[i],
        types: own,
        ...this.#values(own, words.subarray(wordAt, wordEnd), body),
      });
      typeAt = typeEnd;
      wordAt = wordEnd;
    }
    if (typeAt !== types.length) body.refuse(`has ${types.length - typeAt} types behind the last frame`);
    if (wordAt !== words.length) body.refuse(`has ${words.length - wordAt} words behind the last frame`);
  }

  /** Turns numbers of references into indices of the frame's own list. */
  #values(types: Uint8Array, words: Uint32Array, body: Field): Pick<Frame, "words" | "refs"> {
    let refs: NonNullable<Ref>[] = NO_REFS;
    eachReference(types, words, (at) => {
      const ref = this.references.ref(words[at], body) as NonNullable<Ref>;
      if (refs === NO_REFS) refs = [];
      words[at] = refs.push(ref);
    });
    return { words, refs };
  }
}

/** Most frames hold no reference; they share one list. */
const NO_REFS: NonNullable<Ref>[] = [];
