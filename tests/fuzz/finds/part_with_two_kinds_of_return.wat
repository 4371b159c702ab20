;; seed 12: mvvm threw TypeError: Cannot read properties of undefined (reading 'index')
;;     at Array.map (<anonymous>)
;; call "f2"
(module
  (type (;0;) (func (result f32)))
  (type (;1;) (func (result funcref f64)))
  (func (;0;) (type 0) (result f32)
    f32.const 0x0p+0 (;=0;))
  (func (;1;) (type 1) (result funcref f64)
    (local f32 f32)
    global.get 0
    i32.const 1
    i32.sub
    global.set 0
    global.get 0
    i32.const 0
    i32.lt_s
    if  ;; label = @1
      ref.null func
      f64.const 0x0p+0 (;=0;)
      return
    end
    ref.null func
    f64.const 0x0p+0 (;=0;)
    loop (result f32)  ;; label = @1
      global.get 0
      i32.const 1
      i32.sub
      global.set 0
      global.get 0
      i32.const 0
      i32.lt_s
      if  ;; label = @2
        ref.null func
        f64.const 0x0p+0 (;=0;)
        return
      end
      f32.const 0x1.p-149 (;=1.4013e-45;)
      f32.const 0x1.95p+9 (;=810;)
      f32.max
      local.tee 0
      f32.const nan (;=nan;)
      local.get 0
      local.get 0
      f32.eq
      select
      i32.const 0
      i32.const 2
      i32.add
      call_indirect (type 0)
      i32.const 1
      select
      f32.nearest
      local.tee 1
      f32.const nan (;=nan;)
      local.get 1
      local.get 1
      f32.eq
      select
      i32.trunc_sat_f32_u
      i32.popcnt
      br_if 0 (;@1;)
      i64.const -4644509550338249627
      i64.const -5823784541645499853
      i64.const -462261802808162174
      i64.const -7
      f32.const 0x1.p-149 (;=1.4013e-45;)
      i64.trunc_f32_u
      i64.const -100
      i64.rem_u
      i64.lt_s
      select
      i64.add
      global.set 1
      f32.const 0x0p+0 (;=0;)
    end
    drop)
  (func (;2;) (type 0) (result f32)
    f32.const 0x0p+0 (;=0;))
  (table (;0;) 11 16 funcref)
  (global (;0;) (mut i32) (i32.const 500))
  (global (;1;) (mut i64) (i64.const 0))
  (export "f2" (func 1))
  (elem (;0;) (i32.const 2) func 0 2))
