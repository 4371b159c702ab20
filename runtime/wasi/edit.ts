/**
 * Changing the arguments, the environment and the paths in a saved WASI state. The state is not trusted.
 *
 * @module
 */
import { MvvmError } from "../../compiler/errors.ts";
import { Shape } from "./shape.ts";

/** A change that does not fit the state. */
export class WasiEditError extends MvvmError {
  override readonly name = "WasiEditError";
}

export interface WasiEdit {
  /** All arguments but the program's name. */
  readonly args?: readonly string[];
  /** Variables that are set; the others stay. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables that are removed. */
  readonly unset?: readonly string[];
  /** Where the host has directories, by the guest's names for them. */
  readonly dirs?: readonly { readonly guest: string; readonly host: string }[];
  /** New paths of open files and directories, in their directory; what lies below moves with them. */
  readonly paths?: readonly { readonly from: string; readonly to: string }[];
}

/** Longest list that is looked at. */
const MAX_ENTRIES = 1 << 20;

/**
 * A changed copy of a state; what is not changed is the same objects.
 *
 * ```ts
 * import { editWasiState } from "./edit.ts";
 * editWasiState({ args: ["a"], env: [], preopens: [], descriptors: [] }, { args: ["x"], env: { LANG: "C" } });
 * // { args: ["a", "x"], env: ["LANG=C"], ... }
 * ```
 *
 * @throws {WasiEditError} There is nothing that could be changed so.
 * @throws {WasiRestoreError} The state is damaged.
 */
export function editWasiState(state: unknown, edit: WasiEdit): Record<string, unknown> {
  const shape = new Shape(state, "wasi");
  const lists = ["args", "env", "preopens", "descriptors"].map((key) => shape.get(key).list(MAX_ENTRIES));
  const [args, env, preopens, descriptors] = lists;
  const edited: Record<string, unknown> = {
    ...state as object,
    ...edit.args && { args: [...args.slice(0, 1).map((name) => name.string()), ...edit.args.map(text)] },
    env: editEnv(env.map((each) => each.string()), edit),
    preopens: moveDirectories(preopens, edit.dirs ?? []),
    descriptors: movePaths(descriptors, edit.paths ?? []),
  };
  return edited;
}

/** A string that C programs can be given. */
function text(given: string): string {
  if (!given.includes("\0")) return given;
  throw new WasiEditError(`${JSON.stringify(given)} has a zero in it, which ends a string`);
}

const nameOf = (variable: string) => variable.split("=", 1)[0];

function editEnv(saved: readonly string[], { env = {}, unset = [] }: WasiEdit): string[] {
  for (const name of unset) {
    if (!saved.some((each) => nameOf(each) === name)) {
      throw new WasiEditError(`the environment has no variable ${JSON.stringify(name)}`);
    }
  }
  const kept = saved.filter((each) => !unset.includes(nameOf(each)));
  const given = new Map(Object.entries(env).map(([name, value]) => [name, text(`${name}=${value}`)]));
  const replaced = kept.map((each) => given.get(nameOf(each)) ?? each);
  const known = new Set(kept.map(nameOf));
  return [...replaced, ...[...given].filter(([name]) => !known.has(name)).map(([, each]) => each)];
}

function moveDirectories(preopens: readonly Shape[], dirs: NonNullable<WasiEdit["dirs"]>): unknown[] {
  const names = preopens.map((each) => each.get("guest").string());
  for (const { guest } of dirs) {
    if (names.includes(guest)) continue;
    const there = names.map((name) => JSON.stringify(name)).join(", ") || "none";
    throw new WasiEditError(`the guest has no directory ${JSON.stringify(guest)}; it has ${there}`);
  }
  return preopens.map(({ value }, i) => {
    const moved = dirs.find(({ guest }) => guest === names[i]);
    return moved ? { ...value as object, host: text(moved.host) } : value;
  });
}

function movePaths(descriptors: readonly Shape[], paths: NonNullable<WasiEdit["paths"]>): unknown[] {
  const used = new Set<string>();
  const edited = descriptors.map((each) => {
    const path = each.get("path").optional((shape) => shape.path());
    const found = path !== undefined &&
      paths.find(({ from }) => path === from || path.startsWith(`${from}/`));
    if (!found) return each.value;
    used.add(found.from);
    const moved = new Shape(found.to + path.slice(found.from.length), "new path").path();
    return { ...each.value as object, path: moved };
  });
  for (const { from, to } of paths) {
    // Also says so if the path itself is one that no restore would accept.
    new Shape(to, "new path").path();
    if (!used.has(from)) throw new WasiEditError(`nothing is open with the path ${JSON.stringify(from)}`);
  }
  return edited;
}
