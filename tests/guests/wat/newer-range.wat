;; A handler that needs an interface which the platform has, in a range of versions that it has not.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (import "wasi:clocks/monotonic-clock@0.4.0" (instance
    (export "now" (func (result u64)))))
  (core module $module
    (func (export "handle") (param i32 i32)))
  (core instance $guest (instantiate $module))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $guest "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
