/**
 * Files that a command is going to read whole: another thread reads them while our modules are loaded.
 *
 * @module
 */
type Bytes = Uint8Array<ArrayBuffer>;

const reading = new Map<string, Promise<Bytes>>();

/** Begins to read a file. If that fails, {@linkcode readWhole} says so. */
export function readAhead(path: string): void {
  const bytes = read(path);
  // Nobody may ever ask for it.
  bytes.catch(() => {});
  reading.set(path, bytes);
}

/** The contents of a file. */
export function readWhole(path: string): Promise<Bytes> {
  const bytes = reading.get(path) ?? read(path);
  reading.delete(path);
  return bytes;
}

/** Into memory of the right size: `Deno.readFile` takes twice as long. */
async function read(path: string): Promise<Bytes> {
  using file = Deno.openSync(path);
  const { isFile, size } = file.statSync();
  // A pipe does not say how long it is.
  if (!isFile) return await Deno.readFile(path);
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return bytes.subarray(0, at);
}
