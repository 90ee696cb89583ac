//! A rendered template as an answer.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::errors::Problem;

pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => Html(html).into_response(),
            Err(error) => Problem::from(control::Error::Internal(error.into())).into_response(),
        }
    }
}
