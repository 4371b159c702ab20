;; seed 1795409026699: mvvm threw ReferenceError: b0 is not defined
;;     at r1 (wasm-0/r1@42, <anonymous>:9:4)
;;     at Thread.#resume (file:///work/main/runtime/thread.ts:277:49)
;;     at Thread.drive (file:///work/main/runtime/thread.ts:241:29)
;;     at Guest.#run (file:///work/main/tests/fuzz/engine_mvvm.ts:102:41)
;;     at async run (file:///work/main/tests/fuzz/differential.ts:46:21)
;;     at async compare (file:///work/main/tests/fuzz/fuzzer.ts:48:33)
;;     at async Fuzzer.report (file:///work/main/tests/fuzz/fuzzer.ts:94:48)
;;     at async main (file:///work/main/tests/fuzz/main.ts:62:35)
;;     at async file:///work/main/tests/fuzz/main.ts:91:33
;; call "refuel" 0x0
;; call "f3"
;; call "f3"
(module
  (type (;0;) (func (param i32 i64 f32 f64) (result f32)))
  (type (;1;) (func))
  (type (;2;) (func (param i32)))
  (import "host" "h1" (func (;0;) (type 0)))
  (func (;1;) (type 1)
    global.get 0
    i32.const 1
    i32.sub
    global.set 0
    global.get 0
    i32.const 0
    i32.lt_s
    if  ;; label = @1
      return
    end
    f32.const 0x0p+0 (;=0;)
    i32.const 0
    i64.const 0
    f32.const 0x0p+0 (;=0;)
    f64.const 0x0p+0 (;=0;)
    call 0
    drop
    drop
    i32.const 0
    i64.extend_i32_u
    global.set 1)
  (func (;2;) (type 2) (param i32))
  (global (;0;) (mut i32) (i32.const 500))
  (global (;1;) (mut i64) (i64.const 0))
  (export "f3" (func 1))
  (export "refuel" (func 2)))
