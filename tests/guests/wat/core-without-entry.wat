;; A core module that is neither a program (no `_start`) nor half of a component (no embedded type).
(module
  (func (export "add") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.add))
