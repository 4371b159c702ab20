/**
 * `@std/assert` over `node:assert`, for places where only the npm registry is reachable.
 * Only what this project's tests use; `deno.jsr.json` points the same name at JSR.
 *
 * @module
 */
import nodeAssert from "node:assert";

/** Fails unless `actual` and `expected` are deeply and strictly equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails if `actual` and `expected` are deeply and strictly equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message);
}

/** Fails unless `text` contains `part`. */
export function assertStringIncludes(text: string, part: string, message?: string): void {
  nodeAssert.ok(
    text.includes(part),
    message ?? `expected the text to include ${JSON.stringify(part)}:\n${text}`,
  );
}

/** Fails unless `text` matches `pattern`. */
export function assertMatch(text: string, pattern: RegExp, message?: string): void {
  nodeAssert.match(text, pattern, message);
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

function check<E extends Error>(error: unknown, type?: ErrorClass<E>, part?: string): E {
  if (type !== undefined && !(error instanceof type)) {
    nodeAssert.fail(`expected an error of type ${type.name}, got ${error}`);
  }
  if (part !== undefined) assertStringIncludes(String((error as Error).message), part);
  return error as E;
}

/** Fails unless `run` throws; returns what it threw. */
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  type?: ErrorClass<E>,
  part?: string,
): E {
  try {
    run();
  } catch (error) {
    return check(error, type, part);
  }
  nodeAssert.fail("expected an error, but nothing was thrown");
}

/** Fails unless the promise of `run` is rejected; resolves to what it was rejected with. */
export async function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  type?: ErrorClass<E>,
  part?: string,
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return check(error, type, part);
  }
  nodeAssert.fail("expected a rejection, but the promise was fulfilled");
}

/** Fails always. */
export function fail(message?: string): never {
  nodeAssert.fail(message);
}
