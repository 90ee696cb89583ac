;; A sound component that no request can be given to.
(component
  (core module $module
    (func (export "double") (param i32) (result i32)
      local.get 0
      i32.const 1
      i32.shl))
  (core instance $guest (instantiate $module))
  (func $double (param "number" u32) (result u32)
    (canon lift (core func $guest "double")))
  (instance $arithmetic (export "double" (func $double)))
  (export "example:demo/arithmetic@1.0.0" (instance $arithmetic)))
