/**
 * What the WASI tests run guests on. Here V8's own WebAssembly; another engine plugs in by the same type.
 *
 * @module
 */
import { decode, encode } from "@std/msgpack";
import {
  type HostFunction,
  type HostStream,
  inputStream,
  type OutputStream,
  outputStream,
  ProcExit,
  Wasi,
  type WasiHost,
  type WasiOptions,
} from "../../runtime/wasi/mod.ts";

export interface Setup {
  readonly options: WasiOptions;
  readonly host: WasiHost;
  /** Save and restore before every so many calls. */
  readonly every?: number;
}
export type Outcome =
  | { readonly kind: "finished"; readonly code: number }
  | { readonly kind: "trapped"; readonly reason: string };
export type Engine = (bytes: Uint8Array, setup: Setup) => Outcome | Promise<Outcome>;

/** The state of a guest's WASI through an image and back. */
export function throughImage(wasi: Wasi, options: WasiOptions, host: WasiHost): Wasi {
  const state = decode(encode(wasi.save()));
  const memory = wasi.memory;
  wasi.close();
  const restored = Wasi.restore(state, options, host).wasi;
  restored.memory = memory;
  return restored;
}

/** Imports that go to whichever `Wasi` is the current one, replacing it at every so many calls. */
function migratingImports(
  setup: Setup,
  every: number,
): { imports: WebAssembly.Imports; current: () => Wasi } {
  let wasi = new Wasi(setup.options, setup.host);
  let calls = 0;
  const wrap = (module: "wasi_snapshot_preview1" | "wasi_unstable") => {
    const functions: Record<string, HostFunction> = {};
    for (const name of Object.keys(wasi.imports[module])) {
      functions[name] = (...args) => {
        if (++calls % every === 0) wasi = throughImage(wasi, setup.options, setup.host);
        return wasi.imports[module][name](...args);
      };
    }
    return functions;
  };
  const imports = {
    wasi_snapshot_preview1: wrap("wasi_snapshot_preview1"),
    wasi_unstable: wrap("wasi_unstable"),
  };
  return { imports: imports as unknown as WebAssembly.Imports, current: () => wasi };
}

export const v8Engine: Engine = (bytes, setup) => {
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  let current: () => Wasi;
  let imports: WebAssembly.Imports;
  if (setup.every !== undefined) ({ imports, current } = migratingImports(setup, setup.every));
  else {
    const wasi = new Wasi(setup.options, setup.host);
    imports = wasi.imports as unknown as WebAssembly.Imports;
    current = () => wasi;
  }
  try {
    const instance = new WebAssembly.Instance(module, imports);
    current().memory = instance.exports.memory as WebAssembly.Memory;
    (instance.exports._start as () => void)();
    return { kind: "finished", code: 0 };
  } catch (error) {
    if (error instanceof ProcExit) return { kind: "finished", code: error.code };
    if (error instanceof WebAssembly.RuntimeError) return { kind: "trapped", reason: error.message };
    throw error;
  } finally {
    current().close();
  }
};

/** Standard streams for a test: given input, output kept. */
export function capture(input = ""): { stdin: HostStream; stdout: OutputStream; stderr: OutputStream } {
  return { stdin: inputStream(input), stdout: outputStream(), stderr: outputStream() };
}
