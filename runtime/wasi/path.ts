/**
 * `path_*`: functions on names.
 *
 * @module
 */
import { Filetype, type Layout, Rights, SYMLINK_FOLLOW } from "./abi.ts";
import type { Context, Functions } from "./context.ts";
import { type OpenDirectory, type Preopen, sameFile } from "./descriptor.ts";
import { Errno, fail } from "./errno.ts";
import { writeFilestat } from "./fdstat.ts";
import { utf8 } from "./guest.ts";
import type { HostStat } from "./host.ts";
import { pathOpen } from "./open.ts";
import { resolve, type Resolved, verify } from "./resolve.ts";
import { checkFstflags } from "./times.ts";

/** Whether a link in last place is followed: by the flag, and before a `/` in any case. */
function follows(flags: number, path: string): boolean {
  if (flags & ~SYMLINK_FOLLOW) fail(Errno.inval);
  return (flags & SYMLINK_FOLLOW) !== 0 || path.endsWith("/");
}

/** The name that an operation will change. Links are not followed, and the way there is verified. */
function nameOf(base: OpenDirectory, path: string): Resolved {
  const resolved = resolve(base, path, false);
  if (!verify(base, resolved)) fail(Errno.noent);
  return resolved;
}

/** A path that leads to something. */
type Found = Resolved & { readonly stat: HostStat };

/** Something that is there; a `/` after what is no directory is refused. */
function existing(base: OpenDirectory, path: string, follow: boolean): Found {
  const resolved = resolve(base, path, follow);
  if (!verify(base, resolved)) fail(Errno.noent);
  if (resolved.stat === undefined) fail(Errno.noent);
  if (resolved.slash && resolved.stat.filetype !== Filetype.directory) fail(Errno.notdir);
  return resolved as Found;
}

/** The guest's own rename is followed by what it has open under the old name, and below it. */
function followRename(context: Context, from: Resolved, to: Resolved, preopen: Preopen): void {
  const below = `${from.path}/`;
  for (const [, descriptor] of context.fds) {
    if (descriptor.kind !== "file" && descriptor.kind !== "directory") continue;
    if (descriptor.preopen.root !== from.root) continue;
    const { path } = descriptor;
    if (path !== from.path && !path.startsWith(below)) continue;
    descriptor.path = to.path + path.slice(from.path.length);
    if (to.root !== from.root) descriptor.preopen = preopen;
  }
}

/** What is open of a directory that has been removed must not mean the next one that gets its number. */
function forget(context: Context, removed: HostStat): void {
  for (const [, descriptor] of context.fds) {
    if (descriptor.kind !== "directory") continue;
    if (descriptor.dev === removed.dev && descriptor.ino === removed.ino) {
      descriptor.dev = descriptor.ino = -1;
    }
  }
}

export function pathFunctions(context: Context, layout: Layout): Functions {
  const { memory, fds, times, clocks } = context;
  const string = (pointer: number, length: number) => memory.string(pointer >>> 0, length >>> 0);

  return {
    path_open(
      fd: number,
      dirflags: number,
      path: number,
      length: number,
      oflags: number,
      rights: bigint,
      inheriting: bigint,
      flags: number,
      opened: number,
    ) {
      memory.check(opened >>>= 0, 4);
      const name = string(path, length);
      memory.setU32(opened, pathOpen(context, fd >>> 0, dirflags, name, oflags, rights, inheriting, flags));
      return Errno.success;
    },

    path_create_directory(fd: number, path: number, length: number) {
      const name = string(path, length);
      const base = fds.directory(fd >>> 0, Rights.path_create_directory);
      const { root, path: at, stat } = nameOf(base, name);
      if (stat !== undefined) fail(Errno.exist);
      root.makeDirectory(at);
      return Errno.success;
    },

    path_filestat_get(fd: number, flags: number, path: number, length: number, pointer: number) {
      memory.check(pointer >>>= 0, layout.filestat.size);
      const name = string(path, length);
      const base = fds.directory(fd >>> 0, Rights.path_filestat_get);
      const { stat } = existing(base, name, follows(flags, name));
      writeFilestat(context, layout, pointer, stat);
      return Errno.success;
    },

    path_filestat_set_times(
      fd: number,
      flags: number,
      path: number,
      length: number,
      atim: bigint,
      mtim: bigint,
      fstflags: number,
    ) {
      const name = string(path, length);
      const base = fds.directory(fd >>> 0, Rights.path_filestat_set_times);
      checkFstflags(fstflags);
      const { root, path: at } = existing(base, name, follows(flags, name));
      const stat = () => root.lstat(at) ?? fail(Errno.noent);
      times.set(fstflags, atim, mtim, clocks.realtime(), stat, (a, m) => root.utimes(at, a, m));
      return Errno.success;
    },

    path_link(
      oldFd: number,
      oldFlags: number,
      oldPath: number,
      oldLength: number,
      newFd: number,
      newPath: number,
      newLength: number,
    ) {
      const oldName = string(oldPath, oldLength);
      const newName = string(newPath, newLength);
      const oldBase = fds.directory(oldFd >>> 0, Rights.path_link_source);
      const newBase = fds.directory(newFd >>> 0, Rights.path_link_target);
      const from = existing(oldBase, oldName, follows(oldFlags, oldName));
      const to = nameOf(newBase, newName);
      if (to.stat !== undefined) fail(Errno.exist);
      if (from.stat.filetype === Filetype.directory) fail(Errno.perm);
      if (to.slash) fail(Errno.noent);
      from.root.link(from.path, to.root, to.path);
      return Errno.success;
    },

    path_readlink(fd: number, path: number, length: number, buffer: number, size: number, used: number) {
      memory.check(used >>>= 0, 4);
      memory.check(buffer >>>= 0, size >>>= 0);
      const name = string(path, length);
      const base = fds.directory(fd >>> 0, Rights.path_readlink);
      const { root, path: at, stat } = existing(base, name, name.endsWith("/"));
      if (stat.filetype !== Filetype.symbolic_link) fail(Errno.inval);
      const target = utf8(root.readLink(at)).subarray(0, size);
      memory.write(buffer, target);
      memory.setU32(used, target.length);
      return Errno.success;
    },

    path_remove_directory(fd: number, path: number, length: number) {
      const name = string(path, length);
      const base = fds.directory(fd >>> 0, Rights.path_remove_directory);
      const { root, path: at, stat, dots } = nameOf(base, name);
      if (stat === undefined) fail(Errno.noent);
      if (stat.filetype !== Filetype.directory) fail(Errno.notdir);
      if (dots) fail(Errno.inval);
      root.removeDirectory(at);
      forget(context, stat);
      return Errno.success;
    },

    path_rename(
      fd: number,
      oldPath: number,
      oldLength: number,
      newFd: number,
      newPath: number,
      newLength: number,
    ) {
      const oldName = string(oldPath, oldLength);
      const newName = string(newPath, newLength);
      const oldBase = fds.directory(fd >>> 0, Rights.path_rename_source);
      const newBase = fds.directory(newFd >>> 0, Rights.path_rename_target);
      const from = nameOf(oldBase, oldName);
      const to = nameOf(newBase, newName);
      if (from.stat === undefined) fail(Errno.noent);
      if (from.dots || to.dots) fail(Errno.busy);
      const isDirectory = from.stat.filetype === Filetype.directory;
      if (!isDirectory && (from.slash || to.slash)) fail(Errno.notdir);
      if (to.stat !== undefined) {
        const ontoDirectory = to.stat.filetype === Filetype.directory;
        if (ontoDirectory && !isDirectory) fail(Errno.isdir);
        if (!ontoDirectory && isDirectory) fail(Errno.notdir);
      }
      from.root.rename(from.path, to.root, to.path);
      if (to.stat?.filetype === Filetype.directory && !sameFile(from.stat, to.stat)) forget(context, to.stat);
      followRename(context, from, to, newBase.preopen);
      return Errno.success;
    },

    path_symlink(oldPath: number, oldLength: number, fd: number, newPath: number, newLength: number) {
      const target = string(oldPath, oldLength);
      const name = string(newPath, newLength);
      const base = fds.directory(fd >>> 0, Rights.path_symlink);
      if (target === "") fail(Errno.noent);
      if (target.includes("\0")) fail(Errno.inval);
      // It could never be followed from inside, and might be by somebody outside.
      if (target.startsWith("/")) fail(Errno.notcapable);
      const { root, path: at, stat, slash } = nameOf(base, name);
      if (stat !== undefined) fail(Errno.exist);
      if (slash) fail(Errno.noent);
      root.symlink(target, at);
      return Errno.success;
    },

    path_unlink_file(fd: number, path: number, length: number) {
      const name = string(path, length);
      const base = fds.directory(fd >>> 0, Rights.path_unlink_file);
      const { root, path: at, stat, slash } = nameOf(base, name);
      if (stat === undefined) fail(Errno.noent);
      if (stat.filetype === Filetype.directory) fail(Errno.isdir);
      if (slash) fail(Errno.notdir);
      root.unlink(at);
      return Errno.success;
    },
  };
}
