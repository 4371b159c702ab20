(module
  (import "env" "host" (func $host (param i32 i64) (result i64)))
  (type $unary (func (param f64) (result f64)))
  (memory 1 2)
  (global $g (mut f64) (f64.const 1))
  (table 4 funcref)
  (elem (i32.const 0) $leaf)
  ;; Cannot unwind: stays as it is.
  (func $leaf (param f64) (result f64) (f64.add (local.get 0) (global.get $g)))
  ;; Recursive: its entry looks at the depth, and its returns count it down.
  (func $sum (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
    (i32.add (local.get $n) (call $sum (i32.sub (local.get $n) (i32.const 1)))))
  ;; Operands below a call are saved; below a block, before it.
  (func $hosted (param $x i32) (result i64)
    (i64.add
      (i64.extend_i32_s (local.get $x))
      (block (result i64) (call $host (local.get $x) (i64.const -1)))))
  (func $indirect (param $i i32) (param $x f64) (result f64)
    (f64.add (local.get $x) (call_indirect (type $unary) (local.get $x) (local.get $i))))
  ;; Two that trap for two reasons, and one that the runtime does.
  (func $convert (param $x f32) (result i64 i32)
    (i64.trunc_f32_u (local.get $x))
    (memory.grow (i32.trunc_f32_s (local.get $x)))))
