;; table.grow takes a reference and a number, each from an instruction that traps: the first trap counts
;; call "f7" 0x0 0x0
(module
  (type (;0;) (func (param i32 i64) (result f32)))
  (func (;0;) (type 0) (param i32 i64) (result f32)
    i32.const 63
    table.get 0
    i32.const 0
    i32.const 0
    i32.const 0
    i32.load8_s offset=4294967295
    select
    table.grow 0
    drop
    f32.const 0x0p+0 (;=0;))
  (table (;0;) 13 18 funcref)
  (memory (;0;) 0 2)
  (export "f7" (func 0)))
