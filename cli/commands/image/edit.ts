/**
 * `image edit`: arguments, environment and paths of an image, changed.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import type { ImageInfo } from "../../../runtime/image/reader.ts";
import { editWasiState, type WasiEdit } from "../../../runtime/wasi/edit.ts";
import { editImageFile } from "../../../runtime/image/file_deno.ts";
import type { CommandLine } from "../../args.ts";
import { readInfo } from "../../image_file.ts";
import { Refusal, say } from "../../messages.ts";
import { refuseIfBuiltOn } from "../../recorder.ts";
import { loadTrust } from "../../trust.ts";
import { UsageError } from "../../usage.ts";

export async function edit(line: CommandLine): Promise<number> {
  const path = line.file!;
  const output = line.output ?? path;
  const change = changeOf(line);
  const trust = await loadTrust(line.trust);
  await refuseIfBuiltOn(output, trust);
  const info = await readInfo(path, trust);
  if (info.host.wasi === undefined) {
    throw new Refusal(`${path} has no WASI state: there are no arguments, environment or files to change`);
  }
  const wasi = editWasiState(info.host.wasi, change);
  checkRedactions(info, wasi);
  const { byteLength } = await editImageFile(path, output, { host: { wasi }, ...trust });
  say(`wrote ${output}: ${byteLength} bytes`);
  if (info.signature && !trust.signer) {
    say("warning: the image was signed, and the new one is not; give --sign-key to sign it");
  }
  if (info.parent && dirname(resolve(output)) !== dirname(resolve(path))) {
    say(`warning: it builds on ${info.parent.name}, which must stand beside it`);
  }
  return 0;
}

function changeOf({ guest, edit }: CommandLine): WasiEdit {
  const { args, env, dirs } = guest;
  const { unset, paths } = edit;
  const lists = [unset, dirs, paths, Object.keys(env)];
  if (args === undefined && lists.every(({ length }) => length === 0)) {
    throw new UsageError("image edit: say what to change: -a, -e, --unset-env, -m or --path");
  }
  const both = unset.find((name) => Object.hasOwn(env, name));
  if (both !== undefined) throw new UsageError(`image edit: ${both} is both set and removed`);
  return { args, env, unset, dirs, paths };
}

/** What was kept out of the image is known by its place, so these places must stay. */
function checkRedactions({ redactions = [], host }: ImageInfo, wasi: unknown): void {
  const at = (state: unknown, path: readonly (string | number)[]) =>
    path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], state);
  for (const { name, host: places } of redactions) {
    for (const { path } of places) {
      if (path[0] !== "wasi" || at(host, path) === at({ wasi }, path)) continue;
      throw new Refusal(
        `the value of ${name} was kept out of the image, and the change moves the place where it belongs ` +
          `(${path.join(".")}); restore the image and take another one instead`,
      );
    }
  }
}
