/**
 * `sock_*`, on listeners that the guest inherits and the connections it accepts from them.
 *
 * @module
 */
import { Fdflags, Filetype, Riflags, Rights, Sdflags, SOCKET_RIGHTS } from "./abi.ts";
import type { Context, Functions } from "./context.ts";
import type { Descriptor, OpenSocket } from "./descriptor.ts";
import { Errno, fail } from "./errno.ts";
import type { HostSocket } from "./host.ts";
import { INTERRUPTED, type Interrupted } from "./interrupt.ts";

type Count = number | Interrupted | Promise<number | Interrupted>;

/** The connection of a descriptor. */
function connection(descriptor: Descriptor): HostSocket {
  if (descriptor.kind === "listener") fail(Errno.notconn);
  if (descriptor.kind !== "socket") fail(Errno.notsock);
  return descriptor.socket ?? fail(Errno.connreset);
}

/** Reads what there is, or waits for it. */
export function receive(_context: Context, descriptor: Descriptor, buffer: Uint8Array, peek: boolean): Count {
  const nonblock = (descriptor.flags & Fdflags.nonblock) !== 0;
  return connection(descriptor).read(buffer, nonblock, peek) ?? fail(Errno.again);
}
/** Writes bytes, which must not change until a promise settles. */
export function transmit(descriptor: Descriptor, bytes: Uint8Array): number | Promise<number> {
  return connection(descriptor).write(bytes);
}

export function sockFunctions(context: Context): Functions {
  const { memory, fds } = context;

  /** A socket with the rights; what is no socket is told apart from a lack of rights. */
  const socket = (fd: number, rights: number): OpenSocket => {
    const descriptor = fds.get(fd >>> 0);
    connection(descriptor);
    if ((descriptor.rights & rights) !== rights) fail(Errno.notcapable);
    return descriptor as OpenSocket;
  };
  const then = (value: Count, finish: (count: number) => number): ReturnType<Functions[string]> => {
    if (value === INTERRUPTED) return INTERRUPTED;
    return typeof value === "number" ? finish(value) : value.then((settled) => then(settled, finish));
  };

  return {
    sock_accept(fd: number, flags: number, opened: number) {
      memory.check(opened >>>= 0, 4);
      const descriptor = fds.get(fd >>> 0);
      if (descriptor.kind !== "listener") fail(descriptor.kind === "socket" ? Errno.inval : Errno.notsock);
      if ((descriptor.rights & Rights.sock_accept) === 0) fail(Errno.notcapable);
      if (flags & ~Fdflags.nonblock) fail(Errno.inval);
      fds.next();
      const finish = (accepted: HostSocket | Interrupted): ReturnType<Functions[string]> => {
        if (accepted === INTERRUPTED) return INTERRUPTED;
        memory.check(opened, 4);
        const rights = SOCKET_RIGHTS;
        const socket = accepted;
        const filetype = Filetype.socket_stream;
        memory.setU32(opened, fds.add({ kind: "socket", rights, inheriting: 0, flags, filetype, socket }));
        return Errno.success;
      };
      const accepted = descriptor.listener.accept((descriptor.flags & Fdflags.nonblock) !== 0);
      if (accepted === undefined) fail(Errno.again);
      return accepted instanceof Promise ? accepted.then(finish) : finish(accepted);
    },

    sock_recv(fd: number, data: number, count: number, flags: number, length: number, roflags: number) {
      memory.check(length >>>= 0, 4);
      memory.check(roflags >>>= 0, 2);
      const descriptor = socket(fd, Rights.fd_read);
      const list = memory.iovecs(data >>> 0, count >>> 0);
      if (flags & ~(Riflags.recv_peek | Riflags.recv_waitall)) fail(Errno.inval);
      // Waiting for all would have to survive a stop half way; short counts are allowed to any program.
      if (flags & Riflags.recv_waitall) fail(Errno.notsup);
      if (list.length === 0) list.push(new Uint8Array(0));
      return then(receive(context, descriptor, list[0], (flags & Riflags.recv_peek) !== 0), (done) => {
        memory.check(length, 4);
        memory.setU32(length, done);
        memory.setU16(roflags, 0);
        return Errno.success;
      });
    },

    sock_send(fd: number, data: number, count: number, flags: number, length: number) {
      memory.check(length >>>= 0, 4);
      const descriptor = socket(fd, Rights.fd_write);
      const list = memory.iovecs(data >>> 0, count >>> 0);
      if (flags !== 0) fail(Errno.inval);
      if (list.length === 0) list.push(new Uint8Array(0));
      return then(transmit(descriptor, memory.gather(list) ?? list[0]), (done) => {
        memory.check(length, 4);
        memory.setU32(length, done);
        return Errno.success;
      });
    },

    sock_shutdown(fd: number, how: number) {
      const descriptor = socket(fd, Rights.sock_shutdown);
      if (how === 0 || how & ~(Sdflags.rd | Sdflags.wr)) fail(Errno.inval);
      descriptor.socket?.shutdown((how & Sdflags.rd) !== 0, (how & Sdflags.wr) !== 0);
      return Errno.success;
    },
  };
}
