//! The canary of WASI 0.3: `/hide` leaves a secret in all of its memory, `/seek` counts what it finds of it.

#[path = "../../canary/src/memory.rs"]
mod memory;

use wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Fields, Request, Response, Trailers},
    spawn_local, wit_future, wit_stream,
};

wasip3::http::service::export!(Canary);

struct Canary;

impl Guest for Canary {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let told = match request.get_path_with_query().as_deref() {
            Some("/hide") => format!("hidden {}\n", memory::hide()),
            _ => format!("found {}\n", memory::seek()),
        };
        let (mut body, reader) = wit_stream::new();
        let (trailers, no_trailers) = wit_future::new(|| Ok(None::<Trailers>));
        drop(trailers);
        let (response, _sent) = Response::new(Fields::new(), Some(reader), no_trailers);
        spawn_local(async move {
            body.write_all(told.into_bytes()).await;
        });
        Ok(response)
    }
}
