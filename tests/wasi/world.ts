/**
 * Where a WASI test runs: a directory for the guest, once on disk and once in memory, with a way to
 * look at it from outside.
 *
 * @module
 */
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import {
  MemoryHost,
  Symlink,
  type Tree,
  Wasi,
  type WasiHost,
  type WasiOptions,
  type WasiRestoreOptions,
} from "../../runtime/wasi/mod.ts";
import { decode, encode } from "@std/msgpack";
import { capture } from "./engine.ts";
import { Guest } from "./guest.ts";

/** Writes a tree to a folder on disk. */
export function plantTree(folder: string, tree: Tree): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, value] of Object.entries(tree)) {
    const path = `${folder}/${name}`;
    if (value instanceof Symlink) Deno.symlinkSync(value.target, path);
    else if (typeof value === "string") Deno.writeTextFileSync(path, value);
    else if (value instanceof Uint8Array) Deno.writeFileSync(path, value);
    else plantTree(path, value);
  }
}

/** A folder on disk as a tree. */
export function readTree(folder: string): Tree {
  const tree: Tree = {};
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    tree[name] = isDirectory
      ? readTree(path)
      : isSymlink
      ? new Symlink(Deno.readLinkSync(path))
      : Deno.readFileSync(path);
  }
  return tree;
}

/** A tree as text: paths with their contents, sorted. */
export function describeTree(tree: Tree, prefix = ""): string[] {
  return Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, value]) => {
    const path = prefix + name;
    if (value instanceof Symlink) return [`${path} -> ${value.target}`];
    if (typeof value === "string") return [`${path}: ${value}`];
    if (value instanceof Uint8Array) return [`${path}: ${new TextDecoder().decode(value)}`];
    return [`${path}/`, ...describeTree(value, `${path}/`)];
  });
}

export interface World {
  readonly name: "deno" | "memory";
  /** The preopen, as the guest's descriptor 3 named `/`. */
  readonly guest: Guest;
  readonly host: WasiHost;
  readonly options: WasiOptions;
  /** What the directory holds, as {@link describeTree} tells it. */
  files(): string[];
  /** Another host on the same files, as a new process would have it. */
  newHost(input?: string): WasiHost;
  /** The guest after a trip through an image, on a new host unless one is given. */
  reborn(guest?: Guest, options?: WasiRestoreOptions, host?: WasiHost): Guest;
}

/** Runs a test on Deno's files and on the in-memory ones. */
export function onBothHosts(name: string, tree: Tree, test: (world: World) => void | Promise<void>): void {
  Deno.test(`${name} (deno)`, async () => {
    const folder = Deno.makeTempDirSync({ prefix: "wasi-test-" });
    try {
      plantTree(folder, tree);
      const newHost = (input?: string) => new DenoHost(capture(input));
      await run("deno", folder, newHost, () => readTree(folder), test);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
  Deno.test(`${name} (memory)`, async () => {
    const memory = new MemoryHost({ ...capture(), files: { root: tree } });
    // The same files behind other streams.
    const newHost = (input?: string): WasiHost => ({
      ...capture(input),
      openDirectory: (path) => memory.openDirectory(path),
      realtime: () => memory.realtime(),
      monotonic: () => memory.monotonic(),
      random: (buffer) => memory.random(buffer),
      wait: (ms, wanted) => memory.wait(ms, wanted),
    });
    await run("memory", "root", newHost, () => memory.tree("root"), test);
  });
}

async function run(
  name: World["name"],
  path: string,
  newHost: (input?: string) => WasiHost,
  tree: () => Tree,
  test: (world: World) => void | Promise<void>,
): Promise<void> {
  const options: WasiOptions = {
    args: ["test"],
    env: { KEY: "value" },
    preopens: [{ guest: "/", host: path }],
  };
  const host = newHost();
  const guest = new Guest(new Wasi(options, host));
  const guests = [guest];
  try {
    await test({
      name,
      guest,
      host,
      options,
      newHost,
      files: () => describeTree(tree()),
      reborn(old = guest, restoreOptions = options, onHost = newHost()) {
        const state = throughMessagePack(old.wasi);
        old.wasi.close();
        const again = new Guest(Wasi.restore(state, restoreOptions, onHost).wasi);
        guests.push(again);
        return again;
      },
    });
  } finally {
    for (const one of guests) one.wasi.close();
  }
}

function throughMessagePack(wasi: Wasi): unknown {
  return decode(encode(wasi.save()));
}
