//! What wasi:http asks of its host: sizes of buffers, and to send a request.

use std::sync::Arc;

use domain::RequestId;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::current::Current;
use crate::egress;

/// Small answers end in one poll of the guest, and no guest holds more than 272 KiB of ours.
const BUFFERED_CHUNKS: usize = 16;
const CHUNK_BYTES: usize = 16 << 10;
/// Requests of one instance that wait for their response's head; the next ones wait for a turn.
const IN_FLIGHT: usize = 16;

type Finished = Box<dyn Future<Output = Result<(), Error>> + Send>;

pub(super) struct Hooks {
    pub(super) current: Arc<Current>,
    /// Most calls send nothing.
    in_flight: Option<Arc<Semaphore>>,
    /// The call whose log says that it may send no more.
    told: Option<RequestId>,
}

impl Hooks {
    pub(super) fn new(current: Arc<Current>) -> Self {
        Self {
            current,
            in_flight: None,
            told: None,
        }
    }
}

impl WasiHttpHooks for Hooks {
    /// Counted here and now: a guest may start any number of requests before it waits for one.
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Finished,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Finished), Error>> + Send> {
        let Some(invocation) = self.current.invocation() else {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        if let Err(error) = egress::count(&invocation) {
            let id = invocation.about.id;
            if self.told.replace(id) != Some(id) {
                let limit = invocation.limits.outbound_requests;
                let text =
                    format!("a request was not sent: {limit} are all that one call may send");
                invocation.log.platform("warn", &text);
            }
            return Box::new(async { Err(error) });
        }
        let in_flight = self
            .in_flight
            .get_or_insert_with(|| Arc::new(Semaphore::new(IN_FLIGHT)));
        let in_flight = Arc::clone(in_flight);
        Box::new(async move {
            let _turn = in_flight.acquire_owned().await;
            let node = Arc::clone(&invocation.node);
            let response = egress::send(&node, invocation, request, options).await?;
            Ok((response, Box::new(async { Ok(()) }) as Finished))
        })
    }

    /// The client that sends it makes it from the address.
    fn set_host_header(&mut self) -> bool {
        false
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
