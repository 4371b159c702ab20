/**
 * The one resolver of paths. It walks component by component and looks at each before going on, so
 * that nothing outside the directory a path starts from can be named: not by `..`, not by an absolute
 * path, not through symbolic links.
 *
 * @module
 */
import { Filetype } from "./abi.ts";
import type { OpenDirectory } from "./descriptor.ts";
import { Errno, fail } from "./errno.ts";
import type { HostDirectory, HostStat } from "./host.ts";

/** Symbolic links followed in one path before it counts as a loop (as Linux has it). */
const MAX_LINKS = 40;
/** Bytes of a path, and components still to walk; both are bounded so that links cannot blow up. */
const MAX_PATH = 4096;

/** Where a path leads. */
export interface Resolved {
  readonly root: HostDirectory;
  /** From `root`; no symbolic link in it, except perhaps the last component. */
  readonly path: string;
  /** What is there, the link itself if it is one; `undefined` if only the last component is missing. */
  readonly stat: HostStat | undefined;
  /** The path ended in `/` or `.`: it must be a directory. */
  readonly slash: boolean;
  /** The path ended in `.` or `..`, or came back to its start: no name of its own to make or remove. */
  readonly dots: boolean;
  /** The directories walked through, for {@link verify}. */
  readonly walked: readonly Walked[];
}
interface Walked {
  readonly path: string;
  readonly stat: HostStat;
}

/**
 * @param base The directory to start from, which is also the highest that can be reached.
 * @param follow Whether a symbolic link in last place is followed.
 */
export function resolve(base: OpenDirectory, path: string, follow: boolean): Resolved {
  if (path.length === 0) fail(Errno.noent);
  if (path.length > MAX_PATH) fail(Errno.nametoolong);
  if (path.includes("\0")) fail(Errno.inval);
  if (path.startsWith("/")) fail(Errno.notcapable);
  const root = base.preopen.root;
  const walked: Walked[] = [];
  /** Components still to walk, the next one last. */
  const pending = path.split("/").reverse();
  let slash = false;
  let links = 0;
  for (;;) {
    const name = pending.pop();
    if (name === undefined) break;
    if (name === "" || name === ".") {
      slash = true;
      continue;
    }
    if (name === "..") {
      if (walked.length === 0) fail(Errno.notcapable);
      walked.pop();
      slash = true;
      continue;
    }
    slash = false;
    const last = pending.length === 0;
    const here = walked.length === 0 ? base.path : walked[walked.length - 1].path;
    const next = here === "" ? name : `${here}/${name}`;
    const stat = root.lstat(next);
    if (stat === undefined) {
      // Only slashes may follow a name that is not there.
      if (pending.some((rest) => rest !== "")) fail(Errno.noent);
      return { root, path: next, stat, slash: !last, dots: false, walked };
    }
    if (stat.filetype === Filetype.directory) {
      walked.push({ path: next, stat });
    } else if (stat.filetype === Filetype.symbolic_link && (!last || follow)) {
      if (!follow && pending.every((rest) => rest === "")) {
        return { root, path: next, stat, slash: true, dots: false, walked };
      }
      if (++links > MAX_LINKS) fail(Errno.loop);
      const target = root.readLink(next);
      if (target === "") fail(Errno.noent);
      if (target.startsWith("/") || isAbsoluteOnWindows(target)) fail(Errno.notcapable);
      pending.push(...target.split("/").reverse());
      if (pending.length > MAX_PATH) fail(Errno.nametoolong);
    } else if (last) {
      return { root, path: next, stat, slash: false, dots: false, walked };
    } else {
      fail(Errno.notdir);
    }
  }
  const end = walked.pop();
  if (end !== undefined && !endsInDots(path)) {
    return { root, path: end.path, stat: end.stat, slash, dots: false, walked };
  }
  const at = end?.path ?? base.path;
  return { root, path: at, stat: end?.stat ?? root.lstat(at), slash: true, dots: true, walked };
}

function endsInDots(path: string): boolean {
  return /(^|\/)\.\.?\/*$/.test(path);
}
function isAbsoluteOnWindows(target: string): boolean {
  return /^[A-Za-z]:|^\\/.test(target);
}

/** Whether it is a preopened directory that the guest cannot move or replace. */
function isFixed(base: OpenDirectory): boolean {
  return base.path === "" && base.preopen.fixed === true;
}

/** Whether there is nothing between a fixed directory and the name, so that only the name may be swapped. */
export function isDirect(base: OpenDirectory, { walked }: Resolved): boolean {
  return walked.length === 0 && isFixed(base);
}

/** Whether a directory descriptor still stands for the directory that was opened. */
export function isSame(base: OpenDirectory): boolean {
  if (isFixed(base)) return true;
  const stat = base.preopen.root.lstat(base.path);
  return stat !== undefined && stat.filetype === Filetype.directory && stat.dev === base.dev &&
    stat.ino === base.ino;
}

/**
 * Refuses a directory descriptor whose path has come to lead elsewhere: its directory was removed, or
 * moved away by others, or a link was put in its place. Called before anything is changed through it.
 */
export function checkBase(base: OpenDirectory): void {
  if (!isSame(base)) fail(Errno.noent);
}

/**
 * Whether the directories that were walked through are still the same. Called after opening: a link
 * swapped in while we walked would have led the open astray.
 */
export function verify(base: OpenDirectory, resolved: Resolved): boolean {
  if (!isSame(base)) return false;
  for (const { path, stat } of resolved.walked) {
    const now = resolved.root.lstat(path);
    if (now === undefined || now.ino !== stat.ino || now.dev !== stat.dev || now.filetype !== stat.filetype) {
      return false;
    }
  }
  return true;
}
