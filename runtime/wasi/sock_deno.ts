/**
 * Listening sockets of Deno for a guest to inherit. Deno has asynchronous ones only, so what would
 * block gives a promise, and the guest waits on its frames.
 *
 * @module
 */
import { Errno, fail } from "./errno.ts";
import type { HostListener, HostSocket } from "./host.ts";
import { INTERRUPTED, type Interrupted } from "./interrupt.ts";

/** Settles when a stop is requested, as `WasiHost.stopRequested`. */
export type StopSignal = () => Promise<void>;

/** The most that is read ahead of the guest, in bytes. */
const READ_AHEAD = 65536;

/** Runs an action one at a time, for everybody who waits for it. */
class Once {
  #running: Promise<void> | undefined;

  constructor(readonly action: () => Promise<void>) {}

  run(): Promise<void> {
    return this.#running ??= this.action().finally(() => this.#running = undefined);
  }
}

/** Waits, unless a stop comes first. The action goes on and its outcome is there the next time. */
async function unlessStopped(action: Promise<void>, stop: StopSignal | undefined): Promise<boolean> {
  let stopped = false;
  const signal = stop?.().then(() => void (stopped = true));
  await Promise.race([action, ...(signal ? [signal] : [])]);
  return stopped;
}

class DenoSocket implements HostSocket {
  readonly #connection: Deno.Conn;
  readonly #stop: StopSignal | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #ended = false;
  #error: unknown;
  readonly #fill = new Once(async () => {
    try {
      const buffer = new Uint8Array(READ_AHEAD);
      const count = await this.#connection.read(buffer);
      if (count === null) this.#ended = true;
      else this.#bytes = buffer.subarray(0, count);
    } catch (error) {
      this.#error = error;
      this.#ended = true;
    }
  });

  constructor(connection: Deno.Conn, stop: StopSignal | undefined) {
    this.#connection = connection;
    this.#stop = stop;
  }

  #take(buffer: Uint8Array, peek: boolean): number {
    if (this.#bytes.length === 0 && this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      throw error;
    }
    const part = this.#bytes.subarray(0, buffer.length);
    buffer.set(part);
    if (!peek) this.#bytes = this.#bytes.subarray(part.length);
    return part.length;
  }

  read(
    buffer: Uint8Array,
    nonblock: boolean,
    peek: boolean,
  ): number | undefined | Promise<number | Interrupted> {
    if (this.#bytes.length > 0 || this.#ended || buffer.length === 0) return this.#take(buffer, peek);
    const filled = this.readable();
    if (nonblock) return undefined;
    return unlessStopped(filled, this.#stop).then((stopped) =>
      stopped ? INTERRUPTED : this.#take(buffer, peek)
    );
  }
  write(buffer: Uint8Array): Promise<number> {
    // The guest's memory must not be looked at after this call.
    return this.#connection.write(buffer.slice());
  }
  available(): number | undefined {
    if (this.#bytes.length > 0) return this.#bytes.length;
    return this.#ended ? undefined : 0;
  }
  readable(): Promise<void> {
    return this.#bytes.length > 0 || this.#ended ? Promise.resolve() : this.#fill.run();
  }
  shutdown(read: boolean, write: boolean): void {
    if (read) {
      this.#bytes = new Uint8Array(0);
      this.#ended = true;
    }
    if (write) this.#connection.closeWrite().catch(() => {});
  }
  close(): void {
    try {
      this.#connection.close();
    } catch {
      // The peer was faster.
    }
  }
}

/** A listener of Deno as a guest inherits it. It stays the caller's to close. */
export class DenoListener implements HostListener {
  readonly label: string;
  readonly #listener: Deno.Listener;
  readonly #stop: StopSignal | undefined;
  readonly #accepted: DenoSocket[] = [];
  #error: unknown;
  readonly #pull = new Once(async () => {
    try {
      this.#accepted.push(new DenoSocket(await this.#listener.accept(), this.#stop));
    } catch (error) {
      this.#error = error;
    }
  });

  /** @param stop Makes waits end when a stop is requested: a host's `stopRequested`. */
  constructor(listener: Deno.Listener, stop?: StopSignal) {
    this.#listener = listener;
    this.#stop = stop;
    const { addr } = listener;
    this.label = "hostname" in addr ? `${addr.hostname}:${addr.port}` : addr.transport;
  }

  accept(nonblock: boolean): HostSocket | undefined | Promise<HostSocket | Interrupted> {
    const socket = this.#accepted.shift();
    if (socket !== undefined) return socket;
    const pulled = this.#pull.run();
    if (nonblock) return undefined;
    return unlessStopped(pulled, this.#stop).then((stopped) => {
      if (stopped) return INTERRUPTED;
      const accepted = this.#accepted.shift();
      if (accepted !== undefined) return accepted;
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? fail(Errno.again) : Promise.reject(error);
    });
  }
  available(): boolean {
    return this.#accepted.length > 0 || this.#error !== undefined;
  }
  readable(): Promise<void> {
    return this.available() ? Promise.resolve() : this.#pull.run();
  }
  close(): void {
    this.#listener.close();
  }
}
