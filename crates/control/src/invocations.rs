//! Calling a function through a worker's internal listener, for `/invoke` and the try-it panel.

use std::time::Duration;

use crate::{Developer, Error, Member, Platform};

#[derive(Debug)]
pub struct Call {
    pub method: String,
    /// Path and query as the function sees them, `/items?page=2`.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// Streamed to the worker as it arrives.
    pub body: reqwest::Body,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: reqwest::Body,
    /// From the call to the response's head.
    pub head_after: Duration,
}

/// `Unavailable` where no worker is live.
pub async fn call(
    _p: &Platform,
    _by: &Member<Developer>,
    _function: &str,
    _call: Call,
) -> Result<Answer, Error> {
    todo!()
}
