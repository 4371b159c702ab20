/**
 * scrypt of `node:crypto`.
 *
 * @module
 */
import { scryptSync } from "node:crypto";
import type { Scrypt } from "./key.ts";

/** Blocks this thread: a stranger's parameters were bounded before. */
export const scryptDeno: Scrypt = (passphrase, salt, { N, r, p }) =>
  // OpenSSL's own accounting counts a little more than 128 * N * r.
  new Uint8Array(scryptSync(passphrase, salt, 32, { N, r, p, maxmem: 128 * r * (N + p + 2) }));
