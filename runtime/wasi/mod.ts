/**
 * WASI preview 1: complete, contained, and part of an image.
 *
 * @module
 */
export { type CallHook, Wasi, type WasiOptions, type WasiRestoreOptions } from "./wasi.ts";
export type { PreopenOption } from "./grant.ts";
export type { FilePolicy, RestoreNote } from "./reopen.ts";
export { type SaveOptions, WasiSaveError, type WasiState } from "./state.ts";
export { WasiRestoreError } from "./shape.ts";
export { editWasiState, type WasiEdit, WasiEditError } from "./edit.ts";
export { MemoryHost, type MemoryHostOptions, Symlink, type Tree } from "./host_memory.ts";
export { inputStream, inputToCome, type OutputStream, outputStream } from "./streams.ts";
export type { HostFunction } from "./context.ts";
export { INTERRUPTED, type Interrupted, ProcExit } from "./interrupt.ts";
export { Errno, errnoName } from "./errno.ts";
export { SIGNATURES } from "./abi.ts";
export type { MemoryLike } from "./guest.ts";
export type * from "./host.ts";
export {
  channelBuffer,
  type ChannelMemory,
  ControlChannel,
  GuestChannel,
  type InputReader,
  serveInput,
} from "./channel.ts";
export { describeCall } from "./trace.ts";
