;; A program that imports what WASI 0.1 does not have.
(module
  (import "env" "summon" (func $summon))
  (memory (export "memory") 1)
  (func (export "_start")
    call $summon))
