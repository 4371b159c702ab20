/**
 * A process for the process tests: runs WASI calls with the permissions and standard streams that it
 * was started with, and prints what they end with.
 *
 * @module
 */
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { Wasi } from "../../runtime/wasi/mod.ts";
import { FOLLOW, Guest, O, outcome } from "./guest.ts";

const [mode, folder] = Deno.args;
const host = new DenoHost();
const preopens = folder ? [{ guest: "/", host: folder }] : [];
const guest = new Guest(new Wasi({ preopens }, host));

/** Everything that a guest does with files, except making symbolic links. */
function files(): Record<string, string> {
  const fd = guest.open("new", { oflags: O.creat });
  return Object.fromEntries(
    Object.entries({
      write: () => guest.write(fd, "text"),
      seek: () => guest.seek(fd, 0n, 0),
      read: () => guest.read(fd),
      truncate: () => guest.call("fd_filestat_set_size", fd, 2n),
      sync: () => guest.call("fd_sync", fd),
      times: () => guest.call("fd_filestat_set_times", fd, 0n, 0n, 8),
      pathTimes: () => guest.call("path_filestat_set_times", 3, 0, ...guest.put("new"), 0n, 0n, 8),
      mkdir: () => guest.mkdir("made"),
      rename: () => guest.rename("new", "made/new"),
      link: () => guest.link("made/new", "hard"),
      stat: () => guest.stat("hard"),
      list: () => guest.readdir(3),
      follow: () => guest.open("linked", { lookup: FOLLOW }),
      outside: () => guest.open("outside", { lookup: FOLLOW }),
      nofollow: () => guest.open("linked"),
      append: () => guest.call("fd_fdstat_set_flags", fd, 1),
      unlink: () => guest.unlink("hard"),
      rmdir: () => guest.unlink("made/new") as undefined ?? guest.rmdir("made"),
      symlink: () => guest.symlink("x", "y"),
    }).map(([name, action]) => [name, outcome(action)]),
  );
}

/** Standard input: what it is, and what is read before and after a seek or a restore. */
function input(): unknown {
  const { filetype, rights } = guest.fdstat(0);
  const first = guest.read(0, 3);
  const { stdin } = guest.wasi.save();
  const seek = outcome(() => guest.seek(0, 1n, 0));
  return {
    filetype,
    seeks: (rights & (1n << 2n)) !== 0n,
    first,
    position: stdin.position,
    seek,
    rest: guest.read(0),
  };
}

console.log(JSON.stringify(mode === "files" ? files() : input()));
