/**
 * `args_*` and `environ_*`.
 *
 * @module
 */
import type { Context, Functions } from "./context.ts";
import { Errno } from "./errno.ts";
import { utf8 } from "./guest.ts";

/** Two functions over one list of NUL-terminated strings: the sizes, then the pointers and the bytes. */
function strings(context: Context, list: readonly string[]) {
  const encoded = list.map((text) => utf8(text + "\0"));
  const total = encoded.reduce((sum, bytes) => sum + bytes.length, 0);
  return {
    sizes(count: number, size: number): number {
      const { memory } = context;
      memory.check(count >>>= 0, 4);
      memory.check(size >>>= 0, 4);
      memory.setU32(count, encoded.length);
      memory.setU32(size, total);
      return Errno.success;
    },
    get(pointers: number, buffer: number): number {
      const { memory } = context;
      pointers >>>= 0;
      buffer >>>= 0;
      memory.checkArray(pointers, encoded.length, 4);
      memory.check(buffer, total);
      for (const bytes of encoded) {
        memory.setU32(pointers, buffer);
        memory.write(buffer, bytes);
        pointers += 4;
        buffer += bytes.length;
      }
      return Errno.success;
    },
  };
}

export function argsFunctions(context: Context): Functions {
  const args = strings(context, context.args);
  const environ = strings(context, context.env);
  return {
    args_get: args.get,
    args_sizes_get: args.sizes,
    environ_get: environ.get,
    environ_sizes_get: environ.sizes,
  };
}
