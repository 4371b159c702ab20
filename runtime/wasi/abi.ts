/**
 * Numbers and layouts of the WASI ABI (witx `typenames` of preview 1 and of `wasi_unstable`), and the
 * signature of every function: the one table that the imports, the call log and the tests read.
 *
 * @module
 */

/** `$filetype`. */
export const Filetype = {
  unknown: 0,
  block_device: 1,
  character_device: 2,
  directory: 3,
  regular_file: 4,
  socket_dgram: 5,
  socket_stream: 6,
  symbolic_link: 7,
} as const;
export type Filetype = (typeof Filetype)[keyof typeof Filetype];

/** `$rights`; thirty bits, so a plain number holds any set of them. */
export const Rights = {
  fd_datasync: 1 << 0,
  fd_read: 1 << 1,
  fd_seek: 1 << 2,
  fd_fdstat_set_flags: 1 << 3,
  fd_sync: 1 << 4,
  fd_tell: 1 << 5,
  fd_write: 1 << 6,
  fd_advise: 1 << 7,
  fd_allocate: 1 << 8,
  path_create_directory: 1 << 9,
  path_create_file: 1 << 10,
  path_link_source: 1 << 11,
  path_link_target: 1 << 12,
  path_open: 1 << 13,
  fd_readdir: 1 << 14,
  path_readlink: 1 << 15,
  path_rename_source: 1 << 16,
  path_rename_target: 1 << 17,
  path_filestat_get: 1 << 18,
  path_filestat_set_size: 1 << 19,
  path_filestat_set_times: 1 << 20,
  fd_filestat_get: 1 << 21,
  fd_filestat_set_size: 1 << 22,
  fd_filestat_set_times: 1 << 23,
  path_symlink: 1 << 24,
  path_remove_directory: 1 << 25,
  path_unlink_file: 1 << 26,
  poll_fd_readwrite: 1 << 27,
  sock_shutdown: 1 << 28,
  sock_accept: 1 << 29,
} as const;

/** Rights that mean something for a regular file or a device. */
export const FILE_RIGHTS = Rights.fd_datasync | Rights.fd_read | Rights.fd_seek | Rights.fd_fdstat_set_flags |
  Rights.fd_sync | Rights.fd_tell | Rights.fd_write | Rights.fd_advise | Rights.fd_allocate |
  Rights.fd_filestat_get | Rights.fd_filestat_set_size | Rights.fd_filestat_set_times |
  Rights.poll_fd_readwrite;

/** Rights that mean something for a directory. */
export const DIRECTORY_RIGHTS = Rights.fd_fdstat_set_flags | Rights.fd_sync | Rights.fd_datasync |
  Rights.fd_advise | Rights.path_create_directory | Rights.path_create_file | Rights.path_link_source |
  Rights.path_link_target | Rights.path_open | Rights.fd_readdir | Rights.path_readlink |
  Rights.path_rename_source | Rights.path_rename_target | Rights.path_filestat_get |
  Rights.path_filestat_set_size | Rights.path_filestat_set_times | Rights.fd_filestat_get |
  Rights.fd_filestat_set_times | Rights.path_symlink | Rights.path_remove_directory |
  Rights.path_unlink_file | Rights.poll_fd_readwrite;

/** Rights that change something outside the guest; a read-only preopen lacks them. */
export const WRITING_RIGHTS = Rights.fd_datasync | Rights.fd_write | Rights.fd_allocate |
  Rights.path_create_directory | Rights.path_create_file | Rights.path_link_source |
  Rights.path_link_target | Rights.path_rename_source | Rights.path_rename_target |
  Rights.path_filestat_set_size | Rights.path_filestat_set_times | Rights.fd_filestat_set_size |
  Rights.fd_filestat_set_times | Rights.path_symlink | Rights.path_remove_directory |
  Rights.path_unlink_file;

/** Rights of a connected socket, and of a listening one. */
export const SOCKET_RIGHTS = Rights.fd_read | Rights.fd_write | Rights.fd_fdstat_set_flags |
  Rights.fd_filestat_get | Rights.poll_fd_readwrite | Rights.sock_shutdown;
export const LISTENER_RIGHTS = Rights.sock_accept | Rights.fd_read | Rights.fd_fdstat_set_flags |
  Rights.fd_filestat_get | Rights.poll_fd_readwrite;

/** `$fdflags`. */
export const Fdflags = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const ALL_FDFLAGS = 31;
/** `$oflags`. */
export const Oflags = { creat: 1, directory: 2, excl: 4, trunc: 8 } as const;
export const ALL_OFLAGS = 15;
/** `$fstflags`. */
export const Fstflags = { atim: 1, atim_now: 2, mtim: 4, mtim_now: 8 } as const;
export const ALL_FSTFLAGS = 15;
/** `$lookupflags`. */
export const SYMLINK_FOLLOW = 1;
/** `$clockid`. */
export const Clockid = { realtime: 0, monotonic: 1, process_cputime_id: 2, thread_cputime_id: 3 } as const;
/** `$eventtype`. */
export const Eventtype = { clock: 0, fd_read: 1, fd_write: 2 } as const;
/** `$subclockflags` and `$eventrwflags`. */
export const SUBSCRIPTION_CLOCK_ABSTIME = 1;
export const FD_READWRITE_HANGUP = 1;
/** `$sdflags` and `$riflags`. */
export const Sdflags = { rd: 1, wr: 2 } as const;
export const Riflags = { recv_peek: 1, recv_waitall: 2 } as const;
/** `$whence` as we name it inside; each layout below says which number of its own means which. */
export const Whence = { set: 0, cur: 1, end: 2 } as const;

/** Sizes in bytes of structures that both versions share. */
export const IOVEC_SIZE = 8;
export const FDSTAT_SIZE = 24;
export const DIRENT_SIZE = 24;
export const EVENT_SIZE = 32;
export const PRESTAT_SIZE = 8;

/** What differs between the two versions of the ABI. */
export interface Layout {
  readonly module: "wasi_snapshot_preview1" | "wasi_unstable";
  /** `$whence` by the guest's number. */
  readonly whence: readonly number[];
  /** Byte offsets in `$filestat`; `nlink` is 4 bytes wide in `wasi_unstable`. */
  readonly filestat: {
    readonly size: number;
    readonly nlinkBytes: 4 | 8;
    readonly nlink: number;
    readonly length: number;
    readonly atim: number;
  };
  /** Byte offsets in `$subscription`; `wasi_unstable` has an identifier in front of the clock. */
  readonly subscription: { readonly size: number; readonly clock: number };
}

export const PREVIEW1: Layout = {
  module: "wasi_snapshot_preview1",
  whence: [Whence.set, Whence.cur, Whence.end],
  filestat: { size: 64, nlinkBytes: 8, nlink: 24, length: 32, atim: 40 },
  subscription: { size: 48, clock: 16 },
};
export const UNSTABLE: Layout = {
  module: "wasi_unstable",
  whence: [Whence.cur, Whence.end, Whence.set],
  filestat: { size: 56, nlinkBytes: 4, nlink: 20, length: 24, atim: 32 },
  subscription: { size: 56, clock: 24 },
};

/**
 * What a parameter is: a plain `i32` or `i64`, a file descriptor, a pointer into the guest's memory
 * (to read from or to write to), or a length or count that belongs to the pointer before it.
 */
export type ParamKind = "i32" | "i64" | "fd" | "in" | "out" | "len";
export type Param = readonly [name: string, kind: ParamKind];

/** The parameters of one function, from `"fd:fd offset:i64"`. */
function params(text: string): readonly Param[] {
  return text.split(" ").filter(Boolean).map((word) => word.split(":") as unknown as Param);
}

/** Every function of preview 1, in witx order. `wasi_unstable` is the same without `sock_accept`. */
export const SIGNATURES: Readonly<Record<string, readonly Param[]>> = {
  args_get: params("argv:out argv_buf:out"),
  args_sizes_get: params("argc:out argv_buf_size:out"),
  environ_get: params("environ:out environ_buf:out"),
  environ_sizes_get: params("count:out buf_size:out"),
  clock_res_get: params("id:i32 resolution:out"),
  clock_time_get: params("id:i32 precision:i64 time:out"),
  fd_advise: params("fd:fd offset:i64 len:i64 advice:i32"),
  fd_allocate: params("fd:fd offset:i64 len:i64"),
  fd_close: params("fd:fd"),
  fd_datasync: params("fd:fd"),
  fd_fdstat_get: params("fd:fd stat:out"),
  fd_fdstat_set_flags: params("fd:fd flags:i32"),
  fd_fdstat_set_rights: params("fd:fd fs_rights_base:i64 fs_rights_inheriting:i64"),
  fd_filestat_get: params("fd:fd buf:out"),
  fd_filestat_set_size: params("fd:fd size:i64"),
  fd_filestat_set_times: params("fd:fd atim:i64 mtim:i64 fst_flags:i32"),
  fd_pread: params("fd:fd iovs:in iovs_len:len offset:i64 nread:out"),
  fd_prestat_get: params("fd:fd buf:out"),
  fd_prestat_dir_name: params("fd:fd path:out path_len:len"),
  fd_pwrite: params("fd:fd iovs:in iovs_len:len offset:i64 nwritten:out"),
  fd_read: params("fd:fd iovs:in iovs_len:len nread:out"),
  fd_readdir: params("fd:fd buf:out buf_len:len cookie:i64 bufused:out"),
  fd_renumber: params("fd:fd to:fd"),
  fd_seek: params("fd:fd offset:i64 whence:i32 newoffset:out"),
  fd_sync: params("fd:fd"),
  fd_tell: params("fd:fd offset:out"),
  fd_write: params("fd:fd iovs:in iovs_len:len nwritten:out"),
  path_create_directory: params("fd:fd path:in path_len:len"),
  path_filestat_get: params("fd:fd flags:i32 path:in path_len:len buf:out"),
  path_filestat_set_times: params("fd:fd flags:i32 path:in path_len:len atim:i64 mtim:i64 fst_flags:i32"),
  path_link: params(
    "old_fd:fd old_flags:i32 old_path:in old_path_len:len new_fd:fd new_path:in new_path_len:len",
  ),
  path_open: params(
    "fd:fd dirflags:i32 path:in path_len:len oflags:i32 fs_rights_base:i64 fs_rights_inheriting:i64 " +
      "fdflags:i32 opened_fd:out",
  ),
  path_readlink: params("fd:fd path:in path_len:len buf:out buf_len:len bufused:out"),
  path_remove_directory: params("fd:fd path:in path_len:len"),
  path_rename: params("fd:fd old_path:in old_path_len:len new_fd:fd new_path:in new_path_len:len"),
  path_symlink: params("old_path:in old_path_len:len fd:fd new_path:in new_path_len:len"),
  path_unlink_file: params("fd:fd path:in path_len:len"),
  poll_oneoff: params("in:in out:out nsubscriptions:len nevents:out"),
  proc_exit: params("rval:i32"),
  proc_raise: params("sig:i32"),
  sched_yield: params(""),
  random_get: params("buf:out buf_len:len"),
  sock_accept: params("fd:fd flags:i32 fd_out:out"),
  sock_recv: params("fd:fd ri_data:in ri_data_len:len ri_flags:i32 ro_datalen:out ro_flags:out"),
  sock_send: params("fd:fd si_data:in si_data_len:len si_flags:i32 so_datalen:out"),
  sock_shutdown: params("fd:fd how:i32"),
};
