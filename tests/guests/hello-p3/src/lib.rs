//! The guest of WASI 0.3: an async handler, and bodies that are streams.
//!
//! The path picks what it does, as in `kitchen`.

use std::sync::atomic::{AtomicU32, Ordering};

use wasip3::{
    clocks::monotonic_clock,
    exports::http::handler::Guest,
    http::types::{ErrorCode, Fields, Request, Response, Trailers},
    spawn_local, wit_future, wit_stream,
};

wasip3::http::service::export!(Hello);

struct Hello;

impl Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/" => Ok(text("hello from p3\n")),
            "/echo" => Ok(echo(request)),
            "/stream" => Ok(stream(number(query, "chunks", 3), number(query, "ms", 0))),
            "/counter" => Ok(counter()),
            "/trap" => core::arch::wasm32::unreachable(),
            "/trap-after-head" => Ok(trap_after_head()),
            "/spin" => loop {
                std::hint::black_box(());
            },
            // Waits for nothing at all, which no host can ever satisfy.
            "/never" => std::future::pending().await,
            "/error" => Err(ErrorCode::InternalError(Some("asked to fail".to_owned()))),
            _ => Ok(respond(404, Fields::new(), |_| async {})),
        }
    }
}

type Writer = wasip3::wit_bindgen::StreamWriter<u8>;

fn text(line: &str) -> Response {
    let line = line.as_bytes().to_vec();
    respond(200, plain(), |mut body| async move {
        body.write_all(line).await;
    })
}

fn echo(request: Request) -> Response {
    let headers = Fields::new();
    let content_type = request.get_headers().get("content-type");
    if !content_type.is_empty() {
        headers
            .set("content-type", &content_type)
            .expect("it was valid when it came in");
    }
    let (result, received) = wit_future::new(|| Ok(()));
    drop(result);
    let (mut input, _trailers) = Request::consume_body(request, received);
    respond(200, headers, |mut body| async move {
        loop {
            let (status, piece) = input.read(Vec::with_capacity(64 * 1024)).await;
            let unread = body.write_all(piece).await;
            if !unread.is_empty()
                || !matches!(status, wasip3::wit_bindgen::StreamResult::Complete(_))
            {
                return;
            }
        }
    })
}

fn stream(chunks: u64, milliseconds: u64) -> Response {
    respond(200, plain(), move |mut body| async move {
        for number in 1..=chunks {
            let unread = body
                .write_all(format!("chunk {number}\n").into_bytes())
                .await;
            if !unread.is_empty() {
                return;
            }
            if milliseconds > 0 && number < chunks {
                monotonic_clock::wait_for(milliseconds * 1_000_000).await;
            }
        }
    })
}

/// Stays 1 for as long as every call gets an instance of its own.
fn counter() -> Response {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    text(&format!("{calls}\n"))
}

fn trap_after_head() -> Response {
    respond(200, plain(), |mut body| async move {
        body.write_all(b"so far so good\n".to_vec()).await;
        core::arch::wasm32::unreachable()
    })
}

/// The head is returned at once, `write` makes the body after it.
fn respond<F: Future<Output = ()> + 'static>(
    status: u16,
    headers: Fields,
    write: impl FnOnce(Writer) -> F,
) -> Response {
    let (writer, reader) = wit_stream::new();
    let (trailers, no_trailers) = wit_future::new(|| Ok(None::<Trailers>));
    drop(trailers);
    let (response, _sent) = Response::new(headers, Some(reader), no_trailers);
    response.set_status_code(status).expect("a valid status");
    spawn_local(write(writer));
    response
}

fn plain() -> Fields {
    let headers = Fields::new();
    headers
        .set("content-type", &[b"text/plain".to_vec()])
        .expect("a valid header");
    headers
}

fn number(query: &str, name: &str, default: u64) -> u64 {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(default)
}
