;; resuming after a call in an arm of an if that then leaves: the lowering of the rest went round for ever
;; call "f" 0x1
;; call "f" 0x1
;; call "f" 0x1
;; call "f" 0x1
(module
  (import "host" "h" (func))
  (func (export "f") (param i32)
    local.get 0
    if
      call 0
      return
    else
      nop
    end))
