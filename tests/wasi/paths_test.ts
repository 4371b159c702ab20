/**
 * Names: opening, making, moving and removing, links, trailing slashes and directories, on both hosts.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { MemoryHost, Symlink, Wasi } from "../../runtime/wasi/mod.ts";
import { DIRECTORY, F, FOLLOW, Guest, O, outcome } from "./guest.ts";
import { onBothHosts } from "./world.ts";

/** Runs actions and compares what each ends with. */
function table(guest: Guest, rows: readonly [expected: string, action: (g: Guest) => unknown][]): void {
  for (const [expected, action] of rows) assertEquals(outcome(() => action(guest)), expected, String(action));
}

const LINKS = {
  file: "text",
  dir: { inner: "deep" },
  toFile: new Symlink("file"),
  toDir: new Symlink("dir"),
  toInner: new Symlink("toDir/inner"),
  up: new Symlink("dir/../file"),
  dangling: new Symlink("missing"),
  danglingDeep: new Symlink("missing/x"),
  loop: new Symlink("pool"),
  pool: new Symlink("loop"),
  self: new Symlink("self/x"),
};

onBothHosts("path_open by its flags", { ...LINKS }, ({ guest, files }) => {
  const { creat, directory, excl, trunc } = O;
  table(guest, [
    ["success", (g) => g.open("file")],
    ["noent", (g) => g.open("new")],
    ["exist", (g) => g.open("file", { oflags: creat | excl })],
    ["exist", (g) => g.open("dir", { oflags: creat | excl })],
    ["exist", (g) => g.open("dangling", { oflags: creat | excl, lookup: FOLLOW })],
    ["exist", (g) => g.open("dangling", { oflags: creat | excl })],
    ["notdir", (g) => g.open("file", { oflags: directory })],
    ["isdir", (g) => g.open("dir", { rights: 1n << 6n })],
    ["isdir", (g) => g.open("dir", { oflags: creat, rights: 0n })],
    ["isdir", (g) => g.open("dir", { oflags: trunc, rights: 0n })],
    ["success", (g) => g.open("dir", { rights: 1n << 1n })],
    ["inval", (g) => g.open("new", { oflags: creat | directory })],
    ["inval", (g) => g.open("file", { oflags: 16 })],
    ["inval", (g) => g.open("file", { flags: 32 })],
    ["inval", (g) => g.open("file", { lookup: 2 })],
    ["noent", (g) => g.open("")],
    ["success", (g) => g.open(".", { rights: DIRECTORY & ~(1n << 6n) })],
    ["success", (g) => g.open("dir/.", { rights: 0n })],
    ["notdir", (g) => g.open("file/.")],
    ["notdir", (g) => g.open("file/inner")],
    ["notdir", (g) => g.open("file/..")],
    ["noent", (g) => g.open("missing/..")],
    ["isdir", (g) => g.open("new/", { oflags: creat })],
    ["noent", (g) => g.open("missing/new", { oflags: creat })],
    ["nametoolong", (g) => g.open("x".repeat(300))],
    ["nametoolong", (g) => g.open("x/".repeat(3000))],
    ["notdir", (g) => g.open("x", {}, g.open("file"))],
    ["badf", (g) => g.open("x", {}, 99)],
  ]);
  const fd = guest.open("file", { oflags: creat | trunc });
  assertEquals(guest.read(fd), "");
  const made = guest.open("dir/new", { oflags: creat | excl | trunc, flags: F.append });
  guest.write(made, "x");
  assert(files().includes("dir/new: x"));
  assert(files().includes("file: "));
});

onBothHosts("truncating needs no right to write", { a: "abc" }, ({ guest }) => {
  guest.close(guest.open("a", { oflags: O.trunc, rights: 0n }));
  assertEquals(guest.stat("a").size, 0n);
});

onBothHosts("symbolic links are followed where they should be", { ...LINKS }, ({ guest, files }) => {
  const follow = { lookup: FOLLOW };
  table(guest, [
    ["loop", (g) => g.open("toFile")],
    ["success", (g) => g.open("toFile", follow)],
    ["success", (g) => g.open("up", follow)],
    ["success", (g) => g.open("toInner", follow)],
    ["success", (g) => g.open("toDir/inner")],
    ["success", (g) => g.open("toDir/", { rights: 0n })],
    ["notdir", (g) => g.open("toFile/", follow)],
    ["loop", (g) => g.open("toDir", { rights: 0n })],
    ["notdir", (g) => g.open("toDir", { oflags: O.directory })],
    ["noent", (g) => g.open("dangling", follow)],
    ["loop", (g) => g.open("dangling", { oflags: O.creat })],
    ["noent", (g) => g.open("danglingDeep", { oflags: O.creat, lookup: FOLLOW })],
    ["loop", (g) => g.open("loop", follow)],
    ["loop", (g) => g.open("loop/x")],
    ["loop", (g) => g.open("self", follow)],
    ["loop", (g) => g.stat("loop", FOLLOW)],
    ["success", (g) => g.stat("loop")],
    ["notdir", (g) => g.stat("toFile/")],
    ["inval", (g) => g.readlink("file")],
    ["noent", (g) => g.readlink("missing")],
  ]);
  assertEquals(guest.stat("toFile").filetype, 7);
  assertEquals(guest.stat("toFile").size, 4n);
  assertEquals(guest.stat("toFile", FOLLOW).ino, guest.stat("file").ino);
  assertEquals(guest.stat("toDir/").filetype, 3);
  assertEquals(guest.readlink("toInner"), "toDir/inner");
  assertEquals(guest.readlink("toInner", 3, 5), "toDir");
  // Through a dangling link, a file is made where it leads.
  guest.close(guest.open("dangling", { oflags: O.creat, lookup: FOLLOW }));
  assert(files().includes("missing: "));
  guest.call("path_filestat_set_times", 3, 0, ...guest.put("toFile"), 0n, 7_000_000n, 4);
  assertEquals(guest.stat("toFile").mtim, 7_000_000n);
  assert(guest.stat("file").mtim > 7_000_000n);
});

onBothHosts("a long chain of links is a loop", {}, ({ guest }) => {
  guest.close(guest.open("l0", { oflags: O.creat }));
  for (let i = 1; i <= 41; i++) guest.symlink(`l${i - 1}`, `l${i}`);
  assertEquals(outcome(() => guest.open("l40", { lookup: FOLLOW })), "success");
  assertEquals(outcome(() => guest.open("l41", { lookup: FOLLOW })), "loop");
});

onBothHosts(
  "making and removing directories",
  { f: "", d: { x: "" }, l: new Symlink("d") },
  ({ guest, files }) => {
    guest.mkdir("a");
    guest.mkdir("a/b/");
    table(guest, [
      ["exist", (g) => g.mkdir("a")],
      ["exist", (g) => g.mkdir("f")],
      ["exist", (g) => g.mkdir("l")],
      ["exist", (g) => g.mkdir(".")],
      ["exist", (g) => g.mkdir("a/.")],
      ["noent", (g) => g.mkdir("no/x")],
      ["notdir", (g) => g.mkdir("f/x")],
      ["noent", (g) => g.mkdir("")],
      ["notempty", (g) => g.rmdir("a")],
      ["notdir", (g) => g.rmdir("f")],
      ["notdir", (g) => g.rmdir("f/")],
      ["notdir", (g) => g.rmdir("l")],
      ["notdir", (g) => g.rmdir("l/")],
      ["noent", (g) => g.rmdir("no")],
      ["inval", (g) => g.rmdir("a/.")],
      ["inval", (g) => g.rmdir(".")],
      ["notempty", (g) => g.rmdir("d")],
      ["success", (g) => g.rmdir("a/b/")],
      ["success", (g) => g.rmdir("a")],
      ["isdir", (g) => g.unlink("d")],
      ["isdir", (g) => g.unlink("d/")],
      ["isdir", (g) => g.unlink(".")],
      ["notdir", (g) => g.unlink("f/")],
      ["noent", (g) => g.unlink("no")],
      ["notdir", (g) => g.unlink("l/")],
      ["success", (g) => g.unlink("l")],
      ["success", (g) => g.unlink("f")],
    ]);
    assertEquals(files(), ["d/", "d/x: "]);
  },
);

onBothHosts("renaming", { f: "F", g: "G", d: { x: "X" }, e: {}, l: new Symlink("f") }, ({ guest, files }) => {
  table(guest, [
    ["noent", (g) => g.rename("no", "x")],
    ["noent", (g) => g.rename("f", "no/x")],
    ["notdir", (g) => g.rename("f", "g/x")],
    ["isdir", (g) => g.rename("f", "e")],
    ["notdir", (g) => g.rename("e", "f")],
    ["notempty", (g) => g.rename("e", "d")],
    ["notdir", (g) => g.rename("f/", "x")],
    ["notdir", (g) => g.rename("f", "x/")],
    ["inval", (g) => g.rename("d", "d/y")],
    ["busy", (g) => g.rename(".", "y")],
    ["busy", (g) => g.rename("d", ".")],
    ["success", (g) => g.rename("f", "f")],
    ["success", (g) => g.rename("f", "g")],
    ["success", (g) => g.rename("d", "e/")],
    ["success", (g) => g.rename("l", "m")],
  ]);
  assertEquals(files(), ["e/", "e/x: X", "g: F", "m -> f"]);
});

onBothHosts("what is open follows a rename", { d: { x: "X", s: {} } }, ({ guest, files }) => {
  const d = guest.openDirectory("d"), s = guest.openDirectory("d/s"), x = guest.open("d/x");
  guest.rename("d", "moved");
  guest.close(guest.open("new", { oflags: O.creat }, d));
  guest.mkdir("sub", s);
  assertEquals(guest.read(x), "X");
  assertEquals(files(), ["moved/", "moved/new: ", "moved/s/", "moved/s/sub/", "moved/x: X"]);
  guest.mkdir("d");
  assertEquals(guest.readdir(d).entries.map(({ name }) => name), [".", "..", "new", "s", "x"]);
});

Deno.test("what is open follows a rename to another preopen", () => {
  const host = new MemoryHost({ files: { root: {} } });
  // Both are the same directory, as far as the host is concerned two.
  const preopens = [{ guest: "/", host: "root" }, { guest: "/other", host: "root" }];
  const guest = new Guest(new Wasi({ preopens }, host));
  guest.mkdir("d");
  const d = guest.openDirectory("d"), x = guest.open("x", { oflags: O.creat }, d);
  guest.rename("d", "e", 3, 4);
  guest.write(x, "text");
  guest.rename("x", "y", d, 4);
  assertEquals(guest.read(guest.open("y", {}, 4)), "text");
  guest.mkdir("f", d);
  assertEquals(guest.readdir(guest.openDirectory("e", 4)).entries.at(-1)?.name, "f");
});

onBothHosts("a directory that is gone stays gone", { d: { s: {} } }, ({ guest }) => {
  const s = guest.openDirectory("d/s");
  guest.rmdir("d/s");
  guest.mkdir("d/s");
  table(
    guest,
    [
      ["noent", (g) => g.open("x", { oflags: O.creat }, s)],
      ["noent", (g) => g.mkdir("x", s)],
      ["noent", (g) => g.readdir(s)],
      ["noent", (g) => g.fstat(s)],
    ],
  );
});

onBothHosts(
  "hard links",
  { f: "F", d: {}, l: new Symlink("f"), n: new Symlink("no") },
  ({ guest, files }) => {
    table(guest, [
      ["success", (g) => g.link("f", "a")],
      ["success", (g) => g.link("f", "d/b")],
      ["exist", (g) => g.link("f", "a")],
      ["exist", (g) => g.link("f", "f")],
      ["exist", (g) => g.link("f", "n")],
      ["perm", (g) => g.link("d", "x")],
      ["noent", (g) => g.link("no", "x")],
      ["noent", (g) => g.link("f", "x/")],
      ["notdir", (g) => g.link("f/", "x")],
      ["noent", (g) => g.link("n", "x", FOLLOW)],
      ["success", (g) => g.link("l", "c", FOLLOW)],
      ["success", (g) => g.link("n", "m")],
      ["inval", (g) => g.link("f", "x", 2)],
    ]);
    assertEquals(guest.stat("f").nlink, 4n);
    assertEquals(guest.stat("c").ino, guest.stat("f").ino);
    assertEquals(files(), ["a: F", "c: F", "d/", "d/b: F", "f: F", "l -> f", "m -> no", "n -> no"]);
  },
);

onBothHosts("making symbolic links", { f: "F", d: {} }, ({ guest, files }) => {
  table(guest, [
    ["success", (g) => g.symlink("anything/at all", "a")],
    ["success", (g) => g.symlink("../f", "d/a")],
    ["exist", (g) => g.symlink("x", "f")],
    ["exist", (g) => g.symlink("x", "d/")],
    ["noent", (g) => g.symlink("x", "new/")],
    ["noent", (g) => g.symlink("", "b")],
    ["noent", (g) => g.symlink("x", "")],
    ["inval", (g) => g.symlink("x\0y", "b")],
    ["notcapable", (g) => g.symlink("/", "b")],
  ]);
  assertEquals(guest.read(guest.open("d/a", { lookup: FOLLOW })), "F");
  assertEquals(files(), ["a -> anything/at all", "d/", "d/a -> ../f", "f: F"]);
});

onBothHosts("listing a directory", { b: "", a: {}, l: new Symlink("b"), "ü": "" }, ({ guest }) => {
  const fd = guest.openDirectory(".");
  const { entries, used } = guest.readdir(fd);
  assertEquals(entries.map(({ name, filetype }) => [name, filetype]), [
    [".", 3],
    ["..", 3],
    ["a", 3],
    ["b", 4],
    ["l", 7],
    ["ü", 4],
  ]);
  assertEquals(used, 6 * 24 + 1 + 2 + 1 + 1 + 1 + 2);
  assertEquals(entries[3].ino, guest.stat("b").ino);
  assertEquals(entries[0].ino, guest.stat(".").ino);
  // Each cookie leads to the rest, and the listing stays as it was at the start.
  guest.unlink("b");
  guest.mkdir("new");
  entries.forEach(({ next }, i) => {
    const rest = guest.readdir(fd, next).entries.map(({ name }) => name);
    assertEquals(rest, entries.slice(i + 1).map(({ name }) => name).filter((name) => name !== "b"));
  });
  const again = guest.readdir(fd, 0n).entries.map(({ name }) => name);
  assertEquals(again, [".", "..", "a", "l", "new", "ü"]);
  // A full buffer says that there is more.
  for (let length = 0; length < used; length++) assertEquals(guest.readdir(fd, 0n, length).used, length);
  assertEquals(guest.readdir(fd, 1000n).used, 0);
  assertEquals(outcome(() => guest.readdir(fd, -1n)), "inval");
  assertEquals(outcome(() => guest.readdir(guest.open("ü"))), "notdir");
});

onBothHosts("preopens name themselves", {}, ({ guest }) => {
  const out = guest.room(16);
  guest.call("fd_prestat_get", 3, out);
  assertEquals([guest.view.getUint8(out), guest.view.getUint32(out + 4, true)], [0, 1]);
  guest.call("fd_prestat_dir_name", 3, out, 1);
  assertEquals(guest.bytes[out], "/".charCodeAt(0));
  assertEquals(outcome(() => guest.call("fd_prestat_dir_name", 3, out, 0)), "nametoolong");
  assertEquals(outcome(() => guest.call("fd_prestat_get", 4, out)), "badf");
  assertEquals(outcome(() => guest.call("fd_prestat_get", 0, out)), "badf");
  assertEquals(outcome(() => guest.call("fd_prestat_get", guest.openDirectory("."), out)), "badf");
});

onBothHosts("names are UTF-8", {}, ({ guest }) => {
  guest.close(guest.open("naïve-日本", { oflags: O.creat }));
  assertEquals(guest.readdir(3).entries[2].name, "naïve-日本");
  const bad = new Uint8Array([0x61, 0xff, 0x62]);
  assertEquals(outcome(() => guest.call("path_create_directory", 3, ...guest.put(bad))), "ilseq");
  assertEquals(outcome(() => guest.open("a\0b", { oflags: O.creat })), "inval");
});
