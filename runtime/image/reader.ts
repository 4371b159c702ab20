/**
 * Reading an image that nobody trusts. Everything is proven by its digest, then checked, and only then
 * allocated; nothing is returned before the last byte was checked.
 *
 * @module
 */
import type { Bytes, ImageCodec } from "./codec.ts";
import { ImageError } from "./error.ts";
import { Field } from "./field.ts";
import {
  DEFAULT_LIMITS,
  type ImageLimits,
  PAGE_BYTES,
  type SectionName,
  SECTIONS,
  VERSION,
  WASM_PAGE_BYTES,
} from "./format.ts";
import { unpack } from "./msgpack.ts";
import { PageReader } from "./pages.ts";
import { bytesSource, type ImageRecord, type ImageSource, RecordReader } from "./record.ts";
import type { Snapshot, UnknownSection } from "./snapshot.ts";
import { StackReader } from "./stack.ts";
import { type Header, readHeader, readStore, type Store } from "./store.ts";
import { checkSnapshot, type SnapshotOutline } from "./validity.ts";
import type { ImageProgress } from "./writer.ts";

export interface ReadOptions {
  readonly limits?: Partial<ImageLimits>;
  /**
   * Called once everything but the contents of memories is read, before any memory is allocated. Throw
   * to refuse the image. The bytes behind are not proven yet, so nothing may be run.
   */
  readonly accept?: (outline: SnapshotOutline) => void | Promise<void>;
  /** Gives a buffer of at least `pages * 65536` bytes, all zero. By default a new ArrayBuffer. */
  readonly allocateMemory?: (pages: number, maxPages: number | undefined) => ArrayBuffer | SharedArrayBuffer;
  /** Called after each chunk of memory. */
  readonly onProgress?: (progress: ImageProgress) => void;
}

/** Facts about the file itself. */
export interface ImageFacts {
  readonly version: number;
  /** Bytes of the image. */
  readonly byteLength: number;
  /** SHA-256 that covers every byte; it names the image. */
  readonly digest: Bytes;
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
    /** Bytes that the pages take in the file. */
    readonly fileBytes: number;
  })[];
}

interface MemoryState {
  readonly pages: PageReader;
  readonly buffer?: ArrayBuffer | SharedArrayBuffer;
  fileBytes: number;
}

/** One pass over an image; `section` methods take the records as they come. */
class Reading {
  readonly #records: RecordReader;
  readonly #limits: ImageLimits;
  /** What is left of the limits that are shared by all bodies. */
  readonly #budget: { bytes: number; items: number; readonly depth: number };
  #rank = -1;
  #record!: ImageRecord;
  #header!: Header;
  #store!: Store;
  #stack!: StackReader;
  readonly #host: Record<string, unknown> = {};
  readonly #unknown: { section: string; records: { head: Uint8Array; data: Uint8Array }[] }[] = [];
  #memories?: MemoryState[];
  #lastMemory = 0;

  constructor(
    source: ImageSource | Uint8Array,
    codec: ImageCodec,
    readonly options: ReadOptions,
    readonly fill: boolean,
  ) {
    this.#records = new RecordReader(source instanceof Uint8Array ? bytesSource(source) : source, codec);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { bodyBytes: bytes, items, depth } = this.#limits;
    this.#budget = { bytes, items, depth };
  }

  #refuse(reason: string): never {
    throw new ImageError("invalid", reason, this.#record.place);
  }

  /** Reads all records and returns the parts. */
  async run(): Promise<{ outline: SnapshotOutline; facts: ImageFacts; memories: MemoryState[] }> {
    await this.#records.begin();
    while (SECTIONS[this.#rank] !== "end") {
      this.#record = await this.#records.next();
      const { section } = this.#record.head;
      const rank = SECTIONS.indexOf(section as SectionName);
      if (rank < 0) await this.#keep();
      else await this.#known(rank);
    }
    await this.#records.end();
    const { offset: byteLength, chain: digest } = this.#records;
    return {
      outline: this.#outline(),
      facts: { version: VERSION, byteLength, digest },
      memories: this.#memories!,
    };
  }

  async #known(rank: number): Promise<void> {
    const section = SECTIONS[rank];
    // `header` and `store` must stand first, once each; of the others any number, in order.
    const fits = this.#rank < 1 ? rank === this.#rank + 1 : rank >= Math.max(this.#rank, 2);
    if (!fits) {
      const before = this.#rank < 0 ? "at the start" : `behind ${SECTIONS[this.#rank]}`;
      this.#refuse(`section ${section} stands ${before}; the order is ${SECTIONS.join(", ")}`);
    }
    this.#rank = rank;
    if (rank >= SECTIONS.indexOf("pages") && this.#memories === undefined) await this.#allocate();
    await this.#sections[section]();
  }

  readonly #sections: Record<SectionName, () => void | Promise<void>> = {
    header: async () => {
      this.#header = readHeader(await this.#body());
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
    pages: () => this.#pages(),
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
    this.#budget.bytes -= bytes;
    if (this.#budget.bytes < 0) {
      const reason = `the sections besides memories have more than ${this.#limits.bodyBytes} bytes`;
      throw new ImageError("limit", reason, this.#record.place);
    }
  }

  /** The body that begins with the current record, decoded. */
  async #body(): Promise<Field> {
    const first = this.#record;
    const parts: Bytes[] = [];
    let length = 0;
    for (;;) {
      const { head } = this.#record;
      this.#spend(head.byteLength);
      length += head.byteLength;
      // The reader's buffer is used again, and decoded bins are views of the body: a copy of our own.
      parts.push((await this.#records.data(this.#record)).slice());
      if (!head.more) break;
      this.#record = await this.#records.next();
      const next = this.#record.head;
      if (next.section !== first.head.section || next.name !== first.head.name) {
        this.#refuse(`the body of section ${first.head.section} is not finished`);
      }
    }
    let body = parts[0];
    if (parts.length > 1) {
      body = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        body.set(part, at);
        at += part.length;
      }
    }
    const name = [first.head.section, ...(first.head.name === undefined ? [] : [first.head.name])].join(".");
    return new Field(unpack(body, this.#budget, first.place), name, first.place);
  }

  /** Keeps a record of a section that this version does not know. */
  async #keep(): Promise<void> {
    const { head, headBytes, storedLength, place } = this.#record;
    const name = JSON.stringify(head.section);
    if (this.#rank < 0) this.#refuse(`section ${name} stands before the header`);
    if (head.required) {
      const by = this.#header === undefined ? "" : ` (written by ${JSON.stringify(this.#header.producer)})`;
      const reason = `section ${name} is required, and this program does not know it${by}; use a newer one`;
      throw new ImageError("unknown-required", reason, place);
    }
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
    const parts = { instances, memories, tables, globals, stack, host: this.#host };
    return { ...this.#header, ...parts, ...(unknown.length > 0 ? { unknown } : {}) };
  }

  /** Checks what is known so far, asks whether to go on, and makes room for memories. */
  async #allocate(): Promise<void> {
    const outline = this.#outline();
    checkSnapshot(outline);
    await this.options.accept?.(outline);
    const allocate = this.options.allocateMemory ?? ((pages) => new ArrayBuffer(pages * WASM_PAGE_BYTES));
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
    const bytes = (index: number) => this.#store.memories[index].pages * WASM_PAGE_BYTES;
    this.options.onProgress?.({
      done: memories.slice(0, memory).reduce(
        (sum, _, i) => sum + bytes(i),
        memories[memory].pages.next * PAGE_BYTES,
      ),
      total: memories.reduce((sum, _, i) => sum + bytes(i), 0),
    });
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
  options: Pick<ReadOptions, "limits"> = {},
): Promise<ImageInfo> {
  const { outline, facts, memories } = await new Reading(source, codec, options, false).run();
  return {
    ...outline,
    ...facts,
    memories: outline.memories.map((memory, i) => ({
      ...memory,
      storedBytes: memories[i].pages.stored * PAGE_BYTES,
      repeatedBytes: memories[i].pages.repeated * PAGE_BYTES,
      fileBytes: memories[i].fileBytes,
    })),
  };
}
