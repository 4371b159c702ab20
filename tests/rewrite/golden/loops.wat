(module
  (memory 1)
  ;; Counts to a bound: runs in strips under `counter`.
  (func $counted (param $n i32) (param $p i32)
    (loop $next
      (i32.store8 (local.get $n) (local.get $p))
      (br_if $next (i32.ne (local.tee $n (i32.add (local.get $n) (i32.const 3))) (local.get $p)))))
  ;; Not in strips: a loop with two back edges, and one that is around others.
  (func $nested (param $n i32) (local $i i32)
    (loop $outer
      (local.set $i (i32.const 9))
      (loop $inner
        (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1))))
        (br_if $inner (local.tee $i (i32.add (local.get $i) (i32.const -1)))))
      (loop $down
        (br_if $down (local.tee $i (i32.add (local.get $i) (i32.const -1)))))
      (br_if $outer (i32.ge_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0)))))
  ;; Leaves a loop past the blocks that are added around it, with an operand below it.
  (func $leave (param $x i32) (result i32)
    (block $done (result i32)
      (local.get $x)
      (block $out
        (loop $again
          (if (i32.eqz (local.get $x)) (then (br $out)))
          (br_table $again $out $again (local.get $x))))
      (i32.const 5)
      (br $done))))
