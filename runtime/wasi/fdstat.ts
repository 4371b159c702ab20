/**
 * Functions about the attributes of a descriptor, and the listing of directories.
 *
 * @module
 */
import { ALL_FDFLAGS, DIRENT_SIZE, FDSTAT_SIZE, Filetype, type Layout, PRESTAT_SIZE, Rights } from "./abi.ts";
import { type Context, type Functions, unsigned } from "./context.ts";
import type { Descriptor, Listing, OpenDirectory } from "./descriptor.ts";
import { Errno, fail } from "./errno.ts";
import { utf8 } from "./guest.ts";
import type { HostStat } from "./host.ts";
import { checkBase } from "./resolve.ts";
import { checkFstflags } from "./times.ts";

/** Writes a `$filestat`; the pointer has been checked. */
export function writeFilestat(context: Context, layout: Layout, pointer: number, stat: HostStat): void {
  const { memory, times } = context;
  const { nlink, nlinkBytes, length, atim } = layout.filestat;
  const { atim: access, mtim } = times.of(stat);
  memory.setSize(pointer, stat.dev);
  memory.setSize(pointer + 8, stat.ino);
  memory.setSize(pointer + 16, stat.filetype);
  if (nlinkBytes === 8) memory.setSize(pointer + nlink, stat.nlink);
  else memory.setU32(pointer + nlink, stat.nlink);
  memory.setSize(pointer + length, stat.size);
  memory.setU64(pointer + atim, access);
  memory.setU64(pointer + atim + 8, mtim);
  memory.setU64(pointer + atim + 16, BigInt(Math.trunc(stat.ctime)) * 1_000_000n);
}

/** Attributes of what has no file behind it. */
function bareStat(filetype: Filetype, size: number): HostStat {
  return { dev: 0, ino: 0, filetype, nlink: 1, size, atime: 0, mtime: 0, ctime: 0 };
}

/** Attributes of whatever a descriptor stands for. */
function statOf(descriptor: Descriptor): HostStat {
  switch (descriptor.kind) {
    case "file":
      return descriptor.lost ? fail(Errno.io) : descriptor.file.stat();
    case "directory":
      checkBase(descriptor);
      return descriptor.preopen.root.lstat(descriptor.path) ?? fail(Errno.noent);
    case "stream":
      return bareStat(descriptor.filetype, descriptor.stream.size?.() ?? 0);
    default:
      return bareStat(descriptor.filetype, 0);
  }
}

/** The listing that a cookie counts in: made anew when the guest starts from the beginning. */
function listingOf(directory: OpenDirectory, cookie: number): Listing {
  if (cookie === 0 || directory.listing === undefined) {
    checkBase(directory);
    const entries = directory.preopen.root.readDirectory(directory.path);
    // Sorted, so that a run does not depend on how a file system keeps its directories.
    entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    directory.listing = [
      { name: ".", filetype: Filetype.directory },
      { name: "..", filetype: Filetype.directory },
      ...entries,
    ];
  }
  return directory.listing;
}

/** The file number of an entry; `undefined` if it has gone since the listing was made. */
function inodeOf(directory: OpenDirectory, name: string): number | undefined {
  // What lies above the directory that was granted is not the guest's to know.
  if (name === "." || name === "..") return directory.ino;
  const path = directory.path === "" ? name : `${directory.path}/${name}`;
  return directory.preopen.root.lstat(path)?.ino;
}

export function fdstatFunctions(context: Context, layout: Layout): Functions {
  const { memory, fds, times, clocks } = context;
  return {
    fd_fdstat_get(fd: number, pointer: number) {
      memory.check(pointer >>>= 0, FDSTAT_SIZE);
      const descriptor = fds.get(fd >>> 0);
      memory.setSize(pointer, 0);
      memory.setU8(pointer, descriptor.filetype);
      memory.setU16(pointer + 2, descriptor.flags);
      memory.setSize(pointer + 8, descriptor.rights);
      memory.setSize(pointer + 16, descriptor.inheriting);
      return Errno.success;
    },

    fd_fdstat_set_flags(fd: number, flags: number) {
      const descriptor = fds.withRights(fd >>> 0, Rights.fd_fdstat_set_flags);
      if (flags & ~ALL_FDFLAGS) fail(Errno.inval);
      descriptor.flags = flags;
      return Errno.success;
    },

    fd_fdstat_set_rights(fd: number, base: bigint, inheriting: bigint) {
      const descriptor = fds.get(fd >>> 0);
      const rights = unsigned(base) ?? fail(Errno.notcapable);
      const inherited = unsigned(inheriting) ?? fail(Errno.notcapable);
      // More than 2^32 cannot be taken away by the masks below, and nobody holds it.
      if (rights > 0xffff_ffff || inherited > 0xffff_ffff) fail(Errno.notcapable);
      if (rights & ~descriptor.rights || inherited & ~descriptor.inheriting) fail(Errno.notcapable);
      descriptor.rights = rights;
      descriptor.inheriting = inherited;
      return Errno.success;
    },

    fd_filestat_get(fd: number, pointer: number) {
      memory.check(pointer >>>= 0, layout.filestat.size);
      writeFilestat(context, layout, pointer, statOf(fds.withRights(fd >>> 0, Rights.fd_filestat_get)));
      return Errno.success;
    },

    fd_filestat_set_size(fd: number, size: bigint) {
      const descriptor = fds.get(fd >>> 0);
      if (descriptor.kind === "directory") fail(Errno.isdir);
      if ((descriptor.rights & Rights.fd_filestat_set_size) === 0) fail(Errno.notcapable);
      if (descriptor.kind !== "file") fail(Errno.inval);
      if (descriptor.lost) fail(Errno.io);
      descriptor.file.truncate(unsigned(size) ?? fail(Errno.fbig));
      return Errno.success;
    },

    fd_filestat_set_times(fd: number, atim: bigint, mtim: bigint, flags: number) {
      const descriptor = fds.withRights(fd >>> 0, Rights.fd_filestat_set_times);
      checkFstflags(flags);
      const stat = () => statOf(descriptor);
      const now = clocks.realtime();
      if (descriptor.kind === "file") {
        times.set(flags, atim, mtim, now, stat, (a, m) => descriptor.file.utimes(a, m));
      } else if (descriptor.kind === "directory") {
        const { preopen, path } = descriptor;
        times.set(flags, atim, mtim, now, stat, (a, m) => preopen.root.utimes(path, a, m));
      } else fail(Errno.inval);
      return Errno.success;
    },

    fd_prestat_get(fd: number, pointer: number) {
      memory.check(pointer >>>= 0, PRESTAT_SIZE);
      const descriptor = fds.get(fd >>> 0);
      if (descriptor.kind !== "directory" || !descriptor.preopened) fail(Errno.badf);
      memory.setU32(pointer, 0);
      memory.setU32(pointer + 4, utf8(descriptor.preopen.guest).length);
      return Errno.success;
    },

    fd_prestat_dir_name(fd: number, pointer: number, length: number) {
      memory.check(pointer >>>= 0, length >>>= 0);
      const descriptor = fds.get(fd >>> 0);
      if (descriptor.kind !== "directory" || !descriptor.preopened) fail(Errno.badf);
      const name = utf8(descriptor.preopen.guest);
      if (length < name.length) fail(Errno.nametoolong);
      memory.write(pointer, name);
      return Errno.success;
    },

    fd_readdir(fd: number, buffer: number, length: number, cookie: bigint, used: number) {
      memory.check(used >>>= 0, 4);
      memory.check(buffer >>>= 0, length >>>= 0);
      const directory = fds.directory(fd >>> 0, Rights.fd_readdir);
      const start = unsigned(cookie) ?? fail(Errno.inval);
      const listing = listingOf(directory, start);
      let at = 0;
      const header = new Uint8Array(DIRENT_SIZE);
      const view = new DataView(header.buffer);
      for (let i = start; i < listing.length && at < length; i++) {
        const inode = inodeOf(directory, listing[i].name);
        if (inode === undefined) continue;
        const name = utf8(listing[i].name);
        view.setBigUint64(0, BigInt(i + 1), true);
        view.setBigUint64(8, BigInt(inode), true);
        view.setUint32(16, name.length, true);
        view.setUint8(20, listing[i].filetype);
        // The last entry may be cut short: that is how the guest learns that there is more.
        for (const bytes of [header, name]) {
          const part = bytes.subarray(0, length - at);
          memory.write(buffer + at, part);
          at += part.length;
        }
      }
      memory.setU32(used, at);
      return Errno.success;
    },
  };
}
