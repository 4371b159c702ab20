/**
 * Links swapped in while a path is resolved. The swap is made at each step in turn, so that every gap
 * between looking and opening is hit.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { type HostDirectory, Wasi, type WasiHost } from "../../runtime/wasi/mod.ts";
import { capture } from "./engine.ts";
import { CallError, Guest, O, outcome } from "./guest.ts";
import { describeTree, plantTree, readTree } from "./world.ts";

/** A host that runs an action just before its `step`-th look at the file system. */
function interfering(step: { left: number }, action: () => void): WasiHost {
  const host = new DenoHost(capture());
  const meddle = () => {
    if (--step.left === 0) action();
  };
  return {
    ...capture(),
    realtime: () => host.realtime(),
    monotonic: () => host.monotonic(),
    random: (buffer) => host.random(buffer),
    wait: (ms, input) => host.wait(ms, input),
    openDirectory: (path) => {
      const real = host.openDirectory(path);
      return new Proxy(real, {
        get: (target, name) => {
          const value = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            meddle();
            return value.apply(target, args);
          };
        },
      }) as HostDirectory;
    },
  };
}

/** Tries an action with a swap at every step; gives what each try ended with. */
function swapAtEveryStep(swap: (base: string) => void, action: (guest: Guest) => string): string[] {
  const outcomes: string[] = [];
  for (let at = 1; at <= 12; at++) {
    const base = Deno.makeTempDirSync({ prefix: "wasi-race-" });
    try {
      const files = { file: "SECRET", d: { file: "SECRET", d: { file: "SECRET" } } };
      plantTree(`${base}/outside`, files);
      plantTree(`${base}/inside`, { d: { file: "inner", d: { file: "innermost" } } });
      const before = describeTree(readTree(`${base}/outside`));
      // The first look is for the preopen itself, before anything can be swapped.
      const step = { left: Infinity };
      const host = interfering(step, () => swap(base));
      const wasi = new Wasi({ preopens: [{ guest: "/", host: `${base}/inside` }] }, host);
      const guest = new Guest(wasi);
      step.left = at;
      try {
        outcomes.push(action(guest));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        outcomes.push(outcome(() => {
          throw error;
        }));
      } finally {
        wasi.close();
      }
      assertEquals(describeTree(readTree(`${base}/outside`)), before, `swapped at step ${at}`);
    } finally {
      Deno.removeSync(base, { recursive: true });
    }
  }
  return outcomes;
}

const swapParent = (base: string) => {
  Deno.renameSync(`${base}/inside/d`, `${base}/inside/old`);
  Deno.symlinkSync("../outside/d", `${base}/inside/d`);
};
const swapFile = (base: string) => {
  Deno.removeSync(`${base}/inside/d/file`);
  Deno.symlinkSync("../../outside/file", `${base}/inside/d/file`);
};

Deno.test("a directory swapped for a link while a file is opened", () => {
  const outcomes = swapAtEveryStep(swapParent, (guest) => guest.read(guest.open("d/file")));
  assert(!outcomes.includes("SECRET"), outcomes.join());
  assert(outcomes.includes("inner"), outcomes.join());
});

Deno.test("a file swapped for a link while it is opened", () => {
  const outcomes = swapAtEveryStep(swapFile, (guest) => guest.read(guest.open("d/file")));
  assert(!outcomes.includes("SECRET"), outcomes.join());
  assert(outcomes.includes("inner"), outcomes.join());
});

Deno.test("a file swapped for a link while it is truncated", () => {
  for (const swap of [swapParent, swapFile]) {
    const outcomes = swapAtEveryStep(swap, (guest) => {
      guest.open("d/file", { oflags: O.trunc });
      return "truncated";
    });
    assert(outcomes.includes("truncated"), outcomes.join());
  }
});

Deno.test("a deep directory swapped for a link while it is opened and listed", () => {
  const outcomes = swapAtEveryStep(
    swapParent,
    (guest) => guest.read(guest.open("file", {}, guest.openDirectory("d/d"))),
  );
  assert(!outcomes.includes("SECRET"), outcomes.join());
});
