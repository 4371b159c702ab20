/**
 * Stop requests: signals, times, counts.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ENDLESS, mvvm, programPath, Running, withFolder, writeWat } from "./command.ts";

const wrote = /^mvvm: wrote (\S+): \d+ frames?, \d+ bytes, \d+ ms\n$/;

for (const signal of ["SIGINT", "SIGUSR1"] as const) {
  Deno.test({
    name: `stop: ${signal} is heard in a tight loop`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await withFolder(async (folder) => {
        const path = await writeWat(folder, "endless", ENDLESS);
        const running = new Running(["checkpoint", "-t", path, "-i", "--policy", "loop"]);
        await running.stderr.until("mvvm: site");
        running.kill(signal);
        const { code, stdout, stderr } = await running.ended();
        assertEquals([code, stdout], [0, ""]);
        assertStringIncludes(stderr, `mvvm: wrote ${folder}/endless.mvvm: 2 frames,`);
      });
    },
  });
}

Deno.test({
  name: "stop: a signal before the guest has started stops it at its first site",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFolder(async (folder) => {
      const path = await writeWat(folder, "endless", ENDLESS);
      for (const wait of [60, 120, 200]) {
        const running = new Running(["checkpoint", "-t", path]);
        await new Promise((resolve) => setTimeout(resolve, wait));
        running.kill("SIGINT");
        const { code, stderr } = await running.ended();
        // Before our first line ran, the signal ends the process as it does every other.
        if (code === 130) continue;
        assertEquals(code, 0);
        assertMatch(stderr, wrote);
      }
    });
  },
});

Deno.test({
  name: "stop: a second SIGINT ends a guest that does not hear the first",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFolder(async (folder) => {
      const path = await writeWat(folder, "endless", ENDLESS);
      const running = new Running(["checkpoint", "-t", path, "--policy", "none", "--after", "1"]);
      let status: string | undefined;
      running.ended().then(({ code }) => status = String(code));
      const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      await pause(1500);
      running.kill("SIGINT");
      await pause(500);
      assertEquals(status, undefined, "without sites the first one is not obeyed");
      running.kill("SIGINT");
      const { code, stderr } = await running.ended();
      assertEquals([code, stderr], [130, ""]);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["endless.wat"]);
    });
  },
});

Deno.test({
  name: "stop: SIGINT just ends a `run`",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFolder(async (folder) => {
      const running = new Running(["run", await writeWat(folder, "endless", ENDLESS)]);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      running.kill("SIGINT");
      assertEquals(await running.ended(), { code: 130, stdout: "", stderr: "" });
    });
  },
});

Deno.test("stop: --after, and again at restore into another image", async () => {
  await withFolder(async (folder) => {
    const path = await writeWat(folder, "endless", ENDLESS);
    const count = async (image: string) => {
      const { stdout } = await mvvm(["inspect", image, "--json"]);
      return BigInt(JSON.parse(stdout).globals[0].value);
    };
    const first = await mvvm(["checkpoint", "-t", path, "--after", "200"]);
    assertMatch(first.stderr, wrote);
    assertEquals([first.code, first.stdout], [0, ""]);
    const before = await count(`${folder}/endless.mvvm`);
    const later = await mvvm([
      "restore",
      "-t",
      path,
      "--after",
      "100",
      "--image-out",
      `${folder}/later.mvvm`,
    ]);
    assertMatch(later.stderr, wrote);
    assertEquals(await count(`${folder}/endless.mvvm`), before);
    assert(await count(`${folder}/later.mvvm`) > before);
    const inPlace = await mvvm(["restore", "-t", path, "-c", "5", "--policy", "loop"]);
    assertMatch(inPlace.stderr, wrote);
    assertEquals(await count(`${folder}/endless.mvvm`), before + 5n);
  });
});

Deno.test("stop: a count that is never reached leaves no image", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/x.mvvm`;
    for (const stop of [["-c", "1000000000"], ["-f", "_start", "-x", "2"], ["--after", "100000"], []]) {
      const { code, stderr } = await mvvm(
        ["checkpoint", "-t", programPath("lines"), "--image", image, ...stop],
        { stdin: "one\ntwo" },
      );
      assertEquals([code, stderr], [2, "mvvm: the guest ended before the stop; no image was written\n"]);
    }
    const trapped = await mvvm(["checkpoint", "-t", programPath("traps"), "--image", image, "--", "memory"]);
    assertEquals(trapped.code, 134);
    assertStringIncludes(trapped.stderr, "no image was written");
    assertStringIncludes(trapped.stderr, "trap: out of bounds memory access\n    at inner");
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("stop: -f takes an index, an export name and a name of the name section", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/x.mvvm`;
    const target = programPath("sorting");
    const full = (await mvvm(["run", target, "--", "1"])).stdout;
    const stack = async () => {
      const { stdout } = await mvvm(["inspect", image, "-t", target, "--json"]);
      return JSON.parse(stdout).stack as { name: string; func: number }[];
    };
    const check = async (func: string, count: number): Promise<{ name: string; func: number }> => {
      const first = await mvvm([
        "checkpoint",
        "-t",
        target,
        "--image",
        image,
        "-f",
        func,
        "-x",
        `${count}`,
        "-a",
        "1",
      ]);
      assertEquals(first.code, 0, first.stderr);
      const top = (await stack())[0];
      const second = await mvvm(["restore", "-t", target, "--image", image]);
      assertEquals(first.stdout + second.stdout, full);
      return top;
    };
    const byName = await check("main", 1);
    assertEquals(byName.name, "main");
    assertEquals(await check(`${byName.func}`, 1), byName);
    assertEquals((await check("_start", 1)).name.startsWith("_start"), true);
    assertEquals((await check("qsort", 3)).name, "qsort");
    for (
      const [func, reason] of [["nothing", /no such function/], ["99999", /no such function/], [
        "0",
        /is imported/,
      ]] as const
    ) {
      const { code, stderr } = await mvvm(["checkpoint", "-t", target, "--image", image, "-f", func]);
      assertEquals(code, 1);
      assertMatch(stderr, reason);
    }
  });
});

Deno.test("stop: a read that waits is interrupted, and made again after the restore", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/lines.mvvm`;
    const target = programPath("lines");
    const running = new Running(["checkpoint", "-t", target, "--image", image, "-i"]);
    await running.type("a\nb");
    await running.stdout.until("1 1 e40de134\n");
    running.kill("SIGINT");
    const first = await running.ended();
    assertEquals(first.code, 0, first.stderr);
    const second = await mvvm(["restore", "-t", target, "--image", image], { stdin: "b\nccc" });
    assertEquals(first.stdout + second.stdout, "1 1 e40de134\n2 2 fdbcd3b3\n3 3 a55a0fd7\ndone a55a0fd7\n");
    assertEquals(second.code, 3);
  });
});

Deno.test("stop: a sleep is interrupted, and the rest is slept after the restore", async () => {
  await withFolder(async (folder) => {
    const image = `${folder}/clocks.mvvm`;
    const target = programPath("clocks");
    const expected = await mvvm(["run", target, "--", "3", "10"]);
    const running = new Running(["checkpoint", "-t", target, "--image", image, "--", "3", "600"]);
    await running.stdout.until("tick 1");
    await new Promise((resolve) => setTimeout(resolve, 200));
    running.kill("SIGINT");
    const first = await running.ended();
    assertEquals(first.code, 0);
    const start = performance.now();
    const second = await mvvm(["restore", "-t", target, "--image", image]);
    const took = performance.now() - start;
    assertEquals(first.stdout + second.stdout, expected.stdout);
    assert(took > 700, `the rest was slept: ${took} ms`);
  });
});

Deno.test("stop: an image that cannot be written is refused before the run", async () => {
  await withFolder(async (folder) => {
    const { code, stderr } = await mvvm([
      ...["checkpoint", "-t", programPath("lines"), "--image", `${folder}/no/such/x.mvvm`, "-f", "_start"],
    ]);
    assertEquals([code, stderr], [1, `mvvm: there is no folder ${folder}/no/such for the image\n`]);
  });
});
