;; seed 4: call 0 ("f2"()): host call 2: expected 1(), got 0(0x18f1, 0x0, 0x0, 0x0)
;; call "f2"
(module
  (type (;0;) (func (param i32 i64 f32 f64) (result f64)))
  (type (;1;) (func))
  (import "host" "h2" (func (;0;) (type 0)))
  (import "host" "h1" (func (;1;) (type 1)))
  (func (;2;) (type 1)
    (local f32 i64 f32 i32 f64 f32 f64)
    global.get 0
    i32.const 3
    i32.sub
    global.set 0
    global.get 0
    i32.const 0
    i32.lt_s
    if  ;; label = @1
      unreachable
    end
    i32.const 6384
    local.set 3
    loop  ;; label = @1
      call 1
      loop (result i64)  ;; label = @2
        global.get 0
        i32.const 1
        i32.sub
        global.set 0
        global.get 0
        i32.const 0
        i32.lt_s
        if  ;; label = @3
          return
        end
        local.get 1
      end
      local.tee 1
      f64.reinterpret_i64
      i32.trunc_sat_f64_s
      i32.clz
      i64.extend_i32_u
      global.get 1
      i64.const 44
      i64.rotl
      i64.add
      global.set 1
      f32.const 0x0p+0 (;=0;)
      i64.trunc_sat_f32_u
      f32.const 0x1.p-149 (;=1.4013e-45;)
      i64.trunc_f32_u
      i64.popcnt
      i64.rotr
      global.get 1
      i64.const 1
      i64.rotl
      i64.add
      global.set 1
      local.get 1
      local.get 1
      i64.extend32_s
      i64.lt_u
      i64.extend_i32_u
      global.get 1
      i64.const 1
      i64.rotl
      i64.add
      global.set 1
      local.get 0
      local.get 0
      f32.floor
      local.tee 5
      f32.const nan (;=nan;)
      local.get 5
      local.get 5
      f32.eq
      select
      i32.const 108
      f32.load offset=3
      f32.div
      local.tee 5
      f32.const nan (;=nan;)
      local.get 5
      local.get 5
      f32.eq
      select
      f32.add
      local.tee 5
      f32.const nan (;=nan;)
      local.get 5
      local.get 5
      f32.eq
      select
      local.get 0
      f32.add
      local.tee 2
      f32.const nan (;=nan;)
      local.get 2
      local.get 2
      f32.eq
      select
      i32.reinterpret_f32
      i64.extend_i32_u
      global.get 1
      i64.const 34
      i64.rotl
      i64.add
      global.set 1
      local.get 1
      i64.const 225
      i64.le_u
      f64.convert_i32_u
      i64.trunc_sat_f64_s
      global.get 1
      i64.const 17
      i64.rotl
      i64.add
      global.set 1
      f32.const 0x1.p-149 (;=1.4013e-45;)
      local.tee 0
      local.get 0
      f32.abs
      f32.sub
      local.tee 2
      f32.const nan (;=nan;)
      local.get 2
      local.get 2
      f32.eq
      select
      i32.reinterpret_f32
      i64.extend_i32_u
      global.get 1
      i64.const 43
      i64.rotl
      i64.add
      global.set 1
      local.get 3
      local.get 1
      local.get 1
      i64.or
      local.get 3
      i32.const 4080
      i32.and
      f32.load offset=8 align=1
      local.get 3
      i32.const 4080
      i32.and
      f64.load align=4
      call 0
      f64.trunc
      local.tee 6
      f64.const nan (;=nan;)
      local.get 6
      local.get 6
      f64.eq
      select
      i32.trunc_sat_f64_s
      i32.const 4080
      i32.and
      f64.load align=2
      local.get 1
      f64.convert_i64_u
      f64.floor
      local.tee 6
      f64.const nan (;=nan;)
      local.get 6
      local.get 6
      f64.eq
      select
      f64.add
      local.tee 4
      f64.const nan (;=nan;)
      local.get 4
      local.get 4
      f64.eq
      select
      i64.reinterpret_f64
      global.get 1
      i64.const 50
      i64.rotl
      i64.add
      global.set 1
      f32.const 0x0p+0 (;=0;)
      i32.trunc_sat_f32_s
      i64.extend_i32_u
      global.get 1
      i64.const 1
      i64.rotl
      i64.add
      global.set 1
      local.get 3
      i32.const 1
      i32.add
      local.tee 3
      i32.const 6387
      i32.ne
      br_if 0 (;@1;)
    end)
  (memory (;0;) 1)
  (global (;0;) (mut i32) (i32.const 500))
  (global (;1;) (mut i64) (i64.const 0))
  (export "f2" (func 2)))
