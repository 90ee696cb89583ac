//! What wasi:http asks of its host: sizes of buffers, and whether a request may go out. None may,
//! until egress is granted by name.

use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub(super) struct Hooks;

/// Small answers end in one poll of the guest, and no guest holds more than 272 KiB of ours.
const BUFFERED_CHUNKS: usize = 16;
const CHUNK_BYTES: usize = 16 << 10;

type Finished = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Finished,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Finished), Error>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        BUFFERED_CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES
    }
}
