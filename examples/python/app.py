"""A function in Python: a class that answers requests of wasi:http, with the whole standard library at hand."""

import json
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    Method_Post,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

# The most that a stream takes or gives in one call.
PIECE = 4096


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        status, content_type, body = answer(request)
        headers = Fields.from_list([("content-type", content_type.encode())])
        response = OutgoingResponse(headers)
        response.set_status_code(status)
        outgoing = response.body()
        # The head goes out here, the body as it is written.
        ResponseOutparam.set(response_out, Ok(response))
        with outgoing.write() as stream:
            for start in range(0, len(body), PIECE):
                stream.blocking_write_and_flush(body[start : start + PIECE])
        OutgoingBody.finish(outgoing, None)


def answer(request: IncomingRequest) -> tuple[int, str, bytes]:
    path = urlsplit(request.path_with_query() or "/").path
    if path == "/":
        return 200, "text/plain", b"hello from Python\n"
    if path == "/sum" and isinstance(request.method(), Method_Post):
        try:
            numbers = json.loads(read(request))["numbers"]
            return as_json(200, {"sum": sum(numbers)})
        except (ValueError, KeyError, TypeError):
            return problem(400, 'send {"numbers": [1, 2, 3.5]}')
    return problem(404, "there is GET / and POST /sum")


def read(request: IncomingRequest) -> bytes:
    pieces = []
    with request.consume() as body, body.stream() as stream:
        while True:
            try:
                pieces.append(stream.blocking_read(PIECE))
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    return b"".join(pieces)
                raise


def problem(status: int, detail: str) -> tuple[int, str, bytes]:
    return as_json(status, {"status": status, "detail": detail})


def as_json(status: int, value: object) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(value).encode()
