/**
 * A module's identity in images: the SHA-256 of its binary.
 *
 * @module
 */
import type { Module } from "../compiler/types.ts";

const hashes = new WeakMap<Module, Promise<Uint8Array>>();

/** 32 bytes; computed once per module. */
export function moduleHash(module: Module): Promise<Uint8Array> {
  let hash = hashes.get(module);
  if (hash === undefined) {
    const bytes = module.bytes as Uint8Array<ArrayBuffer>;
    hash = crypto.subtle.digest("SHA-256", bytes).then((digest) => new Uint8Array(digest));
    hashes.set(module, hash);
  }
  return hash;
}
