/**
 * `@std/msgpack` on the package `@msgpack/msgpack`, for places where only the npm registry is reachable; its
 * modules, which load in a tenth of the time that its CommonJS takes. `deno.jsr.json` points the same name at JSR.
 *
 * @module
 */
// @ts-types="@msgpack/msgpack"
export { decode, encode } from "@msgpack/msgpack/dist.esm/index.mjs";
