;; seed 12453: call 1 ("get global1"()): expected results (0x1), got results (0x0)
;; call "f1" 0x0 0x0 0x0
;; call "get global1"
(module
  (type (;0;) (func (param i32 f32 i32)))
  (type (;1;) (func (result i64)))
  (func (;0;) (type 0) (param i32 f32 i32)
    i64.const 0
    i64.const 0
    i32.const 1
    i64.extend_i32_u
    i64.const 0
    table.size 0
    select
    i32.const 0
    i32.const 0
    i32.const 0
    i32.shr_u
    i32.rotr
    select
    i64.add
    global.set 0)
  (func (;1;) (type 1) (result i64)
    global.get 0)
  (table (;0;) 9 14 funcref)
  (global (;0;) (mut i64) (i64.const 0))
  (export "f1" (func 0))
  (export "get global1" (func 1)))
