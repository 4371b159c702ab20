/**
 * Reading an image that nobody trusts. Everything is proven by its digest, then checked, and only then
 * allocated; nothing is returned before the last byte was checked.
 *
 * @module
 */
import { concatenate } from "../concatenate.ts";
import type { Bytes, ImageCodec } from "./codec.ts";
import { shareableBuffer } from "../memory.ts";
import { ImageError } from "./error.ts";
import { Field } from "./field.ts";
import {
  DEFAULT_LIMITS,
  type ImageLimits,
  PAGE_BYTES,
  type ParentRef,
  type SectionName,
  SECTIONS,
  VERSION,
  WASM_PAGE_BYTES,
} from "./format.ts";
import { unpack } from "./msgpack.ts";
import { PageReader } from "./pages.ts";
import { readParent } from "./parent.ts";
import { readRedactions, type Redaction } from "./redactions.ts";
import { bytesSource, type ImageRecord, type ImageSource, RecordReader } from "./record.ts";
import { demandSigner, type ImageSignature, type PublicKey, readSignature } from "./signature.ts";
import type { Snapshot, UnknownSection } from "./snapshot.ts";
import { StackReader } from "./stack.ts";
import { type Header, readHeader, readStore, type Store } from "./store.ts";
import { checkSnapshot, type SnapshotOutline } from "./validity.ts";
import type { ImageProgress } from "./writer.ts";

/** Where a parent is read from; it is disposed of when it is read. */
export type ParentSource = ImageSource & Partial<Disposable>;

export interface ReadOptions {
  readonly limits?: Partial<ImageLimits>;
  /**
   * One of these must have signed the image, and each that it builds on. A signature that is wrong is
   * refused in any case.
   */
  readonly signers?: readonly PublicKey[];
  /**
   * Called once everything but the contents of memories is read, before any memory is allocated. Throw
   * to refuse the image. The bytes behind are not proven yet, so nothing may be run.
   */
  readonly accept?: (outline: SnapshotOutline) => void | Promise<void>;
  /** Gives a buffer of at least `pages * 65536` bytes, all zero. By default one that rewritten code can use. */
  readonly allocateMemory?: (pages: number, maxPages: number | undefined) => ArrayBuffer | SharedArrayBuffer;
  /** Called after each chunk of memory. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /**
   * Finds the image that an incremental image builds on; called for each image of a chain but the whole one
   * that it begins with. Without it incremental images are refused.
   */
  readonly openParent?: (parent: ParentRef) => ParentSource | Promise<ParentSource>;
}

/** Facts about the file itself. */
export interface ImageFacts {
  readonly version: number;
  /** Bytes of the image. */
  readonly byteLength: number;
  /** SHA-256 that covers every byte; it names the image. */
  readonly digest: Bytes;
  /** What an incremental image builds on. */
  readonly parent?: ParentRef;
  /** Who signed it; `undefined` if nobody did. */
  readonly signature?: ImageSignature;
}

/** An image as it was read. */
export type Image = Snapshot & ImageFacts;

/** An image without the contents of its memories, which are neither read nor proven. */
export interface ImageInfo extends Omit<SnapshotOutline, "memories">, ImageFacts {
  readonly memories: readonly (SnapshotOutline["memories"][number] & {
    /** Bytes of pages in the image, before compression. */
    readonly storedBytes: number;
    /** Bytes of pages that equal an earlier page. */
    readonly repeatedBytes: number;
    /** Bytes of pages that became zero. Pages in none of these three are the parent's, or zero. */
    readonly zeroedBytes: number;
    /** Bytes that the pages take in the file. */
    readonly fileBytes: number;
  })[];
}

interface MemoryState {
  readonly pages: PageReader;
  readonly buffer?: ArrayBuffer | SharedArrayBuffer;
  fileBytes: number;
}

/** What the readings of the images of a chain share. */
interface Chain {
  /** Images begun so far. */
  links: number;
  /** Images whose memories are read. */
  done: number;
  /** What is left of the limits that are shared by all bodies. */
  readonly budget: { bytes: number; items: number; readonly depth: number };
}

/** Sections that only the newest image of a chain is asked for. */
const NEWEST_ONLY: ReadonlySet<SectionName> = new Set(["stack", "host", "redactions"]);

/** One pass over an image; `section` methods take the records as they come. */
class Reading {
  readonly #codec: ImageCodec;
  readonly #records: RecordReader;
  readonly #limits: ImageLimits;
  readonly #chain: Chain;
  #rank = -1;
  #record!: ImageRecord;
  #header!: Header;
  #parent?: ParentRef;
  #store!: Store;
  #stack!: StackReader;
  readonly #host: Record<string, unknown> = {};
  readonly #unknown: { section: string; records: { head: Uint8Array; data: Uint8Array }[] }[] = [];
  #memories?: MemoryState[];
  #lastMemory = 0;
  #redactions?: readonly Redaction[];
  #signature?: ImageSignature;
  /** The chain value of the record before the current one. */
  #chainBefore!: Bytes;

  constructor(
    source: ImageSource | Uint8Array,
    codec: ImageCodec,
    readonly options: ReadOptions,
    readonly fill: boolean,
    /** The image that builds on this one; its memories are filled. */
    readonly child?: Reading,
  ) {
    this.#codec = codec;
    this.#records = new RecordReader(source instanceof Uint8Array ? bytesSource(source) : source, codec);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { bodyBytes: bytes, items, depth } = this.#limits;
    this.#chain = child ? child.#chain : { links: 0, done: 0, budget: { bytes, items, depth } };
    this.#chain.links++;
  }

  #refuse(reason: string): never {
    throw new ImageError("invalid", reason, this.#record.place);
  }

  /** Reads all records and returns the parts. */
  async run(): Promise<{ outline: SnapshotOutline; facts: ImageFacts; memories: MemoryState[] }> {
    await this.#records.begin();
    while (SECTIONS[this.#rank] !== "end") {
      this.#chainBefore = this.#records.chain;
      this.#record = await this.#records.next();
      const { section } = this.#record.head;
      const rank = SECTIONS.indexOf(section as SectionName);
      if (rank < 0) await this.#keep();
      else await this.#known(rank);
    }
    await this.#records.end();
    if (this.options.signers) demandSigner(this.#signature, this.options.signers);
    const { offset: byteLength, chain: digest } = this.#records;
    const origin = {
      ...this.#parent && { parent: this.#parent },
      ...this.#signature && { signature: this.#signature },
    };
    return {
      outline: this.#outline(),
      facts: { version: VERSION, byteLength, digest, ...origin },
      memories: this.#memories!,
    };
  }

  async #known(rank: number): Promise<void> {
    const section = SECTIONS[rank];
    // `header`, maybe `parent`, and `store` stand first, once each; of the others any number, in order.
    const store = SECTIONS.indexOf("store");
    const fits = this.#rank < store
      ? rank > this.#rank && rank <= store && (rank === 0) === (this.#rank < 0)
      : rank > store && rank >= this.#rank;
    if (!fits) {
      const before = this.#rank < 0 ? "at the start" : `behind ${SECTIONS[this.#rank]}`;
      this.#refuse(`section ${section} stands ${before}; the order is ${SECTIONS.join(", ")}`);
    }
    this.#rank = rank;
    if (rank >= SECTIONS.indexOf("pages") && this.#memories === undefined) await this.#prepare();
    if (this.child && NEWEST_ONLY.has(section)) await this.#records.skip(this.#record);
    else await this.#sections[section]();
  }

  readonly #sections: Record<SectionName, () => void | Promise<void>> = {
    header: async () => {
      this.#header = readHeader(await this.#body());
      const { child } = this;
      const modules = ({ modules }: Header) => modules.map(({ sha256 }) => sha256.toHex()).join();
      if (child && modules(this.#header) !== modules(child.#header)) {
        this.#refuse("it is of another module than the image that builds on it,");
      }
    },
    parent: async () => {
      this.#parent = readParent(await this.#body());
    },
    store: async () => {
      this.#store = readStore(await this.#body(), this.#limits);
      this.#stack = new StackReader(this.#store.references, this.#limits);
    },
    stack: async () => {
      const thread = this.#record.fields.get("thread");
      if (thread.uint() !== 0) thread.refuse("is not 0, and this version has one thread");
      this.#stack.read(await this.#body());
    },
    host: async () => {
      const name = this.#record.fields.get("name");
      const key = name.text();
      if (key === "__proto__" || Object.hasOwn(this.#host, key)) {
        name.refuse(`is ${JSON.stringify(key)} again`);
      }
      const body = await this.#body();
      this.#host[key] = body.value;
    },
    redactions: async () => {
      if (this.#redactions !== undefined) this.#refuse("section redactions stands there twice");
      this.#redactions = readRedactions(await this.#body());
    },
    pages: () => this.#pages(),
    signature: async () => {
      if (this.#signature !== undefined) this.#refuse("section signature stands there twice");
      this.#signature = await readSignature(await this.#body(), this.#chainBefore);
    },
    end: async () => {
      const { fields } = this.#record;
      const before = this.#records.records - 1;
      if (fields.get("records").uint() !== before) {
        fields.refuse(`says a wrong number of records; ${before} stand before`);
      }
      if ((await this.#records.data(this.#record)).length > 0) fields.refuse("has data");
    },
  };

  /** Takes bytes off the budget before they are kept. */
  #spend(bytes: number): void {
    this.#chain.budget.bytes -= bytes;
    if (this.#chain.budget.bytes < 0) {
      const reason = `the sections besides memories have more than ${this.#limits.bodyBytes} bytes`;
      throw new ImageError("limit", reason, this.#record.place);
    }
  }

  /** The body that begins with the current record, decoded. */
  async #body(): Promise<Field> {
    const first = this.#record;
    const parts: Bytes[] = [];
    for (;;) {
      const { head } = this.#record;
      this.#spend(head.byteLength);
      // The reader's buffer is used again, and decoded bins are views of the body: a copy of our own.
      parts.push((await this.#records.data(this.#record)).slice());
      if (!head.more) break;
      this.#record = await this.#records.next();
      const next = this.#record.head;
      if (next.section !== first.head.section || next.name !== first.head.name) {
        this.#refuse(`the body of section ${first.head.section} is not finished`);
      }
    }
    const body = concatenate(parts);
    const name = [first.head.section, ...(first.head.name === undefined ? [] : [first.head.name])].join(".");
    return new Field(unpack(body, this.#chain.budget, first.place), name, first.place);
  }

  /** Keeps a record of a section that this version does not know. */
  async #keep(): Promise<void> {
    const { head, headBytes, storedLength, place } = this.#record;
    const name = JSON.stringify(head.section);
    if (this.#rank < 0) this.#refuse(`section ${name} stands before the header`);
    if (this.#signature !== undefined) this.#refuse(`section ${name} stands behind the signature`);
    if (head.required) {
      const by = this.#header === undefined ? "" : ` (written by ${JSON.stringify(this.#header.producer)})`;
      const reason = `section ${name} is required, and this program does not know it${by}; use a newer one`;
      throw new ImageError("unknown-required", reason, place);
    }
    if (this.child) return await this.#records.skip(this.#record);
    this.#spend(headBytes.length + storedLength);
    const kept = { head: headBytes, data: (await this.#records.stored(this.#record)).slice() };
    const last = this.#unknown.at(-1);
    if (last?.section === head.section) last.records.push(kept);
    else this.#unknown.push({ section: head.section, records: [kept] });
  }

  #outline(): SnapshotOutline {
    const { instances, memories, tables, globals } = this.#store;
    const unknown: readonly UnknownSection[] = this.#unknown;
    const { frames: stack } = this.#stack;
    const redactions = this.#redactions && { redactions: this.#redactions };
    const parts = { instances, memories, tables, globals, stack, host: this.#host, ...redactions };
    return { ...this.#header, ...parts, ...(unknown.length > 0 ? { unknown } : {}) };
  }

  /** Makes the memories as they are before the pages of this image are read. */
  async #prepare(): Promise<void> {
    if (this.child) this.#borrow(this.child);
    else await this.#allocate();
    if (this.#parent !== undefined && this.fill) await this.#readParent(this.#parent);
  }

  /** A parent's pages go into the memories of the image that was asked for. */
  #borrow(child: Reading): void {
    const memories = child.#memories!.map(({ buffer }, i) => ({
      buffer,
      pages: child.#store.memories[i].pages,
    }));
    const own = this.#store.memories;
    const larger = own.findIndex(({ pages }, i) => pages > (memories[i]?.pages ?? 0));
    if (own.length !== memories.length || larger >= 0) {
      this.#refuse("its memories are more or larger than those of the image that builds on it,");
    }
    this.#memories = own.map(({ pages }, i) => {
      const { buffer } = memories[i];
      return { pages: new PageReader(pages, buffer), buffer, fileBytes: 0 };
    });
  }

  /** Reads what this image builds on, into the same memories. */
  async #readParent(parent: ParentRef): Promise<void> {
    const { openParent } = this.options;
    const refuse = (reason: string) => {
      throw new ImageError("parent", reason);
    };
    if (openParent === undefined) {
      return refuse(`it holds only what changed since ${JSON.stringify(parent.name)}, which is not at hand`);
    }
    if (this.#chain.links >= this.#limits.links) {
      const reason = `more than ${this.#limits.links} images build on each other`;
      throw new ImageError("limit", reason);
    }
    const digest = await this.#readBeneath(parent, await openParent(parent));
    if (digest.toHex() !== parent.digest.toHex()) {
      const [is, was] = [digest, parent.digest].map((each) => each.toHex());
      refuse(`it builds on ${JSON.stringify(parent.name)} with digest ${was}, and that file now has ${is}`);
    }
    this.#chain.done++;
  }

  async #readBeneath(parent: ParentRef, source: ParentSource): Promise<Bytes> {
    try {
      return (await new Reading(source, this.#codec, this.options, true, this).run()).facts.digest;
    } catch (error) {
      if (!(error instanceof ImageError) || error.kind === "parent" || error.place.parent !== undefined) {
        throw error;
      }
      throw new ImageError(error.kind, error.reason, { ...error.place, parent: parent.name });
    } finally {
      source[Symbol.dispose]?.();
    }
  }

  /** Checks what is known so far, asks whether to go on, and makes room for memories. */
  async #allocate(): Promise<void> {
    const outline = this.#outline();
    checkSnapshot(outline);
    await this.options.accept?.(outline);
    const allocate = this.options.allocateMemory ?? shareableBuffer;
    this.#memories = outline.memories.map(({ pages, maxPages }, i) => {
      if (!this.fill) return { pages: new PageReader(pages), fileBytes: 0 };
      let buffer: ArrayBuffer | SharedArrayBuffer;
      try {
        buffer = allocate(pages, maxPages);
      } catch (error) {
        const reason = `there is no room for memory ${i} of ${pages} pages: ${(error as Error).message}`;
        throw new ImageError("limit", reason, this.#record.place);
      }
      return { pages: new PageReader(pages, buffer), buffer, fileBytes: 0 };
    });
  }

  async #pages(): Promise<void> {
    const { fields, head, storedLength } = this.#record;
    const memories = this.#memories!;
    const field = fields.get("memory");
    const memory = field.uint();
    if (memory >= memories.length) field.refuse(`is ${memory}, and there are ${memories.length} memories`);
    if (memory < this.#lastMemory) field.refuse(`is ${memory}, behind memory ${this.#lastMemory}`);
    this.#lastMemory = memory;
    memories[memory].fileBytes += storedLength;
    if (this.fill) {
      const data = await this.#records.data(this.#record);
      memories[memory].pages.read(fields.get("runs"), data.length, data);
    } else {
      await this.#records.skip(this.#record);
      memories[memory].pages.read(fields.get("runs"), head.byteLength);
    }
    this.#tell(memory);
  }

  /** How far all images of the chain together are, each as if it were the only one. */
  #tell(memory: number): void {
    const sizes = this.#store.memories.map(({ pages }) => pages * WASM_PAGE_BYTES);
    const sum = (list: readonly number[]) => list.reduce((total, each) => total + each, 0);
    const total = sum(sizes);
    const own = sum(sizes.slice(0, memory)) + this.#memories![memory].pages.next * PAGE_BYTES;
    const { links, done } = this.#chain;
    this.options.onProgress?.({ done: Math.floor((done * total + own) / links), total });
  }
}

/**
 * Reads a whole image and proves every byte of it.
 *
 * @example
 * ```ts
 * const image = await readImage(await Deno.readFile("bc.mvvm"), denoCodec);
 * console.log(image.stack.length, image.memories[0].pages);
 * ```
 * @throws ImageError saying what was wrong and where.
 */
export async function readImage(
  source: ImageSource | Uint8Array,
  codec: ImageCodec,
  options: ReadOptions = {},
): Promise<Image> {
  const { outline, facts, memories } = await new Reading(source, codec, options, true).run();
  return {
    ...outline,
    ...facts,
    memories: outline.memories.map((memory, i) => ({ ...memory, buffer: memories[i].buffer! })),
  };
}

/**
 * Reads and proves everything but the contents of memories, which are skipped.
 *
 * @throws ImageError saying what was wrong and where.
 */
export async function inspectImage(
  source: ImageSource | Uint8Array,
  codec: ImageCodec,
  options: Pick<ReadOptions, "limits" | "signers"> = {},
): Promise<ImageInfo> {
  const { outline, facts, memories } = await new Reading(source, codec, options, false).run();
  return {
    ...outline,
    ...facts,
    memories: outline.memories.map((memory, i) => ({
      ...memory,
      storedBytes: memories[i].pages.stored * PAGE_BYTES,
      repeatedBytes: memories[i].pages.repeated * PAGE_BYTES,
      zeroedBytes: memories[i].pages.zeroed * PAGE_BYTES,
      fileBytes: memories[i].fileBytes,
    })),
  };
}
