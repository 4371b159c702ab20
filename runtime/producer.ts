/**
 * Who we are, for images and for kept code.
 *
 * @module
 */

/** Our name and version. */
export const producer = "mvvm-deno 0.1.0";
