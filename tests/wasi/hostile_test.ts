/**
 * Guests that try to get out: each attempt ends in the right error, and nothing outside the granted
 * directory is touched or told.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { Symlink, type Tree, Wasi } from "../../runtime/wasi/mod.ts";
import { capture } from "./engine.ts";
import { DIRECTORY, F, FILE, FOLLOW, Guest, O, outcome, READ } from "./guest.ts";
import { describeTree, plantTree, readTree } from "./world.ts";

/** A folder with the guest's directory, and beside it what the guest must not reach. */
const OUTSIDE: Tree = { secret: "SECRET", empty: {}, deep: { secret: "SECRET" } };
const INSIDE: Tree = {
  file: "file",
  dir: { file: "inner", sub: {} },
  // Put there by somebody else: a guest cannot make the absolute ones.
  absolute: new Symlink("/etc/passwd"),
  absoluteDir: new Symlink("/etc"),
  out: new Symlink("../outside/secret"),
  outDir: new Symlink("../outside"),
  outUp: new Symlink(".."),
  chain: new Symlink("chain2"),
  chain2: new Symlink("outDir/secret"),
  creates: new Symlink("../outside/new"),
  sneaky: new Symlink("dir/../../outside/secret"),
};

function inPrison(test: (guest: Guest, base: string) => void, readOnly = false): void {
  const base = Deno.makeTempDirSync({ prefix: "wasi-hostile-" });
  try {
    plantTree(`${base}/outside`, OUTSIDE);
    plantTree(`${base}/inside`, INSIDE);
    plantTree(`${base}/other`, { file: "other" });
    const before = describeTree(readTree(`${base}/outside`));
    const wasi = new Wasi({
      args: ["hostile"],
      env: { KEY: "value" },
      preopens: [
        { guest: "/", host: `${base}/inside`, readOnly },
        { guest: "/other", host: `${base}/other` },
        { guest: "/dir", host: `${base}/inside/dir` },
      ],
    }, new DenoHost(capture()));
    try {
      test(new Guest(wasi), base);
    } finally {
      wasi.close();
    }
    assertEquals(describeTree(readTree(`${base}/outside`)), before, "what is outside has changed");
    assertEquals([...Deno.readDirSync(base)].map(({ name }) => name).sort(), ["inside", "other", "outside"]);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

type Attempt = readonly [name: string, expected: string, action: (guest: Guest, base: string) => unknown];

const follow = { lookup: FOLLOW };
const makes = { oflags: O.creat };
const makesFollowing = { oflags: O.creat, lookup: FOLLOW };
const utf8 = (...bytes: number[]) => new Uint8Array(bytes);

/** Each in a prison of its own. */
const ATTEMPTS: readonly Attempt[] = [
  ["dot dot", "notcapable", (g) => g.open("../outside/secret")],
  ["dot dot alone", "notcapable", (g) => g.open("..", { rights: 0n })],
  ["dot dot with slash", "notcapable", (g) => g.open("../", { rights: 0n })],
  ["down and up again", "notcapable", (g) => g.open("dir/../../outside/secret")],
  ["down and up in many steps", "notcapable", (g) => g.open("dir/sub/../../../outside/secret")],
  ["dots and slashes", "notcapable", (g) => g.open(".//./dir//..///.././outside/secret")],
  ["up after a link inside", "notcapable", (g) => g.open("dir/sub/../../..", { rights: 0n })],
  ["absolute", "notcapable", (g) => g.open("/etc/passwd")],
  ["absolute, of the very directory", "notcapable", (g, base) => g.open(`${base}/inside/file`)],
  ["two slashes", "notcapable", (g) => g.open("//etc/passwd")],
  ["only a slash", "notcapable", (g) => g.open("/", { rights: 0n })],
  ["absolute link", "notcapable", (g) => g.open("absolute", follow)],
  ["absolute link to a directory on the way", "notcapable", (g) => g.open("absoluteDir/passwd")],
  ["relative link", "notcapable", (g) => g.open("out", follow)],
  ["relative link to a directory on the way", "notcapable", (g) => g.open("outDir/secret")],
  ["link to the parent", "notcapable", (g) => g.open("outUp/outside/secret")],
  ["link with a slash", "notcapable", (g) => g.open("outDir/", { rights: 0n })],
  ["chained links", "notcapable", (g) => g.open("chain", follow)],
  ["link that goes down first", "notcapable", (g) => g.open("sneaky", follow)],
  ["making a file through a dangling link", "notcapable", (g) => g.open("creates", makesFollowing)],
  ["truncating through a link", "notcapable", (g) => g.open("out", { oflags: O.trunc, lookup: FOLLOW })],
  ["not following, but the link is on the way", "notcapable", (g) => g.open("outUp/outside/new", makes)],
  ["opening a link itself", "loop", (g) => g.open("out")],
  ["making a file over a link", "loop", (g) => g.open("creates", makes)],
  ["making a directory outside", "notcapable", (g) => g.mkdir("../outside/new")],
  ["making a directory through a link", "notcapable", (g) => g.mkdir("outDir/new")],
  ["removing a directory outside", "notcapable", (g) => g.rmdir("../outside/empty")],
  ["removing a directory through a link", "notcapable", (g) => g.rmdir("outDir/empty")],
  ["removing the directory itself", "inval", (g) => g.rmdir(".")],
  ["removing what a link leads to", "notdir", (g) => g.rmdir("outDir/")],
  ["removing a file outside", "notcapable", (g) => g.unlink("../outside/secret")],
  ["removing a file through a link", "notcapable", (g) => g.unlink("outDir/secret")],
  ["telling about a file outside", "notcapable", (g) => g.stat("../outside/secret")],
  ["telling about a file through a link", "notcapable", (g) => g.stat("out", FOLLOW)],
  ["telling about the parent", "notcapable", (g) => g.stat("dir/../..")],
  ["times of a file outside", "notcapable", (g) => setTimes(g, FOLLOW, "out")],
  ["times through a link on the way", "notcapable", (g) => setTimes(g, 0, "outDir/secret")],
  ["reading a link outside", "notcapable", (g) => g.readlink("outUp/inside/out")],
  ["moving a file out", "notcapable", (g) => g.rename("file", "../outside/file")],
  ["moving a file out through a link", "notcapable", (g) => g.rename("file", "outDir/file")],
  ["moving a file in", "notcapable", (g) => g.rename("../outside/secret", "mine")],
  ["moving a file in through a link", "notcapable", (g) => g.rename("outDir/secret", "mine")],
  ["moving a file out of another preopen", "notcapable", (g) => g.rename("file", "../outside/file", 4, 3)],
  ["linking a file in", "notcapable", (g) => g.link("../outside/secret", "mine")],
  ["linking a file in through a link", "notcapable", (g) => g.link("outDir/secret", "mine")],
  ["linking what a link leads to", "notcapable", (g) => g.link("out", "mine", FOLLOW)],
  ["linking a file out", "notcapable", (g) => g.link("file", "outDir/file")],
  ["a symbolic link placed outside", "notcapable", (g) => g.symlink("x", "outDir/link")],
  ["an absolute symbolic link", "notcapable", (g) => g.symlink("/etc/passwd", "mine")],
  ["a link of its own making", "notcapable", (g) => {
    g.symlink("../outside/secret", "mine");
    g.open("mine", follow);
  }],
  ["a link of its own making on the way", "notcapable", (g) => {
    g.symlink("..", "dir/up");
    g.symlink("dir/up/../outside", "mine");
    g.open("mine/secret");
  }],
  ["a link that only becomes bad by moving", "notcapable", (g) => {
    g.mkdir("dir/a");
    g.symlink("../../outside", "dir/a/b");
    g.rename("dir/a/b", "b");
    g.open("b/secret");
  }],
  ["up from a directory of its own", "notcapable", (g) => g.open("../file", {}, g.openDirectory("dir"))],
  ["up from a directory moved deeper", "notcapable", (g) => {
    const fd = g.openDirectory("dir/sub");
    g.rename("dir/sub", "sub");
    g.open("../file", {}, fd);
  }],
  ["up from a directory moved to another preopen", "notcapable", (g) => {
    const fd = g.openDirectory("dir/sub");
    g.rename("dir/sub", "sub", 3, 4);
    g.close(g.open("x", makes, fd));
    assertEquals(g.stat("sub/x", 0, 4).size, 0n);
    g.open("../file", {}, fd);
  }],
  ["a link put where an open directory was", "success", (g) => {
    const fd = g.openDirectory("dir");
    g.rename("dir", "moved");
    g.symlink("../outside", "dir");
    // The descriptor still means the directory that was moved.
    assertEquals(g.read(g.open("file", {}, fd)), "inner");
    assertEquals(outcome(() => g.open("secret", {}, fd)), "noent");
  }],
  ["a link put where a preopen was", "noent", (g) => {
    g.rename("dir", "moved");
    g.symlink("../outside", "dir");
    g.open("secret", {}, 5);
  }],
  ["making a file where a preopen was", "noent", (g) => {
    g.rename("dir", "moved");
    g.symlink("../outside", "dir");
    g.open("new", makes, 5);
  }],
  ["listing where a preopen was", "noent", (g) => {
    g.rename("dir", "moved");
    g.symlink("../outside", "dir");
    g.readdir(5);
  }],
  ["listing below a directory swapped through another preopen", "noent", (g) => {
    const fd = g.openDirectory("sub", 5);
    g.rename("dir", "moved");
    g.mkdir("dir");
    g.symlink("../../outside/deep", "dir/sub");
    g.readdir(fd);
  }],
  ["removing where a preopen was", "noent", (g) => {
    g.rename("dir", "moved");
    g.symlink("../outside", "dir");
    g.unlink("secret", 5);
  }],
  ["the parent's number in a listing", "success", (g, base) => {
    const outer = BigInt(Deno.statSync(base).ino!);
    for (const { ino } of g.readdir(3).entries) assert(ino !== outer);
  }],
  ["NUL in the middle", "inval", (g) => g.open("dir\0/../../outside/secret")],
  ["an overlong slash", "ilseq", (g) => openBytes(g, utf8(0x2e, 0x2e, 0xc0, 0xaf, 0x6f))],
  ["overlong dots", "ilseq", (g) => openBytes(g, utf8(0xc0, 0xae, 0xc0, 0xae, 0x2f, 0x6f))],
  ["a lone surrogate", "ilseq", (g) => openBytes(g, utf8(0xed, 0xa0, 0x80))],
  ["backslashes", "noent", (g) => g.open("..\\outside\\secret")],
  ["dots that are none", "noent", (g) => g.open("․․/outside/secret")],
  ["an endless path", "nametoolong", (g) => g.open("dir/../".repeat(2000) + "file")],
  ["a link bomb", "loop", (g) => {
    g.symlink("bomb/bomb/bomb/bomb/bomb/bomb/bomb/bomb", "bomb");
    g.open("bomb/x", makes);
  }],
  ["links that grow", "nametoolong", (g) => {
    const long = "d/../".repeat(700);
    g.mkdir("d");
    for (let i = 0; i < 9; i++) g.symlink(`${long}l${i + 1}/${long}`, `l${i}`);
    g.symlink("d", "l9");
    g.open("l0", follow);
  }],
  ["a file as a directory", "notdir", (g) => g.open("x", makes, g.open("file"))],
  ["standard input as a directory", "notdir", (g) => g.open("secret", {}, 0)],
  ["a closed directory", "badf", (g) => {
    const fd = g.openDirectory("dir");
    g.close(fd);
    g.open("file", {}, fd);
  }],
  ["a file renumbered over a preopen", "notdir", (g) => {
    g.call("fd_renumber", g.open("file"), 3);
    g.open("file", {}, 3);
  }],
  ["a directory renumbered over a preopen is no preopen", "badf", (g) => {
    g.call("fd_renumber", g.openDirectory("dir"), 3);
    g.call("fd_prestat_get", 3, g.room(8));
  }],
  ["negative descriptors", "badf", (g) => g.open("file", {}, -1)],
  ["more rights than the directory hands on", "notcapable", (g) => {
    const d = g.open(".", { oflags: O.directory, rights: 1n << 13n, inheriting: READ });
    g.open("file", { rights: FILE }, d);
  }],
  ["more rights through a directory below", "notcapable", (g) => {
    const d = g.open(".", {
      oflags: O.directory,
      rights: DIRECTORY & ~(1n << 6n),
      inheriting: READ | 1n << 13n,
    });
    const below = g.open("dir", { oflags: O.directory, rights: 1n << 13n, inheriting: READ }, d);
    g.open("file", { rights: FILE }, below);
  }],
  ["rights added to a descriptor", "notcapable", (g) => {
    g.call("fd_fdstat_set_rights", g.open("file", { rights: READ }), FILE, 0n);
  }],
  ["rights added to a preopen", "notcapable", (g) => {
    g.call("fd_fdstat_set_rights", 3, DIRECTORY, DIRECTORY | 1n << 29n);
  }],
  ["writing with the right to read", "notcapable", (g) => g.write(g.open("file", { rights: READ }), "x")],
  ["accepting on a file", "notsock", (g) => g.call("sock_accept", g.open("file"), 0, g.room(4))],
];

function setTimes(guest: Guest, lookup: number, path: string): void {
  guest.call("path_filestat_set_times", 3, lookup, ...guest.put(path), 0n, 0n, 2 | 8);
}
function openBytes(guest: Guest, path: Uint8Array): void {
  guest.call("path_open", 3, 0, ...guest.put(path), O.creat, FILE, 0n, 0, guest.room(4));
}

for (const [name, expected, action] of ATTEMPTS) {
  Deno.test(`hostile: ${name}`, () => {
    inPrison((guest, base) => assertEquals(outcome(() => action(guest, base)), expected));
  });
}

Deno.test("hostile: writing where only reading was granted", () => {
  inPrison((guest, base) => {
    const before = describeTree(readTree(`${base}/inside`));
    const refused: readonly ((g: Guest) => unknown)[] = [
      (g) => g.open("file"),
      (g) => g.open("file", { rights: 1n << 6n }),
      (g) => g.open("new", { oflags: O.creat, rights: READ }),
      (g) => g.open("file", { oflags: O.trunc, rights: READ }),
      (g) => g.open("file", { rights: READ, flags: F.dsync }) && g.write(6, "x"),
      (g) => g.mkdir("new"),
      (g) => g.rmdir("dir/sub"),
      (g) => g.unlink("file"),
      (g) => g.rename("file", "x"),
      (g) => g.rename("file", "x", 4, 3),
      (g) => g.rename("file", "x", 3, 4),
      (g) => g.link("file", "x"),
      (g) => g.link("file", "x", 0, 3, 4),
      (g) => g.symlink("file", "x"),
      (g) => setTimes(g, 0, "file"),
      (g) => g.call("fd_filestat_set_times", g.open("file", { rights: READ }), 0n, 0n, 8),
      (g) => g.call("fd_filestat_set_size", g.open("file", { rights: READ }), 0n),
      (g) => g.call("fd_allocate", g.open("file", { rights: READ }), 0n, 100n),
    ];
    for (const action of refused) {
      assertEquals(outcome(() => action(guest)), "notcapable", String(action));
    }
    assertEquals(guest.read(guest.open("file", { rights: READ })), "file");
    assertEquals(describeTree(readTree(`${base}/inside`)), before);
  }, true);
});

Deno.test("hostile: pipes and sockets in the file system do not hang the guest", async () => {
  const base = Deno.makeTempDirSync({ prefix: "wasi-hostile-" });
  try {
    const made = await new Deno.Command("mkfifo", { args: [`${base}/pipe`] }).output();
    assert(made.success);
    const wasi = new Wasi({ preopens: [{ guest: "/", host: base }] }, new DenoHost(capture()));
    const guest = new Guest(wasi);
    assertEquals(outcome(() => guest.open("pipe")), "notsup");
    assertEquals(outcome(() => guest.open("pipe", { oflags: O.directory })), "notdir");
    assertEquals(guest.stat("pipe").filetype, 0);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
