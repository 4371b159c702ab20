/**
 * Functions on an open descriptor that move data or the descriptor itself.
 *
 * @module
 */
import { Fdflags, type Layout, Rights, Whence } from "./abi.ts";
import { type Context, type Functions, unsigned } from "./context.ts";
import { type Descriptor, type OpenFile, type OpenStream, release } from "./descriptor.ts";
import { Errno, fail } from "./errno.ts";
import { AT_END } from "./host.ts";
import { INTERRUPTED, type Interrupted } from "./interrupt.ts";
import { receive, transmit } from "./sock.ts";

/** Reads in order until a buffer is not filled; small buffers are read at once and spread. */
function readFile(context: Context, file: OpenFile, list: readonly Uint8Array[], position: number): number {
  if (file.lost) fail(Errno.io);
  if (list.length === 1) return file.file.read(list[0], position);
  if (list.length === 0) return 0;
  const room = context.memory.room(list);
  if (room !== undefined) {
    const count = file.file.read(room, position);
    context.memory.scatter(room.subarray(0, count), list);
    return count;
  }
  return each(list, (buffer, done) => file.file.read(buffer, position + done));
}

/** The file is advanced by the caller. @param position In bytes, or `AT_END`. */
function writeFile(context: Context, file: OpenFile, list: readonly Uint8Array[], position: number): number {
  if (file.lost) fail(Errno.io);
  if (list.length === 0) return 0;
  const whole = list.length === 1 ? list[0] : context.memory.gather(list);
  const count = whole !== undefined
    ? file.file.write(whole, position)
    : each(list, (bytes, done) => file.file.write(bytes, position === AT_END ? AT_END : position + done));
  if (file.flags & (Fdflags.dsync | Fdflags.sync)) file.file.sync((file.flags & Fdflags.sync) === 0);
  return count;
}

/** Runs over the buffers until one is not done whole. A failure after the first bytes is not told. */
function each(list: readonly Uint8Array[], step: (bytes: Uint8Array, done: number) => number): number {
  let done = 0;
  for (const bytes of list) {
    let count: number;
    try {
      count = step(bytes, done);
    } catch (error) {
      if (done === 0) throw error;
      break;
    }
    done += count;
    if (count < bytes.length) break;
  }
  return done;
}

function readStream(
  stream: OpenStream,
  buffer: Uint8Array,
): number | Interrupted | Promise<number | Interrupted> {
  if (stream.stream.read === undefined) fail(Errno.badf);
  if (stream.flags & Fdflags.nonblock && stream.stream.available?.() === 0) fail(Errno.again);
  return stream.stream.read(buffer);
}

/** A regular file or device; anything else has the error that POSIX would give. */
function fileOf(descriptor: Descriptor): OpenFile {
  if (descriptor.kind === "file") return descriptor;
  fail(descriptor.kind === "directory" ? Errno.isdir : Errno.spipe);
}

/** As `DescriptorTable.withRights`, but a directory is told apart from a lack of rights. */
function dataDescriptor(context: Context, fd: number, rights: number): Descriptor {
  const descriptor = context.fds.get(fd);
  if (descriptor.kind === "directory") fail(Errno.isdir);
  if ((descriptor.rights & rights) !== rights) fail(Errno.notcapable);
  return descriptor;
}

export function fdFunctions(context: Context, layout: Layout): Functions {
  const { memory, fds } = context;

  /** Stores a count, now or when it is known. */
  const store = (
    pointer: number,
    count: number | Interrupted | Promise<number | Interrupted>,
  ): ReturnType<Functions[string]> => {
    if (count === INTERRUPTED) return INTERRUPTED;
    if (typeof count !== "number") return count.then((settled) => store(pointer, settled));
    memory.check(pointer, 4);
    memory.setU32(pointer, count);
    return Errno.success;
  };

  return {
    fd_read(fd: number, iovs: number, count: number, nread: number) {
      memory.check(nread >>>= 0, 4);
      const descriptor = dataDescriptor(context, fd >>> 0, Rights.fd_read);
      const list = memory.iovecs(iovs >>> 0, count >>> 0);
      if (descriptor.kind === "file") {
        const done = readFile(context, descriptor, list, descriptor.offset);
        descriptor.offset += done;
        memory.setU32(nread, done);
        return Errno.success;
      }
      // A stream gives what it has; waiting for the rest could be forever.
      if (list.length === 0) return store(nread, 0);
      if (descriptor.kind === "stream") return store(nread, readStream(descriptor, list[0]));
      return store(nread, receive(context, descriptor, list[0], false));
    },

    fd_write(fd: number, iovs: number, count: number, nwritten: number) {
      memory.check(nwritten >>>= 0, 4);
      const descriptor = dataDescriptor(context, fd >>> 0, Rights.fd_write);
      const list = memory.iovecs(iovs >>> 0, count >>> 0);
      if (descriptor.kind === "file") {
        let done: number;
        if (descriptor.flags & Fdflags.append) {
          done = writeFile(context, descriptor, list, AT_END);
          if (done > 0) descriptor.offset = descriptor.file.stat().size;
        } else {
          done = writeFile(context, descriptor, list, descriptor.offset);
          descriptor.offset += done;
        }
        memory.setU32(nwritten, done);
        return Errno.success;
      }
      if (descriptor.kind === "stream") {
        const { stream } = descriptor;
        if (stream.write === undefined) fail(Errno.badf);
        const whole = list.length === 1 ? list[0] : memory.gather(list);
        return store(
          nwritten,
          whole !== undefined ? stream.write(whole) : each(list, (bytes) => stream.write!(bytes)),
        );
      }
      if (list.length === 0) return store(nwritten, 0);
      return store(nwritten, transmit(descriptor, memory.gather(list) ?? list[0]));
    },

    fd_pread(fd: number, iovs: number, count: number, offset: bigint, nread: number) {
      memory.check(nread >>>= 0, 4);
      const file = fileOf(dataDescriptor(context, fd >>> 0, Rights.fd_read | Rights.fd_seek));
      const list = memory.iovecs(iovs >>> 0, count >>> 0);
      const position = unsigned(offset) ?? fail(Errno.inval);
      memory.setU32(nread, readFile(context, file, list, position));
      return Errno.success;
    },

    fd_pwrite(fd: number, iovs: number, count: number, offset: bigint, nwritten: number) {
      memory.check(nwritten >>>= 0, 4);
      const file = fileOf(dataDescriptor(context, fd >>> 0, Rights.fd_write | Rights.fd_seek));
      const list = memory.iovecs(iovs >>> 0, count >>> 0);
      const position = unsigned(offset) ?? fail(Errno.inval);
      // As on Linux, append mode wins over the offset.
      const at = file.flags & Fdflags.append ? AT_END : position;
      memory.setU32(nwritten, writeFile(context, file, list, at));
      return Errno.success;
    },

    fd_seek(fd: number, delta: bigint, whence: number, result: number) {
      memory.check(result >>>= 0, 8);
      const from = layout.whence[whence >>> 0] ?? fail(Errno.inval);
      const onlyTells = from === Whence.cur && delta === 0n;
      const descriptor = dataDescriptor(context, fd >>> 0, 0);
      // The right to seek implies the right to tell.
      const needed = onlyTells ? Rights.fd_seek | Rights.fd_tell : Rights.fd_seek;
      if ((descriptor.rights & needed) === 0) fail(Errno.notcapable);
      const base = from === Whence.set ? 0 : from === Whence.cur ? tell(descriptor) : sizeOf(descriptor);
      const target = BigInt(base) + BigInt.asIntN(64, delta);
      if (target < 0n) fail(Errno.inval);
      if (target > BigInt(Number.MAX_SAFE_INTEGER)) fail(Errno.overflow);
      const offset = Number(target);
      if (descriptor.kind === "file") descriptor.offset = offset;
      else if (descriptor.kind === "stream" && offset !== base) descriptor.stream.position = offset;
      memory.setSize(result, offset);
      return Errno.success;
    },

    fd_tell(fd: number, result: number) {
      memory.check(result >>>= 0, 8);
      const descriptor = dataDescriptor(context, fd >>> 0, 0);
      if ((descriptor.rights & (Rights.fd_seek | Rights.fd_tell)) === 0) fail(Errno.notcapable);
      memory.setSize(result, tell(descriptor));
      return Errno.success;
    },

    fd_close(fd: number) {
      const descriptor = fds.get(fd >>>= 0);
      fds.remove(fd);
      release(descriptor);
      return Errno.success;
    },

    fd_renumber(fd: number, to: number) {
      const descriptor = fds.get(fd >>>= 0);
      const replaced = fds.get(to >>>= 0);
      if (fd === to) return Errno.success;
      fds.set(to, descriptor);
      fds.remove(fd);
      release(replaced);
      return Errno.success;
    },

    fd_sync(fd: number) {
      const descriptor = fds.withRights(fd >>> 0, Rights.fd_sync);
      if (descriptor.kind === "file") descriptor.file.sync(false);
      return Errno.success;
    },

    fd_datasync(fd: number) {
      const descriptor = fds.withRights(fd >>> 0, Rights.fd_datasync);
      if (descriptor.kind === "file") descriptor.file.sync(true);
      return Errno.success;
    },

    fd_advise(fd: number, offset: bigint, length: bigint, advice: number) {
      const descriptor = dataDescriptor(context, fd >>> 0, Rights.fd_advise);
      if (descriptor.kind !== "file") fail(Errno.spipe);
      if (advice >>> 0 > 5) fail(Errno.inval);
      if (unsigned(offset) === undefined || unsigned(length) === undefined) fail(Errno.inval);
      return Errno.success;
    },

    fd_allocate(fd: number, offset: bigint, length: bigint) {
      const { file } = fileOf(dataDescriptor(context, fd >>> 0, Rights.fd_allocate));
      if (length === 0n) fail(Errno.inval);
      const end = unsigned(BigInt.asUintN(64, offset) + BigInt.asUintN(64, length));
      // The sum may exceed 64 bits; `unsigned` would wrap it.
      if (unsigned(offset) === undefined || unsigned(length) === undefined || end === undefined) {
        fail(Errno.fbig);
      }
      // Deno cannot reserve blocks; the size is what a program can see of an allocation.
      if (file.stat().size < end) file.truncate(end);
      return Errno.success;
    },
  };
}

function tell(descriptor: Descriptor): number {
  if (descriptor.kind === "file") return descriptor.offset;
  if (descriptor.kind !== "stream") fail(Errno.spipe);
  // The null device is a character device that is not a terminal: its offset is always 0.
  return descriptor.stream.position ?? 0;
}

function sizeOf(descriptor: Descriptor): number {
  if (descriptor.kind === "file") return descriptor.lost ? fail(Errno.io) : descriptor.file.stat().size;
  if (descriptor.kind !== "stream") fail(Errno.spipe);
  return descriptor.stream.size?.() ?? 0;
}
