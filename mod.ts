/**
 * MVVM: a migratable WebAssembly virtual machine. Programs run as rewritten WebAssembly, can be stopped
 * at any checkpoint site, and go on elsewhere from an image.
 *
 * ```ts
 * import { encodeImage, Guest, Program, readImage } from "./mod.ts";
 * import { denoCodec } from "./runtime/image/codec_deno.ts";
 *
 * async function twice(bytes: Uint8Array) {
 *   const program = Program.from(bytes);
 *   const guest = Guest.start(program, { entry: "main", stopAtHostCall: 1 });
 *   const outcome = await guest.run();
 *   if (outcome.kind !== "checkpointed") return outcome;
 *   const image = await encodeImage(outcome.image, {}, denoCodec);
 *   const again = await Guest.restore(await readImage(image, denoCodec), program);
 *   return await again.run();
 * }
 * ```
 *
 * @module
 */
export { type CompiledForm, Program } from "./compiler/program.ts";
export {
  type BackEnd,
  backEnds,
  type CompileOptions,
  compileOptions,
  givenOptions,
  mvvmPolicyFlags,
  type PassName,
  passNames,
  type PolicyName,
  policyNames,
} from "./compiler/policy.ts";
export type { Module } from "./compiler/types.ts";
export { functionName, functionsNamed } from "./compiler/function_name.ts";
export { placeText, type SiteFacts, Symbols } from "./compiler/symbols.ts";
export type { SourceVariable } from "./compiler/dwarf/variables.ts";
export type { SourcePlace } from "./compiler/dwarf/debug_info.ts";
export { InvalidError, LinkError, MalformedError, MvvmError, UnsupportedError } from "./compiler/errors.ts";
export {
  Guest,
  type GuestOptions,
  type HostExtension,
  type Imports,
  type Outcome,
  type RunOptions,
  type StartOptions,
} from "./runtime/guest.ts";
export { producer } from "./runtime/producer.ts";
export { Clone, type CloneOptions } from "./runtime/clone.ts";
export { type Answer, type AnswerOptions, Template, type TemplateOptions } from "./runtime/template.ts";
export { ArtifactError, isArtifact, readArtifact, writeArtifact } from "./runtime/artifact.ts";
export { CheckpointError } from "./runtime/checkpoint.ts";
export { type CoreDump, CoreDumpError, type DumpFrame, writeCoreDump } from "./runtime/coredump/coredump.ts";
export { imageDump, trapDump } from "./runtime/coredump/sources.ts";
export { RestoreError } from "./runtime/restore.ts";
export { type Finding, type Upgrade, upgradeImage } from "./runtime/upgrade/upgrade.ts";
export { clearStop, ControlWord, controlWords, requestStop, stopRequest } from "./runtime/control.ts";
export type { HostFunction } from "./runtime/host_function.ts";
export { type StackFrame, Trap, TrapKind } from "./runtime/trap.ts";
export type { ThreadObserver } from "./runtime/thread.ts";
export { binaryHash, moduleHash } from "./runtime/module_hash.ts";
export type { CodeCache } from "./runtime/factories.ts";
export { isLarge } from "./runtime/code_store.ts";
export { parseCompression } from "./runtime/image/codec.ts";
export { PAGE_BYTES, type ParentRef, WASM_PAGE_BYTES } from "./runtime/image/format.ts";
export { ImageError } from "./runtime/image/error.ts";
export { type Image, type ImageInfo, inspectImage, readImage } from "./runtime/image/reader.ts";
export {
  type Change,
  diffSnapshots,
  type IndexedChange,
  isSame,
  type SnapshotDifference,
} from "./runtime/image/difference.ts";
export { editImage, type EditResult, type ImageEdit } from "./runtime/image/edit.ts";
export { type Comparer, Shadow, type ShadowMemory } from "./runtime/image/shadow.ts";
export { encodeImage, type ImageProgress, type Increment, writeImage } from "./runtime/image/writer.ts";
export { openSealed } from "./runtime/image/sealed/open.ts";
export { seal, type SealedSink } from "./runtime/image/sealed/seal.ts";
export {
  fileKey,
  newKeyText,
  parseKeyText,
  passphraseKey,
  type Scrypt,
  type SealKey,
} from "./runtime/image/sealed/key.ts";
export {
  fingerprint,
  type ImageSignature,
  newSigningKeys,
  type PublicKey,
  publicKeyFromPem,
  type Signer,
  signerFromPem,
} from "./runtime/image/signature.ts";
export type { Redaction } from "./runtime/image/redactions.ts";
export {
  checkSecret,
  fillRedactions,
  guestEnvironment,
  redact,
  type Redacted,
  RedactError,
} from "./runtime/redact.ts";
export {
  type Frame,
  frameValues,
  type Ref,
  type Snapshot,
  type SnapshotGlobal,
  type Value,
} from "./runtime/image/snapshot.ts";
export { ChannelWord } from "./runtime/wasi/channel.ts";
export * from "./runtime/wasi/mod.ts";
