;; Leaves a secret in memory that was there and that it grew, in globals and in a table, and returns without an answer.
;; `canary-seek` has the same shape, and looks for it.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (core module $module
    (type $nothing (func))
    (memory 4 64)
    (table $table 16 4096 funcref)
    (global $a (mut i64) (i64.const 0))
    (global $b (mut i64) (i64.const 0))
    (func $marker (type $nothing))
    (elem declare func $marker)
    (func (export "handle") (param i32 i32) (local $at i32)
      (global.set $a (i64.const 0x5eedf00d0b5e55ed))
      (global.set $b (i64.const 0x5eedf00d0b5e55ed))
      (drop (table.grow $table (ref.func $marker) (i32.const 4000)))
      (table.fill $table (i32.const 0) (ref.func $marker) (i32.const 4016))
      (drop (memory.grow (i32.const 60)))
      (loop $again
        (i64.store (local.get $at) (i64.const 0x5eedf00d0b5e55ed))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get $at) (i32.const 4194304))))))
  (core instance $guest (instantiate $module))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $guest "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
