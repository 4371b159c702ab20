/**
 * A pipe: what is written to an image's sink is read as its source at the same time.
 *
 * @module
 */
import { concatenate } from "../concatenate.ts";
import type { Bytes } from "./codec.ts";
import type { ImageSink, ImageSource } from "./record.ts";

/** How many bytes may wait to be read before the writer waits, too. */
const ROOM = 1 << 22;

export class Pipe implements ImageSink, ImageSource {
  #parts: Bytes[] = [];
  #length = 0;
  #ended = false;
  #closed = false;
  /** Called when something has changed on the other side. */
  #wake: (() => void)[] = [];

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #until(ready: () => boolean): Promise<void> {
    while (!ready()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  async write(bytes: Bytes): Promise<void> {
    if (this.#closed) return;
    // The writer's buffer is used again, and a part must not be empty.
    if (bytes.length > 0) this.#parts.push(bytes.slice());
    this.#length += bytes.length;
    this.#changed();
    await this.#until(() => this.#length < ROOM || this.#closed);
  }

  /** Nothing more will be written. */
  end(): void {
    this.#ended = true;
    this.#changed();
  }

  /** Nothing more will be read; what is written is dropped. */
  close(): void {
    this.#closed = true;
    this.#parts = [];
    this.#changed();
  }

  async read(length: number): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (let missing = length; missing > 0; missing -= parts.at(-1)!.length) {
      await this.#until(() => this.#length > 0 || this.#ended);
      if (this.#length === 0) break;
      parts.push(this.#take(Math.min(missing, this.#parts[0].length)));
    }
    return concatenate(parts);
  }

  /** The next bytes, which lie in the first part. */
  #take(length: number): Bytes {
    const [first] = this.#parts;
    const taken = first.subarray(0, length);
    if (length === first.length) this.#parts.shift();
    else this.#parts[0] = first.subarray(length);
    this.#length -= length;
    this.#changed();
    return taken;
  }

  async skip(length: number): Promise<number> {
    return (await this.read(length)).length;
  }
}
