;; seed 3086: call 0 ("f0"()): expected results (0x0), got results (0x1)
;; call "f0"
(module
  (type (;0;) (func (result i32)))
  (func (;0;) (type 0) (result i32)
    i64.const 0
    i64.const 1
    i64.const 0
    i32.const 1
    i32.const 0
    i32.le_u
    select
    i64.const 0
    i32.const 1
    i32.const 1
    i32.and
    i64.load16_s offset=1
    drop
    drop
    i64.lt_u)
  (memory (;0;) 3)
  (export "f0" (func 0)))
