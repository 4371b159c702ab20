/**
 * The standard streams of a Deno process.
 *
 * @module
 */
import { nodeFs } from "../node_deno.ts";
import { Filetype } from "./abi.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { HostStream } from "./host.ts";
import type { Waiter } from "./host_deno.ts";
import type { Interrupted } from "./interrupt.ts";
import { concatenate } from "../concatenate.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What there is to know of a descriptor. */
interface Stat {
  /** In bytes. */
  readonly size: number;
  readonly isFile: boolean;
  readonly isCharDevice: boolean;
  readonly isSocket: boolean;
}

/** What a descriptor of this process is. Pipes have no type in WASI; they are `unknown`. */
function describe(fd: number): { filetype: Filetype; size: number } {
  try {
    const { size, isFile, isCharDevice, isSocket } = statByPath(fd) ?? statByNode(fd);
    if (isFile) return { filetype: Filetype.regular_file, size };
    if (isCharDevice) return { filetype: Filetype.character_device, size };
    if (isSocket) return { filetype: Filetype.socket_stream, size };
  } catch {
    // Closed, or a console that has no attributes.
  }
  return { filetype: Filetype.unknown, size: 0 };
}

/** Linux has a path for it, which only `--allow-all` may ask about. */
function statByPath(fd: number): Stat | undefined {
  const path = `/proc/self/fd/${fd}`;
  if (Deno.build.os !== "linux") return undefined;
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    const { size, isFile, isCharDevice, isSocket } = Deno.statSync(path);
    return { size, isFile, isCharDevice: isCharDevice === true, isSocket: isSocket === true };
  } catch {
    return undefined;
  }
}

function statByNode(fd: number): Stat {
  const stat = nodeFs().fstatSync(fd);
  return {
    size: stat.size,
    isFile: stat.isFile(),
    isCharDevice: stat.isCharacterDevice(),
    isSocket: stat.isSocket(),
  };
}

const idle = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);

/** Does it again while the stream, having been made non-blocking by somebody, is not ready. */
function blocking<T>(action: () => T): T {
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (errnoOf(error) !== Errno.again) throw error;
      idle();
    }
  }
}

/** Where the process's standard input stood when it was handed to us; only `--allow-all` may ask. */
function initialOffset(): number {
  try {
    return Number(/^pos:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/fdinfo/0"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/**
 * Standard input. In a regular file it is known where the guest stands; a terminal or a pipe is read
 * through the waiter, if there is one, so that a stop is heard meanwhile.
 */
export class DenoInput implements HostStream {
  readonly filetype: Filetype;
  readonly terminal: boolean;
  readonly #waiter: Waiter | undefined;
  #position: number | undefined;
  /** Moved by us: from then on the system's own offset does not count. */
  #moved = false;
  #unread: Uint8Array = new Uint8Array(0);

  constructor(waiter?: Waiter) {
    this.terminal = Deno.stdin.isTerminal();
    this.filetype = this.terminal ? Filetype.character_device : describe(0).filetype;
    if (this.filetype === Filetype.regular_file) this.#position = initialOffset();
    else this.#waiter = waiter;
  }

  get position(): number | undefined {
    return this.#position;
  }
  set position(position: number | undefined) {
    if (this.#position === undefined) return;
    this.#position = position;
    this.#moved = true;
  }
  size(): number {
    return this.#position === undefined ? 0 : describe(0).size;
  }

  read(buffer: Uint8Array): number | Interrupted {
    if (this.#unread.length > 0) {
      const part = this.#unread.subarray(0, buffer.length);
      buffer.set(part);
      this.#unread = this.#unread.subarray(part.length);
      return part.length;
    }
    if (this.#position !== undefined) {
      const count = nodeFs().readSync(0, buffer, 0, buffer.length, this.#moved ? this.#position : null);
      this.#position += count;
      return count;
    }
    if (this.#waiter !== undefined) return this.#waiter.read(buffer);
    return blocking(() => Deno.stdin.readSync(buffer as Bytes)) ?? 0;
  }
  available(): number | undefined {
    if (this.#unread.length > 0) return this.#unread.length;
    if (this.#position !== undefined) return Math.max(1, this.size() - this.#position);
    return this.#waiter?.available();
  }
  pending(): Uint8Array {
    return concatenate([this.#unread, this.#waiter?.pending() ?? new Uint8Array(0)]);
  }
  unread(bytes: Uint8Array): void {
    this.#unread = concatenate([bytes, this.#unread]);
  }
}

/** Standard output or standard error. */
export class DenoOutput implements HostStream {
  readonly filetype: Filetype;
  readonly terminal: boolean;
  readonly #stream: typeof Deno.stdout;

  constructor(fd: 1 | 2) {
    this.#stream = fd === 1 ? Deno.stdout : Deno.stderr;
    this.terminal = this.#stream.isTerminal();
    this.filetype = this.terminal ? Filetype.character_device : describe(fd).filetype;
  }

  write(buffer: Uint8Array): number {
    return blocking(() => this.#stream.writeSync(buffer as Bytes));
  }
}
