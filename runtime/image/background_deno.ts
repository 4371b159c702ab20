/**
 * A thread that writes images while the guest runs on, and stops it when the next one is due.
 *
 * Its code is sent as text, because a worker from a file would need a read permission for our own sources,
 * and is not there in a bundle. So it is put together from functions that use nothing but their parameters.
 *
 * @module
 */
import { stopRequest } from "../control.ts";
import { ChannelWord } from "../wasi/channel.ts";
import type { Bytes, Compression } from "./codec.ts";
import { denoCodecOf } from "./codec_deno.ts";
import { MAX_DATA_BYTES } from "./format.ts";
import { packHead } from "./head.ts";
import { isZero } from "../zero.ts";
import { pageChunker, pageFormat } from "./pages.ts";
import { type Publication, publish } from "./publish_deno.ts";
import { recordFormat, recordWriterClass } from "./record.ts";
import { chunkFormat, nonce } from "./sealed/format.ts";
import { sealing, type SealPlan } from "./sealed/seal.ts";
import { signatureBody, signatureFormat, type Signer } from "./signature.ts";
import { type ImagePlan, type ImageProgress, writePlan, type WriteResult } from "./writer.ts";

/** How a guest is stopped from another thread: its control words, and those of its channel if it waits. */
export interface StopWords {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly channel: Int32Array<SharedArrayBuffer>;
  /** When the last passing stop was asked for, in microseconds since 1970. */
  readonly asked: BigInt64Array<SharedArrayBuffer>;
}

/** In the channel's word `stop`: the guest is to be stopped, and goes on when an image is taken. */
export const PASSING_STOP = 2;

/** An image to be written. */
export interface BackgroundJob {
  readonly path: string;
  readonly plan: ImagePlan;
  readonly compression: Compression;
  readonly publication: Publication;
  /** Seals the file; made for this one. */
  readonly seal?: SealPlan;
  readonly signer?: Signer;
}

const formats = { ...recordFormat, ...pageFormat, ...chunkFormat, ...signatureFormat, MAX_DATA_BYTES };
/** What the thread is told. */
type Order =
  | { readonly order: "setup"; readonly words: StopWords; readonly formats: typeof formats }
  | { readonly order: "write"; readonly job: BackgroundJob }
  | { readonly order: "stopAt"; readonly time: number };
/** What it tells. */
type Report =
  | { readonly report: "progress"; readonly progress: ImageProgress }
  | { readonly report: "written"; readonly result: WriteResult }
  | { readonly report: "failed"; readonly name: string; readonly message: string };

/** Milliseconds between two reports of progress. */
const REPORT_PERIOD = 100;

/** The thread. */
function serve(tools: {
  readonly crypto: typeof import("node:crypto");
  readonly zlib: typeof import("node:zlib");
  readonly denoCodecOf: typeof denoCodecOf;
  readonly recordWriterClass: typeof recordWriterClass;
  readonly packHead: typeof packHead;
  readonly pageChunker: typeof pageChunker;
  readonly isZero: typeof isZero;
  readonly writePlan: typeof writePlan;
  readonly sealing: typeof sealing;
  readonly nonce: typeof nonce;
  readonly signatureBody: typeof signatureBody;
  readonly publish: typeof publish;
  readonly Word: typeof ChannelWord;
  readonly stopRequest: typeof import("../control.ts").stopRequest;
  readonly PASSING_STOP: number;
  readonly REPORT_PERIOD: number;
}): void {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent<Order>) => void;
    postMessage(message: Report): void;
  };
  const { Word } = tools;
  let write: (job: BackgroundJob) => Promise<WriteResult>;
  let stop: () => void;
  let written: Promise<unknown> = Promise.resolve();
  const stopAt = (time: number) => {
    const left = time - Date.now();
    // Timers count in 31 bits.
    if (left > 0) setTimeout(() => stopAt(time), Math.min(left, 0x7fffffff));
    else stop();
  };
  scope.onmessage = ({ data }) => {
    if (data.order === "stopAt") return void written.then(() => stopAt(data.time));
    if (data.order === "write") {
      return void (written = write(data.job).then(
        (result) => scope.postMessage({ report: "written", result }),
        ({ name, message }) => scope.postMessage({ report: "failed", name, message }),
      ));
    }
    const { words: { control, channel, asked }, formats } = data;
    const codec = tools.denoCodecOf(tools.crypto, tools.zlib, formats.MAX_DATA_BYTES);
    const RecordWriter = tools.recordWriterClass(formats, tools.packHead);
    const chunks = tools.pageChunker(formats, tools.isZero);
    write = ({ path, plan, compression, publication, seal, signer }) => {
      let next = 0;
      const onProgress = (progress: ImageProgress) => {
        const now = performance.now();
        if (now < next) return;
        next = now + tools.REPORT_PERIOD;
        scope.postMessage({ report: "progress", progress });
      };
      const sign = signer &&
        (async (chain: Bytes) => tools.packHead(await tools.signatureBody(signer, chain, formats)));
      return tools.publish(path, publication, async (sink) => {
        const sealed = seal && await tools.sealing(sink, seal, formats, tools.nonce);
        const records = new RecordWriter(codec, sealed ?? sink, compression);
        const written = await tools.writePlan(plan, records, chunks, formats, { onProgress, sign });
        await sealed?.end();
        return { ...written, ...sealed && { byteLength: sealed.byteLength } };
      });
    };
    stop = () => {
      Atomics.store(asked, 0, BigInt(Math.round(1000 * (performance.timeOrigin + performance.now()))));
      // A stop that ends the run is not made a passing one.
      Atomics.compareExchange(channel, Word.stop, 0, tools.PASSING_STOP);
      for (const [word, value] of tools.stopRequest) Atomics.store(control, word, value);
      Atomics.add(channel, Word.wake, 1);
      Atomics.notify(channel, Word.wake);
    };
  };
}

/** The module that the thread runs. */
function source(): string {
  const images = { denoCodecOf, recordWriterClass, packHead, pageChunker, isZero, writePlan, publish };
  const functions = { ...images, sealing, nonce, signatureBody };
  const constants = { Word: ChannelWord, stopRequest, PASSING_STOP, REPORT_PERIOD };
  return [
    'import * as crypto from "node:crypto";',
    'import * as zlib from "node:zlib";',
    `(${serve})({`,
    "crypto, zlib,",
    ...Object.entries(functions).map(([name, text]) => `${name}: ${text},`),
    ...Object.entries(constants).map(([name, value]) => `${name}: ${JSON.stringify(value)},`),
    "});",
  ].join("\n");
}

/** What a file system says keeps its kind on the way from the thread. */
const fileErrors: Readonly<Record<string, (new (message: string) => Error) | undefined>> = Deno.errors;

/** This thread's end of it. Writes one image at a time. */
export class BackgroundWriter implements Disposable {
  readonly #worker: Worker;
  #done: Promise<WriteResult> | undefined;

  constructor(words: StopWords) {
    this.#worker = new Worker(`data:application/javascript,${encodeURIComponent(source())}`, {
      type: "module",
      name: "image writer",
    });
    this.#order({ order: "setup", words, formats });
  }

  #order(order: Order): void {
    this.#worker.postMessage(order);
  }

  /**
   * Writes an image. Until it is written, the memories of its plan belong to the thread, so they must be
   * shared, and nobody may change them.
   *
   * @throws Error with what the file system says.
   */
  write(job: BackgroundJob, onProgress?: (progress: ImageProgress) => void): Promise<WriteResult> {
    const worker = this.#worker;
    const done = new Promise<WriteResult>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Report>) => {
        if (data.report === "progress") onProgress?.(data.progress);
        else if (data.report === "written") resolve(data.result);
        else reject(new (fileErrors[data.name] ?? Error)(data.message));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the writing thread failed: ${event.message}`));
      };
    });
    // Whoever waits for it hears of a failure; until then it is nobody's unhandled rejection.
    done.catch(() => {});
    this.#order({ order: "write", job });
    return this.#done = done;
  }

  /** Stops the guest at a time (milliseconds since 1970), but not before what is being written is written. */
  stopAt(time: number): void {
    this.#order({ order: "stopAt", time });
  }

  /** Settles when nothing is being written. */
  async idle(): Promise<void> {
    await this.#done?.catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
