/**
 * The one error of the image format: what kind of refusal, and where in the file.
 *
 * @module
 */
import { MvvmError } from "../../compiler/errors.ts";

/**
 * Why an image was refused.
 * - `not-an-image`: the file does not begin as an image does
 * - `truncated`: the file ends before the image does
 * - `damaged`: bytes are not what was written (a digest or the framing does not fit)
 * - `future-version`: a format version this reader does not know
 * - `unknown-required`: a section this reader does not know and must not ignore
 * - `unsupported`: well known, but not available on this host (a compression)
 * - `invalid`: the digests fit, and the contents break a rule of the format
 * - `limit`: more than the limits given to the reader allow
 * - `parent`: an image of the chain that this one builds on is missing, or is another than it was
 * - `sealed`: encrypted, and no key was given; or a key was given for nothing
 * - `wrong-key`: sealed with another key than the one given
 * - `signature`: a signature is wrong, or a signer is demanded that did not sign
 */
export type ImageErrorKind =
  | "not-an-image"
  | "truncated"
  | "damaged"
  | "future-version"
  | "unknown-required"
  | "unsupported"
  | "invalid"
  | "limit"
  | "parent"
  | "sealed"
  | "wrong-key"
  | "signature";

/** Where in the file something was wrong. */
export interface ImagePlace {
  /** Name of the section, once it is known. */
  readonly section?: string;
  /** Byte offset in the file. */
  readonly offset?: number;
  /** The image's file, if it is not the one that was asked for but one that it builds on. */
  readonly parent?: string;
}

/** An image (or a snapshot to be written as one) was refused; nothing of it was run. */
export class ImageError extends MvvmError {
  override readonly name = "ImageError";
  /** @param reason What was wrong, without the place. */
  constructor(readonly kind: ImageErrorKind, readonly reason: string, readonly place: ImagePlace = {}) {
    const where = [
      ...(place.section === undefined ? [] : [`in section ${JSON.stringify(place.section)}`]),
      ...(place.offset === undefined ? [] : [`at byte offset ${place.offset}`]),
      ...(place.parent === undefined ? [] : [`of its parent ${JSON.stringify(place.parent)}`]),
    ];
    super(`${prefix[kind]}: ${[reason, ...where].join(" ")}`);
  }
}

const prefix: Record<ImageErrorKind, string> = {
  "not-an-image": "not an image",
  "truncated": "truncated image",
  "damaged": "damaged image",
  "future-version": "image of a newer format",
  "unknown-required": "image needs a newer reader",
  "unsupported": "image not supported here",
  "invalid": "invalid image",
  "limit": "image over a limit",
  "parent": "image without its parent",
  "sealed": "sealed image",
  "wrong-key": "wrong key for a sealed image",
  "signature": "image signature refused",
};
