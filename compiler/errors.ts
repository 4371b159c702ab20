/**
 * Errors about modules. Each says what was wrong and where, in bytes from the start of the file.
 *
 * @module
 */

/** What was given cannot be used. The message says what is wrong with it, and where. */
export abstract class MvvmError extends Error {}

/** The bytes are not a module: the binary format is broken (spec section 5). */
export class MalformedError extends MvvmError {
  override readonly name = "MalformedError";
  /** @param offset Byte offset in the file. */
  constructor(readonly reason: string, readonly offset: number, readonly where?: string) {
    super(`malformed module: ${reason}${where ? ` in ${where}` : ""} at byte offset ${offset}`);
  }
}

/** The module is well-formed and breaks a rule of validation (spec section 3). */
export class InvalidError extends MvvmError {
  override readonly name = "InvalidError";
  /** @param offset Byte offset in the file. */
  constructor(readonly reason: string, readonly offset: number, readonly where?: string) {
    super(`invalid module: ${reason}${where ? ` in ${where}` : ""} at byte offset ${offset}`);
  }
}

/** The module needs a feature this engine does not have, for example SIMD. */
export class UnsupportedError extends MvvmError {
  override readonly name = "UnsupportedError";
  /** @param feature What is missing, for example `"simd"`; @param offset Byte offset in the file. */
  constructor(readonly feature: string, readonly offset: number, readonly where?: string) {
    super(`not supported yet: ${feature}${where ? ` in ${where}` : ""} at byte offset ${offset}`);
  }
}

/** The imports given do not fit what the module asks for (spec 4.5.4, "Instantiation"). */
export class LinkError extends MvvmError {
  override readonly name = "LinkError";
}
