;; Traps unless its memory, also where it grows it, its globals and its table are as at the beginning; returns without an
;; answer where they are.
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
    (func $expect (param i32)
      (if (i32.eqz (local.get 0)) (then unreachable)))
    (func (export "handle") (param i32 i32) (local $at i32)
      (call $expect (i64.eqz (global.get $a)))
      (call $expect (i64.eqz (global.get $b)))
      (call $expect (i32.ne (table.grow $table (ref.null func) (i32.const 4000)) (i32.const -1)))
      (loop $again
        (call $expect (ref.is_null (table.get $table (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $at) (i32.const 4016))))
      (call $expect (i32.ne (memory.grow (i32.const 60)) (i32.const -1)))
      (local.set $at (i32.const 0))
      (loop $again
        (call $expect (i64.eqz (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get $at) (i32.const 4194304))))))
  (core instance $guest (instantiate $module))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $guest "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
