/**
 * Images of a guest that runs on: at every interval one that holds what changed since the one before. The guest
 * stands still while that is found and copied; another thread compresses and writes it.
 *
 * @module
 */
import { basename, dirname, resolve } from "node:path";
import { CheckpointError } from "./checkpoint.ts";
import type { Guest, Outcome } from "./guest.ts";
import { BackgroundWriter, PASSING_STOP, type StopWords } from "./image/background_deno.ts";
import { ChainFolder, lockChain, type NextLink } from "./image/chain_deno.ts";
import { denoCodec } from "./image/codec_deno.ts";
import { realPath, removeStale, type SealOption } from "./image/file_deno.ts";
import { planSeal, type SealPlan } from "./image/sealed/seal.ts";
import { Shadow } from "./image/shadow.ts";
import { compareBytes } from "./image/shadow_deno.ts";
import type { Snapshot, SnapshotMemory } from "./image/snapshot.ts";
import {
  compressionOf,
  type Increment,
  planImage,
  type WriteOptions,
  type WriteResult,
} from "./image/writer.ts";
import { ChannelWord } from "./wasi/channel.ts";
import { WasiSaveError } from "./wasi/state.ts";

/** An image on which the first one can build. */
export interface RecordedParent {
  /** Its file. */
  readonly path: string;
  readonly digest: Uint8Array;
  /** As the guest starts from them; copied by `Recorder.open`. */
  readonly memories: readonly SnapshotMemory[];
}

/** One image that was written. */
export interface Recorded extends WriteResult {
  /** Whether it has no parent. */
  readonly whole: boolean;
}

export interface RecorderOptions extends Omit<WriteOptions, "parent" | "onProgress">, SealOption {
  /** Milliseconds between two images; without it the only image is that of `finish`. */
  readonly every?: number;
  /** How many of the newest states can be restored; the files they need are kept, others of the chain removed. */
  readonly keep: number;
  /** What the guest hears stops by: its `control`, and the words of its channel if its host has a waiter. */
  readonly words: Pick<StopWords, "control"> & Partial<Pick<StopWords, "channel">>;
  readonly parent?: RecordedParent;
  /** Changes a snapshot before it is copied, until the result is disposed of. */
  readonly prepare?: (snapshot: Snapshot) => { readonly snapshot: Snapshot } & Disposable;
  readonly onImage?: (image: Recorded) => void;
  /** An image could not be written; the guest goes on, and the next one is whole. */
  readonly onFailure?: (reason: string) => void;
}

/** What is known of the link that the next one builds on. */
interface Last {
  readonly digest: Uint8Array;
  /** Its file, if it is none of this chain. */
  readonly name?: string;
}

/**
 * Records one guest.
 *
 * @example
 * ```ts
 * const control = controlWords();
 * const guest = Guest.start(program, { wasi, control });
 * await using recorder = await Recorder.open("a.mvvm", { every: 5000, keep: 3, words: { control } });
 * const outcome = await recorder.run(guest);
 * ```
 */
export class Recorder implements AsyncDisposable {
  readonly #shadow = new Shadow(compareBytes);
  readonly #words: StopWords;
  #thread: BackgroundWriter | undefined;
  #last: Last | undefined;
  #onProgress: WriteOptions["onProgress"];
  /** What is being written. */
  #writing: Promise<void> = Promise.resolve();
  #failed = false;
  /** Images written so far, and how many of them have no parent. */
  images = 0;
  wholeImages = 0;
  /** How long the guest stood still at most, from the request of a stop to its next step, in milliseconds. */
  longestPause = 0;

  private constructor(
    readonly options: RecorderOptions,
    private chain: ChainFolder,
    private readonly lock: Disposable,
  ) {
    const { parent, words } = options;
    this.#words = {
      control: words.control,
      channel: words.channel ?? new Int32Array(new SharedArrayBuffer(32)),
      asked: new BigInt64Array(new SharedArrayBuffer(8)),
    };
    if (parent !== undefined) {
      this.#shadow.update(parent.memories);
      const own = resolve(realPath(parent.path)) === resolve(chain.path);
      this.#last = { digest: parent.digest, ...own ? {} : { name: basename(parent.path) } };
    }
  }

  /**
   * Looks at what stands in the image's folder, and copies the memories of the parent.
   *
   * @param path The newest image, now and later.
   * @throws {Deno.errors.Busy} Another process records there.
   */
  static async open(path: string, options: RecorderOptions): Promise<Recorder> {
    const target = realPath(path);
    removeStale(target);
    const lock = lockChain(target);
    try {
      // A passphrase is made into a key now, and not in the first pause.
      await options.key?.seal();
      return new Recorder(options, await ChainFolder.open(target, options.keep, options.key), lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Runs a guest until it ends, or is stopped by somebody else; then the last image is the caller's to
   * `finish`.
   */
  async run(guest: Guest): Promise<Outcome> {
    const { every, onFailure } = this.options;
    if (every === undefined) return await guest.run();
    for (;;) {
      this.#background.stopAt(Date.now() + every);
      let image: Snapshot;
      try {
        const outcome = await guest.run();
        if (outcome.kind !== "checkpointed" || !this.#passes(guest)) return outcome;
        image = outcome.image;
      } catch (error) {
        const isOurs = error instanceof CheckpointError || error instanceof WasiSaveError;
        if (!isOurs || !this.#passes(guest)) throw error;
        onFailure?.(error.message);
        continue;
      }
      await this.#writing;
      await this.#begin(image);
      // A stop that was asked for in the very moment in which ours was cleared.
      if (Atomics.load(this.#words.channel, ChannelWord.stop) === 1) guest.requestCheckpoint();
      const now = 1000 * (performance.timeOrigin + performance.now());
      this.longestPause = Math.max(
        this.longestPause,
        (now - Number(Atomics.load(this.#words.asked, 0))) / 1000,
      );
    }
  }

  /** Started when there is something to do for it. */
  get #background(): BackgroundWriter {
    return this.#thread ??= new BackgroundWriter(this.#words);
  }

  /** Whether the stop was ours and nobody else's: the guest goes on. */
  #passes({ store: { thread } }: Guest): boolean {
    const { channel } = this.#words;
    if (Atomics.compareExchange(channel, ChannelWord.stop, PASSING_STOP, 0) !== PASSING_STOP) return false;
    const { ticks, calls, options: { stopAtTick, stopAtCall } } = thread;
    return ticks !== stopAtTick && calls !== stopAtCall;
  }

  /** Writes the last image of a guest that does not go on. */
  async finish(snapshot: Snapshot, onProgress?: WriteOptions["onProgress"]): Promise<Recorded> {
    await this.#writing;
    this.#onProgress = onProgress;
    let written: Recorded | undefined;
    let failure: unknown;
    await this.#begin(snapshot, (image) => written = image, (error) => failure = error);
    await this.#writing;
    if (written === undefined) throw failure;
    return written;
  }

  /** Copies what changed and has it written. Settles when the guest may run on. */
  async #begin(
    snapshot: Snapshot,
    written: (image: Recorded) => void = (image) => this.options.onImage?.(image),
    failed: (error: unknown) => void = (error) => this.options.onFailure?.((error as Error).message),
  ): Promise<void> {
    const fail = (error: unknown) => {
      // The copies are ahead of what was written.
      this.#last = undefined;
      this.#failed = true;
      failed(error);
    };
    try {
      using prepared = this.options.prepare?.(snapshot) ?? { snapshot, [Symbol.dispose]() {} };
      // Of a write that failed, a part may be done.
      if (this.#failed) {
        this.chain = await ChainFolder.open(this.chain.path, this.chain.keep, this.options.key);
      }
      this.#failed = false;
      const next = this.chain.next(this.#base);
      const parent = next.startsAnew ? undefined : this.#parentName(next);
      const memories = this.#shadow.update(prepared.snapshot.memories);
      const increment = parent && { ...parent, changed: memories.map(({ changed }) => changed) };
      const { key } = this.options;
      // The master key stays in this thread; the other one gets the keys of one file.
      const seal = key && await planSeal(key);
      const writing = this.#write({ ...prepared.snapshot, memories }, increment, next, seal);
      this.#writing = writing.then((result) => {
        this.#last = { digest: result.digest };
        this.chain.add({ byteLength: result.byteLength, ...parent && { parent: parent.name } }, next);
        const whole = parent === undefined;
        this.images++;
        if (whole) this.wholeImages++;
        written({ ...result, whole });
      }).catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  get #base() {
    const name = this.#last?.name;
    return this.#last && (name === undefined ? "newest" as const : { name });
  }

  #parentName({ parentName }: NextLink): Omit<Increment, "changed"> | undefined {
    const last = this.#last;
    const name = last?.name ?? parentName;
    return last === undefined || name === undefined ? undefined : { digest: last.digest, name };
  }

  #write(
    snapshot: Snapshot,
    parent: Increment | undefined,
    { publication }: NextLink,
    seal: SealPlan | undefined,
  ): Promise<WriteResult> {
    const { path } = this.chain;
    const { compress, signer } = this.options;
    const job = {
      path,
      plan: planImage(snapshot, { parent }),
      compression: compressionOf(compress, denoCodec),
      publication,
      seal,
      signer,
    };
    return this.#background.write(job, this.#onProgress);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    this.#thread?.[Symbol.dispose]();
    this.lock[Symbol.dispose]();
  }
}

/** Whether an image at `path` could name one at `parent` as what it builds on: neither replaces it nor stands elsewhere. */
export function canBuildOn(parent: string, path: string): boolean {
  return resolve(parent) !== resolve(path) && resolve(dirname(parent)) === resolve(dirname(path));
}
