/**
 * The `parent` section: which image an incremental image builds on.
 *
 * @module
 */
import type { ImageCodec } from "./codec.ts";
import { ImageError } from "./error.ts";
import { Field } from "./field.ts";
import { DIGEST_BYTES, MAX_NAME_BYTES, type ParentRef } from "./format.ts";
import { unpack } from "./msgpack.ts";
import { type ImageSource, RecordReader } from "./record.ts";

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

/**
 * The parent that an image names, without reading further than that; `undefined` if it has none.
 *
 * @throws ImageError if it is no image.
 */
export async function peekParent(source: ImageSource, codec: ImageCodec): Promise<ParentRef | undefined> {
  const records = new RecordReader(source, codec);
  await records.begin();
  for (;;) {
    const record = await records.next();
    const { section } = record.head;
    if (section === "parent") {
      const body = unpack(await records.data(record), { items: 64, depth: 4 }, record.place);
      return readParent(new Field(body, section, record.place));
    }
    if (section === "store" || section === "end") return undefined;
    await records.skip(record);
  }
}
