;; Exports a handler of WASI 0.2 and, by name, one of WASI 0.3: which of them is meant?
;; The second has a simpler signature than the real one: it is refused before that matters.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (core module $module
    (func (export "handle") (param i32 i32))
    (func (export "handle-later") (param i32)))
  (core instance $guest (instantiate $module))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $guest "handle")))
  (func $handle-later (param "request" (own $request))
    (canon lift (core func $guest "handle-later")))
  (instance $handler (export "handle" (func $handle)))
  (instance $later (export "handle" (func $handle-later)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler))
  (export "wasi:http/handler@0.3.0" (instance $later)))
