/**
 * The guest's side of the channel tests: a worker that makes WASI calls as it is told.
 *
 * @module
 */
import { DenoHost } from "../../runtime/wasi/host_deno.ts";
import { GuestChannel, INTERRUPTED, Wasi } from "../../runtime/wasi/mod.ts";
import { Guest } from "./guest.ts";

interface Scope {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
}
const scope = self as unknown as Scope;
let guest: Guest;
let wasi: Wasi;

/** Runs one command; what it gives is posted back. */
function run(command: string, argument: number): unknown {
  const out = guest.room(4);
  switch (command) {
    case "read": {
      const buffer = guest.room(argument);
      const result = guest.functions.fd_read(0, ...guest.iovecs([[buffer, argument]]), out);
      if (result === INTERRUPTED) return "interrupted";
      const count = guest.view.getUint32(out, true);
      return result === 0 ? new TextDecoder().decode(guest.bytes.slice(buffer, buffer + count)) : result;
    }
    case "sleep": {
      const subscription = guest.room(48);
      guest.bytes.fill(0, subscription, subscription + 48);
      guest.view.setUint32(subscription + 16, 1, true);
      guest.view.setBigUint64(subscription + 24, BigInt(argument) * 1_000_000n, true);
      const result = guest.functions.poll_oneoff(subscription, guest.room(32), 1, out);
      return result === INTERRUPTED ? "interrupted" : result;
    }
    case "save":
      return wasi.save().stdin.pending;
    default:
      throw new Error(`no such command: ${command}`);
  }
}

scope.onmessage = ({ data }) => {
  if (data instanceof SharedArrayBuffer) {
    // The process's own standard input must not be looked at: a test runner has one of its own.
    const waiter = new GuestChannel(data);
    const host = new DenoHost({ waiter });
    const stdin = {
      filetype: 0 as const,
      terminal: false,
      read: (buffer: Uint8Array) => waiter.read(buffer),
      available: () => waiter.available(),
      pending: () => waiter.pending(),
    };
    wasi = new Wasi({}, new DenoHost({ waiter, stdin, stdout: host.stdout, stderr: host.stderr }));
    guest = new Guest(wasi);
    scope.postMessage("ready");
    return;
  }
  scope.postMessage(run(data.command, data.argument));
};
