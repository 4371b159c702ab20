/**
 * Modules whose clones tell what they find, and then change all that can be changed.
 *
 * @module
 */
import wabt from "wabt";

const assembler = await wabt();

export function assemble(text: string): Uint8Array {
  const module = assembler.parseWat("test.wat", text);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** What a clone is to do. Memory has 2 pages, and grows by what stands above the lowest four bits. */
export const Mode = { end: 0, grow: 0x31, growLittle: 0x11, trap: 2, throw: 4 } as const;

/**
 * Stops before `begin`, which gives a {@linkcode Mode}. Then it reports what it finds, changes everything, waits,
 * and ends: by returning, by a trap, or in a host function that throws.
 */
export const changing = assemble(`(module
  (import "host" "begin" (func $begin (result i32)))
  (import "host" "report" (func $report (param i32 i32 i32 i32 i32 i64 i32 i32)))
  (import "host" "wait" (func $wait (param i32) (result i32)))
  (import "host" "fail" (func $fail))
  (type $get (func (result i32)))
  (memory (export "memory") 2 100)
  (table 4 10 funcref)
  (global $global (mut i64) (i64.const -7))
  (data $data "hello")
  (elem $elem func $two $two)
  (func $one (result i32) i32.const 1)
  (func $two (result i32) i32.const 2)
  (elem declare func $one)
  (func $late (result i32) (call $early))
  (func $early (result i32) i32.const 0)
  (func $waits (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.add (call $wait (local.get $n)) (call $waits (i32.sub (local.get $n) (i32.const 1)))))
      (else (call $late))))
  (func (export "main") (result i32) (local $mode i32)
    (i32.store (i32.const 100) (i32.const 42))
    (i32.store (i32.const 131000) (i32.const 43))
    (table.set (i32.const 0) (ref.func $one))
    (local.set $mode (call $begin))
    (call $report
      (memory.size) (i32.load (i32.const 100)) (i32.load (i32.const 200)) (i32.load (i32.const 65536))
      (i32.load (i32.const 131068))
      (global.get $global) (table.size 0) (call_indirect (type $get) (i32.const 0)))
    (i32.store (i32.const 100) (i32.add (i32.load (i32.const 100)) (i32.const 1)))
    (i32.store (i32.const 65536) (i32.const -1))
    (i32.store (i32.const 131068) (i32.const -1))
    (memory.init $data (i32.const 200) (i32.const 0) (i32.const 5))
    (data.drop $data)
    (table.init $elem (i32.const 0) (i32.const 0) (i32.const 2))
    (elem.drop $elem)
    (drop (table.grow 0 (ref.func $two) (i32.const 2)))
    (global.set $global (i64.const 99))
    (if (i32.and (local.get $mode) (i32.const 1)) (then
      (drop (memory.grow (i32.shr_u (local.get $mode) (i32.const 4))))
      (drop (call $early))
      (if (i32.load (i32.const 131080)) (then (unreachable)))
      (i32.store (i32.const 131080) (i32.const -1))))
    (if (i32.eq (local.get $mode) (i32.const 2)) (then (unreachable)))
    (if (i32.eq (local.get $mode) (i32.const 4)) (then (call $fail)))
    (call $waits (i32.const 5))))`);

/** What a clone of {@linkcode changing} must report. */
export const unchanged = [2, 42, 0, 0, 0, -7n, 4, 1];

/**
 * Stops before it reads standard input; then gathers what WASI gives and writes the first 8 KiB of its memory
 * to standard output.
 */
export const probing = assemble(`(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\00\\04\\00\\00\\00\\01\\00\\00") ;; 256 bytes at 1024
  (data (i32.const 8) "\\00\\00\\00\\00\\00\\20\\00\\00") ;; 8 KiB at 0
  (func (export "_start")
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (i32.store (i32.const 20) (i32.add (i32.load (i32.const 20)) (i32.const 1)))
    (drop (call $random_get (i32.const 24) (i32.const 8)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 32)))
    (drop (call $environ_get (i32.const 4096) (i32.const 2048)))
    (drop (call $args_get (i32.const 5120) (i32.const 3072)))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 40)))
    (drop (call $fd_close (i32.const 1)))
    (call $proc_exit (i32.const 3))))`);

/** What {@linkcode probing} wrote. */
export function probed(memory: Uint8Array) {
  const view = new DataView(memory.buffer, memory.byteOffset);
  const text = (at: number, end: number) => new TextDecoder().decode(memory.subarray(at, end));
  const string = (at: number) => text(at, memory.indexOf(0, at));
  return {
    input: text(1024, 1024 + view.getUint32(16, true)),
    count: view.getUint32(20, true),
    random: view.getBigUint64(24, true),
    monotonic: Number(view.getBigUint64(32, true)),
    env: string(2048),
    args: string(3072),
  };
}
