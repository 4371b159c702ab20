/**
 * `poll_oneoff`: waits for clocks and descriptors. Interrupted by a stop, it begins again where it was:
 * a relative time counts from the moment of the first call.
 *
 * @module
 */
import {
  Clockid,
  EVENT_SIZE,
  Eventtype,
  FD_READWRITE_HANGUP,
  type Layout,
  Rights,
  SUBSCRIPTION_CLOCK_ABSTIME,
} from "./abi.ts";
import type { Context, Functions } from "./context.ts";
import { Errno, errnoOf, fail } from "./errno.ts";
import { INTERRUPTED, type Interrupted } from "./interrupt.ts";

/** The longest single wait in milliseconds (timers count in 31 bits); longer ones are several. */
const LONGEST_WAIT = 0x7fff_ffff;
/** How often standard input is looked at while sockets are waited for, in milliseconds. */
const INPUT_SLICE = 20;
/** Room for writing that is reported; nothing here can tell the real one. */
const WRITE_ROOM = 65536;

interface Event {
  readonly error: Errno;
  readonly nbytes: number;
  readonly flags: number;
}
/** What a subscription has to say now: an event, or what would wake it. */
type Look = Event | { readonly ms: number } | { readonly input: true } | { readonly promise: Promise<void> };

interface Subscription {
  readonly userdata: bigint;
  readonly type: number;
  look(): Look;
}

const event = (nbytes = 0, flags = 0): Event => ({ error: Errno.success, nbytes, flags });
const failed = (error: Errno): Event => ({ error, nbytes: 0, flags: 0 });

export function pollFunctions(context: Context, layout: Layout): Functions {
  const { memory, fds, host, clocks } = context;
  const { size, clock } = layout.subscription;

  /** A subscription to a clock; `start` is when the guest began to wait, in nanoseconds. */
  function clockLook(pointer: number, start: number): () => Look {
    const id = memory.u32(pointer);
    const timeout = memory.u64(pointer + 8);
    const absolute = (memory.u16(pointer + 24) & SUBSCRIPTION_CLOCK_ABSTIME) !== 0;
    if (id > Clockid.thread_cputime_id) return () => failed(Errno.inval);
    const left = absolute && id === Clockid.realtime
      ? () => Number(timeout - clocks.realtime())
      : () => (absolute ? 0 : start) + Number(timeout) - clocks.monotonic();
    return () => {
      const nanoseconds = left();
      return nanoseconds <= 0 ? event() : { ms: nanoseconds / 1e6 };
    };
  }

  /** A subscription to a descriptor, which is looked up again each time. */
  function descriptorLook(fd: number, type: number): Look {
    const right = type === Eventtype.fd_read ? Rights.fd_read : Rights.fd_write;
    const descriptor = fds.withRights(fd, Rights.poll_fd_readwrite);
    // A listener that has a connection to accept is readable.
    if (descriptor.kind !== "listener" && !(descriptor.rights & right)) fail(Errno.notcapable);
    if (type === Eventtype.fd_write) return event(WRITE_ROOM);
    switch (descriptor.kind) {
      case "file":
        return event(Math.max(0, descriptor.file.stat().size - descriptor.offset));
      case "directory":
        return fail(Errno.isdir);
      case "stream": {
        const available = descriptor.stream.available?.();
        return available === 0 ? { input: true } : event(available ?? 1);
      }
      case "socket": {
        const { socket } = descriptor;
        if (socket === undefined) return event(0, FD_READWRITE_HANGUP);
        const available = socket.available();
        if (available === undefined) return event(0, FD_READWRITE_HANGUP);
        return available > 0 ? event(available) : { promise: socket.readable() };
      }
      case "listener":
        return descriptor.listener.available() ? event(1) : { promise: descriptor.listener.readable() };
    }
  }

  function subscription(pointer: number, start: number): Subscription {
    const userdata = memory.u64(pointer);
    const type = memory.u8(pointer + 8);
    if (type === Eventtype.clock) return { userdata, type, look: clockLook(pointer + clock, start) };
    if (type !== Eventtype.fd_read && type !== Eventtype.fd_write) fail(Errno.inval);
    const fd = memory.u32(pointer + 16);
    const look = () => {
      try {
        return descriptorLook(fd, type);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === undefined) throw error;
        return failed(errno);
      }
    };
    return { userdata, type, look };
  }

  function write(pointer: number, { userdata, type }: Subscription, { error, nbytes, flags }: Event): void {
    memory.setU64(pointer, userdata);
    memory.setSize(pointer + 8, error);
    memory.setU8(pointer + 10, type);
    memory.setSize(pointer + 16, nbytes);
    memory.setSize(pointer + 24, flags);
  }

  /** Waits on promises, which the event loop must be free to settle. */
  async function settle(ms: number, input: boolean, promises: Promise<void>[]): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const stop = host.stopRequested?.().then(() => void (stopped = true));
    const limit = input ? Math.min(ms, INPUT_SLICE) : ms;
    const time = new Promise<void>((done) => {
      if (limit < Infinity) timer = setTimeout(done, Math.min(limit, LONGEST_WAIT));
    });
    await Promise.race([time, ...promises, ...(stop ? [stop] : [])]);
    clearTimeout(timer);
    return stopped;
  }

  function poll(
    list: readonly Subscription[],
    output: number,
    count: number,
    start: number,
  ): number | Interrupted | Promise<number | Interrupted> {
    const interrupted = (): Interrupted => {
      context.pollStart = start;
      return INTERRUPTED;
    };
    for (;;) {
      let events = 0;
      let ms = Infinity;
      let input = false;
      const promises: Promise<void>[] = [];
      for (const subscription of list) {
        const look = subscription.look();
        if ("error" in look) write(output + EVENT_SIZE * events++, subscription, look);
        else if ("ms" in look) ms = Math.min(ms, look.ms);
        else if ("input" in look) input = true;
        else promises.push(look.promise);
      }
      if (events > 0) {
        context.pollStart = undefined;
        memory.setU32(count, events);
        return Errno.success;
      }
      if (promises.length > 0) {
        return settle(ms, input, promises).then((stopped) =>
          stopped ? interrupted() : poll(list, output, count, start)
        );
      }
      const waited = host.wait(Math.min(ms, LONGEST_WAIT), input);
      if (waited === INTERRUPTED) return interrupted();
      if (waited instanceof Promise) {
        return waited.then((why) => why === INTERRUPTED ? interrupted() : poll(list, output, count, start));
      }
    }
  }

  return {
    poll_oneoff(subscriptions: number, events: number, count: number, written: number) {
      memory.check(written >>>= 0, 4);
      if ((count >>>= 0) === 0) fail(Errno.inval);
      memory.checkArray(subscriptions >>>= 0, count, size);
      memory.checkArray(events >>>= 0, count, EVENT_SIZE);
      const start = context.pollStart ?? clocks.monotonic();
      // All are read before the first event is written: the two arrays may overlap.
      const list = Array.from({ length: count }, (_, i) => subscription(subscriptions + i * size, start));
      return poll(list, events, written, start);
    },
  };
}
