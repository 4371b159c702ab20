/**
 * Error numbers of WASI preview 1 (witx `$errno`), and the one place where a failure of the host
 * becomes one of them.
 *
 * @module
 */

/** `$errno`, by its witx names: POSIX's names without the leading E. */
export const Errno = {
  success: 0,
  "2big": 1,
  acces: 2,
  addrinuse: 3,
  addrnotavail: 4,
  afnosupport: 5,
  again: 6,
  already: 7,
  badf: 8,
  badmsg: 9,
  busy: 10,
  canceled: 11,
  child: 12,
  connaborted: 13,
  connrefused: 14,
  connreset: 15,
  deadlk: 16,
  destaddrreq: 17,
  dom: 18,
  dquot: 19,
  exist: 20,
  fault: 21,
  fbig: 22,
  hostunreach: 23,
  idrm: 24,
  ilseq: 25,
  inprogress: 26,
  intr: 27,
  inval: 28,
  io: 29,
  isconn: 30,
  isdir: 31,
  loop: 32,
  mfile: 33,
  mlink: 34,
  msgsize: 35,
  multihop: 36,
  nametoolong: 37,
  netdown: 38,
  netreset: 39,
  netunreach: 40,
  nfile: 41,
  nobufs: 42,
  nodev: 43,
  noent: 44,
  noexec: 45,
  nolck: 46,
  nolink: 47,
  nomem: 48,
  nomsg: 49,
  noprotoopt: 50,
  nospc: 51,
  nosys: 52,
  notconn: 53,
  notdir: 54,
  notempty: 55,
  notrecoverable: 56,
  notsock: 57,
  notsup: 58,
  notty: 59,
  nxio: 60,
  overflow: 61,
  ownerdead: 62,
  perm: 63,
  pipe: 64,
  proto: 65,
  protonosupport: 66,
  prototype: 67,
  range: 68,
  rofs: 69,
  spipe: 70,
  srch: 71,
  stale: 72,
  timedout: 73,
  txtbsy: 74,
  xdev: 75,
  notcapable: 76,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];

const names = Object.keys(Errno) as (keyof typeof Errno)[];

/** `errnoName(44)` is `"noent"`. */
export function errnoName(errno: number): string {
  return names[errno] ?? `errno ${errno}`;
}

/**
 * What the code of this folder throws to leave a WASI function with an error number. Not an `Error`:
 * a failed look-up is an everyday answer, and collecting a stack for it would cost more than the
 * look-up itself.
 */
export class Failure {
  constructor(readonly errno: Errno) {}
}
const failures = names.map((name) => Object.freeze(new Failure(Errno[name])));

/** Leave the WASI function that is running with `errno`. */
export function fail(errno: Errno): never {
  throw failures[errno];
}

/**
 * Names that are not simply POSIX's code without its E: aliases, and the names of error classes that
 * Deno throws when it has no code to give.
 */
const aliases: Readonly<Record<string, Errno>> = {
  EWOULDBLOCK: Errno.again,
  EOPNOTSUPP: Errno.notsup,
  ENOTSUP: Errno.notsup,
  ERR_INVALID_ARG_VALUE: Errno.inval,
  ERR_OUT_OF_RANGE: Errno.inval,
  NotFound: Errno.noent,
  PermissionDenied: Errno.acces,
  // The process was not granted this path or this operation (`--allow-read`, `--allow-write`).
  NotCapable: Errno.notcapable,
  AlreadyExists: Errno.exist,
  NotADirectory: Errno.notdir,
  IsADirectory: Errno.isdir,
  FilesystemLoop: Errno.loop,
  Busy: Errno.busy,
  BadResource: Errno.badf,
  BrokenPipe: Errno.pipe,
  WouldBlock: Errno.again,
  Interrupted: Errno.intr,
  InvalidData: Errno.inval,
  UnexpectedEof: Errno.io,
  WriteZero: Errno.io,
  TimedOut: Errno.timedout,
  NotSupported: Errno.notsup,
  AddrInUse: Errno.addrinuse,
  AddrNotAvailable: Errno.addrnotavail,
  ConnectionRefused: Errno.connrefused,
  ConnectionReset: Errno.connreset,
  ConnectionAborted: Errno.connaborted,
  NotConnected: Errno.notconn,
  NetworkUnreachable: Errno.netunreach,
};

/**
 * The error number for what a host threw, or `undefined` if it is no failure of the host: then it is
 * a mistake of ours and must not be hidden from the developer as an error of the guest.
 */
export function errnoOf(error: unknown): Errno | undefined {
  if (error instanceof Failure) return error.errno;
  if (!(error instanceof Error)) return undefined;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") {
    const name = code.slice(1).toLowerCase();
    if (code[0] === "E" && Object.hasOwn(Errno, name)) return Errno[name as keyof typeof Errno];
    if (Object.hasOwn(aliases, code)) return aliases[code];
  }
  return Object.hasOwn(aliases, error.name) ? aliases[error.name] : undefined;
}
