(module
  (import "env" "host" (func $host (param i32 i64) (result i64)))
  (type $unary (func (param i32) (result i32)))
  (table 4 funcref)
  (elem (i32.const 0) $fib $leaf)
  ;; Cannot unwind: nothing around its calls.
  (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  ;; Recursive: its entry looks at the depth.
  (func $fib (param $n i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else (i32.add
        (call $fib (i32.sub (local.get $n) (i32.const 1)))
        (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func $hosted (param $x i32) (result i64)
    (i64.add (call $host (local.get $x) (i64.const -1)) (i64.extend_i32_s (call $leaf (local.get $x)))))
  (func $indirect (param $i i32) (param $x f64) (result f64)
    (f64.add (local.get $x)
      (f64.convert_i32_s (call_indirect (type $unary) (i32.const 20) (local.get $i)))))
  (func $several (param i32) (result i32 i64 f32)
    (local.get 0) (i64.extend_i32_u (local.get 0)) (f32.convert_i32_u (local.get 0)))
  (func $takes (result f32)
    (call $several (i32.const 3))
    (drop (drop (return)))))
