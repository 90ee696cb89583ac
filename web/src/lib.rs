/// The console, its 404 page included.
pub fn router(platform: control::Platform) -> axum::Router {
    axum::Router::new().with_state(platform)
}

/// A failure of a layer around the console, in the console's look.
pub fn error_page(status: http::StatusCode, _request_id: &str) -> axum::response::Response {
    axum::response::IntoResponse::into_response(status)
}
