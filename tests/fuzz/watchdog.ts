/**
 * A worker that ends the process if the fuzzer has not said for a minute which seed it is at: an engine that hangs
 * cannot be stopped from inside its own thread.
 *
 * @module
 */

/** Longer than any seed takes on a busy machine. */
const patience = 60_000;

let timer: ReturnType<typeof setTimeout> | undefined;
addEventListener("message", (event) => {
  const seed = (event as MessageEvent<number>).data;
  clearTimeout(timer);
  timer = setTimeout(() => {
    console.error(`\nseed ${seed}: no answer for ${patience / 1000} s`);
    Deno.kill(Deno.pid, "SIGKILL");
  }, patience);
});
