/**
 * Files that a command is going to read whole: another thread reads them while our modules are loaded.
 *
 * @module
 */

/** What a file has in it. */
export interface Contents {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Changes whenever the file is written to; `undefined` if the file may change and this stay the same. */
  readonly stamp?: string;
}

const reading = new Map<string, Promise<Contents>>();

/** Begins to read a file. If that fails, {@linkcode readWhole} says so. */
export function readAhead(path: string): void {
  const contents = read(path);
  // Nobody may ever ask for it.
  contents.catch(() => {});
  reading.set(path, contents);
}

/** Reads a file, if that was not begun. */
export function readWhole(path: string): Promise<Contents> {
  const contents = reading.get(path) ?? read(path);
  reading.delete(path);
  return contents;
}

/** Into memory of the right size: `Deno.readFile` takes twice as long. */
async function read(path: string): Promise<Contents> {
  // Of a symbolic link, opening asks for a permission to read what it leads to, which reading does not.
  if (Deno.permissions.querySync({ name: "read" }).state !== "granted") {
    return { bytes: await Deno.readFile(path) };
  }
  using file = Deno.openSync(path);
  const { isFile, size } = file.statSync();
  // A pipe does not say how long it is.
  if (!isFile) return { bytes: await Deno.readFile(path) };
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) break;
    at += count;
  }
  return { bytes: bytes.subarray(0, at), stamp: stampOf(file.statSync()) };
}

/** What is written to within the resolution of a file system's clock may look as if it had not been. In ms. */
const settled = 2000;

/** Of a file as it is after it was read. */
function stampOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string | undefined {
  if (ino === null || mtime === null || ctime === null) return undefined;
  if (Date.now() - Math.max(mtime.getTime(), ctime.getTime()) < settled) return undefined;
  return `${dev} ${ino} ${size} ${mtime.getTime()} ${ctime.getTime()}`;
}
