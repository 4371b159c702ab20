(module
  (memory 1)
  ;; A counted loop inside another, with values on the stack across the inner one.
  (func $nested (param $n i32) (param $p i32) (result i32) (local $i i32) (local $j i32)
    (i32.mul
      (local.get $n)
      (block $done (result i32)
        (loop $outer (result i32)
          (local.set $j (local.get $n))
          (loop $inner
            (i32.store offset=8 (local.get $p) (i32.add (i32.load offset=4 (local.get $p)) (local.get $j)))
            (br_if $inner (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))
          (br_if $done (i32.const 7) (i32.eq (i32.load (local.get $p)) (local.get $i)))
          drop
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $outer (i32.lt_u (local.get $i) (local.get $n)))
          (local.get $i)))))
  ;; A switch.
  (func $switch (param $x i32) (result i32)
    (block $c (block $b (block $a
      (br_table $a $b $a $c (local.get $x)))
      (return (i32.const 10)))
      (return (i32.const 20)))
    (i32.const 30)))
