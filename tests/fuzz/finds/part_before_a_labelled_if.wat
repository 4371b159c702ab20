;; seed 1333: call 0 ("f3"(0x0, 0x0, 0x0, 0x0)): host call 0: expected 0(0x0, 0x0, 0x0, 0x0), got none
;; call "f3" 0x0 0x0 0x0 0x0
(module
  (type (;0;) (func (param i32 i64 f32 f64) (result i32)))
  (type (;1;) (func (param f32 i64 f32 i32)))
  (import "host" "h2" (func (;0;) (type 0)))
  (func (;1;) (type 1) (param f32 i64 f32 i32)
    (local i32)
    i32.const 495
    local.set 4
    local.get 4
    if (result i64)  ;; label = @1
      i32.const 0
      i64.const 0
      f32.const 0x0p+0 (;=0;)
      f64.const 0x0p+0 (;=0;)
      call 0
      drop
      i64.const 0
      i32.const 0
      br_if 0 (;@1;)
    else
      i64.const 0
    end
    drop)
  (export "f3" (func 1)))
