/**
 * WASI preview 1: complete, contained, and part of an image.
 *
 * @module
 */
export { type CallHook, type PreopenOption, Wasi, type WasiOptions } from "./wasi.ts";
export type { HostFunction } from "./context.ts";
export { INTERRUPTED, type Interrupted, ProcExit } from "./interrupt.ts";
export { Errno, errnoName } from "./errno.ts";
export { SIGNATURES } from "./abi.ts";
export type { MemoryLike } from "./guest.ts";
export type * from "./host.ts";
