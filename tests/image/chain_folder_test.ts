/**
 * The files of a chain in their folder: numbers, what is kept, what a killed process left.
 *
 * @module
 */
import { basename } from "node:path";
import { assertEquals } from "@std/assert";
import { ChainFolder, isBuiltOn, linkName, type NextLink } from "../../runtime/image/chain_deno.ts";
import { writeImageFile } from "../../runtime/image/file_deno.ts";
import { withFolder } from "../cli/command.ts";
import { emptySnapshot } from "./snapshots.ts";

const noise = crypto.getRandomValues(new Uint8Array(20_000));

/** Writes a small image that names a parent, or a larger one without. */
async function write(folder: string, name: string, parent?: string): Promise<void> {
  const increment = parent === undefined
    ? undefined
    : { name: parent, digest: new Uint8Array(32), changed: [] };
  const host: Record<string, unknown> = parent === undefined ? { noise } : {};
  await writeImageFile(`${folder}/${name}`, { ...emptySnapshot, host }, { parent: increment });
}

/** The names in what is to be done. */
function names({ parentName, publication: { keepAs, remove = [] } }: NextLink) {
  return { parentName, keepAs: keepAs && basename(keepAs), remove: remove.map((path) => basename(path)) };
}

Deno.test("chain folder: numbers go on, and what nobody needs is removed, children first", async () => {
  await withFolder(async (folder) => {
    await write(folder, "p.3.mvvm");
    await write(folder, "p.4.mvvm", "p.3.mvvm");
    await write(folder, "p.10.mvvm");
    await write(folder, "p.11.mvvm", "p.10.mvvm");
    await write(folder, "p.mvvm", "p.11.mvvm");
    for (const name of ["p.20.mvvm", "p.05.mvvm", "q.99.mvvm", "p.30.other"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "no image");
    }
    const open = (keep: number) => ChainFolder.open(`${folder}/p.mvvm`, keep);
    const next = async (keep: number, base?: "newest" | { name: string }) =>
      names((await open(keep)).next(base));
    const [keepAs, parentName] = ["p.21.mvvm", "p.21.mvvm"];
    assertEquals(await next(1, "newest"), { parentName, keepAs, remove: ["p.4.mvvm", "p.3.mvvm"] });
    assertEquals(await next(4, "newest"), { parentName, keepAs, remove: ["p.4.mvvm", "p.3.mvvm"] });
    assertEquals(await next(5, "newest"), { parentName, keepAs, remove: [] });
    // A whole image: of the others only as many as are to be kept.
    const all = ["p.11.mvvm", "p.10.mvvm", "p.4.mvvm", "p.3.mvvm"];
    assertEquals(await next(1), { parentName, keepAs: undefined, remove: all });
    assertEquals(await next(2), { parentName, keepAs, remove: all.slice(2) });
    // One that builds on an older link.
    assertEquals(await next(1, { name: "p.4.mvvm" }), {
      parentName,
      keepAs: undefined,
      remove: ["p.11.mvvm", "p.10.mvvm"],
    });
    // Others build on a link, and so on what that builds on.
    await write(folder, "b.mvvm", "p.4.mvvm");
    assertEquals(await next(1), { parentName, keepAs: undefined, remove: all.slice(0, 2) });
  });
});

Deno.test("chain folder: a process was killed between the second name and the new file", async () => {
  await withFolder(async (folder) => {
    await write(folder, "p.1.mvvm");
    await write(folder, "p.mvvm", "p.1.mvvm");
    Deno.linkSync(`${folder}/p.mvvm`, `${folder}/p.2.mvvm`);
    const chain = await ChainFolder.open(`${folder}/p.mvvm`, 1);
    const parentName = "p.2.mvvm";
    assertEquals(names(chain.next("newest")), { parentName, keepAs: undefined, remove: [] });
    const whole = chain.next(undefined);
    assertEquals(names(whole), { parentName, keepAs: undefined, remove: ["p.2.mvvm", "p.1.mvvm"] });
    chain.add({ byteLength: 1 }, whole);
    assertEquals(names(chain.next("newest")), { parentName: "p.3.mvvm", keepAs: "p.3.mvvm", remove: [] });
  });
});

Deno.test("chain folder: long chains, and chains larger than their whole image, begin anew", async () => {
  await withFolder(async (folder) => {
    const chain = await ChainFolder.open(`${folder}/p.mvvm`, 1);
    const lengths: number[] = [];
    const grow = (whole: number, link: number, count: number) => {
      let length = 0;
      for (let i = 0; i < count; i++) {
        const next = chain.next("newest");
        const parent = next.startsAnew ? undefined : next.parentName;
        if (parent === undefined && length > 0) lengths.push(length);
        length = parent === undefined ? 1 : length + 1;
        chain.add({ byteLength: parent === undefined ? whole : link, parent }, next);
      }
    };
    grow(1000, 1, 70);
    assertEquals(lengths, [32, 32]);
    lengths.length = 0;
    grow(1000, 300, 20);
    assertEquals(lengths.slice(1, 3), [5, 5]);
  });
});

Deno.test("chain folder: names", async () => {
  assertEquals(linkName("/a.b/c.mvvm", 7), "c.7.mvvm");
  assertEquals(linkName("/a.b/c", 7), "c.7");
  await withFolder(async (folder) => {
    for (const name of ["NaN.mvvm", "(x.mvvm", "p", "p.1.mvvm"]) {
      await write(folder, linkName(name, 3));
      await write(folder, name, linkName(name, 3));
      const chain = await ChainFolder.open(`${folder}/${name}`, 2);
      assertEquals(names(chain.next("newest")).keepAs, linkName(name, 4));
      assertEquals(await isBuiltOn(`${folder}/${linkName(name, 3)}`), true, name);
      assertEquals(await isBuiltOn(`${folder}/${name}`), false, name);
    }
  });
});
