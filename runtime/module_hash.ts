/**
 * A module's identity in images: the SHA-256 of its binary.
 *
 * @module
 */
import type { Module } from "../compiler/types.ts";

const hashes = new WeakMap<Uint8Array, Promise<Uint8Array>>();

/** 32 bytes; computed once per module. */
export function moduleHash(module: Module): Promise<Uint8Array> {
  return binaryHash(module.bytes);
}

/** The same of a binary that is not decoded yet; another thread computes it meanwhile. */
export function binaryHash(bytes: Uint8Array): Promise<Uint8Array> {
  let hash = hashes.get(bytes);
  if (hash === undefined) {
    hash = crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)
      .then((digest) => new Uint8Array(digest));
    hashes.set(bytes, hash);
  }
  return hash;
}
