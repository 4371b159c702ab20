/**
 * `path_open`, and the careful opening of files that it shares with restore.
 *
 * @module
 */
import {
  ALL_FDFLAGS,
  ALL_OFLAGS,
  DIRECTORY_RIGHTS,
  Fdflags,
  FILE_RIGHTS,
  Filetype,
  Oflags,
  Rights,
  SYMLINK_FOLLOW,
} from "./abi.ts";
import type { Context } from "./context.ts";
import { type OpenDirectory, sameFile } from "./descriptor.ts";
import { Errno, errnoOf, fail } from "./errno.ts";
import type { HostDirectory, HostFile, HostStat } from "./host.ts";
import { isDirect, isSame, resolve, type Resolved, verify } from "./resolve.ts";

/** Rights that need the host's file to be open for writing. */
const NEEDS_WRITE = Rights.fd_write | Rights.fd_allocate | Rights.fd_filestat_set_size | Rights.fd_datasync;
/** How often an open is tried when what it finds changes under it. */
const TRIES = 3;

/**
 * Opens an existing file and makes sure it is the one that was looked at: Deno's `open` follows a link
 * that was put in its place meanwhile.
 */
export function openFile(
  root: HostDirectory,
  path: string,
  rights: number,
  append: boolean,
  expected: HostStat,
  forceWrite = false,
): HostFile {
  const write = forceWrite || (rights & NEEDS_WRITE) !== 0;
  const mustRead = (rights & Rights.fd_read) !== 0 || !write;
  const open = (read: boolean) => root.open(path, { read, write, append: append && write, create: false });
  let file: HostFile;
  try {
    // A file that can be read can be put into an image even when its name is gone.
    file = open(true);
  } catch (error) {
    const errno = errnoOf(error);
    if (mustRead || errno !== Errno.acces && errno !== Errno.perm && errno !== Errno.notcapable) throw error;
    file = open(false);
  }
  if (sameFile(file.stat(), expected)) return file;
  file.close();
  fail(Errno.busy);
}

/** Arguments of `path_open` as the resolver and the opener need them. */
interface Request {
  readonly base: OpenDirectory;
  readonly path: string;
  readonly follow: boolean;
  readonly oflags: number;
  readonly rights: number;
  readonly inheriting: number;
  readonly flags: number;
}

/** @returns The new descriptor's number. */
export function pathOpen(
  context: Context,
  fd: number,
  dirflags: number,
  path: string,
  oflags: number,
  base: bigint,
  inheriting: bigint,
  flags: number,
): number {
  if (dirflags & ~SYMLINK_FOLLOW || oflags & ~ALL_OFLAGS || flags & ~ALL_FDFLAGS) fail(Errno.inval);
  let needed: number = Rights.path_open;
  if (oflags & Oflags.creat) needed |= Rights.path_create_file;
  if (oflags & Oflags.trunc) needed |= Rights.path_filestat_set_size;
  const directory = context.fds.directory(fd, needed);
  const all = directory.rights | directory.inheriting;
  if (flags & Fdflags.dsync && !(all & Rights.fd_datasync)) fail(Errno.notcapable);
  if (flags & (Fdflags.sync | Fdflags.rsync) && !(all & Rights.fd_sync)) fail(Errno.notcapable);
  // Rights that no file or directory can have are passed over: some libraries ask for all 64 bits.
  const known = BigInt(FILE_RIGHTS | DIRECTORY_RIGHTS);
  const rights = Number(base & known);
  const inherited = Number(inheriting & known);
  if ((rights | inherited) & ~directory.inheriting) fail(Errno.notcapable);
  if (oflags & Oflags.creat && oflags & Oflags.directory) fail(Errno.inval);
  context.fds.next();
  const exclusive = (oflags & Oflags.creat) !== 0 && (oflags & Oflags.excl) !== 0;
  const request: Request = {
    base: directory,
    path,
    follow: ((dirflags & SYMLINK_FOLLOW) !== 0 || path.endsWith("/")) && !exclusive,
    oflags,
    rights,
    inheriting: inherited,
    flags,
  };
  for (let tries = 1;; tries++) {
    const opened = attempt(context, request);
    if (opened !== undefined) return opened;
    if (tries === TRIES) fail(isSame(directory) ? Errno.busy : Errno.noent);
  }
}

/** One try; `undefined` if something changed while it was made. */
function attempt(context: Context, request: Request): number | undefined {
  const { base, oflags } = request;
  const resolved = resolve(base, request.path, request.follow);
  const { stat } = resolved;
  if (stat === undefined) {
    if (!(oflags & Oflags.creat)) fail(Errno.noent);
    if (resolved.slash) fail(Errno.isdir);
    return create(context, request, resolved);
  }
  if (oflags & Oflags.creat && oflags & Oflags.excl) fail(Errno.exist);
  switch (stat.filetype) {
    case Filetype.directory:
      return openDirectory(context, request, resolved, stat);
    case Filetype.regular_file:
    case Filetype.character_device:
      return openExisting(context, request, resolved, stat);
    case Filetype.symbolic_link:
      return fail(oflags & Oflags.directory ? Errno.notdir : Errno.loop);
    // A pipe or a socket in the file system: opening it could block where nobody can interrupt.
    default:
      return fail(oflags & Oflags.directory ? Errno.notdir : Errno.notsup);
  }
}

function openDirectory(context: Context, request: Request, resolved: Resolved, stat: HostStat): number {
  const { base, oflags, rights } = request;
  if (oflags & (Oflags.creat | Oflags.trunc) || rights & Rights.fd_write) fail(Errno.isdir);
  if (!verify(base, resolved)) fail(Errno.noent);
  return context.fds.add({
    kind: "directory",
    rights: rights & DIRECTORY_RIGHTS,
    inheriting: request.inheriting,
    flags: request.flags,
    filetype: Filetype.directory,
    preopen: base.preopen,
    path: resolved.path,
    dev: stat.dev,
    ino: stat.ino,
    preopened: false,
  });
}

function openExisting(
  context: Context,
  request: Request,
  resolved: Resolved,
  stat: HostStat,
): number | undefined {
  const { base, oflags, flags } = request;
  if (oflags & Oflags.directory || resolved.slash) fail(Errno.notdir);
  const truncate = (oflags & Oflags.trunc) !== 0;
  const append = (flags & Fdflags.append) !== 0;
  const rights = request.rights & FILE_RIGHTS;
  const file = openFile(resolved.root, resolved.path, rights, append, stat, truncate);
  if (!verify(base, resolved)) {
    file.close();
    return undefined;
  }
  // Only now is it known to be the right file; `open` itself must not truncate.
  if (truncate && stat.filetype === Filetype.regular_file) file.truncate(0);
  return addFile(context, request, resolved, file, stat.filetype);
}

function create(context: Context, request: Request, resolved: Resolved): number | undefined {
  const { base, flags } = request;
  if (!verify(base, resolved)) fail(Errno.noent);
  let file: HostFile;
  const append = (flags & Fdflags.append) !== 0;
  try {
    file = resolved.root.open(resolved.path, { read: true, write: true, append, create: true });
  } catch (error) {
    // Made by somebody else since we looked: look again.
    if (resolved.root.lstat(resolved.path) !== undefined) return undefined;
    throw error;
  }
  // A name that is made is never followed: only a directory on the way to it could have been swapped.
  if (!isDirect(base, resolved)) {
    const stat = resolved.root.lstat(resolved.path);
    if (stat === undefined || !sameFile(stat, file.stat()) || !verify(base, resolved)) {
      file.close();
      return fail(Errno.busy);
    }
  }
  return addFile(context, request, resolved, file, Filetype.regular_file);
}

function addFile(
  context: Context,
  request: Request,
  resolved: Resolved,
  file: HostFile,
  filetype: Filetype,
): number {
  return context.fds.add({
    kind: "file",
    rights: request.rights & FILE_RIGHTS,
    inheriting: 0,
    flags: request.flags,
    filetype,
    preopen: request.base.preopen,
    path: resolved.path,
    file,
    offset: 0,
  });
}
