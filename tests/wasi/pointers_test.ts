/**
 * Every pointer parameter of every function, pointed at what is not there: `fault`, and no effect.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { SIGNATURES } from "../../runtime/wasi/abi.ts";
import { Errno, errnoName, Symlink } from "../../runtime/wasi/mod.ts";
import { FILE, type Guest, O, READ } from "./guest.ts";
import { onBothHosts } from "./world.ts";

const TREE = { file: "0123456789", dir: { inner: "" }, link: new Symlink("file") };

/** Arguments with which each function succeeds, given a guest that has `file` open as 4 and `dir` as 5. */
const VALID: Record<string, (g: Guest) => (number | bigint)[]> = {
  args_get: (g) => [g.room(64), g.room(64)],
  args_sizes_get: (g) => [g.room(4), g.room(4)],
  environ_get: (g) => [g.room(64), g.room(64)],
  environ_sizes_get: (g) => [g.room(4), g.room(4)],
  clock_res_get: (g) => [0, g.room(8)],
  clock_time_get: (g) => [1, 0n, g.room(8)],
  fd_fdstat_get: (g) => [4, g.room(24)],
  fd_filestat_get: (g) => [4, g.room(64)],
  fd_pread: (g) => [4, ...g.iovecs([[g.room(8), 8]]), 0n, g.room(4)],
  fd_prestat_get: (g) => [3, g.room(8)],
  fd_prestat_dir_name: (g) => [3, g.room(8), 8],
  fd_pwrite: (g) => [4, ...g.iovecs([g.put("x")]), 0n, g.room(4)],
  fd_read: (g) => [4, ...g.iovecs([[g.room(8), 8]]), g.room(4)],
  fd_readdir: (g) => [5, g.room(256), 256, 0n, g.room(4)],
  fd_seek: (g) => [4, 1n, 0, g.room(8)],
  fd_tell: (g) => [4, g.room(8)],
  fd_write: (g) => [4, ...g.iovecs([g.put("x")]), g.room(4)],
  path_create_directory: (g) => [3, ...g.put("made")],
  path_filestat_get: (g) => [3, 0, ...g.put("file"), g.room(64)],
  path_filestat_set_times: (g) => [3, 0, ...g.put("dir"), 0n, 0n, 8],
  path_link: (g) => [3, 0, ...g.put("file"), 3, ...g.put("hard")],
  path_open: (g) => [3, 0, ...g.put("new"), O.creat, FILE, 0n, 0, g.room(4)],
  path_readlink: (g) => [3, ...g.put("link"), g.room(16), 16, g.room(4)],
  path_remove_directory: (g) => [3, ...g.put("made")],
  path_rename: (g) => [3, ...g.put("hard"), 3, ...g.put("harder")],
  path_symlink: (g) => [...g.put("file"), 3, ...g.put("soft")],
  path_unlink_file: (g) => [3, ...g.put("harder")],
  poll_oneoff: (g) => [g.room(48), g.room(32), 1, g.room(4)],
  random_get: (g) => [g.room(16), 16],
  sock_accept: (g) => [4, 0, g.room(4)],
  sock_recv: (g) => [4, ...g.iovecs([[g.room(8), 8]]), 0, g.room(4), g.room(2)],
  sock_send: (g) => [4, ...g.iovecs([g.put("x")]), 0, g.room(4)],
};
/** Those that need a socket, which none here is. */
const SOCKETS = new Set(["sock_accept", "sock_recv", "sock_send"]);

/** Addresses that are not in memory, or whose first bytes are and the rest are not. */
function badPointers(guest: Guest): number[] {
  const size = guest.memory.buffer.byteLength;
  return [size, size - 1, 0xffff_ffff | 0, 0xffff_fff0 | 0, 0x8000_0000 | 0, 0x7fff_ffff];
}

function openBoth(guest: Guest): void {
  assertEquals(guest.open("file"), 4);
  assertEquals(guest.openDirectory("dir"), 5);
}

Deno.test("the table of valid calls has every function with a pointer", () => {
  for (const [name, params] of Object.entries(SIGNATURES)) {
    const pointers = params.some(([, kind]) => kind === "in" || kind === "out");
    assertEquals(name in VALID, pointers, name);
  }
});

onBothHosts("a bad pointer is a fault without an effect", TREE, ({ guest, files }) => {
  openBoth(guest);
  const before = files();
  let tried = 0;
  for (const [name, valid] of Object.entries(VALID)) {
    SIGNATURES[name].forEach(([param, kind], i) => {
      if (kind !== "in" && kind !== "out") return;
      for (const bad of badPointers(guest)) {
        const args = valid(guest);
        // One byte is in memory: no fault for what is one byte long, and none is in this table.
        if (kind === "in" && args[i + 1] === 1 && bad === guest.memory.buffer.byteLength - 1) args[i + 1] = 2;
        args[i] = bad;
        const errno = guest.errno(name, ...args);
        // What is read is looked at once it is clear that there is a socket to use it.
        const expected = kind === "in" && SOCKETS.has(name) ? "notsock" : "fault";
        assertEquals(errnoName(errno), expected, `${name}(${param} = ${bad})`);
        tried++;
      }
    });
  }
  assert(tried > 250, String(tried));
  assertEquals(files(), before);
  assertEquals(guest.tell(4), 0n);
  assertEquals(guest.open("file", { rights: READ }), 6);
});

onBothHosts("with good pointers the same calls succeed", TREE, ({ guest }) => {
  openBoth(guest);
  for (const [name, valid] of Object.entries(VALID)) {
    const errno = guest.errno(name, ...valid(guest));
    assertEquals(errnoName(errno), SOCKETS.has(name) ? "notsock" : "success", name);
  }
});

onBothHosts("a length beyond memory is a fault", TREE, ({ guest, files }) => {
  openBoth(guest);
  const before = files();
  for (const [name, valid] of Object.entries(VALID)) {
    SIGNATURES[name].forEach(([param, kind], i) => {
      if (kind !== "len") return;
      for (const length of [guest.memory.buffer.byteLength, 0xffff_ffff | 0, 0x8000_0000 | 0, 0x7fff_ffff]) {
        const args = valid(guest);
        args[i] = length;
        const errno = errnoName(guest.errno(name, ...args));
        // So many buffers are refused before they are looked at.
        const count = SIGNATURES[name][i - 1][0].includes("iovs") || /^sock_/.test(name);
        assertEquals(errno, count ? (SOCKETS.has(name) ? "notsock" : "inval") : "fault", `${name}(${param})`);
      }
    });
  }
  assertEquals(files(), before);
});

onBothHosts("buffers that are not in memory", TREE, ({ guest, files }) => {
  openBoth(guest);
  const size = guest.memory.buffer.byteLength;
  const bad: [number, number][] = [
    [size, 1],
    [size - 1, 2],
    [0, size + 1],
    [0xffff_ffff, 1],
    [0xffff_ffff, 0xffff_ffff],
    [16, 0xffff_fff0],
    [16, 0xffff_ffff],
    [0x8000_0000, 0x8000_0000],
    [size + 8, 0],
  ];
  const out = guest.room(4);
  for (const name of ["fd_read", "fd_write", "fd_pread", "fd_pwrite"]) {
    for (const entry of bad) {
      // A good one in front does not make a bad one behind it half work.
      for (const list of [[entry], [guest.put("good"), entry]] as [number, number][][]) {
        const offset = name.startsWith("fd_p") ? [0n] : [];
        const errno = guest.errno(name, 4, ...guest.iovecs(list), ...offset, out);
        assertEquals(errnoName(errno), "fault", `${name} ${entry}`);
      }
    }
  }
  assertEquals(guest.tell(4), 0n);
  assertEquals(files().at(-2), "file: 0123456789");
});

onBothHosts("many buffers, and buffers that add up to too much", TREE, ({ guest }) => {
  openBoth(guest);
  const out = guest.room(4);
  const size = guest.memory.buffer.byteLength;
  const most: [number, number][] = Array.from({ length: 1024 }, () => [100, 1]);
  guest.call("fd_write", 4, ...guest.iovecs(most), out);
  assertEquals(guest.view.getUint32(out, true), 1024);
  assertEquals(guest.errno("fd_write", 4, ...guest.iovecs([...most, [100, 1]]), out), Errno.inval);
  // The same memory a thousand times is more than the file system is asked to take in one piece, not an error.
  const whole: [number, number][] = Array.from({ length: 16 }, () => [0, size]);
  guest.call("fd_read", 4, ...guest.iovecs(whole), out);
  // No buffers at all read and write nothing.
  guest.call("fd_read", 4, 0, 0, out);
  guest.call("fd_write", 4, size, 0, out);
  assertEquals(guest.view.getUint32(out, true), 0);
});

onBothHosts("memory that grows between calls", TREE, ({ guest }) => {
  openBoth(guest);
  guest.memory.grow(1);
  const high = guest.memory.buffer.byteLength - 16;
  guest.call("fd_read", 4, ...guest.iovecs([[high, 4]]), high + 8);
  assertEquals(new TextDecoder().decode(guest.bytes.slice(high, high + 4)), "0123");
});

Deno.test("a guest without memory faults", async () => {
  const { MemoryHost, Wasi } = await import("../../runtime/wasi/mod.ts");
  const { imports } = new Wasi({}, new MemoryHost());
  assertEquals(imports.wasi_snapshot_preview1.clock_time_get(1, 0n, 0), Errno.fault);
});
