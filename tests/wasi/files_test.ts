/**
 * Reading, writing and moving about in files, on both hosts.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DIRECTORY, F, FILE, type Guest, O, outcome, READ } from "./guest.ts";
import { onBothHosts } from "./world.ts";

const SET = 0, CUR = 1, END = 2;

onBothHosts("a file is made, written, read and told about", {}, ({ guest, files }) => {
  const fd = guest.open("a", { oflags: O.creat });
  assertEquals(fd, 4);
  assertEquals(guest.write(fd, "hello"), 5);
  assertEquals(guest.tell(fd), 5n);
  assertEquals(guest.read(fd), "");
  assertEquals(guest.seek(fd, -3n, CUR), 2n);
  assertEquals(guest.read(fd), "llo");
  assertEquals(guest.seek(fd, 2n, END), 7n);
  assertEquals(guest.write(fd, "!"), 1);
  const stat = guest.fstat(fd);
  assertEquals([stat.size, stat.filetype, stat.nlink], [8n, 4, 1n]);
  assertEquals(stat.ino, guest.stat("a").ino);
  guest.close(fd);
  assertEquals(outcome(() => guest.tell(fd)), "badf");
  assertEquals(files(), ["a: hello\0\0!"]);
});

onBothHosts("pread and pwrite leave the offset alone", { a: "0123456789" }, ({ guest, files }) => {
  const fd = guest.open("a");
  guest.seek(fd, 4n, SET);
  assertEquals(guest.pread(fd, 3, 7n), "789");
  assertEquals(guest.pread(fd, 3, 20n), "");
  assertEquals(guest.pwrite(fd, "ab", 1n), 2);
  assertEquals(guest.tell(fd), 4n);
  assertEquals(guest.read(fd, 2), "45");
  assertEquals(outcome(() => guest.pread(fd, 1, -1n)), "inval");
  assertEquals(files(), ["a: 0ab3456789"]);
});

onBothHosts("append mode writes at the end, and can be switched", { a: "xx" }, ({ guest, files }) => {
  const fd = guest.open("a", { flags: F.append });
  guest.write(fd, "1");
  assertEquals(guest.tell(fd), 3n);
  guest.seek(fd, 0n, SET);
  guest.write(fd, "2");
  assertEquals(guest.tell(fd), 4n);
  guest.pwrite(fd, "3", 0n);
  assertEquals(guest.tell(fd), 4n);
  guest.call("fd_fdstat_set_flags", fd, 0);
  guest.seek(fd, 0n, SET);
  guest.write(fd, "y");
  guest.call("fd_fdstat_set_flags", fd, F.append);
  assertEquals(guest.fdstat(fd).flags, F.append);
  guest.write(fd, "4");
  assertEquals(files(), ["a: yx1234"]);
});

onBothHosts("append mode can be switched on for a file without a name", { a: "xx" }, ({ guest }) => {
  const fd = guest.open("a");
  guest.unlink("a");
  guest.call("fd_fdstat_set_flags", fd, F.append);
  guest.write(fd, "1");
  guest.seek(fd, 0n, SET);
  guest.write(fd, "2");
  assertEquals(guest.pread(fd, 10, 0n), "xx12");
});

onBothHosts("seeking is checked", { a: "abc" }, ({ guest }) => {
  const fd = guest.open("a");
  assertEquals(outcome(() => guest.seek(fd, -1n, SET)), "inval");
  assertEquals(outcome(() => guest.seek(fd, -4n, END)), "inval");
  assertEquals(outcome(() => guest.seek(fd, 0n, 3)), "inval");
  assertEquals(outcome(() => guest.seek(fd, (1n << 63n) - 1n, SET)), "overflow");
  assertEquals(outcome(() => guest.seek(fd, 0n, 257)), "inval");
  assertEquals(guest.tell(fd), 0n);
  assertEquals(outcome(() => guest.seek(1, 0n, SET)), "notcapable");
  assertEquals(outcome(() => guest.seek(3, 0n, SET)), "isdir");
});

onBothHosts("several buffers are read and written in order", { a: "" }, ({ guest, files }) => {
  const fd = guest.open("a");
  const out = guest.room(4);
  const parts = [guest.put("one"), [0, 0], guest.put("two"), guest.put("three")] as [number, number][];
  guest.call("fd_write", fd, ...guest.iovecs(parts), out);
  assertEquals(guest.view.getUint32(out, true), 11);
  assertEquals(files(), ["a: onetwothree"]);
  guest.seek(fd, 0n, SET);
  const buffers = [[2000, 2], [3000, 0], [2002, 3], [4000, 4], [5000, 50]] as [number, number][];
  guest.call("fd_read", fd, ...guest.iovecs(buffers), out);
  assertEquals(guest.view.getUint32(out, true), 11);
  const at = (from: number, to: number) => new TextDecoder().decode(guest.bytes.slice(from, to));
  assertEquals([at(2000, 2005), at(4000, 4004), at(5000, 5002)], ["onetw", "othr", "ee"]);
  assertEquals(guest.tell(fd), 11n);
});

onBothHosts("large buffers are not copied together", { a: "" }, ({ guest }) => {
  const fd = guest.open("a");
  const out = guest.room(4);
  const big = 100_000;
  guest.bytes.fill(7, 10_000, 10_000 + big);
  guest.bytes.fill(9, 120_000, 120_000 + big);
  guest.call("fd_write", fd, ...guest.iovecs([[10_000, big], [120_000, big]]), out);
  assertEquals(guest.view.getUint32(out, true), 2 * big);
  guest.bytes.fill(0, 10_000, 250_000);
  guest.seek(fd, 0n, SET);
  guest.call("fd_read", fd, ...guest.iovecs([[120_000, big], [10_000, big]]), out);
  assertEquals(guest.view.getUint32(out, true), 2 * big);
  assert(guest.bytes.subarray(120_000, 120_000 + big).every((byte) => byte === 7));
  assert(guest.bytes.subarray(10_000, 10_000 + big).every((byte) => byte === 9));
});

onBothHosts("sizes are set and allocated", { a: "0123456789" }, ({ guest, files }) => {
  const fd = guest.open("a");
  guest.call("fd_filestat_set_size", fd, 4n);
  assertEquals(files(), ["a: 0123"]);
  guest.call("fd_allocate", fd, 2n, 4n);
  assertEquals(files(), ["a: 0123\0\0"]);
  guest.call("fd_allocate", fd, 0n, 1n);
  assertEquals(guest.fstat(fd).size, 6n);
  const huge = (1n << 64n) - 1n;
  assertEquals(outcome(() => guest.call("fd_allocate", fd, 0n, 0n)), "inval");
  assertEquals(outcome(() => guest.call("fd_allocate", fd, huge, huge)), "fbig");
  assertEquals(outcome(() => guest.call("fd_filestat_set_size", fd, huge)), "fbig");
  assertEquals(outcome(() => guest.call("fd_filestat_set_size", 3, 0n)), "isdir");
  assertEquals(guest.fstat(fd).size, 6n);
});

onBothHosts("times are set to the nanosecond", { a: "", d: {} }, ({ guest }) => {
  const fd = guest.open("a");
  const [atim, mtim] = [1_234_567_890_123_456_789n, 987_654_321_987_654_321n];
  guest.call("fd_filestat_set_times", fd, atim, mtim, 1 | 4);
  assertEquals([guest.fstat(fd).atim, guest.fstat(fd).mtim], [atim, mtim]);
  assertEquals(guest.stat("a").mtim, mtim);
  guest.call("fd_filestat_set_times", fd, 5_000_000_001n, 0n, 1);
  assertEquals([guest.fstat(fd).atim, guest.fstat(fd).mtim], [5_000_000_001n, mtim]);
  const before = BigInt(Date.now() - 1000) * 1_000_000n;
  guest.call("path_filestat_set_times", 3, 0, ...guest.put("a"), 0n, 0n, 8);
  assert(guest.stat("a").mtim > before);
  assertEquals(guest.stat("a").atim, 5_000_000_001n);
  guest.call("path_filestat_set_times", 3, 0, ...guest.put("d"), 1n, 2_000_000n, 1 | 4);
  assertEquals(guest.stat("d").mtim, 2_000_000n);
  guest.call("fd_filestat_set_times", guest.openDirectory("d"), 0n, 3_000_000n, 4);
  assertEquals(guest.stat("d").mtim, 3_000_000n);
  for (const flags of [1 | 2, 4 | 8, 16, -1]) {
    assertEquals(outcome(() => guest.call("fd_filestat_set_times", fd, 0n, 0n, flags)), "inval");
  }
  // Once somebody has written, what was set counts no more.
  guest.call("fd_filestat_set_times", fd, atim, mtim, 1 | 4);
  guest.write(fd, "x");
  assert(guest.fstat(fd).mtim > before);
});

onBothHosts("rights are those asked for, and can only shrink", { a: "abc", d: {} }, ({ guest }) => {
  const reader = guest.open("a", { rights: READ });
  assertEquals(guest.fdstat(reader).rights, READ);
  assertEquals(outcome(() => guest.write(reader, "x")), "notcapable");
  assertEquals(outcome(() => guest.call("fd_filestat_set_size", reader, 0n)), "notcapable");
  assertEquals(outcome(() => guest.call("fd_sync", reader)), "notcapable");
  assertEquals(outcome(() => guest.call("fd_fdstat_set_rights", reader, FILE, 0n)), "notcapable");
  const far = 1n << 40n;
  assertEquals(outcome(() => guest.call("fd_fdstat_set_rights", reader, READ | far, 0n)), "notcapable");
  assertEquals(outcome(() => guest.call("fd_fdstat_set_rights", reader, READ | 1n << 31n, 0n)), "notcapable");
  guest.call("fd_fdstat_set_rights", reader, 1n << 5n, 0n);
  assertEquals(outcome(() => guest.read(reader)), "notcapable");
  assertEquals(guest.tell(reader), 0n);
  assertEquals(outcome(() => guest.seek(reader, 0n, CUR)), "success");
  assertEquals(outcome(() => guest.seek(reader, 1n, CUR)), "notcapable");

  // A directory that may only hand on reading.
  const d = guest.open(".", { oflags: O.directory, rights: DIRECTORY & ~(1n << 6n), inheriting: READ });
  assertEquals(outcome(() => guest.open("a", { rights: FILE }, d)), "notcapable");
  assertEquals(outcome(() => guest.open("a", { rights: READ, inheriting: FILE }, d)), "notcapable");
  assertEquals(outcome(() => guest.open("a", { rights: READ }, d)), "success");
  // Rights that do not exist, or mean nothing for a file, are passed over.
  const all = (1n << 64n) - 1n;
  assertEquals(guest.fdstat(guest.open("a", { rights: all, inheriting: all })).rights, FILE);
});

onBothHosts("a directory without a right refuses what needs it", { a: "abc", d: {} }, ({ guest }) => {
  const cases: readonly [bit: bigint, action: (g: Guest, fd: number) => unknown][] = [
    [13n, (g, fd) => g.open("a", { rights: READ }, fd)],
    [10n, (g, fd) => g.open("new", { oflags: O.creat, rights: READ }, fd)],
    [19n, (g, fd) => g.open("a", { oflags: O.trunc, rights: READ }, fd)],
    [9n, (g, fd) => g.mkdir("new", fd)],
    [14n, (g, fd) => g.readdir(fd)],
    [15n, (g, fd) => g.readlink("a", fd)],
    [16n, (g, fd) => g.rename("a", "b", fd)],
    [17n, (g, fd) => g.rename("a", "b", 3, fd)],
    [11n, (g, fd) => g.link("a", "b", 0, fd, 3)],
    [12n, (g, fd) => g.link("a", "b", 0, 3, fd)],
    [18n, (g, fd) => g.stat("a", 0, fd)],
    [20n, (g, fd) => g.call("path_filestat_set_times", fd, 0, ...g.put("a"), 0n, 0n, 8)],
    [21n, (g, fd) => g.fstat(fd)],
    [23n, (g, fd) => g.call("fd_filestat_set_times", fd, 0n, 0n, 8)],
    [24n, (g, fd) => g.symlink("a", "b", fd)],
    [25n, (g, fd) => g.rmdir("d", fd)],
    [26n, (g, fd) => g.unlink("a", fd)],
  ];
  for (const [bit, action] of cases) {
    const fd = guest.openDirectory(".");
    guest.call("fd_fdstat_set_rights", fd, guest.fdstat(fd).rights & ~(1n << bit), DIRECTORY);
    assertEquals(outcome(() => action(guest, fd)), "notcapable", `right ${bit}`);
  }
  assertEquals(guest.read(guest.open("a")), "abc");
});

onBothHosts("synchronized writing and syncing", { a: "" }, ({ guest, files }) => {
  for (const flags of [F.dsync, F.sync, F.rsync]) {
    const fd = guest.open("a", { flags });
    guest.write(fd, "x");
    assertEquals(guest.fdstat(fd).flags, flags);
    guest.call("fd_sync", fd);
    guest.call("fd_datasync", fd);
  }
  guest.call("fd_sync", 3);
  assertEquals(outcome(() => guest.call("fd_fdstat_set_flags", guest.open("a"), 32)), "inval");
  assertEquals(files(), ["a: x"]);
});

onBothHosts("advice is checked and has no effect", { a: "abc" }, ({ guest }) => {
  const fd = guest.open("a");
  for (let advice = 0; advice < 6; advice++) guest.call("fd_advise", fd, 0n, 0n, advice);
  assertEquals(outcome(() => guest.call("fd_advise", fd, 0n, 0n, 6)), "inval");
  assertEquals(outcome(() => guest.call("fd_advise", fd, -1n, 0n, 0)), "inval");
  assertEquals(outcome(() => guest.call("fd_advise", 3, 0n, 0n, 0)), "isdir");
});

onBothHosts("descriptors are renumbered, closed and given out again", { a: "A", b: "B" }, ({ guest }) => {
  const a = guest.open("a"), b = guest.open("b");
  guest.call("fd_renumber", a, b);
  assertEquals(guest.read(b), "A");
  assertEquals(outcome(() => guest.read(a)), "badf");
  assertEquals(outcome(() => guest.call("fd_renumber", b, 77)), "badf");
  assertEquals(outcome(() => guest.call("fd_renumber", 77, b)), "badf");
  guest.call("fd_renumber", b, b);
  assertEquals(guest.open("b"), a);
  guest.call("fd_renumber", b, 1);
  assertEquals(guest.fdstat(1).filetype, 4);
  guest.close(3);
  assertEquals(outcome(() => guest.stat("a")), "badf");
});

onBothHosts("every descriptor function refuses a number that is none", {}, ({ guest }) => {
  const out = guest.room(64);
  for (const fd of [4, 1000, -1, 0x7fff_ffff]) {
    assertEquals(outcome(() => guest.read(fd)), "badf");
    assertEquals(outcome(() => guest.call("fd_close", fd)), "badf");
    assertEquals(outcome(() => guest.call("fd_prestat_get", fd, out)), "badf");
    assertEquals(outcome(() => guest.stat("x", 0, fd)), "badf");
    assertEquals(outcome(() => guest.call("sock_shutdown", fd, 1)), "badf");
  }
});

onBothHosts("too many descriptors", { a: "" }, ({ guest }) => {
  const full = () => {
    for (;;) guest.open(".", { oflags: O.directory, rights: 0n });
  };
  assertEquals(outcome(full), "mfile");
  guest.close(100);
  assertEquals(guest.open("a"), 100);
  assertEquals(outcome(() => guest.open("b", { oflags: O.creat })), "mfile");
  assertEquals(outcome(() => guest.stat("b")), "noent");
});
