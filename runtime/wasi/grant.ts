/**
 * What is granted to a guest from the start, and with which rights: its directories, the standard
 * streams and the sockets it inherits.
 *
 * @module
 */
import { DIRECTORY_RIGHTS, FILE_RIGHTS, Filetype, LISTENER_RIGHTS, Rights, WRITING_RIGHTS } from "./abi.ts";
import type { OpenDirectory, OpenListener, OpenStream, Preopen } from "./descriptor.ts";
import type { HostListener, HostStream, WasiHost } from "./host.ts";

/** A directory for the guest. */
export interface PreopenOption {
  /** What the guest calls it, for example `/data`. */
  readonly guest: string;
  /** What the host calls it. */
  readonly host: string;
  /** The guest may look and read, and nothing else. */
  readonly readOnly?: boolean;
}

/** Descriptors that a guest may have if nothing else is said. */
export const MAX_DESCRIPTORS = 4096;

/** The rights that a preopen gives. */
export function preopenOf(option: PreopenOption, host: WasiHost): Preopen {
  const lost = option.readOnly ? WRITING_RIGHTS : 0;
  return {
    guest: option.guest,
    root: host.openDirectory(option.host),
    rights: DIRECTORY_RIGHTS & ~lost,
    inheriting: (DIRECTORY_RIGHTS | FILE_RIGHTS) & ~lost,
  };
}

/** All preopens of a guest, once it is known how they lie to each other. */
export function settled(preopens: readonly Preopen[]): Preopen[] {
  return preopens.map((preopen) => ({
    ...preopen,
    fixed: !preopens.some((other) => other.root.holds(preopen.root)),
  }));
}

/** The rights of a standard stream: those that can be used. */
export function streamRights(stream: HostStream): number {
  let rights = Rights.fd_filestat_get | Rights.fd_fdstat_set_flags | Rights.poll_fd_readwrite;
  if (stream.read !== undefined) rights |= Rights.fd_read;
  if (stream.write !== undefined) rights |= Rights.fd_write;
  // Programs take a character device that cannot seek for a terminal.
  const seeks = stream.position !== undefined ||
    stream.filetype === Filetype.character_device && !stream.terminal;
  if (seeks) rights |= Rights.fd_seek | Rights.fd_tell;
  return rights;
}

/** The descriptor of a preopen. */
export function preopened(preopen: Preopen): OpenDirectory {
  const { dev, ino } = preopen.root.lstat("")!;
  return {
    kind: "directory",
    rights: preopen.rights,
    inheriting: preopen.inheriting,
    flags: 0,
    filetype: Filetype.directory,
    preopen,
    path: "",
    dev,
    ino,
    preopened: true,
  };
}

/** The descriptor of a standard stream. */
export function openStream(name: OpenStream["name"], stream: HostStream): OpenStream {
  const rights = streamRights(stream);
  return { kind: "stream", rights, inheriting: 0, flags: 0, filetype: stream.filetype, name, stream };
}

/** The descriptor of an inherited listener. */
export function openListener(listener: HostListener): OpenListener {
  const filetype = Filetype.socket_stream;
  return { kind: "listener", rights: LISTENER_RIGHTS, inheriting: 0, flags: 0, filetype, listener };
}
