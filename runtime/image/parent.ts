/**
 * The `parent` section: which image an incremental image builds on.
 *
 * @module
 */
import { ImageError } from "./error.ts";
import type { Field } from "./field.ts";
import { DIGEST_BYTES, MAX_NAME_BYTES, type ParentRef } from "./format.ts";

/** What is wrong with a name for a file that is looked for beside its child, or `undefined`. */
function wrongName(name: string): string | undefined {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    return "is not the name of a file";
  }
  const { length } = new TextEncoder().encode(name);
  return length > MAX_NAME_BYTES
    ? `has ${length} bytes, and at most ${MAX_NAME_BYTES} are allowed`
    : undefined;
}

/** The body of the `parent` section. */
export function parentBody({ digest, name }: ParentRef): object {
  const wrong = wrongName(name);
  if (wrong !== undefined) throw new ImageError("invalid", `parent.name ${JSON.stringify(name)} ${wrong}`);
  return { digest, name };
}

/** Reads the body of the `parent` section. */
export function readParent(body: Field): ParentRef {
  const name = body.get("name");
  const wrong = wrongName(name.text());
  if (wrong !== undefined) name.refuse(`${JSON.stringify(name.text())} ${wrong}`);
  return { digest: body.get("digest").bytes(DIGEST_BYTES).slice(), name: name.text() };
}
