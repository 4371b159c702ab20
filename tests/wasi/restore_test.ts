/**
 * The restore contract, row by row: what is saved of the guest's side, and what is done about the
 * outside when it comes back.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { decode, encode } from "@std/msgpack";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import {
  type FilePolicy,
  type HostStream,
  inputStream,
  INTERRUPTED,
  MemoryHost,
  type RestoreNote,
  Symlink,
  type Tree,
  Wasi,
  type WasiOptions,
  WasiRestoreError,
  type WasiRestoreOptions,
  WasiSaveError,
} from "../../runtime/wasi/mod.ts";
import { DIRECTORY, F, Guest, O, outcome, READ } from "./guest.ts";
import { describeTree, onBothHosts } from "./world.ts";

const ROOT = [{ guest: "/", host: "root" }];

/** A guest on files in memory, and its state as an image would carry it. */
function start(files: Tree, options: WasiOptions = {}) {
  const host = new MemoryHost({ files: { root: files } });
  const guest = new Guest(new Wasi({ args: ["p"], preopens: ROOT, ...options }, host));
  const save = (embedFiles?: number) =>
    decode(encode(guest.wasi.save({ embedFiles }))) as Record<string, unknown>;
  return { guest, host, save };
}
/** The state brought back on other files. */
function back(state: unknown, files: Tree, options: WasiRestoreOptions = {}) {
  const host = new MemoryHost({ files: { root: files } });
  const { wasi, report } = Wasi.restore(state, { preopens: ROOT, ...options }, host);
  return { guest: new Guest(wasi), report, files: () => describeTree(host.tree("root")) };
}
function notes(report: readonly RestoreNote[], level: RestoreNote["level"]): string {
  return report.filter((note) => note.level === level).map(({ text }) => text).join("\n");
}
function refused(state: unknown, files: Tree, part: string, options: WasiRestoreOptions = {}): void {
  assertThrows(() => back(state, files, options), WasiRestoreError, part);
}

onBothHosts(
  "open files come back with offset, flags and rights",
  { a: "0123456789" },
  ({ guest, reborn, files }) => {
    const a = guest.open("a", { flags: F.append | F.sync });
    const b = guest.open("a", { rights: READ });
    const c = guest.open("a", { rights: (1n << 6n) | (1n << 2n) });
    guest.seek(a, 3n, 0);
    guest.seek(b, 7n, 0);
    const later = reborn();
    assertEquals(later.read(a, 2), "34");
    assertEquals(later.fdstat(a).flags, F.append | F.sync);
    assertEquals(later.fdstat(b).rights, READ);
    assertEquals(later.read(b), "789");
    later.write(a, "A");
    later.write(c, "C");
    assertEquals(outcome(() => later.read(c)), "notcapable");
    assertEquals(outcome(() => later.write(b, "x")), "notcapable");
    assertEquals(files(), ["a: C123456789A"]);
    assertEquals(later.open("a"), c + 1);
  },
);

onBothHosts("nothing is truncated or made again", { a: "old" }, ({ guest, reborn, files }) => {
  const a = guest.open("a", { oflags: O.trunc });
  const b = guest.open("b", { oflags: O.creat | O.excl | O.trunc });
  guest.write(a, "new");
  guest.write(b, "made");
  const later = reborn();
  assertEquals(files(), ["a: new", "b: made"]);
  later.write(a, "er");
  assertEquals(files(), ["a: newer", "b: made"]);
});

onBothHosts("a file without a name travels whole", { a: "content" }, ({ guest, reborn, files }) => {
  const a = guest.open("a");
  const tmp = guest.open("tmp", { oflags: O.creat });
  guest.write(tmp, "scratch");
  guest.read(a, 3);
  guest.unlink("a");
  guest.unlink("tmp");
  const once = reborn();
  assertEquals(files(), []);
  assertEquals(once.read(a), "tent");
  once.pwrite(tmp, "S", 0n);
  once.call("fd_filestat_set_size", tmp, 5n);
  const twice = reborn(once);
  assertEquals(twice.pread(tmp, 100, 0n), "Scrat");
  assertEquals(twice.tell(tmp), 7n);
  assertEquals(twice.fstat(tmp).nlink, 0n);
});

onBothHosts("descriptors of one nameless file stay one file", { a: "0123", b: "b" }, ({ guest, reborn }) => {
  const first = guest.open("a"), second = guest.open("a", { flags: F.append }), other = guest.open("b");
  guest.unlink("a");
  guest.unlink("b");
  const later = reborn();
  later.write(second, "4");
  assertEquals(later.read(first), "01234");
  assertEquals(later.fstat(first).ino, later.fstat(second).ino);
  assertNotEquals(later.fstat(first).ino, later.fstat(other).ino);
  const last = reborn(later);
  last.pwrite(first, "X", 0n);
  assertEquals(last.pread(second, 9, 0n), "X1234");
});

onBothHosts("a file is found under its other name", { a: "A", d: { x: "X", y: "" } }, (world) => {
  const { guest, reborn, files } = world;
  const a = guest.open("a"), x = guest.open("d/x");
  guest.link("a", "d/b");
  guest.unlink("a");
  // As another program would do it: what the guest renames itself is followed anyway.
  guest.link("d/x", "d/z");
  guest.unlink("d/x");
  const later = reborn();
  later.write(a, "new");
  later.write(x, "new");
  assertEquals(files(), ["d/", "d/b: new", "d/y: ", "d/z: new"]);
});

onBothHosts(
  "a file replaced by another of its name is not mixed up",
  { a: "mine" },
  ({ guest, reborn, files }) => {
    const a = guest.open("a");
    guest.rename("a", "b");
    guest.unlink("b");
    guest.write(guest.open("a", { oflags: O.creat }), "another");
    const later = reborn();
    assertEquals(later.read(a), "mine");
    assertEquals(files(), ["a: another"]);
  },
);

onBothHosts(
  "a directory is read on from where it was",
  { a: "", b: "", c: "", d: {} },
  ({ guest, reborn }) => {
    const fd = guest.openDirectory(".");
    const first = guest.readdir(fd, 0n, 24 * 4 + 5).entries;
    assertEquals(first.map(({ name }) => name), [".", "..", "a", "b"]);
    guest.unlink("a");
    guest.mkdir("aa");
    const later = reborn();
    const rest = later.readdir(fd, first[3].next).entries;
    assertEquals(rest.map(({ name }) => name), ["c", "d"]);
    assertEquals(later.readdir(fd).entries.map(({ name }) => name), [".", "..", "aa", "b", "c", "d"]);
  },
);

onBothHosts("numbers stay as they were arranged", { a: "A", b: "B", d: {} }, ({ guest, reborn }) => {
  const a = guest.open("a"), b = guest.open("b"), d = guest.openDirectory("d");
  guest.call("fd_renumber", b, 0);
  guest.close(a);
  guest.close(3);
  const later = reborn();
  assertEquals(later.read(0), "B");
  assertEquals(outcome(() => later.read(a)), "badf");
  assertEquals(outcome(() => later.stat("a")), "badf");
  later.mkdir("in d", d);
  // 3 is the lowest free number; the directory still grants what it granted.
  assertEquals(later.open("new", { oflags: O.creat }, d), 3);
});

onBothHosts("a removed directory stays removed", { d: {} }, ({ guest, reborn }) => {
  const fd = guest.openDirectory("d");
  guest.rmdir("d");
  guest.mkdir("d");
  const later = reborn();
  assertEquals(outcome(() => later.mkdir("x", fd)), "noent");
});

onBothHosts("what the guest renamed is found under its new name", { d: { a: "A" } }, ({ guest, reborn }) => {
  const a = guest.open("d/a"), d = guest.openDirectory("d");
  guest.rename("d", "e");
  guest.rename("e/a", "e/b");
  const later = reborn();
  assertEquals(later.read(a), "A");
  assertEquals(later.readdir(d).entries.map(({ name }) => name), [".", "..", "b"]);
});

onBothHosts("times set to the nanosecond", { a: "" }, ({ guest, reborn }) => {
  const fd = guest.open("a");
  guest.call("fd_filestat_set_times", fd, 1_000_000_001n, 2_000_000_002n, 1 | 4);
  const later = reborn();
  assertEquals([later.fstat(fd).atim, later.stat("a").mtim], [1_000_000_001n, 2_000_000_002n]);
});

Deno.test("a missing file is refused, or lost by force", () => {
  const { guest, save } = start({ a: "A", b: "B" });
  const a = guest.open("a");
  const state = save();
  refused(state, { b: "B" }, "file /: a (descriptor 4) is not there any more");
  refused(state, { b: "B" }, "is not there any more", { files: "strict" });
  const { guest: later, report } = back(state, { b: "B" }, { files: "force" });
  assert(notes(report, "warn").includes("reading and writing it will fail"));
  assertEquals(outcome(() => later.read(a)), "io");
  assertEquals(outcome(() => later.write(a, "x")), "io");
  assertEquals(outcome(() => later.fstat(a)), "io");
  assertEquals(outcome(() => later.seek(a, 0n, 2)), "io");
  // Lost once is lost for good.
  const again = back(decode(encode(later.wasi.save())), { a: "A" });
  assertEquals(outcome(() => again.guest.read(a)), "io");
  later.close(a);
});

Deno.test("a changed file is told about, or refused by the strict", () => {
  const { guest, save, host } = start({ a: "0123" });
  guest.open("a");
  const state = save();
  const changes: [Tree, string][] = [
    [{ a: "01234" }, "has 5 bytes, had 4"],
    [{ a: "" }, "has 0 bytes, had 4"],
    [{ a: "0124" }, "has other contents"],
  ];
  for (const [files, text] of changes) {
    assert(notes(back(state, files).report, "warn").includes(text), text);
    assert(notes(back(state, files, { files: "force" }).report, "warn").includes(text), text);
    refused(state, files, text, { files: "strict" });
  }
  // Copied to another place, only the time differs.
  const copy = structuredClone(state) as { descriptors: { mtime?: number }[] };
  copy.descriptors[4].mtime! -= 5000;
  const { report } = back(copy, host.tree("root"));
  assert(notes(report, "info").includes("was modified at"));
  assertEquals(notes(report, "warn"), "");
  refused(copy, host.tree("root"), "was modified at", { files: "strict" });
});

Deno.test("another kind of thing in a file's place", () => {
  const { guest, save } = start({ a: "A", d: { x: "X" } });
  guest.open("a");
  guest.open("d/x");
  const state = save();
  refused(state, { a: {}, d: { x: "X" } }, "is not the kind of file it was");
  refused(state, { a: new Symlink("d/x"), d: { x: "X" } }, "is not the kind of file it was");
  refused(state, { a: "A", d: new Symlink("e"), e: { x: "X" } }, "file /: d/x (descriptor 5)");
  refused(state, { a: "A", d: "" }, "file /: d/x (descriptor 5)");
});

Deno.test("a pipe in a file's place does not hang the restore", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "wasi-restore-" });
  try {
    await new Deno.Command("mkfifo", { args: [`${folder}/a`] }).output();
    const { guest, save } = start({ a: "A" });
    guest.open("a");
    const preopens = [{ guest: "/", host: folder }];
    const state = save() as unknown as ForgedState;
    for (const filetype of [4, 2, 0, 6]) {
      state.descriptors[4].filetype = filetype;
      assertThrows(() => Wasi.restore(state, { preopens }, new DenoHost()), WasiRestoreError, "kind of file");
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("small files ride along", () => {
  const { guest, save } = start({ small: "SMALL", large: "LARGE FILE" });
  const small = guest.open("small"), large = guest.open("large");
  guest.read(small, 2);
  const state = save(5);
  const { guest: later, report, files } = back(state, { large: "LARGE FILE" });
  assert(notes(report, "warn").includes("the copy in the image is used"));
  assertEquals(later.read(small), "ALL");
  later.write(small, "!");
  assertEquals(later.pread(small, 100, 0n), "SMALL!");
  assertEquals(later.read(large), "LARGE FILE");
  assertEquals(files(), ["large: LARGE FILE"]);
  refused(state, { large: "LARGE FILE" }, "is not there any more", { files: "strict" });
  refused(state, {}, "file /: large");
  // Where the file is, it is used.
  assertEquals(notes(back(state, { small: "SMALL", large: "LARGE FILE" }).report, "warn"), "");
});

Deno.test("a missing directory", () => {
  const { guest, save } = start({ d: {} });
  const fd = guest.openDirectory("d");
  const state = save();
  refused(state, {}, "directory /: d (descriptor 4) is not there any more");
  refused(state, { d: "" }, "is not there any more");
  const { guest: later } = back(state, {}, { files: "force" });
  assertEquals(outcome(() => later.readdir(fd)), "noent");
});

Deno.test("directories are granted anew", () => {
  const { guest, save } = start({ a: "A" });
  const a = guest.open("a");
  const state = save();
  const host = new MemoryHost({ files: { root: { a: "A" }, moved: { a: "A", here: "" } } });
  const restore = (options: WasiRestoreOptions) => Wasi.restore(state, options, host);
  assertThrows(() => restore({}), WasiRestoreError, 'the guest has the directory "/" (it was "root")');
  assertThrows(() => restore({ preopens: [{ guest: "/x", host: "root" }] }), WasiRestoreError, "not granted");
  assertThrows(
    () => restore({ preopens: [{ guest: "/", host: "nowhere" }] }),
    WasiRestoreError,
    'cannot open "nowhere"',
  );
  const moved = restore({ preopens: [{ guest: "/", host: "moved" }] });
  assert(notes(moved.report, "info").includes("directory / is moved, was root"));
  assertEquals(new Guest(moved.wasi).readdir(3).entries.at(-1)?.name, "here");
  assertEquals(new Guest(restore({ otherPreopens: "image" }).wasi).read(a), "A");
  const extra = restore({ preopens: [...ROOT, { guest: "/extra", host: "moved" }] });
  assert(notes(extra.report, "warn").includes("/extra was given, but"));
});

Deno.test("rights are never more than what is granted now", () => {
  const { guest, save } = start({ a: "A", d: {} });
  const a = guest.open("a"), d = guest.openDirectory("d");
  const { guest: later, report } = back(save(), { a: "A", d: {} }, {
    preopens: [{ guest: "/", host: "root", readOnly: true }],
  });
  assert(notes(report, "warn").includes("fewer rights"));
  assertEquals(later.read(a), "A");
  assertEquals(outcome(() => later.write(a, "x")), "notcapable");
  assertEquals(outcome(() => later.mkdir("x", d)), "notcapable");
  assertEquals(outcome(() => later.open("x", { oflags: O.creat })), "notcapable");
  assertEquals(outcome(() => later.open("x", { oflags: O.creat, rights: READ }, d)), "notcapable");
  assertEquals(outcome(() => later.open("a")), "notcapable");
  // Nor do they come back when more is granted later: the guest has them no longer.
  const third = back(decode(encode(later.wasi.save())), { a: "A", d: {} }).guest;
  assertEquals(outcome(() => third.write(a, "x")), "notcapable");
});

Deno.test("an image cannot give itself rights or paths", () => {
  const { guest, save } = start({ a: "A", d: { x: "X" }, up: new Symlink(".") });
  guest.open("a", { rights: READ });
  guest.openDirectory("d");
  const forge = (change: (state: ForgedState) => void, files: Tree = { a: "A", d: { x: "X" } }) => {
    const state = structuredClone(save()) as unknown as ForgedState;
    change(state);
    return () => back(state, files, { preopens: [{ guest: "/", host: "root", readOnly: true }] }).guest;
  };
  for (const path of ["../a", "d/../../a", "/etc/passwd", "a/", "./a", "d//x", "a\0", ".."]) {
    assertThrows(forge((s) => s.descriptors[4].path = path), WasiRestoreError, "path inside a directory");
    assertThrows(forge((s) => s.descriptors[5].path = path), WasiRestoreError, "path inside a directory");
  }
  const links: Tree = { a: "A", d: { x: "X" }, up: new Symlink("d"), out: new Symlink("/etc") };
  assertThrows(forge((s) => s.descriptors[4].path = "up/x", links), WasiRestoreError, "not there");
  assertThrows(forge((s) => s.descriptors[5].path = "out", links), WasiRestoreError, "not there");
  const all = 0x3fff_ffff;
  const greedy = forge((s) => {
    for (const one of [...s.descriptors, ...s.preopens]) Object.assign(one, { rights: all, inheriting: all });
  })();
  assertEquals(outcome(() => greedy.write(4, "x")), "notcapable");
  assertEquals(outcome(() => greedy.mkdir("x")), "notcapable");
  assertEquals(outcome(() => greedy.mkdir("x", 5)), "notcapable");
  assertEquals(outcome(() => greedy.open("a")), "notcapable");
  assertEquals(outcome(() => greedy.write(0, "x")), "notcapable");
  assertEquals(greedy.fdstat(3).inheriting & (1n << 6n), 0n);
  // A listing may not name what is elsewhere.
  for (const name of ["../x", "", "a/b"]) {
    assertThrows(forge((s) => s.descriptors[5].listing = [[name, 4]]), WasiRestoreError, "a name");
  }
});
interface ForgedState {
  descriptors: Record<string, unknown>[];
  preopens: Record<string, unknown>[];
}

Deno.test("standard input: bytes not yet read", () => {
  const host = new MemoryHost({ stdin: inputStream("first second third") });
  const guest = new Guest(new Wasi({}, host));
  assertEquals(guest.read(0, 6), "first ");
  const state = decode(encode(guest.wasi.save()));
  const later = Wasi.restore(state, {}, new MemoryHost({ stdin: inputStream(" and more") }));
  const again = new Guest(later.wasi);
  assertEquals(again.read(0, 7), "second ");
  assertEquals(again.read(0, 100), "third and more");
  assert(notes(later.report, "info").includes("12 bytes that were not read yet"));
});

/** A regular file as standard input. */
function fileInput(text: string, terminal = false): HostStream {
  const bytes = new TextEncoder().encode(text);
  const stream = {
    filetype: 4 as const,
    terminal,
    position: 0,
    size: () => bytes.length,
    available: () => 1,
    read(buffer: Uint8Array) {
      const part = bytes.subarray(stream.position, stream.position + buffer.length);
      buffer.set(part);
      stream.position += part.length;
      return part.length;
    },
  };
  return stream;
}

Deno.test("standard input: a regular file goes on at its position", () => {
  const guest = new Guest(new Wasi({}, new MemoryHost({ stdin: fileInput("0123456789") })));
  assertEquals(guest.read(0, 4), "0123");
  assertEquals(guest.seek(0, 2n, 1), 6n);
  const state = decode(encode(guest.wasi.save()));
  const restore = (stdin: HostStream) => {
    const { wasi, report } = Wasi.restore(state, {}, new MemoryHost({ stdin }));
    return { guest: new Guest(wasi), report };
  };
  const same = restore(fileInput("0123456789"));
  assertEquals(same.guest.read(0), "6789");
  assert(notes(same.report, "info").includes("stdin goes on at byte 6"));
  assert(notes(restore(fileInput("01")).report, "warn").includes("stdin has 2 bytes"));
  const pipe = restore(inputStream("pipe"));
  assertEquals(pipe.guest.read(0), "pipe");
  assert(notes(pipe.report, "warn").includes("it is none now"));
});

Deno.test("a terminal that became something else is told about", () => {
  const guest = new Guest(new Wasi({}, new MemoryHost({ stdin: { ...inputStream(), terminal: true } })));
  const { report } = Wasi.restore(decode(encode(guest.wasi.save())), {}, new MemoryHost());
  assert(notes(report, "info").includes("stdin was a terminal and is none now"));
});

Deno.test("arguments and environment are kept, or replaced", () => {
  const { save } = start({}, { args: ["p", "x"], env: { A: "1" } });
  const strings = (guest: Guest, name: string) => {
    const sizes = guest.room(8);
    guest.call(`${name}_sizes_get`, sizes, sizes + 4);
    const pointers = guest.room(64), buffer = guest.room(64);
    guest.call(`${name}_get`, pointers, buffer);
    const length = guest.view.getUint32(sizes + 4, true);
    return new TextDecoder().decode(guest.bytes.slice(buffer, buffer + length));
  };
  const kept = back(save(), {}).guest;
  assertEquals([strings(kept, "args"), strings(kept, "environ")], ["p\0x\0", "A=1\0"]);
  const replaced = back(save(), {}, { args: ["q"], env: { B: "2" } }).guest;
  assertEquals([strings(replaced, "args"), strings(replaced, "environ")], ["q\0", "B=2\0"]);
});

/** A host at a given moment; waiting passes time. */
function at(monotonic: number, realtime: number, interrupt = Infinity) {
  const clock = { now: monotonic, realtime: () => realtime, monotonic: () => clock.now };
  const host = new MemoryHost({
    clock,
    wait(ms) {
      clock.now += Math.min(ms, interrupt);
      return ms > interrupt ? INTERRUPTED : "time";
    },
  });
  return { host, clock };
}

Deno.test("the monotonic clock goes on, the realtime clock is true", () => {
  const before = at(1000, 1e12);
  const guest = new Guest(new Wasi({}, before.host));
  before.clock.now += 250;
  const shown = guest.time(1);
  const state = decode(encode(guest.wasi.save()));
  for (const monotonic of [5, 1_000_000]) {
    const after = at(monotonic, 2e12);
    const later = new Guest(Wasi.restore(state, {}, after.host).wasi);
    assertEquals(later.time(1), shown);
    after.clock.now += 10;
    assertEquals(later.time(1), shown + 10_000_000n);
    assertEquals(later.time(0), 2_000_000_000_000_000_000n);
  }
});

Deno.test("a sleep goes on with what is left of it", () => {
  const before = at(1000, 1e12, 30);
  const guest = new Guest(new Wasi({}, before.host));
  const subscription = guest.room(48), event = guest.room(32), count = guest.room(4);
  guest.bytes.fill(0, subscription, subscription + 48);
  guest.view.setUint32(subscription + 16, 1, true);
  guest.view.setBigUint64(subscription + 24, 100_000_000n, true);
  const args = [subscription, event, 1, count];
  assertEquals(guest.functions.poll_oneoff(...args), INTERRUPTED);
  const after = at(77_000, 1e12);
  const { wasi } = Wasi.restore(decode(encode(guest.wasi.save())), {}, after.host);
  const later = new Guest(wasi);
  later.bytes.set(guest.bytes);
  assertEquals(later.functions.poll_oneoff(...args), 0);
  assertEquals(after.clock.now, 77_070);
});

Deno.test("seeded randomness goes on exactly, other randomness is fresh", () => {
  const straight = start({}, { randomSeed: 42 }).guest;
  const expected = [straight.random(10), straight.random(7), straight.random(5)];
  const { guest, save } = start({}, { randomSeed: 42 });
  assertEquals(guest.random(10), expected[0]);
  const state = save();
  for (const options of [{}, { randomSeed: 1 }]) {
    const later = back(state, {}, options).guest;
    assertEquals([later.random(7), later.random(5)], expected.slice(1));
  }
  const fresh = start({}).save();
  assertNotEquals(back(fresh, {}).guest.random(16), back(fresh, {}).guest.random(16));
  assertEquals(back(fresh, {}, { randomSeed: 42 }).guest.random(10), expected[0]);
});

Deno.test("saving changes nothing, and can be done again and again", () => {
  const { guest, save } = start({ a: "0123", d: {} });
  const a = guest.open("a");
  guest.openDirectory("d");
  guest.read(a, 2);
  const first = save(), second = save();
  assertEquals({ ...first, monotonic: 0 }, { ...second, monotonic: 0 });
  assertEquals(guest.read(a), "23");
  let state: unknown = save();
  for (let i = 0; i < 10; i++) state = decode(encode(back(state, { a: "0123", d: {} }).guest.wasi.save()));
  assertEquals(back(state, { a: "0123", d: {} }).guest.tell(a), 4n);
});

Deno.test("what cannot be carried is said when it is saved", () => {
  const { guest, save } = start({ a: "" });
  const a = guest.open("a");
  guest.call("fd_filestat_set_size", a, 300n << 20n);
  guest.unlink("a");
  assertThrows(() => save(), WasiSaveError, "descriptor 4 (/: a) has no name any more");
  guest.close(a);
  save();
});

Deno.test("an exit code is kept", () => {
  const { guest, save } = start({});
  assertThrows(() => guest.call("proc_exit", 5));
  const { wasi } = Wasi.restore(save(), { preopens: ROOT }, new MemoryHost({ files: { root: {} } }));
  assertEquals(wasi.exitCode, 5);
});

Deno.test("a restore that fails leaves nothing open", () => {
  const folder = Deno.makeTempDirSync({ prefix: "wasi-restore-" });
  try {
    Deno.writeTextFileSync(`${folder}/a`, "A");
    const { guest, save } = start({ a: "A", b: "B" });
    guest.open("a");
    guest.open("b");
    const preopens = [{ guest: "/", host: folder }];
    const openFiles = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = Deno.build.os === "linux" ? openFiles() : 0;
    // Deno's test runner, too, fails this test if a file stays open.
    assertThrows(() => Wasi.restore(save(), { preopens }, new DenoHost()), WasiRestoreError, "file /: b");
    if (Deno.build.os === "linux") assertEquals(openFiles(), before);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** Everything inside a value that can be replaced. */
function* places(value: unknown): Generator<(junk: unknown) => void> {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  const record = value as Record<string, unknown>;
  for (const key of Object.keys(record)) {
    yield (junk) => record[key] = junk;
    yield* places(record[key]);
  }
}

Deno.test("no damaged state does more than be refused", () => {
  const files = { a: "0123", d: { x: "" } };
  const { guest, save } = start(files, { randomSeed: 3, env: { A: "1" } });
  guest.open("a");
  guest.readdir(guest.openDirectory("d"));
  guest.call("fd_filestat_set_times", 4, 1n, 1n, 1 | 4);
  guest.close(guest.open("gone", { oflags: O.creat }));
  guest.unlink("gone");
  const junk = [
    undefined,
    null,
    -1,
    1.5,
    NaN,
    Infinity,
    2 ** 60,
    "",
    "x",
    "../x",
    true,
    [],
    [[]],
    {},
    5n,
    new Uint8Array(3),
  ];
  const count = [...places(save())].length;
  let refusals = 0;
  for (let i = 0; i < count; i++) {
    for (const value of junk) {
      const state = save();
      [...places(state)][i](value);
      for (const policy of ["warn", "force"] as FilePolicy[]) {
        try {
          const { guest: later } = back(state, { a: "0123", d: { x: "" } }, { files: policy });
          // What was accepted must work: no call may throw.
          outcome(() => later.read(4));
          outcome(() => later.readdir(5, 1n));
          outcome(() => later.stat("a"));
          outcome(() => later.random(4));
          outcome(() => later.time(1));
          later.wasi.save();
        } catch (error) {
          if (!(error instanceof WasiRestoreError)) {
            throw new Error(`place ${i}: ${String(value)}`, { cause: error });
          }
          refusals++;
        }
      }
    }
  }
  assert(refusals > 500, String(refusals));
  for (const value of junk) assertThrows(() => back(value, files), WasiRestoreError);
});

Deno.test("a state of another version is refused by its number", () => {
  const { save } = start({});
  refused({ ...save(), version: 2 }, {}, "has version 2; this program reads version 1");
});

Deno.test("a directory's rights are saved too", () => {
  const { guest, save } = start({ d: { a: "A" } });
  const fd = guest.open("d", { oflags: O.directory, rights: DIRECTORY & ~(1n << 6n), inheriting: READ });
  const later = back(save(), { d: { a: "A" } }).guest;
  assertEquals(outcome(() => later.open("a", {}, fd)), "notcapable");
  assertEquals(later.read(later.open("a", { rights: READ }, fd)), "A");
});
